"""NEWS2 against the Royal College of Physicians' charts of 2017."""

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalstream_schema import news2
from vitalstream_schema.news2 import ImpossibleValueError

Bands = dict[tuple[int, int], int]

# Chart 1, transcribed band by band: first value, last value (inclusive), points.
# Temperatures in tenths of a degree, the chart's step.
CHART: dict[str, Bands] = {
    "respiratory_rate": {(0, 8): 3, (9, 11): 1, (12, 20): 0, (21, 24): 2, (25, 70): 3},
    "oxygen_saturation": {(0, 91): 3, (92, 93): 2, (94, 95): 1, (96, 100): 0},
    "systolic": {(0, 90): 3, (91, 100): 2, (101, 110): 1, (111, 219): 0, (220, 400): 3},
    "heart_rate": {
        (0, 40): 3,
        (41, 50): 1,
        (51, 90): 0,
        (91, 110): 1,
        (111, 130): 2,
        (131, 300): 3,
    },
    "temperature": {(100, 350): 3, (351, 360): 1, (361, 380): 0, (381, 390): 1, (391, 500): 2},
}
SCALE_2_ON_AIR: Bands = {(0, 83): 3, (84, 85): 2, (86, 87): 1, (88, 100): 0}
SCALE_2_ON_OXYGEN: Bands = {
    (0, 83): 3,
    (84, 85): 2,
    (86, 87): 1,
    (88, 92): 0,
    (93, 94): 1,
    (95, 96): 2,
    (97, 100): 3,
}
HEALTHY: dict[str, Any] = {
    "respiratory_rate": 16,
    "oxygen_saturation": 98,
    "systolic": 120,
    "heart_rate": 70,
    "temperature": 37.0,
    "supplemental_oxygen": False,
    "consciousness": "A",
}
VITAL_SIGNS: dict[str, st.SearchStrategy[Any]] = {
    "respiratory_rate": st.integers(0, 70),
    "oxygen_saturation": st.integers(0, 100),
    "systolic": st.integers(0, 400),
    "heart_rate": st.integers(0, 300),
    "temperature": st.integers(100, 500).map(lambda tenths: tenths / 10),
}
OBSERVATIONS = st.fixed_dictionaries(
    VITAL_SIGNS
    | {
        "supplemental_oxygen": st.sampled_from([None, False, True]),
        "consciousness": st.sampled_from([None, "A", "C", "V", "P", "U"]),
        "spo2_scale": st.sampled_from([1, 2]),
    }
)


def values_and_points(bands: Bands) -> Iterator[tuple[int, int]]:
    """Every value of every band with its points."""
    for (first, last), points in bands.items():
        for value in range(first, last + 1):
            yield value, points


@pytest.mark.parametrize("parameter", CHART)
def test_every_value_scores_as_the_chart_says(parameter: str) -> None:
    """Each value that can be measured has the points of its band, and adds nothing else."""
    for step, points in values_and_points(CHART[parameter]):
        value = step / 10 if parameter == "temperature" else step
        result = news2.score(**HEALTHY | {parameter: value})
        assert (result.parameters[parameter], result.total) == (points, points), value


@pytest.mark.parametrize("bands", [*CHART.values(), SCALE_2_ON_AIR, SCALE_2_ON_OXYGEN])
def test_the_transcribed_chart_has_no_gap(bands: Bands) -> None:
    """The bands follow each other, so the tests here meet every value."""
    for (_, last), (first, _) in pairwise(bands):
        assert first == last + 1


@pytest.mark.parametrize(
    ("oxygen", "chart"),
    [(False, SCALE_2_ON_AIR), (None, SCALE_2_ON_AIR), (True, SCALE_2_ON_OXYGEN)],
)
def test_scale_2_depends_on_oxygen(
    oxygen: bool | None,  # noqa: FBT001 - a parameter of the chart
    chart: Bands,
) -> None:
    """On scale 2 a high saturation scores on oxygen only; an unknown flag is read as air."""
    changes = {"supplemental_oxygen": oxygen, "spo2_scale": 2}
    for value, points in values_and_points(chart):
        result = news2.score(**HEALTHY | changes | {"oxygen_saturation": value})
        assert result.parameters["oxygen_saturation"] == points, value


def test_oxygen_scores_two() -> None:
    """Air 0, oxygen 2."""
    for oxygen, points in ((False, 0), (True, 2)):
        result = news2.score(**HEALTHY | {"supplemental_oxygen": oxygen})
        assert (result.parameters["supplemental_oxygen"], result.total) == (points, points)


@pytest.mark.parametrize(("letter", "points"), [("A", 0), ("C", 3), ("V", 3), ("P", 3), ("U", 3)])
def test_anything_but_alert_scores_three(letter: str, points: int) -> None:
    """Alert 0; new confusion, voice, pain and unresponsive 3."""
    result = news2.score(**HEALTHY | {"consciousness": letter})
    assert (result.parameters["consciousness"], result.total) == (points, points)


@pytest.mark.parametrize(
    ("changes", "total", "risk"),
    [
        ({}, 0, "low"),
        ({"heart_rate": 91}, 1, "low"),
        ({"heart_rate": 111, "respiratory_rate": 21}, 4, "low"),
        ({"consciousness": "V"}, 3, "low-medium"),
        ({"consciousness": "V", "heart_rate": 91}, 4, "low-medium"),
        ({"consciousness": "V", "heart_rate": 111}, 5, "medium"),
        ({"heart_rate": 111, "respiratory_rate": 21, "systolic": 110}, 5, "medium"),
        ({"consciousness": "V", "systolic": 90}, 6, "medium"),
        ({"consciousness": "V", "systolic": 90, "heart_rate": 91}, 7, "high"),
    ],
)
def test_thresholds_of_chart_2(changes: dict[str, Any], total: int, risk: str) -> None:
    """0-4 low, a single 3 low-medium, 5-6 medium whatever makes it up, 7 and more high."""
    result = news2.score(**HEALTHY | changes)
    assert (result.total, result.risk) == (total, risk)


def test_the_worst_is_twenty() -> None:
    """The chart's greatest total is 20, and the score reaches it."""
    worst = news2.score(25, 91, 90, 131, 35.0, supplemental_oxygen=True, consciousness="U")
    assert (worst.total, worst.risk) == (20, "high")


@pytest.mark.parametrize(
    ("changes", "minutes"),
    [
        ({}, 720),
        ({"heart_rate": 91}, 240),
        ({"heart_rate": 111, "respiratory_rate": 21}, 240),
        ({"consciousness": "V"}, 60),
        ({"consciousness": "V", "heart_rate": 91}, 60),
        ({"heart_rate": 111, "respiratory_rate": 21, "systolic": 110}, 60),
        ({"consciousness": "V", "systolic": 90}, 60),
        ({"consciousness": "V", "systolic": 90, "heart_rate": 91}, 15),
    ],
)
def test_response_of_chart_4(changes: dict[str, Any], minutes: int) -> None:
    """0: 12 h; 1-4: 4 h; a single 3 and 5-6: 1 h; 7 and more continuous, taken as 15 min."""
    result = news2.score(**HEALTHY | changes)
    assert result.observe_within.total_seconds() == minutes * 60


@pytest.mark.parametrize(
    ("temperature", "points"),
    [(38.05, 1), (38.04, 0), (35.05, 1), (35.04, 3), (39.05, 2), (37, 0), (36.05, 0), (36.04, 1)],
)
def test_temperature_is_rounded_half_up_first(temperature: float, points: int) -> None:
    """Between two steps of the chart a temperature counts as the nearer, a half as the upper."""
    result = news2.score(**HEALTHY | {"temperature": temperature})
    assert result.parameters["temperature"] == points


@given(OBSERVATIONS)
def test_total_is_the_sum_of_its_parts(observation: dict[str, Any]) -> None:
    """Total = sum of parameters, each 0-3; what is unknown has no part in it."""
    result = news2.score(**observation)
    assert result.total == sum(result.parameters.values())
    assert set(result.parameters.values()) <= {0, 1, 2, 3}
    known = {name for name, value in observation.items() if value is not None}
    assert result.parameters.keys() == known - {"spo2_scale"}


@given(OBSERVATIONS)
def test_the_fast_total_is_the_total(observation: dict[str, Any]) -> None:
    """What the codec computes for each record is what the full score says."""
    assert news2.total(**observation) == news2.score(**observation).total


@given(OBSERVATIONS)
def test_incomplete_means_lower_bound(observation: dict[str, Any]) -> None:
    """However the unknown turns out, the total is no less; some outcome reaches it."""
    choices: dict[str, list[Any]] = {
        "supplemental_oxygen": [False, True],
        "consciousness": ["A", "C", "V", "P", "U"],
    }
    unknown = [name for name in choices if observation[name] is None]
    result = news2.score(**observation)
    assert result.complete == (not unknown)
    totals = [
        news2.score(**observation | dict(zip(unknown, outcome, strict=True))).total
        for outcome in product(*(choices[name] for name in unknown))
    ]
    assert min(totals) == result.total


@given(OBSERVATIONS, st.sampled_from(sorted(VITAL_SIGNS)), st.data())
def test_points_never_fall_away_from_normal(
    observation: dict[str, Any], parameter: str, data: st.DataObject
) -> None:
    """Further from the normal band on the same side is never fewer points.

    Scale 2 on oxygen has its normal band, 88-92, below the full saturation.
    """
    normal = {
        "respiratory_rate": 16,
        "oxygen_saturation": 90 if observation["spo2_scale"] == 2 else 98,
        "systolic": 120,
        "heart_rate": 70,
        "temperature": 37.0,
    }[parameter]
    far = observation[parameter]
    near = data.draw(
        VITAL_SIGNS[parameter].filter(lambda v: min(normal, far) <= v <= max(normal, far))
    )
    points = [
        news2.score(**observation | {parameter: v}).parameters[parameter] for v in (near, far)
    ]
    assert points == sorted(points)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *product(("respiratory_rate",), (-1, 71, 16.0, "16", None, True)),
        *product(("oxygen_saturation",), (-1, 101, 97.5, None, True)),
        *product(("systolic",), (-1, 401, float("nan"), None)),
        *product(("heart_rate",), (-1, 301, 10**30, None)),
        *product(
            ("temperature",),
            (9.9, 50.1, float("nan"), float("inf"), -float("inf"), None, "37", True),
        ),
        *product(("supplemental_oxygen",), (0, 1, "yes", "")),
        *product(("consciousness",), ("", "a", "X", "AC", 1, ["A"])),
        *product(("spo2_scale",), (0, 3, None, True, "1", 1.0)),
    ],
)
def test_an_impossible_value_is_an_error_and_never_a_number(parameter: str, value: object) -> None:
    """A value that no patient has, or a code the chart lacks, raises and names the parameter."""
    with pytest.raises(ImpossibleValueError, match=f"{parameter} must be") as caught:
        news2.score(**HEALTHY | {parameter: value})
    assert caught.value.parameter == parameter
