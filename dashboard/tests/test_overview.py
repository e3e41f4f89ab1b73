"""The live page against a real database, every number recomputed from the raw rows."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from vitalstream_dashboard import metrics, table, theme
from vitalstream_dashboard.service import service
from vitalstream_dashboard.views import overview
from vitalstream_devstack.databases import Database
from vitalstream_storage.migrate import migrate
from vitalstream_storage.settings import DatabaseSettings

Row = dict[str, Any]


def newest_first(rows: list[Row]) -> list[Row]:
    """By time, then admission, newest first."""
    return sorted(rows, key=lambda row: (row["timestamp"], row["admission_id"]), reverse=True)


def expected_kpis(rows: list[Row], risk: str | None) -> list[str]:
    """The five cards, from the raw rows."""
    latest: dict[str, Row] = {}
    for one in newest_first(rows):
        latest.setdefault(one["patient_id"], one)
    chosen = [one for one in latest.values() if risk in (None, one["risk_level"])]
    ages = [one["age"] for one in chosen]
    return [
        f"{len(chosen):,}",
        f"{sum(risk in (None, one['risk_level']) for one in rows):,}",
        f"{sum(one['risk_level'] == 'High' for one in chosen):,}",
        f"{sum(ages) / len(ages):.1f} years",
        f"{sum(one['oxygen_saturation'] < 90 for one in chosen):,}",
    ]


def cards(page: AppTest) -> list[str]:
    """What the five key figures' cards show."""
    return [card.value for card in page.metric][:5]


def expected_vitals(rows: list[Row], risk: str | None) -> list[str]:
    """The four cards of mean vital signs, from the raw rows."""
    chosen = [row for row in rows if risk in (None, row["risk_level"])]
    units = {"heart_rate": "/min", "temperature_celsius": "°C"}
    units |= {"oxygen_saturation": "%", "respiratory_rate": "/min"}
    return [
        f"{sum(row[name] for row in chosen) / len(chosen):.1f} {unit}"
        for name, unit in units.items()
    ]


def expected_alt(rows: list[Row], risk: str | None, column: str) -> set[str]:
    """Name and number of each bar or slice, from the raw rows."""
    chosen = [row for row in rows if risk in (None, row["risk_level"])]
    return {f"{name} {number:,}" for name, number in Counter(r[column] for r in chosen).items()}


def expected_figure(title: str, rows: list[Row], risk: str | None) -> dict[str, int]:
    """What the chart itself draws: by name, as its axis, legend or hover has it."""
    chosen = [row for row in rows if risk in (None, row["risk_level"])]
    counts = Counter(row[CHARTS[title]] for row in chosen)
    named = theme.risk_label if title == "Risk levels" else str
    return {named(name): number for name, number in counts.items()}


def drawn_figure(figure: Any) -> dict[str, int]:
    """The numbers that a bar or pie chart draws, by name."""
    (trace,) = figure["data"]
    if trace["type"] == "pie":
        return dict(zip(trace["labels"], trace["values"], strict=True))
    numbers = trace["y"] if trace["orientation"] == "v" else trace["x"]
    assert trace["text"] == [f"{number:,}" for number in numbers]
    return dict(zip(trace["customdata"], numbers, strict=True))


CHARTS = {
    "Admissions by department": "department",
    "Risk levels": "risk_level",
    "Top diagnoses": "primary_diagnosis",
    "Admission types": "admission_type",
}


NOTHING = ("No records yet", "No patients yet", "Nobody ", "Everybody has")
"""How sentences begin that stand in the place of a table."""


def recent(page: AppTest) -> Any:
    """The table of recent records, the last one on the page."""
    return page.dataframe[-1].value


def bar(page: AppTest) -> str:
    """The status bar's text, with its colour; the notes in the table's place are no bars."""
    bars = [*page.success, *page.info, *page.warning, *page.error]
    (found,) = [b for b in bars if not b.value.startswith(NOTHING)]
    return f"{found.type}: {found.value}"


def refresh(page: AppTest) -> AppTest:
    """The next refresh, late enough not to be given the last answer again."""
    service().source._share = 0.0
    service().source._retry = 0.0
    page.run()
    assert not page.exception
    return page


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_number_is_that_of_the_raw_rows(page: AppTest, ward: Any, seed: int) -> None:
    """Figures, charts and table equal a recount in Python under each filter, ties included.

    A third of the admissions have moved on to another state, risk, department and patient.
    """
    rows = ward.random_rows(seed, 1_300)
    ward.admit(*rows)
    moved = ward.random_rows(seed + 100, 1_300)[::3]  # other patients, states and risks
    ward.replace(*moved)
    rows = [*{row["admission_id"]: row for row in (*rows, *moved)}.values()]
    page.run()
    for risk in (None, "Low", "Medium", "High"):
        page.radio(key="risk").set_value(risk or overview.ALL)
        refresh(page)
        assert cards(page) == expected_kpis(rows, risk)
        assert [card.value for card in page.metric][5:] == expected_vitals(rows, risk)
        charts = [json.loads(chart.proto.json) for chart in page.get("bidi_component")]
        spoken = [chart["alt"].split(": ") for chart in charts]
        assert [title for title, _ in spoken] == list(CHARTS)
        for title, counts in spoken:
            assert set(counts.split(", ")) == expected_alt(rows, risk, CHARTS[title])
        for chart, (title, _) in zip(charts, spoken, strict=True):
            assert drawn_figure(chart["figure"]) == expected_figure(title, rows, risk)
        shown = recent(page)
        wanted = [row for row in newest_first(rows) if risk in (None, row["risk_level"])][:100]
        assert list(shown["patient_id"]) == [row["patient_id"] for row in wanted]
        assert list(shown["timestamp"]) == [row["timestamp"] for row in wanted]
        assert [level[0] for level in shown["risk_level"]] == [r["risk_level"] for r in wanted]
        assert list(shown["temperature_celsius"]) == [r["temperature_celsius"] for r in wanted]


def test_the_limit_governs_the_scroll_length(page: AppTest, ward: Any) -> None:
    """Twenty rows are visible whatever the limit; the limit says how many there are in all."""
    ward.admit(*[ward.row(number) for number in range(600)])
    page.run()
    for limit in (50, 500):
        page.slider(key="records").set_value(limit)
        refresh(page)
        assert len(recent(page)) == limit
    assert table.HEIGHT // table.ROW_PIXELS == table.VISIBLE_ROWS + 1 == 21


def test_the_controls_are_those_of_the_specification(page: AppTest) -> None:
    """Filter All, Low, Medium, High; refresh 2 to 20 s, 5 at first; 50 to 500 records."""
    page.run()
    risk, every, records = page.radio[0], page.slider(key="refresh"), page.slider(key="records")
    assert [option.split()[-1] for option in risk.options] == ["All", "Low", "Medium", "High"]
    assert risk.value == "All"
    assert (every.min, every.max, every.value) == (2, 20, 5)
    assert (records.min, records.max, records.value) == (50, 500, 100)


def test_settings_choose_what_the_page_starts_with(
    page: AppTest, ward: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refresh, records and time zone come from the environment."""
    monkeypatch.setenv("DASHBOARD_REFRESH_SECONDS", "20")
    monkeypatch.setenv("DASHBOARD_RECORD_LIMIT", "70")
    monkeypatch.setenv("DASHBOARD_TIME_ZONE", "Asia/Kolkata")
    ward.admit(ward.row(0))
    page.run()
    assert page.slider(key="refresh").value == 20
    assert page.slider(key="records").value == 70
    shown = recent(page)["timestamp"][0]
    assert shown == ward.now.replace(tzinfo=None) + timedelta(hours=5, minutes=30)
    assert any("IST" in line.value for line in page.markdown)


def test_an_empty_database_says_so(page: AppTest) -> None:
    """No rows: zeroes, no average, and a sentence where the table will be."""
    page.run()
    assert not page.exception
    assert cards(page) == ["0", "0", "0", "—", "0"]
    assert bar(page) == "info: Waiting for the first record of the stream"
    assert "No records yet" in page.info[-1].value
    assert not page.dataframe


def test_one_record_is_a_page_too(page: AppTest, ward: Any) -> None:
    """A single row has every figure, chart and table that many have."""
    rows = [ward.row(2)]
    ward.admit(*rows)
    page.run()
    assert not page.exception
    assert not page.error
    assert cards(page) == expected_kpis(rows, None)
    assert [card.value for card in page.metric][5:] == expected_vitals(rows, None)
    assert len(page.get("bidi_component")) == len(CHARTS)
    assert list(recent(page)["patient_id"]) == [rows[0]["patient_id"]]


def test_a_filter_without_rows_says_so(page: AppTest, ward: Any) -> None:
    """Nobody at a risk level is good news, not an empty table."""
    ward.admit(ward.row(0, risk_level="Low"))
    page.run()
    page.radio(key="risk").set_value("High")
    refresh(page)
    assert page.info[-1].value == "Nobody is at ▲ High risk."


NAMES = (
    "<script>alert(1)</script>",
    "<b>Bold</b> **bold** :red[red] $x^2$",
    "مريم عبد الله",
    "Zoë \N{COMBINING ACUTE ACCENT} 王小明 👩\N{ZERO WIDTH JOINER}⚕️",
    "\N{RIGHT-TO-LEFT OVERRIDE}evil",
)


def test_names_are_shown_as_they_are(page: AppTest, ward: Any) -> None:
    """A name with markup or any Unicode reaches the table unchanged and nothing but the table."""
    ward.admit(*[ward.row(n, patient_name=name) for n, name in enumerate(NAMES)])
    page.run()
    assert not page.exception
    assert list(recent(page)["patient_name"]) == list(NAMES)
    texts = [*page.markdown, *page.success, *page.info, *page.title, *page.subheader]
    assert not any(name in text.value for text in texts for name in NAMES)


def moments(**ages: float) -> dict[str, datetime]:
    """Times so many seconds ago."""
    return {name: datetime.now(UTC) - timedelta(seconds=age) for name, age in ages.items()}


def test_freshness_is_read_from_the_ledger(page: AppTest, ward: Any) -> None:
    """Live, silent and behind are told apart by the ledger's own row."""
    ward.stand(
        log_end_offset=10,
        **moments(last_append_at=2.4, last_commit_at=2.0, log_end_at=0.0, claimed_at=60.0),
    )
    page.run()
    assert bar(page) == "success: Live, 0.4 s behind"
    ward.run("UPDATE stream_offsets SET last_append_at = now() - '190 s'::interval")
    assert bar(refresh(page)) == "warning: No new records for 3 min"
    ward.run("UPDATE stream_offsets SET log_end_offset = 1010")
    assert bar(refresh(page)).endswith(", 1,000 records waiting")
    ward.run(
        "UPDATE stream_offsets SET log_end_at = now() - '1 h'::interval, last_commit_at = NULL"
    )
    assert bar(refresh(page)).startswith("error: No sign of the consumer since ")


def test_a_database_that_is_away_shows_the_last_good_page(page: AppTest, ward: Any) -> None:
    """The last good data stays with its age and a banner; it recovers without a reload."""
    rows = ward.random_rows(5, 60)
    ward.admit(*rows)
    page.run()
    before = cards(page)
    ward.leave()
    refresh(page)
    assert bar(page).startswith("error: Database away since ")
    assert " ago" in bar(page)
    assert cards(page) == before
    assert len(recent(page)) == 60
    ward.come_back()
    ward.admit(ward.row(99_999))
    refresh(page)
    assert bar(page) == "info: Waiting for the first record of the stream"
    assert cards(page)[1] == "61"


def test_a_database_that_never_answered(page: AppTest, ward: Any) -> None:
    """Without any answer yet: dashes in the same places, and the reason; no traceback."""
    ward.leave()
    page.run()
    assert not page.exception
    assert bar(page).startswith("error: Database away since ")
    assert cards(page) == ["—"] * 5


def test_pending_migrations_have_their_own_words(
    page: AppTest, empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database without tables is being prepared, not broken; then the page is there by itself."""
    monkeypatch.setenv("DATABASE_URL", empty_database.url())
    page.run()
    assert not page.exception
    assert bar(page).startswith("info: The database is being prepared: the tables are at version 0")
    migrate(DatabaseSettings.model_validate({"database_url": empty_database.url()}))
    assert bar(refresh(page)) == "info: Waiting for the first record of the stream"
    assert cards(page)[0] == "0"


def test_a_refused_login_has_its_own_words(
    page: AppTest, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password is said as refusal; the page shows no connection's details."""
    viewer = database.url("viewer")
    password = viewer.split(":")[2].split("@")[0]
    monkeypatch.setenv("DATABASE_URL", viewer.replace(password, "wrong"))
    page.run()
    assert bar(page).startswith("error: The database has refused the dashboard since ")
    assert "password" not in bar(page)


def test_a_slow_query_is_given_up(
    page: AppTest, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query over its time is cancelled by the database and said to be slow."""
    monkeypatch.setenv("DASHBOARD_QUERY_SECONDS", "0.5")
    page.run()
    with psycopg.connect(database.url()) as blocker:
        blocker.execute("LOCK TABLE stream_offsets")
        refresh(page)
        assert bar(page).startswith("warning: The database has been too slow since ")


def test_a_fault_of_ours_is_counted_and_hidden(
    page: AppTest, ward: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error while drawing is a sentence for the viewer, a count for us, never a traceback."""
    ward.admit(ward.row(0))
    counter = metrics.RENDER_ERRORS.labels("overview")
    before = counter._value.get()
    monkeypatch.setattr(table, "frame", lambda *_: 1 / 0)
    page.run()
    assert not page.exception
    assert "could not be drawn" in page.error[0].value
    assert counter._value.get() == before + 1


def test_identified_downloads_can_be_switched_off(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where settings forbid it nobody is offered a table with names."""
    page.run()
    assert page.toggle(key="identified").value is False
    service().source.close()
    service.cache_clear()
    monkeypatch.setenv("DASHBOARD_IDENTIFIED_DOWNLOADS", "false")
    page.run()
    assert not page.toggle


def test_the_last_hour_is_on_the_cards(page: AppTest, ward: Any) -> None:
    """Each key figure says by how much it changed within the hour, and draws its way there."""
    ward.admit(*[ward.row(number, risk_level="High", oxygen_saturation=80) for number in range(3)])
    ward.run("UPDATE census_changes SET minute = minute - interval '64 minutes'")
    ward.admit(*[ward.row(number, risk_level="High", age=50) for number in range(3, 5)])
    page.run()
    assert not page.exception
    deltas = {card.label: card.delta for card in page.metric[:5]}
    assert deltas["Unique patients"] == deltas["Admissions"] == "2"
    assert deltas["▲ High-risk patients"] == "2"
    assert all(card.proto.chart_data[0] != card.proto.chart_data[-1] for card in page.metric[:3])


@pytest.mark.parametrize(
    ("series", "said"),
    [([56.12, 56.10], 0), ([50.0, 50.26], "0.3"), ([7, 1_241], "1,234"), ([9, 7], "-2")],
)
def test_a_change_of_nought_has_no_sign(series: list[float], said: Any) -> None:
    """Neither an arrow nor "-0.0"; large ones have separators."""
    shown = overview._delta(series)
    assert (shown, type(shown)) == (said, type(said))


def test_departments_patients_and_silence_have_their_places(page: AppTest, ward: Any) -> None:
    """Worse patients with a link, silent ones with how long, departments by need.

    The filter applies to them too.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    ward.admit(
        ward.row(0, department="Calm", risk_level="Low", timestamp=now),
        ward.row(1, department="Bad", risk_level="High", timestamp=now),
        ward.row(2, department="Bad", risk_level="Low", timestamp=now - timedelta(hours=5)),
    )
    page.run()
    assert not page.exception
    worse, silent, needs, _ = (table.value for table in page.dataframe)
    assert list(worse["patient"]) == ["Name 1"]
    (link,) = ward.run("SELECT link FROM newest_admissions WHERE patient_id = 'P00001'")[0]
    assert list(worse["open"]) == [f"patient?p={link}"]
    assert list(silent["patient"]) == ["Name 2"]
    assert list(silent["overdue"]) == ["1 h"]
    assert list(needs["department"]) == ["Bad", "Calm"]
    assert list(needs["share"]) == [50.0, 0.0]
    assert list(needs["silent"]) == [1, 0]
    assert any("Silent: 1 overdue" in text.value for text in page.markdown)
    page.radio(key="risk").set_value("High")
    refresh(page)
    said = [text.value for text in page.markdown]
    assert any("Silent: 0 overdue" in text for text in said)
    assert any("1 patients here, 0 discharged" in text for text in said)


def test_current_and_discharged_patients_are_counted_apart(page: AppTest, ward: Any) -> None:
    """Beside each other in the panel; the seed's indicators count both as before."""
    gone = [ward.row(number, status="Discharged") for number in range(3)]
    ward.admit(*gone, ward.row(3, status="Deceased"), ward.row(4), ward.row(5, status="Critical"))
    page.run()
    assert not page.exception
    assert any("2 patients here, 4 discharged" in text.value for text in page.markdown)
    assert page.metric[0].value == "6"
