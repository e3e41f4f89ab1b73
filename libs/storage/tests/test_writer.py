"""One batch is one transaction, and each record gets its one verdict."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from libs.storage.tests import traffic
from libs.storage.tests.stream import START, Stream, record, rows, tombstone
from vitalstream_devstack.databases import Database
from vitalstream_storage.batch import Verdicts
from vitalstream_storage.pool import Connection

Letters = Callable[[], list[tuple[Any, ...]]]

STATES = "SELECT admission_id, patient_id, timestamp, heart_rate FROM patient_records ORDER BY 1"
LETTERS = 'SELECT partition, "offset", reason, field, payload FROM dead_letters ORDER BY 1, 2'
MISSEEN = """
SELECT admission_id, timestamp, seen_about FROM patient_records
 WHERE seen_about <> date_bin('6 hours', timestamp, '2000-01-01')"""
EVERYTHING = """
SELECT (SELECT json_agg(r ORDER BY admission_id) FROM patient_records r)::text,
       (SELECT json_agg(o ORDER BY admission_id, observed_at) FROM observations o)::text,
       (SELECT json_agg(d ORDER BY "offset") FROM dead_letters d)::text,
       (SELECT json_agg(c) FROM (SELECT dimension, key, risk_level, sum(admissions), sum(patients)
          FROM census GROUP BY 1, 2, 3 ORDER BY 1, 2, 3) c)::text"""


@pytest.fixture
def stream(connection: Connection, way: str) -> Stream:
    """A claimed partition of a fresh topic, for each way of writing."""
    return Stream(connection, way=way)


@pytest.fixture
def letters(database: Database) -> Letters:
    """Reads the dead letters, as a writer may not."""

    def read() -> list[tuple[Any, ...]]:
        with psycopg.connect(database.url()) as owner:
            return owner.execute(LETTERS).fetchall()

    return read


@pytest.fixture(autouse=True)
def counted(database: Database) -> Iterator[None]:
    """After every test the counters equal a recount, and the hint for readers is up to date."""
    yield
    with psycopg.connect(database.url()) as connection:
        traffic.assert_counted(connection)
        assert connection.execute(MISSEEN).fetchall() == []


def test_a_record_is_stored_with_all_it_says(stream: Stream) -> None:
    """Each field arrives in its column, in both tables, whatever characters it holds."""
    odd = "a\tb\nc\\d\\Ne\\.f\r'\"\u2028 é"
    stream.write(
        record("a\t1", patient_id="p\\N", patient_name=odd, department=odd, gender="\\."),
        record("a2", 0.000001, supplemental_oxygen=True, consciousness="V", spo2_scale=2),
    )
    found = rows(
        stream.connection,
        "SELECT r.patient_id, patient_name, gender, o.department, o.observed_at, timestamp,"
        " r.supplemental_oxygen, o.consciousness, r.spo2_scale, o.systolic, o.kafka_offset,"
        " r.news2, o.news2_complete, r.temperature_celsius::text, r.admission_id = o.admission_id"
        " FROM patient_records r JOIN observations o USING (admission_id) ORDER BY kafka_offset",
    )
    naive = START.replace(tzinfo=None)
    assert found == [
        ("p\\N", odd, "\\.", odd, START, naive, None, None, 1, 120, 0, 0, False, "37.0", True),
        ("p2", "Some One", "Other", "ICU", START.replace(microsecond=1),
         naive.replace(microsecond=1), True, "V", 2, 120, 1, 0, False, "37.0", True),
    ]  # fmt: skip


def test_the_newest_state_wins_and_all_observations_stay(stream: Stream) -> None:
    """Of one admission the strictly newest record is its state, in a batch and across batches."""
    stream.write(record(seconds=5, heart_rate=75), record(seconds=9, heart_rate=79))
    stream.write(record(seconds=7, heart_rate=77), record(seconds=1, heart_rate=71))
    assert [row[3] for row in rows(stream.connection, STATES)] == [79]
    stream.write(record(seconds=11, heart_rate=81))
    assert [row[3] for row in rows(stream.connection, STATES)] == [81]
    assert rows(stream.connection, "SELECT count(*) FROM observations") == [(5,)]


def test_an_equal_record_is_a_duplicate(stream: Stream, letters: Letters) -> None:
    """The same again, in the batch or later, is counted and changes nothing."""
    stream.write(record())
    outcome = stream.write(record(), record("a2"), record("a2"))
    assert stream.verdicts(outcome) == Verdicts(stored=1, duplicates=2)
    assert outcome.staged
    assert letters() == []


def test_what_observations_do_not_store_makes_no_conflict(stream: Stream) -> None:
    """A record that differs only in a name is a duplicate; the first one stays."""
    stream.write(record())
    outcome = stream.write(record(patient_name="Other", heart_rate=80))
    assert stream.verdicts(outcome) == Verdicts(duplicates=1)
    assert rows(stream.connection, "SELECT patient_name FROM patient_records") == [("Some One",)]


@pytest.mark.parametrize(
    "change",
    [
        {"heart_rate": 81},
        {"temperature_celsius": 37.1},
        {"department": "Surgery"},
        {"supplemental_oxygen": False},
        {"consciousness": "A"},
        {"spo2_scale": 2},
    ],
)
def test_another_record_of_the_same_instant_is_a_conflict(
    stream: Stream, letters: Letters, change: dict[str, Any]
) -> None:
    """The first one stays; the other is a dead letter as it came, in a batch or later."""
    outcome = stream.write(record(), record(**change))
    assert stream.verdicts(outcome) == Verdicts(stored=1, dead=1)
    outcome = stream.write(record(**change), record("a2"))
    assert stream.verdicts(outcome) == Verdicts(stored=1, dead=1)
    assert [letter.offset for letter in outcome.conflicts] == [2]
    assert letters() == [
        (0, 1, "conflict", "timestamp", b"1"),
        (0, 2, "conflict", "timestamp", b"2"),
    ]
    assert rows(stream.connection, STATES)[0][3] == 80


def test_an_admission_stays_with_its_first_patient(stream: Stream, letters: Letters) -> None:
    """An admission_id with another patient_id is a dead letter, in a batch or later."""
    outcome = stream.write(
        record("a1", patient_id="p1"),
        record("a1", 5, patient_id="p2"),
        record("a2", patient_id="p2"),
    )
    assert stream.verdicts(outcome) == Verdicts(stored=2, dead=1)
    outcome = stream.write(record("a2", 5, patient_id="p1"), record("a1", 5, patient_id="p1"))
    assert stream.verdicts(outcome) == Verdicts(stored=1, dead=1)
    assert [row[2:4] for row in letters()] == [("admission_conflict", "admission_id")] * 2
    assert [row[:2] for row in rows(stream.connection, STATES)] == [("a1", "p1"), ("a2", "p2")]
    assert rows(stream.connection, "SELECT count(*) FROM observations") == [(3,)]


def test_dead_letters_are_kept_as_they_came(stream: Stream) -> None:
    """What decoding refused is stored raw, with its reason, and advances the ledger."""
    letter = tombstone(0, 0)._replace(
        payload=b"\x00\xff", headers=[("a\0b", None), ("c", b"\x00")], error="bad\0 text \ud800"
    )
    outcome = stream.write(letter, record())
    assert stream.verdicts(outcome) == Verdicts(stored=1, dead=1)
    found = rows(
        stream.connection, "SELECT next_offset, stored, dead, duplicates, stale FROM stream_offsets"
    )
    assert found == [(2, 1, 1, 0, 0)]


def test_dead_letters_reach_the_table_whole(stream: Stream, database: Database) -> None:
    """Key, payload and headers come back byte for byte; the text is made storable."""
    letter = tombstone(0, 0)._replace(
        payload=b"\x00\xff", headers=[("a\0b", None), ("c", b"\x00")], error="bad\0 text"
    )
    stream.write(letter)
    with psycopg.connect(database.url()) as owner:
        found = owner.execute(
            "SELECT key, payload, headers, error, replayed_at FROM dead_letters"
        ).fetchall()
    assert found == [(b"k", b"\x00\xff", [["a\0b", None], ["c", "AA=="]], "bad\ufffd text", None)]


def test_what_postgresql_refuses_is_bisected_to_the_record(stream: Stream) -> None:
    """Only the refused records become dead letters; the error names no value."""
    many = [record(f"a{n}") for n in range(50)]
    many[17] = record("a17", patient_name="x" * 201)
    many[40] = record("a40", heart_rate=70_000)
    outcome = stream.write(*many)
    assert stream.verdicts(outcome) == Verdicts(stored=48, dead=2)
    assert {letter.offset: letter.error for letter in outcome.conflicts} == {
        17: "sqlstate 22001",
        40: "sqlstate 22003",
    }


def test_a_replay_with_an_emptied_ledger_changes_nothing(
    stream: Stream, database: Database
) -> None:
    """The whole topic again gives the same rows, letters and counters, whatever the batches."""
    rng = random.Random(6)
    topic = [
        tombstone(0, 0) if rng.random() < 0.05 else
        record(f"a{rng.randrange(9)}", rng.randrange(20), heart_rate=rng.randrange(60, 63),
               patient_id=f"p{rng.randrange(2)}")
        for _ in range(300)
    ]  # fmt: skip
    for n in range(0, 300, 60):
        stream.write(*topic[n : n + 60])
    with psycopg.connect(database.url(), autocommit=True) as owner:
        before = owner.execute(EVERYTHING).fetchone()
        owner.execute("DELETE FROM stream_offsets")
        stream.claim()
        assert stream.offset == 0
        for n in range(0, 300, 25):
            outcome = stream.write(*topic[n : n + 25])
            assert outcome.stored == 0
        assert owner.execute(EVERYTHING).fetchone() == before


def test_records_before_the_floor_are_stale(stream: Stream, database: Database) -> None:
    """They reach neither observations nor rollups, and are counted as stale."""
    with psycopg.connect(database.url("operator")) as operator:
        operator.execute("SELECT raise_retention_floor('2026-03-02')")
    outcome = stream.write(record("a1"), record("a2", 86_400), record("a1", 5))
    assert stream.verdicts(outcome) == Verdicts(stored=1, stale=2)
    assert rows(stream.connection, "SELECT admission_id FROM observations") == [("a2",)]
    assert [row[0] for row in rows(stream.connection, STATES)] == ["a1", "a2"]
    again = stream.write(record("a1"), record("a2", 86_400))
    assert stream.verdicts(again) == Verdicts(duplicates=1, stale=1)


def test_offsets_without_a_record_are_passed_over(stream: Stream) -> None:
    """Transaction markers and compacted records leave holes; the ledger goes on behind them."""
    outcome = stream.write(record(), None, None, record("a2"), None)
    assert stream.verdicts(outcome) == Verdicts(stored=2)
    assert rows(stream.connection, "SELECT next_offset FROM stream_offsets") == [(5,)]


def test_a_letter_that_is_there_keeps_its_verdict(
    stream: Stream, connection: Connection, database: Database
) -> None:
    """A replayed offset that is a dead letter stays one, even if it could be stored now."""
    stream.write(record(), record(heart_rate=99))
    with psycopg.connect(database.url()) as owner:
        owner.execute("DELETE FROM observations; DELETE FROM patient_records")
        owner.execute("UPDATE stream_offsets SET next_offset = 1")
    stream.offset = 1
    assert stream.verdicts(stream.write(record(heart_rate=99))) == Verdicts(dead=1)
    assert rows(connection, "SELECT count(*) FROM observations") == [(0,)]


def test_only_a_strictly_newer_record_changes_a_state(stream: Stream, database: Database) -> None:
    """A foreign writer's row of the same instant stays; the record is observed all the same."""
    with psycopg.connect(database.url()) as owner:
        row = traffic.row(random.Random(1)) | {"admission_id": "a1", "patient_id": "p1"}
        owner.execute(traffic.SEED_INSERT, row | {"timestamp": START.replace(tzinfo=None)})
        owner.execute("UPDATE patient_records SET heart_rate = 111")
    assert stream.verdicts(stream.write(record())) == Verdicts(stored=1)
    assert [row[3] for row in rows(stream.connection, STATES)] == [111]
    stream.write(record(seconds=0.000001))
    assert [row[3] for row in rows(stream.connection, STATES)] == [80]


def test_of_stale_records_of_one_instant_the_first_one_stays(
    stream: Stream, database: Database, letters: Letters
) -> None:
    """Nothing tells them apart any more, but a state is not rewritten, and keeps its patient."""
    with psycopg.connect(database.url("operator")) as operator:
        operator.execute("SELECT raise_retention_floor('2026-03-02')")
    outcome = stream.write(record(), record(heart_rate=90), record(patient_id="p2"))
    assert stream.verdicts(outcome) == Verdicts(stale=2, dead=1)
    assert [row[2] for row in letters()] == ["admission_conflict"]
    assert [row[3] for row in rows(stream.connection, STATES)] == [80]
