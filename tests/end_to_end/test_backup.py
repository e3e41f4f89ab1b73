"""A backup taken under a running stream, restored as docs/operations.md says it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.end_to_end.pipeline import Pipeline, wait_until
from tests.oracle import Sent, read_ack_log, verify
from vitalstream_devstack.databases import Database, DatabaseServer
from vitalstream_devstack.postgres import POSTGRES_BIN_PATH
from vitalstream_devstack.pytest_plugin import KafkaHandle
from vitalstream_storage.__main__ import main

_SEED = 20260303
_MORE = 1_000


@pytest.fixture
def fresh(migrated_postgres: DatabaseServer) -> Iterator[Database]:
    """An empty database of the same owner, whose logins are there."""
    made = migrated_postgres.create(migrated=False)
    yield made
    migrated_postgres.drop(made.name)


@pytest.fixture
def restored(tmp_path: Path, kafka: KafkaHandle, topic: str, fresh: Database) -> Iterator[Pipeline]:
    """The services on the same topic, with the restored database."""
    with Pipeline(tmp_path, kafka, topic, fresh) as made:
        yield made


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """Where the backup goes."""
    return tmp_path / "vitalstream.dump"


@pytest.fixture(autouse=True)
def operator(fresh: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The storage commands are given to the restored database, with an operator's login."""
    monkeypatch.setenv("DATABASE_URL", fresh.url("operator"))


def _run(program: str, *arguments: str) -> None:
    command = [str(POSTGRES_BIN_PATH / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, f"{program}: {done.stderr.strip().splitlines()[-1:]}"


def _stored(pipeline: Pipeline) -> int:
    return int(sum(pipeline.ledger("stored").values()))


def _back_up_midway(pipeline: Pipeline, database: Database, dump: Path) -> list[Sent]:
    """Dump between records that are stored before it and more that come after."""
    consumer = pipeline.consumer()
    producer = pipeline.producer(rate=2_000, seed=_SEED)
    wait_until(lambda: _stored(pipeline) >= _MORE, "some are stored")
    _run("pg_dump", "--format=custom", f"--file={dump}", database.url())
    later = _stored(pipeline) + _MORE
    wait_until(lambda: _stored(pipeline) >= later, "the stream goes on")
    assert producer.stop() == 0
    sent = list(read_ack_log(pipeline.ack_log))
    pipeline.wait_until_consumed(sent)
    assert consumer.stop() == 0
    return sent


def test_a_restored_backup_catches_up_with_the_stream(
    pipeline: Pipeline, restored: Pipeline, database: Database, fresh: Database, dump: Path
) -> None:
    """The ledger in it stands where it was taken; a patient erased since then does not return."""
    sent = _back_up_midway(pipeline, database, dump)
    _run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={fresh.url()}", str(dump))
    assert main(["recount"]) == 0
    reached, ends = restored.ledger("next_offset"), pipeline.ledger("next_offset")
    assert sum(reached.values()) <= sum(ends.values()) - _MORE, "nothing to catch up with"
    restored.consumer("restored")
    restored.wait_until_consumed(sent)
    assert len(verify(fresh.url(), pipeline.topic_id, sent).observations) == len(sent)


def test_a_patient_erased_since_the_backup_does_not_return(
    pipeline: Pipeline, restored: Pipeline, database: Database, fresh: Database, dump: Path
) -> None:
    """Erased again before the consumer starts, a patient comes from neither backup nor Kafka."""
    sent = _back_up_midway(pipeline, database, dump)
    before, after = _patients(database)
    _run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={fresh.url()}", str(dump))
    for patient in (before, after):
        assert main(["erase", patient]) == 0
    restored.consumer("restored")
    restored.wait_until_consumed(sent)
    stale = sum(restored.ledger("stale").values())
    assert stale >= 1
    assert _stored(restored) + stale == len(sent)
    with psycopg.connect(fresh.url()) as connection:
        for table in ("observations", "patient_records", "patients"):
            found = connection.execute(
                f"SELECT count(*) FROM {table} WHERE patient_id = ANY(%s)".encode(),  # noqa: S608 - ours
                [[before, after]],
            ).fetchone()
            assert found == (0,)
    assert main(["recount"]) == 0


def _patients(database: Database) -> tuple[str, str]:
    """One whose record the backup has, and one whose record came after it."""
    with psycopg.connect(database.url()) as connection:
        found = connection.execute(
            "SELECT patient_id FROM observations ORDER BY kafka_partition, kafka_offset"
        ).fetchall()
        last = connection.execute(
            "SELECT patient_id FROM observations ORDER BY observed_at DESC LIMIT 1"
        ).fetchone()
    assert last is not None
    return str(found[0][0]), str(last[0])
