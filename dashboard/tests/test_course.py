"""The pure parts of the pages: the last hour, vital signs, the patient's figure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plotly.graph_objects import Figure

from vitalstream_dashboard import timeline, vitals
from vitalstream_dashboard.course import course
from vitalstream_dashboard.theme import LIGHT
from vitalstream_schema import news2
from vitalstream_storage.reader import Change, Kpis, Observation

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def observation(minute: int = 0, **changes: Any) -> Observation:
    """One that NEWS2 gives no point."""
    values: dict[str, Any] = {
        "observed_at": NOON + timedelta(minutes=minute),
        "department": "ICU",
        "heart_rate": 70,
        "systolic": 120,
        "diastolic": 80,
        "temperature_celsius": 37.0,
        "oxygen_saturation": 97,
        "respiratory_rate": 16,
        "supplemental_oxygen": False,
        "consciousness": "A",
        "spo2_scale": 1,
        "risk_score": 0,
        "news2": 0,
        "news2_complete": True,
    }
    return Observation(**{**values, **changes})


def test_the_hour_is_retraced() -> None:
    """The figures of each minute are those of now less what changed since."""
    now = Kpis(10, 20, 4, 50.0, 2)
    changes = [Change(30, 5, 2, 120, 1, -1), Change(0, 1, 1, 60, 1, 0)]
    found = course(now, changes)
    assert {len(getattr(found, name)) for name in found.__slots__} == {61}
    assert (found.unique_patients[0], found.unique_patients[-1]) == (7, 10)
    assert (found.admissions[0], found.admissions[-2], found.admissions[-1]) == (14, 19, 20)
    assert (found.high_risk_patients[0], found.critical_oxygen[0]) == (2, 3)
    assert found.average_age[-1] == 50.0
    assert found.average_age[0] == pytest.approx((500 - 180) / 7)


def test_an_hour_without_anybody_is_no_error() -> None:
    """Before the first patient there is nothing to divide by."""
    assert set(course(Kpis(0, 0, 0, None, 0), []).average_age) == {0.0}
    first = course(Kpis(1, 1, 0, 40.0, 0), [Change(5, 1, 1, 40, 0, 0)])
    assert (first.unique_patients[0], first.average_age[-1]) == (0, 40.0)


@pytest.mark.parametrize(
    ("part", "scale", "oxygen", "low", "high"),
    [
        ("heart_rate", 1, None, 51, 90),
        ("systolic", 1, None, 111, 219),
        ("temperature", 1, None, 36.1, 38.0),
        ("respiratory_rate", 1, None, 12, 20),
        ("oxygen_saturation", 1, None, 96, 100),
        ("oxygen_saturation", 2, True, 88, 92),
        ("oxygen_saturation", 2, False, 88, 100),
    ],
)
def test_bands_are_those_of_the_chart(
    part: str,
    scale: int,
    oxygen: bool | None,  # noqa: FBT001 - a parameter of the test
    low: float,
    high: float,
) -> None:
    """The Royal College's values without a point, by scale and oxygen."""
    assert vitals.band(part, scale, oxygen) == (low, high)


def test_points_are_news2_s_own() -> None:
    """Each part's points add up to the total; without NEWS2 there are none."""
    seen = observation(heart_rate=135, oxygen_saturation=90, news2=6)
    points = vitals.points(seen.systolic, seen)
    assert sum(points.values()) == 6
    assert list(points) != []
    assert (
        set(vitals.PARTS)
        == set(points)
        == set(
            news2.score(
                16, 97, 120, 70, 37.0, supplemental_oxygen=False, consciousness="A"
            ).parameters
        )
    )
    assert vitals.points(120, observation(news2=None)) == {}
    assert vitals.points(None, seen) == {}


@pytest.mark.parametrize(("pressure", "first"), [("120/80", 120), ("high", None), ("", None)])
def test_the_systolic_pressure_is_the_first(pressure: str, first: int | None) -> None:
    """What another program wrote otherwise is no number."""
    assert vitals.systolic(pressure) == first


@pytest.mark.parametrize(
    ("value", "complete", "said"), [(7, True, "7"), (7, False, "≥ 7"), (None, False, "—")]
)
def test_a_lower_bound_is_said(
    value: int | None,
    complete: bool,  # noqa: FBT001 - a parameter of the test
    said: str,
) -> None:
    """An incomplete NEWS2 is never shown as the total."""
    assert vitals.total(value, complete=complete) == said


def test_the_figure_has_all_signs_bands_scores_and_parts() -> None:
    """Seven panels over one time axis, with a band behind each vital sign; times where we are."""
    seen = [observation(), observation(5, heart_rate=135, news2=3)]
    figure = Figure(timeline.course(seen, LIGHT, UTC, "r"))
    assert len([name for name in figure.layout if name.startswith("yaxis")]) == 7
    assert len(figure.layout.shapes) == 5
    names = [trace.name for trace in figure.data[:-1]]
    assert names == [
        "Heart rate", "Systolic", "Diastolic", "Temperature", "SpO₂", "Resp. rate", "NEWS2",
        "Risk score",
    ]  # fmt: skip
    assert figure.data[0].customdata[1] == "135 /min, 3 points"
    assert list(figure.data[0].x) == ["2026-03-04T12:00:00", "2026-03-04T12:05:00"]
    parts = figure.data[-1]
    assert [row[1] for row in parts.z] == [0, 0, 0, 0, 3, 0, 0]
    assert figure.layout.uirevision == "r"
    assert "the newest: Heart rate 135 /min" in timeline.alt(seen)


def test_nothing_observed_is_a_figure_too() -> None:
    """Without an observation there is an empty figure and words for it."""
    assert Figure(timeline.course([], LIGHT, UTC, "r")).layout.height == timeline.HEIGHT
    assert "nothing observed" in timeline.alt([])


@pytest.mark.parametrize(("last", "bounds"), [(0, ("11:50", "12:10")), (9, ("11:50", "12:19"))])
def test_a_short_course_does_not_fill_the_width_with_one_moment(
    last: int, bounds: tuple[str, str]
) -> None:
    """Ten minutes on either side, so that its times differ; a longer one finds its own bounds."""
    seen = [observation(0), observation(last)]
    shown = timeline.course(seen, LIGHT, UTC, "r")["layout"]
    assert shown["xaxis"]["range"] == [f"2026-03-04T{bound}:00" for bound in bounds]
    assert [note["text"] for note in shown["annotations"]] == ["UTC"]
    longer = timeline.course([*seen, observation(11)], LIGHT, UTC, "r")["layout"]
    assert "range" not in longer["xaxis"]
