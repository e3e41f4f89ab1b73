"""The comparison, on tables that the real codec and writer have filled: it must notice."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.oracle import MismatchError, Sent, verify
from tests.oracle.traffic import Hospital, Message, Mix
from vitalstream_devstack.databases import Database
from vitalstream_schema.codec import Decoder, RecordError
from vitalstream_storage import writer

_TOPIC_ID = uuid4()
_NOW = datetime(2026, 11, 1, tzinfo=UTC)
_EVERYTHING = Mix(duplicate=0.1, late=0.2, conflict=0.05, takeover=0.03, poison=0.1)


def _sent(messages: Iterable[Message]) -> list[Sent]:
    """The messages as a broker would number them; without a key each partition in turn."""
    ends = [0, 0, 0]
    sent = []
    for number, (key, payload, headers) in enumerate(messages):
        partition = (sum(key) if key else number) % 3
        sent.append(Sent(partition, ends[partition], payload, key, headers))
        ends[partition] += 1
    return sent


def _batch(token: UUID, partition: int, records: Sequence[Sent]) -> writer.Batch:
    accepted, dead = [], []
    for record in records:
        try:
            decoded = Decoder().decode(record.payload, record.headers, _NOW)
            accepted.append(writer.Accepted(decoded, partition, record.offset, record))
        except RecordError as error:
            dead.append(
                writer.DeadLetter(
                    partition,
                    record.offset,
                    record.key,
                    record.payload,
                    record.headers,
                    None,
                    error.reason,
                    error.field,
                    str(error),
                )
            )
    span = writer.Span(partition, records[0].offset, records[-1].offset + 1)
    return writer.Batch(
        _TOPIC_ID,
        "patient_records",
        token,
        [span],
        accepted,
        dead,
        lambda row: writer.Raw(row.message.key, row.message.payload, row.message.headers, None),
    )


def _store(database: Database, sent: Sequence[Sent], batch_records: int = 200) -> None:
    """Put the traffic into the tables as the consumer does, partition by partition."""
    token = uuid4()
    with psycopg.connect(database.url("writer"), autocommit=True) as connection:
        partitions = sorted({record.partition for record in sent})
        earliest = dict.fromkeys(partitions, 0)
        writer.claim(connection, _TOPIC_ID, "patient_records", earliest, token, 5)
        for partition in partitions:
            records = [record for record in sent if record.partition == partition]
            for start in range(0, len(records), batch_records):
                batch = _batch(token, partition, records[start : start + batch_records])
                writer.write(connection, batch)


@pytest.fixture
def sent(database: Database) -> list[Sent]:
    """Traffic of every kind that the tables hold already."""
    records = _sent(Hospital(7, admissions=40, mix=_EVERYTHING).messages(1_000))
    _store(database, records)
    return records


def _spoil(database: Database, script: str) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        for statement in re.sub(
            r"one\((\w+)\)", r"ctid = (SELECT min(ctid) FROM \1)", script
        ).split(";"):
            assert connection.execute(statement.encode()).rowcount != 0


def test_whole_tables_pass(database: Database, sent: list[Sent]) -> None:
    """What the real codec and writer make of every kind of record is what the oracle expects."""
    found = verify(database.url(), _TOPIC_ID, sent)
    assert {dead.reason for dead, _ in found.dead.values()} >= {"conflict", "admission_conflict"}
    assert sum(each.duplicates for each in found.verdicts.values()) > 30


# Of each: what is done to sound tables, and what the oracle has to say. one(t): one row of table t.
_FAULTS = {
    "a lost observation": (
        "DELETE FROM observations WHERE one(observations_default)",
        "observations: 1 missing",
    ),
    "a doubled observation": (
        (
            "ALTER TABLE observations DROP CONSTRAINT observations_pkey;"
            "INSERT INTO observations SELECT * FROM observations LIMIT 1"
        ),
        "observations: 1 too many",
    ),
    "an observation out of nowhere": (
        (
            "CREATE TEMP TABLE copy AS SELECT * FROM observations LIMIT 1;"
            "UPDATE copy SET observed_at = observed_at + interval '1 microsecond';"
            "INSERT INTO observations SELECT * FROM copy"
        ),
        "observations: 1 too many",
    ),
    "a wrong vital sign": (
        "UPDATE observations SET heart_rate = heart_rate + 1 WHERE one(observations_default)",
        "1 wrong in heart_rate",
    ),
    "a wrong score": (
        (
            "UPDATE observations SET news2_complete = NOT news2_complete WHERE"
            " one(observations_default)"
        ),
        "1 wrong in news2_complete",
    ),
    "another place": (
        "UPDATE observations SET kafka_offset = 99999 WHERE one(observations_default)",
        "1 wrong in kafka_offset",
    ),
    "a lost admission": (
        "DELETE FROM patient_records WHERE one(patient_records)",
        "patient_records: 1 missing",
    ),
    "an older state": (
        (
            "UPDATE patient_records SET timestamp = timestamp - interval '1 microsecond'"
            " WHERE one(patient_records)"
        ),
        "patient_records: 1 wrong in timestamp",
    ),
    "a mangled name": (
        "UPDATE patient_records SET patient_name = '' WHERE one(patient_records)",
        "patient_records: 1 wrong in patient_name",
    ),
    "a lost dead letter": (
        "DELETE FROM dead_letters WHERE one(dead_letters)",
        "dead_letters: 1 missing",
    ),
    "a dead letter of a good record": (
        (
            'INSERT INTO dead_letters (topic_id, partition, "offset", topic, reason, error)'
            " SELECT topic_id, partition, 99999, topic, reason, error FROM dead_letters LIMIT 1"
        ),
        "dead_letters: 1 too many",
    ),
    "a dead letter with another reason": (
        "UPDATE dead_letters SET reason = 'sunspots' WHERE one(dead_letters)",
        "dead_letters: 1 misnamed",
    ),
    "a dead letter with another payload": (
        "UPDATE dead_letters SET payload = 'x' WHERE one(dead_letters)",
        "dead_letters: 1 not the record",
    ),
    "a record skipped by the ledger": (
        "UPDATE stream_offsets SET next_offset = next_offset + 1 WHERE one(stream_offsets)",
        "advanced by",
    ),
    "a record counted twice": (
        "UPDATE stream_offsets SET duplicates = duplicates + 1 WHERE one(stream_offsets)",
        "counts stored, duplicates, dead",
    ),
    "a counter that missed an admission": (
        "UPDATE census SET admissions = admissions - 1 WHERE one(census)",
        "census: differs from a recount in 2 rows",
    ),
    "an hour counted twice": (
        "UPDATE hourly_vitals SET observations = 2 * observations WHERE one(hourly_vitals)",
        "hourly_vitals: differs from a recount in 2 rows",
    ),
    "a dead letter uncounted": (
        "UPDATE dead_letter_counts SET waiting = waiting - 1 WHERE one(dead_letter_counts)",
        "dead_letter_counts: differs from a recount in",
    ),
    "a patient shown by an older admission": (
        "UPDATE newest_admissions SET admission_id = 'none'",
        "patients: differs from a recount in",
    ),
    "a partition unknown to the ledger": (
        "DELETE FROM stream_offsets WHERE one(stream_offsets)",
        "is missing",
    ),
}


@pytest.mark.parametrize("fault", _FAULTS)
def test_planted_fault_is_found(database: Database, sent: list[Sent], fault: str) -> None:
    """One loss, one double or one wrong value among a thousand fails and is named as such."""
    script, says = _FAULTS[fault]
    _spoil(database, script)
    with pytest.raises(MismatchError) as found:
        verify(database.url(), _TOPIC_ID, sent)
    assert says in str(found.value)
    assert "O'\"Neil" not in str(found.value)


def test_record_that_was_never_sent_is_found(database: Database, sent: list[Sent]) -> None:
    """A stored record whose acknowledgement the oracle never saw does not pass either."""
    stored = verify(database.url(), _TOPIC_ID, sent).observations
    with pytest.raises(MismatchError):
        verify(database.url(), _TOPIC_ID, [s for s in sent if s[:2] != min(stored)])


def test_order_between_partitions_decides_contests(database: Database) -> None:
    """Where clients do not key, either of two rivals may be first: either is right, once."""
    sent = _sent(Hospital(8, admissions=5, mix=_EVERYTHING, keyed=False).messages(600))
    # Partition by partition, the last first: another order than that of the offsets.
    for partition in (2, 0, 1):
        _store(database, [record for record in sent if record.partition == partition])
    found = verify(database.url(), _TOPIC_ID, sent)
    assert any(dead.reason == "conflict" for dead, _ in found.dead.values())
    _spoil(
        database,
        "UPDATE observations SET heart_rate = 99, kafka_offset = 7 WHERE one(observations_default)",
    )
    with pytest.raises(MismatchError):
        verify(database.url(), _TOPIC_ID, sent)


def test_replay_is_judged_by_its_last_passage(database: Database, sent: list[Sent]) -> None:
    """A replay leaves everything but the counters, which are right for a replay alone."""
    _spoil(database, "DELETE FROM stream_offsets")
    _store(database, sent)
    verify(database.url(), _TOPIC_ID, sent, replayed=True)
    with pytest.raises(MismatchError):
        verify(database.url(), _TOPIC_ID, sent)
