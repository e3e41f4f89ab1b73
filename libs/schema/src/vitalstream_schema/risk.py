"""The first specification's risk score, to the letter."""

from vitalstream_schema.record import RiskLevel

_MEDIUM = 2
_HIGH = 4


def score(
    heart_rate: int,
    systolic: int,
    temperature: float,
    oxygen_saturation: int,
    respiratory_rate: int,
) -> int:
    """Add up the points of the vital signs.

    Args:
        heart_rate: Beats per minute.
        systolic: Systolic blood pressure, mmHg.
        temperature: Degrees Celsius, already rounded to 0.1.
        oxygen_saturation: SpO2, per cent.
        respiratory_rate: Breaths per minute.

    Returns:
        0 to 6.
    """
    points = 0
    if heart_rate > 100 or heart_rate < 60:  # noqa: PLR2004 - the specification's thresholds
        points += 1
    if systolic > 140 or systolic < 90:  # noqa: PLR2004
        points += 1
    if temperature > 38.0 or temperature < 36.5:  # noqa: PLR2004
        points += 1
    if oxygen_saturation < 95:  # noqa: PLR2004
        points += 2
    if respiratory_rate > 20:  # noqa: PLR2004
        points += 1
    return points


def level(score: int) -> RiskLevel:
    """Name the level of a score: Low 0-1, Medium 2-3, High from 4."""
    if score >= _HIGH:
        return "High"
    return "Medium" if score >= _MEDIUM else "Low"
