"""What CONSUMER_SYNCHRONOUS_COMMIT=false risks, and what it does not, when PostgreSQL crashes."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from consumer.tests.support import WAIT_SECONDS, Replica, Stream, eventually
from tests.oracle.traffic import Hospital
from vitalstream_devstack.databases import DatabaseServer
from vitalstream_devstack.postgres import EmbeddedPostgres
from vitalstream_devstack.pytest_plugin import KafkaHandle
from vitalstream_runtime.settings import load
from vitalstream_storage.migrate import migrate
from vitalstream_storage.settings import DatabaseSettings

# Nobody but a commit that waits for it brings the log of changes to the disk.
_NOTHING_WRITTEN_BESIDES = {
    "autovacuum": "off",
    "bgwriter_lru_maxpages": "0",
    "wal_buffers": "16MB",
}


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, to crash."""
    with EmbeddedPostgres(tmp_path / "postgres", options=_NOTHING_WRITTEN_BESIDES) as server:
        yield server


def freeze_wal_writer(postgres: EmbeddedPostgres) -> None:
    """Keep the process that saves unwaited commits, five times a second, from doing so."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        row = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"
        ).fetchone()
        assert row is not None
        os.kill(row[0], signal.SIGSTOP)


def send(stream: Stream, hospital: Hospital) -> int:
    """Send records and see them stored; returns how many."""
    stream.send(hospital.messages(300))
    stream.wait_until_stored()
    return 300


def send_and_freeze(stream: Stream, hospital: Hospital, replica: Replica, *, lost: bool) -> int:
    """Send until a crash would lose the last records' commits, or would not; returns how many.

    The consumer stands still then: it can neither save them with a commit that waits, as its
    surveys' do, nor read them again before anybody looks.
    """
    sent = 0
    while True:
        ((begun,),) = stream.query("SELECT pg_current_wal_insert_lsn()::text")
        sent += send(stream, hospital)
        replica.signal(signal.SIGSTOP)
        ((unsaved,),) = stream.query("SELECT pg_current_wal_lsn() <= %s::pg_lsn", begun)
        if unsaved == lost:
            return sent
        replica.signal(signal.SIGCONT)
        assert sent < WAIT_SECONDS * 300, "something saves each of the commits"


@pytest.mark.parametrize(("waits", "lost"), [("false", True), ("true", False)])
def test_commits_that_a_crash_loses_are_read_again(  # noqa: PLR0917 - fixtures
    own_postgres: EmbeddedPostgres,
    kafka: KafkaHandle,
    topic: str,
    replicas: Callable[..., Replica],
    monkeypatch: pytest.MonkeyPatch,
    waits: str,
    lost: bool,  # noqa: FBT001 - a case's outcome
) -> None:
    """Records that were visible and are lost go with their offsets, so they come once more.

    The control: with commits that wait, the same crash loses nothing, and nothing is read again.
    """
    server = DatabaseServer.prepare(own_postgres.url())
    database = server.create_template()
    monkeypatch.setenv("DATABASE_URL", database.url())
    migrate(load(DatabaseSettings))
    server.add_logins()
    stream = Stream(kafka.bootstrap_servers, topic, database.url())
    hospital = Hospital(seed=19, admissions=50)
    replica = replicas(
        DATABASE_URL=database.url("writer"),
        CONSUMER_SYNCHRONOUS_COMMIT=waits,
        CONSUMER_SURVEY_SECONDS="300",  # its commits wait, and those before it are saved with them
    ).start()
    send(stream, hospital)
    freeze_wal_writer(own_postgres)
    sent = send_and_freeze(stream, hospital, replica, lost=lost)
    before = stream.positions()
    own_postgres.kill()
    own_postgres.start()
    after = stream.positions()
    replica.signal(signal.SIGCONT)
    assert any(after[partition] < before[partition] for partition in before) == lost
    sent += 300 + send(stream, hospital)
    stream.check()
    eventually(lambda: (replica.metric("records_committed_total") or 0) >= sent, "all are counted")
    assert ((replica.metric("records_committed_total") or 0) > sent) == lost
