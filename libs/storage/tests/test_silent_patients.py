"""Who counts as silent: NEWS2's intervals, the end of a stay, and what it costs to ask."""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from libs.storage.tests.stream import login
from vitalstream_devstack.databases import Database
from vitalstream_schema import news2
from vitalstream_storage import reader
from vitalstream_storage.pool import Connection
from vitalstream_storage.reader.silence import _SILENT, MOST_COUNTED

WELL: dict[str, Any] = {
    "heart_rate": 70,
    "systolic": 120,
    "temperature": 37.0,
    "oxygen_saturation": 98,
    "respiratory_rate": 16,
    "supplemental_oxygen": False,
    "consciousness": "A",
    "spo2_scale": 1,
}
# Changes of a healthy adult's vital signs, and the minutes that NEWS2 then allows.
INTERVALS = [
    ({}, 720),
    ({"heart_rate": 91}, 240),
    ({"consciousness": None}, 720),
    ({"consciousness": "V"}, 60),
    ({"systolic": 220}, 60),
    ({"heart_rate": 111, "respiratory_rate": 21, "systolic": 110}, 60),
    ({"consciousness": "V", "systolic": 90, "heart_rate": 91}, 15),
]
INSERT = """
INSERT INTO patient_records (patient_id, admission_id, timestamp, admission_timestamp,
    patient_name, age, gender, department, primary_diagnosis, admission_type, status,
    insurance_provider, heart_rate, blood_pressure, temperature_celsius, oxygen_saturation,
    respiratory_rate, risk_score, risk_level, attending_physician, hospital_location,
    supplemental_oxygen, consciousness, spo2_scale, news2, news2_complete)
SELECT %(patient)s || n, %(admission)s || n, timezone('UTC', now()) - %(age)s::interval, now(),
    'Some One', 50, 'Other', %(department)s, 'Asthma', 'Urgent', %(status)s, 'Aetna',
    %(heart_rate)s, %(systolic)s || '/70', %(temperature)s, %(oxygen_saturation)s,
    %(respiratory_rate)s, 0, 'Low', 'Dr. Who', 'Boston', %(supplemental_oxygen)s,
    %(consciousness)s, %(spo2_scale)s, %(news2)s, true FROM generate_series(1, %(count)s) n"""


@pytest.fixture
def viewer(database: Database) -> Iterator[Connection]:
    """A connection with a viewer's rights."""
    with login(database, "viewer") as connection:
        yield connection


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection, each statement on its own."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        yield connection


def admit(owner: psycopg.Connection[Any], name: str, seen: timedelta, **changes: Any) -> None:
    """Store admissions last seen so long ago, with a healthy adult's vital signs but for some."""
    signs = WELL | {name: changes.pop(name) for name in WELL.keys() & changes.keys()}
    given = {
        "patient": name,
        "admission": name,
        "age": seen,
        "department": "ICU",
        "status": "Stable",
        "news2": news2.score(**signs).total,
        "count": 1,
    }
    owner.execute(INSERT, given | signs | changes)


def note_when_seen(owner: psycopg.Connection[Any]) -> None:
    """Set the hint as our own writer does; another program's INSERT leaves it as today."""
    owner.execute(
        "UPDATE patient_records SET seen_about = date_bin('6 hours', timestamp, '2000-01-01')"
    )


def silent(viewer: Connection, **options: Any) -> list[str]:
    """The admissions that are found silent, in their order."""
    return [each.admission_id for each in reader.silence(viewer, **options).patients]


@pytest.mark.parametrize(("changes", "minutes"), INTERVALS)
@pytest.mark.parametrize("scale", [1, 60])
def test_silent_is_who_was_not_observed_within_news2s_interval(
    owner: psycopg.Connection[Any],
    viewer: Connection,
    changes: dict[str, Any],
    minutes: int,
    scale: int,
) -> None:
    """Overdue once the interval, divided by the time scale, is over, and not before."""
    interval = timedelta(minutes=minutes) / scale
    admit(owner, "early", interval * 0.2, **changes)
    admit(owner, "late", interval + timedelta(seconds=1), **changes)
    assert silent(viewer, time_scale=scale) == ["late1"]
    (late,) = reader.silence(viewer, time_scale=scale).patients
    assert late.observe_within == minutes
    assert late.due_at - late.timestamp == interval


def test_who_has_no_news2_is_given_four_hours(
    owner: psycopg.Connection[Any], viewer: Connection
) -> None:
    """A child, or a row of another program, counts as silent after 4 h."""
    admit(owner, "child", timedelta(hours=3.9), news2=None)
    admit(owner, "other", timedelta(hours=4.1), news2=None)
    assert silent(viewer) == ["other1"]


def test_nobody_waits_for_a_stay_that_is_over(
    owner: psycopg.Connection[Any], viewer: Connection
) -> None:
    """Discharged and deceased patients and a patient's earlier admissions are never silent."""
    for status in ("Discharged", "Deceased", "Critical"):
        admit(owner, status, timedelta(days=2), status=status)
    admit(owner, "earlier", timedelta(days=3), patient="same")
    admit(owner, "later", timedelta(days=2), patient="same")
    assert sorted(silent(viewer)) == ["Critical1", "later1"]


@pytest.mark.parametrize("ours", [True, False], ids=["our writer", "another program"])
def test_a_patient_seen_again_is_silent_no_more(
    owner: psycopg.Connection[Any], viewer: Connection, *, ours: bool
) -> None:
    """The next observation, or the discharge, ends the silence, whatever the hint said."""
    admit(owner, "one", timedelta(days=1))
    admit(owner, "two", timedelta(days=1))
    if ours:
        note_when_seen(owner)
    assert len(silent(viewer)) == 2
    owner.execute(
        "UPDATE patient_records SET timestamp = timezone('UTC', now()) WHERE admission_id = 'one1'"
    )
    owner.execute("UPDATE patient_records SET status = 'Discharged' WHERE admission_id = 'two1'")
    assert silent(viewer) == []


def test_the_most_urgent_come_first_and_all_are_counted(
    owner: psycopg.Connection[Any], viewer: Connection
) -> None:
    """By the interval, then by how long overdue; the limit cuts the list, not the count.

    Of one risk level only those who were last seen at it.
    """
    admit(owner, "well", timedelta(days=9), department="Surgery")
    admit(owner, "ill", timedelta(hours=1), consciousness="V", systolic=90, heart_rate=91)
    admit(owner, "worse", timedelta(hours=2), consciousness="V", systolic=90, heart_rate=91)
    admit(owner, "fair", timedelta(hours=5), heart_rate=91)
    found = reader.silence(viewer, limit=3)
    assert [each.admission_id for each in found.patients] == ["worse1", "ill1", "fair1"]
    assert found.departments == {"ICU": 3, "Surgery": 1}
    assert (found.total, found.complete) == (4, True)
    assert reader.silence(viewer, limit=0).total == 4
    owner.execute(
        "UPDATE patient_records SET risk_level = CASE WHEN admission_id IN ('ill1', 'well1')"
        " THEN 'High' ELSE 'Low' END"
    )
    found = reader.silence(viewer, risk="High")
    assert [each.admission_id for each in found.patients] == ["ill1", "well1"]
    assert found.departments == {"ICU": 1, "Surgery": 1}
    assert silent(viewer, risk="Medium") == []


def test_too_many_to_count_are_said_to_be_more(
    owner: psycopg.Connection[Any], viewer: Connection
) -> None:
    """Of those not seen for more than half a day only so many are counted, and it says so."""
    admit(owner, "lost", timedelta(days=5), count=MOST_COUNTED + 1)
    note_when_seen(owner)
    found = reader.silence(viewer)
    assert (found.total, found.complete) == (MOST_COUNTED, False)


def _signs(rng: random.Random) -> dict[str, Any]:
    """Mostly normal, so that low totals with and without a single 3 are common."""
    signs = {
        "heart_rate": rng.choice([35, 40, 41, 70, 91, 130, 131, 180]),
        "systolic": rng.choice([80, 90, 91, 101, 120, 219, 220, 250]),
        "temperature": rng.choice([34.0, 35.0, 35.1, 36.1, 37.0, 38.1, 39.1]),
        "oxygen_saturation": rng.choice([80, 83, 84, 88, 91, 92, 96, 97, 100]),
        "respiratory_rate": rng.choice([5, 8, 9, 12, 21, 24, 25, 40]),
        "supplemental_oxygen": rng.choice([None, False, True]),
        "consciousness": rng.choice([None, "A", "A", "A", "C", "U"]),
        "spo2_scale": rng.choice([1, 2]),
    }
    return WELL | {name: value for name, value in signs.items() if rng.random() < 0.3}


def test_the_tables_interval_is_that_of_the_score(owner: psycopg.Connection[Any]) -> None:
    """For any vital signs the table's own rule gives what the full score asks for."""
    rng = random.Random(7)
    wanted = {}
    with owner.transaction():
        for number in range(1000):
            signs = _signs(rng)
            wanted[f"a{number}1"] = news2.score(**signs).observe_within.total_seconds() / 60
            admit(owner, f"a{number}", timedelta(), **signs)
    found = owner.execute("SELECT admission_id, observe_within(r) FROM patient_records r")
    assert dict(found.fetchall()) == wanted
    assert set(wanted.values()) == {15, 60, 240, 720}


def test_asking_costs_the_same_however_many_have_left(
    owner: psycopg.Connection[Any], viewer: Connection
) -> None:
    """Pages read do not grow with the admissions that are over."""
    admit(owner, "here", timedelta(hours=5), count=50, heart_rate=91)
    pages = []
    for number, count in enumerate((2_000, 30_000)):
        admit(owner, f"gone{number}-", timedelta(hours=3), status="Discharged", count=count)
        owner.execute("VACUUM ANALYZE patient_records")
        plan = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)" + _SILENT
        given = {"scale": 1.0, "limit": 20, "most": MOST_COUNTED, "risk": None}
        row = viewer.execute(plan, given).fetchone()
        viewer.rollback()
        assert row is not None
        told = row[0] if isinstance(row[0], list) else json.loads(row[0])
        pages.append(told[0]["Plan"]["Shared Hit Blocks"] + told[0]["Plan"]["Shared Read Blocks"])
        assert reader.silence(viewer).total == 50
    assert pages[1] <= 2 * pages[0]


def test_current_and_discharged_are_counted_apart(
    owner: psycopg.Connection[Any], viewer: Connection
) -> None:
    """Together they are the unique patients, which the seed's definition still counts as before."""
    admit(owner, "here", timedelta(), count=3)
    admit(owner, "there", timedelta(), count=2, department="Surgery", status="Admitted")
    admit(owner, "gone", timedelta(), count=4, status="Discharged")
    admit(owner, "dead", timedelta(), count=1, status="Deceased")
    assert reader.stays(viewer) == [reader.Stays("ICU", 3, 5), reader.Stays("Surgery", 2, 0)]
    assert reader.stays(viewer, "High") == []
    assert reader.kpis(viewer).unique_patients == 10
    owner.execute("UPDATE patient_records SET status = 'Discharged' WHERE department = 'Surgery'")
    assert reader.stays(viewer)[1] == reader.Stays("Surgery", 0, 2)
