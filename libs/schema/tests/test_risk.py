"""The first specification's risk score."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalstream_schema import risk

NORMAL: dict[str, Any] = {
    "heart_rate": 80,
    "systolic": 120,
    "temperature": 37.0,
    "oxygen_saturation": 98,
    "respiratory_rate": 16,
}


@pytest.mark.parametrize(
    ("parameter", "least", "most", "step", "points"),
    [
        ("heart_rate", 60, 100, 1, 1),
        ("systolic", 90, 140, 1, 1),
        ("temperature", 36.5, 38.0, 0.1, 1),
        ("oxygen_saturation", 95, None, 1, 2),
        ("respiratory_rate", None, 20, 1, 1),
    ],
)
def test_thresholds(
    parameter: str, least: float | None, most: float | None, step: float, points: int
) -> None:
    """The last normal value scores nothing; one step past it scores the specification's points."""
    for edge, past in ((least, -step), (most, step)):
        if edge is not None:
            assert risk.score(**NORMAL | {parameter: edge}) == 0
            assert risk.score(**NORMAL | {parameter: round(edge + past, 1)}) == points


def test_levels() -> None:
    """Low 0-1, Medium 2-3, High from 4."""
    levels = [risk.level(score) for score in range(7)]
    assert levels == ["Low", "Low", "Medium", "Medium", "High", "High", "High"]


def test_the_worst_is_six() -> None:
    """All five signs abnormal make 6, the specification's greatest score."""
    assert risk.score(101, 141, 38.1, 94, 21) == 6
    assert risk.score(59, 89, 36.4, 94, 21) == 6


SIGNS: dict[str, st.SearchStrategy[Any]] = {
    "heart_rate": st.integers(0, 300),
    "systolic": st.integers(0, 400),
    "temperature": st.integers(100, 500).map(lambda tenths: tenths / 10),
    "oxygen_saturation": st.integers(0, 100),
    "respiratory_rate": st.integers(0, 70),
}


@given(st.fixed_dictionaries(SIGNS), st.sampled_from(sorted(SIGNS)), st.data())
def test_the_score_never_falls_away_from_normal(
    signs: dict[str, Any], parameter: str, data: st.DataObject
) -> None:
    """Further from normal on the same side is never a lower score, whatever the others are."""
    normal = NORMAL[parameter]
    far = signs[parameter]
    near = data.draw(SIGNS[parameter].filter(lambda v: min(normal, far) <= v <= max(normal, far)))
    assert 0 <= risk.score(**signs | {parameter: near}) <= risk.score(**signs) <= 6
