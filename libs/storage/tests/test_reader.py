"""What pages ask, answered as the tables' definitions have it, with a viewer's rights."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors as pg

from libs.storage.tests import traffic
from libs.storage.tests.stream import Stream, login, record, tombstone
from vitalstream_devstack.databases import Database
from vitalstream_storage import reader
from vitalstream_storage.maintain import maintain
from vitalstream_storage.pool import Connection
from vitalstream_storage.settings import MaintenanceSettings

FILTERS = [None, "Low", "Medium", "High", "Unheard of"]
# The indicators' definition, over the table itself: `latest` is each patient at its newest row.
LATEST = """
WITH latest AS (SELECT DISTINCT ON (patient_id) * FROM patient_records
                 ORDER BY patient_id, timestamp DESC, admission_id DESC)
SELECT (SELECT count(*) FROM latest WHERE {0}), (SELECT count(*) FROM patient_records WHERE {0}),
       (SELECT count(*) FROM latest WHERE risk_level = 'High' AND {0}),
       (SELECT avg(age)::float8 FROM latest WHERE {0}),
       (SELECT count(*) FROM latest WHERE oxygen_saturation < 90 AND {0})"""
GROUPS = """
SELECT {1}, count(*) FROM patient_records WHERE {0} GROUP BY 1 ORDER BY 2 DESC, {1} COLLATE "C" """
AVERAGES = """
SELECT avg(heart_rate)::float8, avg(temperature_celsius)::float8, avg(oxygen_saturation)::float8,
       avg(respiratory_rate)::float8 FROM patient_records WHERE {0}"""
NEWEST = """
SELECT admission_id FROM patient_records WHERE {0}
 ORDER BY timestamp DESC, admission_id DESC LIMIT {1}"""


@pytest.fixture
def viewer(database: Database) -> Iterator[Connection]:
    """A connection with a viewer's rights."""
    with login(database, "viewer") as connection:
        yield connection


def fill(owner: psycopg.Connection[Any], seed: int, rows: int = 60) -> None:
    """Random admissions, some of them moved on to another state."""
    rng = random.Random(seed)
    for _ in range(rows):
        owner.execute(
            traffic.SEED_INSERT + " ON CONFLICT (admission_id) DO UPDATE SET"
            " timestamp = excluded.timestamp, risk_level = excluded.risk_level,"
            " oxygen_saturation = excluded.oxygen_saturation"
            " WHERE excluded.timestamp > patient_records.timestamp",
            traffic.row(rng),
        )


def where(risk: str | None) -> str:
    """The filter in SQL."""
    return "true" if risk is None else f"risk_level = '{risk}'"


def asked(owner: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    """The tables' own answer."""
    return owner.execute(query.encode()).fetchall()


@pytest.mark.parametrize("risk", FILTERS)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_figure_follows_its_definition(
    owner: psycopg.Connection[Any], viewer: Connection, seed: int, risk: str | None
) -> None:
    """Indicators, charts, averages and recent records, of all and of one risk level."""
    fill(owner, seed)
    kpis = reader.kpis(viewer, risk)
    (wanted,) = asked(owner, LATEST.format(where(risk)))
    assert (kpis.unique_patients, kpis.admissions, kpis.high_risk_patients) == wanted[:3]
    assert kpis.average_age == pytest.approx(wanted[3])
    assert kpis.critical_oxygen == wanted[4]
    chart = reader.breakdown(viewer, risk)
    for column, found in (
        ("department", chart.departments),
        ("risk_level", chart.risk_levels),
        ("primary_diagnosis", chart.diagnoses),
        ("admission_type", chart.admission_types),
    ):
        assert found == asked(owner, GROUPS.format(where(risk), column))
    means = reader.vital_averages(viewer, risk)
    (averages,) = asked(owner, AVERAGES.format(where(risk)))
    assert (
        means.heart_rate,
        means.temperature_celsius,
        means.oxygen_saturation,
        means.respiratory_rate,
    ) == (pytest.approx(averages) if averages[0] is not None else averages)
    for limit in (1, 20, 500):
        recent = [each.admission_id for each in reader.recent_records(viewer, risk, limit)]
        assert recent == [row[0] for row in asked(owner, NEWEST.format(where(risk), limit))]


def test_empty_tables_have_no_figures(viewer: Connection) -> None:
    """Counts are nought, means unknown, lists empty."""
    assert reader.kpis(viewer) == reader.Kpis(0, 0, 0, None, 0)
    assert reader.breakdown(viewer) == reader.Breakdown([], [], [], [])
    assert reader.vital_averages(viewer) == reader.VitalAverages(None, None, None, None)
    assert reader.recent_records(viewer) == []
    assert reader.ledger(viewer).positions == []
    assert reader.gaps(viewer) == []


def test_a_recent_record_shows_the_admission_as_it_is(
    owner: psycopg.Connection[Any], viewer: Connection
) -> None:
    """Every column of the page's table is the row's own."""
    owner.execute(traffic.SEED_INSERT, traffic.row(random.Random(1)))
    (found,) = reader.recent_records(viewer)
    names = reader.RecentRecord.__slots__
    (row,) = asked(
        owner,
        f"SELECT {', '.join(names)} FROM patient_records JOIN newest_admissions"  # noqa: S608 - ours
        " USING (patient_id, admission_id)",
    )
    assert tuple(getattr(found, name) for name in names) == row


def test_recent_records_are_found_where_nearly_all_have_changed_their_risk(
    owner: psycopg.Connection[Any], viewer: Connection
) -> None:
    """Past what is kept of the newest, the whole table is looked through."""
    owner.execute(
        "INSERT INTO patient_records (patient_id, admission_id, timestamp, admission_timestamp,"
        " patient_name, age, gender, department, primary_diagnosis, admission_type, status,"
        " insurance_provider, heart_rate, blood_pressure, temperature_celsius, oxygen_saturation,"
        " respiratory_rate, risk_score, risk_level, attending_physician, hospital_location)"
        " SELECT 'p' || n, 'a' || n, timestamp '2026-03-01' + n * interval '1 s', now(), 'x', 40,"
        " 'x', 'ICU', 'COPD', 'Urgent', 'x', 'x', 80, '120/80', 37, 97, 16, 5, 'High', 'x', 'x'"
        " FROM generate_series(1, 3000) n"
    )
    owner.execute("UPDATE patient_records SET risk_level = 'Low' WHERE timestamp > '2026-03-01"
                  " 00:10:00'")  # fmt: skip
    found = [each.admission_id for each in reader.recent_records(viewer, "High", 30)]
    assert found == [f"a{600 - n}" for n in range(30)]


def test_the_ledger_is_that_of_the_topic_touched_last(
    connection: Connection, viewer: Connection
) -> None:
    """A re-created topic shows once, as it is now, with the database's own clock."""
    Stream(connection).write(record("a7"))
    stream = Stream(connection)
    other = Stream(connection, 1, stream.topic_id)
    stream.write(record(), record(), tombstone(0, 0))
    ledger = reader.ledger(viewer)
    assert [(p.partition, p.next_offset) for p in ledger.positions] == [(0, 3), (1, other.offset)]
    first = ledger.positions[0]
    assert (first.topic, first.start_offset) == ("vitals", 0)
    assert (first.stored, first.duplicates, first.stale, first.dead) == (1, 1, 0, 1)
    assert first.claimed_at is not None
    assert first.last_commit_at is not None
    assert first.claimed_at <= first.last_commit_at <= ledger.now
    assert (first.log_end_offset, first.log_end_at) == (None, None)


def test_gaps_come_newest_first(owner: psycopg.Connection[Any], viewer: Connection) -> None:
    """As many as asked for."""
    moment = datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    for n in range(4):
        owner.execute(
            "INSERT INTO stream_gaps VALUES (%s, %s, 10, 20, 'vitals', 'deleted', %s)",
            [uuid4(), n, moment + timedelta(minutes=n)],
        )
    found = reader.gaps(viewer, limit=3)
    assert [gap.partition for gap in found] == [3, 2, 1]
    assert found[0] == reader.Gap("vitals", 3, 10, 20, "deleted", moment + timedelta(minutes=3))


def test_answers_of_one_snapshot_agree(owner: psycopg.Connection[Any], viewer: Connection) -> None:
    """What is written between two questions shows in neither."""
    fill(owner, 3)
    with reader.snapshot(viewer):
        before = reader.kpis(viewer)
        owner.execute("DELETE FROM patient_records")
        assert reader.kpis(viewer) == before
        assert sum(n for _, n in reader.breakdown(viewer).departments) == before.admissions
    assert reader.kpis(viewer).admissions == 0


def test_a_question_cannot_write_and_ends_in_time(viewer: Connection) -> None:
    """A snapshot is read-only, and a statement that takes too long is given up."""
    with pytest.raises(pg.ReadOnlySqlTransaction), reader.snapshot(viewer):
        viewer.execute("CREATE TABLE mine (n integer)")
    with pytest.raises(pg.QueryCanceled), reader.snapshot(viewer, timeout=0.05):
        viewer.execute("SELECT pg_sleep(60)")
    assert reader.kpis(viewer).admissions == 0


def test_headroom_is_what_maintain_has_made(database: Database, viewer: Connection) -> None:
    """Nothing while there is no day, then the days it was told to make and the rest of today."""
    assert reader.partition_headroom(viewer) == timedelta(0)
    with login(database, "operator") as operator:
        maintain(operator, MaintenanceSettings.model_validate({"days_ahead": 5}))
    assert timedelta(days=4.9) < reader.partition_headroom(viewer) <= timedelta(days=6)
