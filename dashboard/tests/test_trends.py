"""The trends page: hours of departments from the rollups, in any range."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plotly.graph_objects import Figure
from streamlit.testing.v1 import AppTest

from vitalstream_dashboard import rollups
from vitalstream_dashboard.theme import LIGHT
from vitalstream_dashboard.views import trends as view
from vitalstream_devstack.databases import Database
from vitalstream_storage.reader import Hours

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HEART = next(q for q in rollups.QUANTITIES if q.measure == "heart_rate")


@pytest.fixture
def trends(database: Database, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page alone, as the viewer; not yet run."""
    monkeypatch.setenv("DATABASE_URL", database.url("viewer"))
    text = "from vitalstream_dashboard.views import trends; trends.page()"
    return AppTest.from_string(text, default_timeout=60)


def observe(ward: Any, at: datetime, department: str, heart_rate: int, score: int) -> None:
    """One observation."""
    ward.run(
        "INSERT INTO observations VALUES (%s, 1, 1, %s, 120, 80, 97, 16, %s, 0, 1, false, NULL,"
        " NULL, 37, gen_random_uuid(), 'p', %s)",
        at,
        heart_rate,
        score,
        department,
    )


def figures(page: AppTest) -> list[Figure]:
    """What Plotly makes of the page's charts."""
    found = [json.loads(chart.proto.json) for chart in page.get("bidi_component")]
    return [Figure(one["figure"]) for one in found]


def test_each_department_and_hour_has_its_mean(trends: AppTest, ward: Any) -> None:
    """The map's tiles and the line are the means of what was observed; other hours are empty."""
    this = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for at, department, rate, score in [
        (this, "ICU", 60, 5), (this, "ICU", 71, 0), (this - 2 * HOUR, "ICU", 90, 5),
        (this, "ER", 100, 0), (this - 80 * HOUR, "ER", 10, 0),
    ]:  # fmt: skip
        observe(ward, at, department, rate, score)
    trends.run()
    assert not trends.exception
    tiles, lines = figures(trends)
    assert tiles.data[0].z[1][-1] == 50.0
    trends.selectbox(key="what").set_value(HEART.title).run()
    tiles, lines = figures(trends)
    assert list(tiles.layout.yaxis.ticktext) == ["ER", "ICU"]
    assert [row[-1] for row in tiles.data[0].z] == [100.0, 65.5]
    assert tiles.data[0].z[1][-3] == 90.0
    assert tiles.data[0].z[1][-2] is None
    assert lines.data[0].y[-1] == 77.0
    trends.multiselect(key="compare").set_value(["ICU"]).run()
    assert [line.name for line in figures(trends)[1].data] == [rollups.ALL, "ICU"]


@pytest.mark.parametrize("span", view.RANGES)
def test_each_range_has_its_hours(trends: AppTest, ward: Any, span: str) -> None:
    """From an hour to 30 days: so many hours, and the one that has begun."""
    observe(ward, datetime.now(UTC), "ICU", 60, 0)
    trends.session_state["range"] = span
    trends.run()
    assert not trends.exception
    assert len(figures(trends)[0].data[0].x) == view.RANGES[span] // HOUR + 1


def test_an_empty_range_says_so(trends: AppTest) -> None:
    """Without observations there is a sentence, no chart."""
    trends.run()
    assert not trends.exception
    assert trends.info[-1].value == "Nothing was observed in this range."


@pytest.mark.parametrize("minutes", [0, 1, 59])
def test_hours_begin_within_the_bounds(minutes: int) -> None:
    """A range that begins within an hour begins with the next one."""
    since = NOON + timedelta(minutes=minutes)
    first = NOON if minutes == 0 else NOON + HOUR
    assert rollups.starts(since, NOON + 3 * HOUR) == [
        first + n * HOUR for n in range((NOON + 3 * HOUR - first) // HOUR)
    ]


def test_the_whole_is_weighted() -> None:
    """All departments together are a mean over observations, not over departments."""
    one = Hours("A", [NOON], [3], [60.0])
    other = Hours("B", [NOON, NOON + HOUR], [1, 2], [100.0, 80.0])
    whole = rollups.whole([one, other])
    assert (whole.hours, whole.observations) == ([NOON, NOON + HOUR], [4, 2])
    assert whole.values == [70.0, 80.0]


def test_zoom_is_kept_while_the_question_is_the_same() -> None:
    """New numbers keep the view; another quantity or range is another view."""

    def revision(hours: int, quantity: rollups.Quantity, value: float) -> Any:
        rows = [Hours("A", [NOON], [1], [value])]
        starts = [NOON + n * HOUR for n in range(hours)]
        return rollups.Trends(rows, quantity, starts, LIGHT, UTC).map()["layout"]["uirevision"]

    assert revision(3, HEART, 1) == revision(3, HEART, 2)
    assert revision(3, HEART, 1) != revision(4, HEART, 1)
    assert revision(3, HEART, 1) != revision(3, rollups.QUANTITIES[0], 1)


def test_names_are_escaped() -> None:
    """A department's name is never markup in a chart."""
    rows = [Hours("<b>x</b>", [NOON], [1], [1.0])]
    drawing = rollups.Trends(rows, HEART, [NOON], LIGHT, UTC)
    assert "<b>" not in json.dumps([drawing.map(), drawing.lines(["<b>x</b>"])])
