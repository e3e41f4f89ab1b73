"""The demo's verdict on real tables: good only if every acknowledged record was counted once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from vitalstream_devstack.databases import Database
from vitalstream_devstack.demo import verdict

_TOPIC = UUID("00000000-0000-4000-8000-000000000001")
_OTHER_TOPIC = UUID("00000000-0000-4000-8000-000000000002")

Connection = psycopg.Connection
Fault = Callable[[Connection], object]


@pytest.fixture
def tables(database: Database) -> Iterator[Connection]:
    """Tables, open to somebody who may spoil them."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        yield connection


def _acknowledge(folder: Path, offsets: range, partition: int = 0) -> Path:
    log = folder / "acknowledged.jsonl"
    with log.open("a") as lines:
        for offset in offsets:
            record = {"admission_id": f"{partition}-{offset}"}
            entry = {"partition": partition, "offset": offset, "record": record}
            lines.write(json.dumps(entry) + "\n")
    return log


def _observe(connection: Connection, offset: int, admission: str = "", second: int = 0) -> None:
    connection.execute(
        "INSERT INTO observations (observed_at, kafka_offset, kafka_partition, heart_rate,"
        " systolic, diastolic, oxygen_saturation, respiratory_rate, risk_score, spo2_scale,"
        " news2_complete, temperature_celsius, admission_id, patient_id, department)"
        " VALUES (now() + %s * interval '1 s', %s, 0, 70, 120, 80, 98, 15, 0, 1, false, 37,"
        " %s, 'p', 'ICU')",
        [second, offset, admission or f"0-{offset}"],
    )


def _ledger(connection: Connection, next_offset: int, **verdicts: int) -> None:
    columns = {"stored": 0, "duplicates": 0, "stale": 0, "dead": 0} | verdicts
    connection.execute(
        "INSERT INTO stream_offsets (topic_id, partition, topic, start_offset, next_offset,"
        " stored, duplicates, stale, dead) VALUES (%s, 0, 't', 0, %s, %s, %s, %s, %s)"
        " ON CONFLICT (topic_id, partition) DO UPDATE SET next_offset = excluded.next_offset,"
        " stored = excluded.stored, duplicates = excluded.duplicates, stale = excluded.stale,"
        " dead = excluded.dead",
        [_TOPIC, next_offset, *columns.values()],
    )


def _bury(connection: Connection, offset: int, topic: UUID = _TOPIC) -> None:
    connection.execute(
        'INSERT INTO dead_letters (topic_id, partition, "offset", topic, reason, error)'
        " VALUES (%s, 0, %s, 't', 'not_json', 'e')",
        [topic, offset],
    )


def _judge(database: Database, log: Path, before: dict[int, verdict.Position]) -> verdict.Verdict:
    with psycopg.connect(database.url("operator"), autocommit=True) as connection:
        return verdict.judge(connection, _TOPIC, log, before)


def _ten_sound_records(connection: Connection) -> None:
    """Seven stored, one dead letter, one duplicate, one stale."""
    for offset in range(7):
        _observe(connection, offset)
    _bury(connection, 7)
    _ledger(connection, 10, stored=7, duplicates=1, stale=1, dead=1)


def test_every_record_counted_once_is_good(
    tables: Connection, database: Database, tmp_path: Path
) -> None:
    """Stored, dead, duplicate and stale each account for a record."""
    _ten_sound_records(tables)
    found = _judge(database, _acknowledge(tmp_path, range(10)), {})
    assert found.good
    assert str(found) == (
        "produced 10, stored 7, duplicates 1, stale 1, dead-lettered 1, lost 0, counted twice 0"
    )


def test_earlier_runs_and_other_topics_do_not_count(
    tables: Connection, database: Database, tmp_path: Path
) -> None:
    """Only what came after the run began excuses a missing record."""
    _ten_sound_records(tables)
    with psycopg.connect(database.url("operator")) as connection:
        before = verdict.read_ledger(connection, _TOPIC)
    _observe(tables, 10)
    _observe(tables, 11, admission="of another topic")
    _bury(tables, 11, _OTHER_TOPIC)
    _ledger(tables, 12, stored=9, duplicates=1, stale=1, dead=1)
    log = _acknowledge(tmp_path, range(10, 12))
    found = _judge(database, log, before)
    assert (found.partitions[0].stored, found.partitions[0].lost) == (1, 1)


# Of each: what is done to ten sound records, and how many are then lost and counted twice.
_FAULTS: dict[str, tuple[Fault, int, int]] = {
    "a row is gone": (
        lambda c: c.execute("DELETE FROM observations WHERE kafka_offset = 3"), 1, 0,
    ),
    "a dead letter is gone": (lambda c: c.execute("DELETE FROM dead_letters"), 1, 0),
    "two are not consumed": (lambda c: _ledger(c, 8, stored=7, dead=1), 2, 0),
    "one was passed over": (lambda c: _ledger(c, 10, stored=7, duplicates=1, dead=1), 1, 0),
    "nothing was consumed": (lambda c: c.execute("DELETE FROM stream_offsets"), 10, 0),
    "a row is there twice": (lambda c: _observe(c, 3, second=1), 0, 1),
    "a stored one is dead as well": (lambda c: _bury(c, 3), 0, 1),
    "one is counted twice": (
        lambda c: _ledger(c, 10, stored=8, duplicates=1, stale=1, dead=1), 0, 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", _FAULTS)
def test_fault_is_counted(
    tables: Connection, database: Database, tmp_path: Path, fault: str
) -> None:
    """Each way to lose a record or to count it twice is found, and found once."""
    spoil, lost, doubled = _FAULTS[fault]
    _ten_sound_records(tables)
    spoil(tables)
    found = _judge(database, _acknowledge(tmp_path, range(10)), {})
    assert (found.partitions[0].lost, found.partitions[0].doubled) == (lost, doubled)
    assert not found.good


def test_offset_acknowledged_twice_is_no_proof(
    tables: Connection, database: Database, tmp_path: Path
) -> None:
    """A broker that gave two records one offset has lost one of them."""
    _ten_sound_records(tables)
    log = _acknowledge(tmp_path, range(10))
    assert not _judge(database, _acknowledge(tmp_path, range(3, 4)), {}).good
    assert log.exists()


def test_gap_of_the_broker_is_no_loss_of_ours(
    tables: Connection, database: Database, tmp_path: Path
) -> None:
    """Offsets that the broker had dropped before they could be read need no verdict."""
    _ten_sound_records(tables)
    tables.execute(
        "INSERT INTO stream_gaps (topic_id, partition, first_offset, next_offset, topic, kind)"
        " VALUES (%s, 0, 10, 15, 't', 'deleted')",
        [_TOPIC],
    )
    _ledger(tables, 15, stored=7, duplicates=1, stale=1, dead=1)
    assert _judge(database, _acknowledge(tmp_path, range(10)), {}).good


def test_waiting_partitions_are_counted(tables: Connection, tmp_path: Path) -> None:
    """The demo waits until the consumer has passed the last acknowledged offset."""
    ends = verdict.read_ends(_acknowledge(tmp_path, range(10)))
    assert ends == {0: 10}
    assert verdict.count_waiting(tables, uuid4(), ends) == 1
    _ledger(tables, 9)
    assert verdict.count_waiting(tables, _TOPIC, ends) == 1
    _ledger(tables, 10)
    assert verdict.count_waiting(tables, _TOPIC, ends) == 0
