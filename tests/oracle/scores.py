"""The scores, written a second time from their sources."""

from decimal import Decimal


def risk(
    heart_rate: int, systolic: int, temperature: Decimal, saturation: int, breaths: int
) -> tuple[int, str]:
    """The first specification's score and level."""
    points = sum(
        (
            not 60 <= heart_rate <= 100,
            not 90 <= systolic <= 140,
            not Decimal("36.5") <= temperature <= Decimal("38.0"),
            2 * (saturation < 95),
            breaths > 20,
        )
    )
    return points, ("Low", "Low", "Medium", "Medium", "High", "High", "High")[points]


def news2(  # noqa: PLR0917 - the chart's seven parameters and its scale
    breaths: int,
    saturation: int,
    systolic: int,
    heart_rate: int,
    temperature: Decimal,
    oxygen: bool | None,  # noqa: FBT001 - likewise
    consciousness: str | None,
    scale: int,
) -> int:
    """The total of NEWS2 (Royal College of Physicians 2017, chart 1); what is unknown adds 0."""
    points = _band(breaths, (9, 3), (12, 1), (21, 0), (25, 2), rest=3)
    points += _band(systolic, (91, 3), (101, 2), (111, 1), (220, 0), rest=3)
    points += _band(heart_rate, (41, 3), (51, 1), (91, 0), (111, 1), (131, 2), rest=3)
    points += _band(int(temperature * 10), (351, 3), (361, 1), (381, 0), (391, 1), rest=2)
    if scale == 1:
        points += _band(saturation, (92, 3), (94, 2), (96, 1), rest=0)
    elif oxygen:
        points += _band(saturation, (84, 3), (86, 2), (88, 1), (93, 0), (95, 1), (97, 2), rest=3)
    else:
        points += _band(saturation, (84, 3), (86, 2), (88, 1), rest=0)
    return points + 2 * bool(oxygen) + 3 * (consciousness in ("C", "V", "P", "U"))


def _band(value: int, *below: tuple[int, int], rest: int) -> int:
    return next((points for bound, points in below if value < bound), rest)
