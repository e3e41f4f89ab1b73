"""What goes wrong with the consumer or its database loses nothing and doubles nothing."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from consumer.tests.support import WAIT_SECONDS, Replica, Stream, eventually
from tests.chaos.proxy import Proxy, Trap
from tests.oracle.traffic import Hospital
from vitalstream_devstack.databases import Database, DatabaseServer
from vitalstream_devstack.postgres import EmbeddedPostgres
from vitalstream_devstack.pytest_plugin import KafkaHandle
from vitalstream_runtime.settings import load
from vitalstream_storage.migrate import migrate
from vitalstream_storage.settings import DatabaseSettings


def test_killed_again_and_again(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """SIGKILL at random moments while records flow: the tables equal what was sent."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 - shown by pytest where the test fails
    chance = random.Random(seed)
    hospital = Hospital(seed=11, admissions=200)
    for _ in range(5):
        replica = replicas(CONSUMER_BATCH_RECORDS="100").start()
        stream.send(hospital.messages(1_000))
        time.sleep(chance.uniform(0.5, 2.0))
        replica.kill()
    replicas().start()
    stream.wait_until_stored()
    stream.check()


def test_killed_inside_a_transaction(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """What was copied and not committed is gone with the process, and stored by the next one."""
    stream.send(Hospital(seed=12, admissions=50).messages(900))
    replica = replicas()
    with stream.writers_blocked():
        replica.start()
        stream.wait_for_blocked_writers()
        replica.kill()
    replica.start()
    stream.wait_until_stored()
    stream.check()


def test_frozen_inside_a_transaction(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """A process frozen with the ledger locked is put out of the way, and cannot write later."""
    hospital = Hospital(seed=13, admissions=50)
    stream.send(hospital.messages(900))
    zombie = replicas()
    with stream.writers_blocked():
        zombie.start()
        stream.wait_for_blocked_writers()
        zombie.signal(signal.SIGSTOP)
    successor = replicas(DATABASE_LOCK_TIMEOUT="0.5").start()
    stream.wait_until_stored()
    zombie.signal(signal.SIGCONT)
    stream.send(hospital.messages(900))
    stream.wait_until_stored()
    stream.check()
    assert successor.stop() == 0
    assert zombie.stop() == 0
    stream.check()


def test_a_foreign_claim_is_taken_back(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """A stale claim fences the writer, which claims again while the group leaves it in charge."""
    hospital = Hospital(seed=14, admissions=50)
    stream.send(hospital.messages(300))
    replica = replicas().start()
    stream.wait_until_stored()
    stream.query("UPDATE stream_offsets SET owner_token = gen_random_uuid() WHERE partition < 2")
    stream.send(hospital.messages(300))
    stream.wait_until_stored()
    stream.check()
    assert replica.metric("fenced_total") == 2
    assert sorted(n for line in replica.events("fenced") for n in line["partitions"]) == [0, 1]


def test_a_rewound_ledger_is_read_again(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """An older state of the ledger, as a restored backup has it, is gone on from."""
    hospital = Hospital(seed=15, admissions=50)
    stream.send(hospital.messages(600))
    replica = replicas().start()
    stream.wait_until_stored()
    stream.query("UPDATE stream_offsets SET next_offset = next_offset / 2")
    stream.send(hospital.messages(300))
    stream.wait_until_stored()
    sums = "sum(next_offset), sum(stored + duplicates + stale + dead)"
    ((log, judged),) = stream.query(f"SELECT {sums} FROM stream_offsets")  # noqa: S608 - our own
    assert log == 900
    assert judged > 900
    eventually(lambda: (replica.metric("rewound_total") or 0) >= 3, "each partition is counted")
    stream.query("UPDATE stream_offsets SET duplicates = next_offset - stored - stale - dead")
    stream.check(replayed=True)


def test_a_rewind_is_noticed_where_nothing_arrives(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """A crash that lost the last commits of a stream now silent leaves nothing unread."""
    stream.send(Hospital(seed=18, admissions=50).messages(600))
    replica = replicas().start()
    stream.wait_until_stored()
    stream.query("DELETE FROM observations")
    stream.query("DELETE FROM patient_records")
    stream.query("DELETE FROM dead_letters")
    stream.query("UPDATE stream_offsets SET next_offset = 0, stored = 0, duplicates = 0, dead = 0")
    stream.wait_until_stored()
    stream.check()
    eventually(lambda: (replica.metric("rewound_total") or 0) >= 3, "each partition is counted")


def test_a_failover_that_lost_a_tail_is_counted(
    stream: Stream, replicas: Callable[..., Replica], database: Database
) -> None:
    """Where the connection breaks within a batch, the next claim finds the ledger further back."""
    hospital = Hospital(seed=20, admissions=50)
    stream.send(hospital.messages(600))
    replica = replicas().start()
    stream.wait_until_stored()
    with stream.writers_blocked():
        stream.send(hospital.messages(300))
        stream.wait_for_blocked_writers()
        with psycopg.connect(database.admin_url, autocommit=True) as administrator:
            administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'vitalstream-consumer'"
            )
        stream.query("UPDATE stream_offsets SET next_offset = next_offset / 2")
    stream.wait_until_stored()
    eventually(lambda: (replica.metric("rewound_total") or 0) > 0, "it is counted")
    assert len(replica.events("rewound")) == replica.metric("rewound_total")
    stream.query("UPDATE stream_offsets SET duplicates = next_offset - stored - stale - dead")
    stream.check(replayed=True)


@pytest.mark.parametrize(
    "trap",
    [
        Trap(b"COMMIT", forward=True, times=4),
        Trap(b"COMMIT", forward=False, times=4),
        Trap(b"FROM STDIN", further=3_000, times=4),
        Trap(b"FROM STDIN", further=3_000, times=2, leave_server=True),
    ],
    ids=["answer to COMMIT lost", "COMMIT lost", "COPY cut", "COPY cut, server not told"],
)
def test_connections_cut(
    stream: Stream, replicas: Callable[..., Replica], database: Database, trap: Trap
) -> None:
    """Whatever became of the transaction, the ledger is asked before anything is written again."""
    port = psycopg.conninfo.conninfo_to_dict(database.url("writer"))["port"]
    hospital = Hospital(seed=16, admissions=50)
    with Proxy(int(str(port))) as proxy:
        replica = replicas(
            DATABASE_URL=proxy.url(database.url("writer")),
            CONSUMER_BATCH_RECORDS="100",
            DATABASE_LOCK_TIMEOUT="0.5",
        ).start()
        stream.send(hospital.messages(600))
        stream.wait_until_stored()
        wanted = trap.times
        proxy.set(trap)
        stream.send(hospital.messages(2_000))
        assert proxy.wait_for_cuts(wanted, WAIT_SECONDS)
        stream.wait_until_stored()
    stream.check()  # verdict by verdict: a batch stored twice would be counted as duplicates
    eventually(lambda: (replica.metric("write_failures_total") or 0) >= wanted, "all are counted")


def test_a_partition_lost_while_paused_is_read_again(
    stream: Stream, replicas: Callable[..., Replica], database: Database
) -> None:
    """The Kafka client keeps a partition paused past its assignment; the next claim must not."""
    replica = replicas(CONSUMER_BATCH_RECORDS="100").start()
    with stream.writers_blocked():
        stream.send(Hospital(seed=19, admissions=50).messages(3_000))
        eventually(lambda: replica.events("reading_paused"), "there is no more room")
        stream.wait_for_blocked_writers()
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE datname = current_database() AND relation = 'patient_records'::regclass"
                " AND NOT granted"
            )
        eventually(lambda: replica.events("write_failed"), "the writers have lost their batches")
    stream.wait_until_stored()
    stream.check()


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, to be stopped."""
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        yield server


def test_the_database_stopped_and_started(
    own_postgres: EmbeddedPostgres,
    kafka: KafkaHandle,
    topic: str,
    replicas: Callable[..., Replica],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unready with a reason, polling on past max.poll.interval, then on from where it was."""
    server = DatabaseServer.prepare(own_postgres.url())
    database = server.create_template()
    monkeypatch.setenv("DATABASE_URL", database.url())
    migrate(load(DatabaseSettings))
    server.add_logins()
    stream = Stream(kafka.bootstrap_servers, topic, database.url())
    hospital = Hospital(seed=17, admissions=50)
    replica = replicas(
        DATABASE_URL=database.url("writer"), CONSUMER_MAX_POLL_INTERVAL_SECONDS="6"
    ).start()
    stream.send(hospital.messages(500))
    stream.wait_until_stored()
    own_postgres.stop()
    eventually(lambda: "database" in replica.reasons, "unready, with the reason")
    time.sleep(8)
    assert replica.get("/livez")[0] == 200
    assert "PostgreSQL" in replica.reasons["database"]
    assert len(replica.events("survey_failed")) == 1  # and not every half second
    own_postgres.start()
    eventually(lambda: replica.events("survey_works_again"), "so it says")
    eventually(lambda: replica.ready, "ready again")
    own_postgres.kill()
    stream.send(hospital.messages(500))
    eventually(lambda: replica.events("write_failed"), "a write fails")
    own_postgres.start()
    stream.wait_until_stored()
    stream.check()
    assert replica.metric("rebalances_total") == 1
