"""Several writers on the same tables: nobody waits, what no record is to blame for is retried."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from consumer.tests.support import Replica, Stream, eventually
from tests.chaos.servers import OwnPostgres
from tests.oracle.traffic import Hospital, Mix
from vitalstream_devstack.databases import Database
from vitalstream_devstack.pytest_plugin import KafkaHandle

PLAIN = Mix(0, 0, 0, 0, 0)


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[OwnPostgres]:
    """A server that logs whoever waits for a lock for a tenth of a second."""
    postgres = OwnPostgres(
        tmp_path / "postgres", {"log_lock_waits": "on", "deadlock_timeout": "100ms"}
    )
    yield postgres.start()
    postgres.stop()


def lock_waits(postgres: OwnPostgres) -> list[str]:
    """What the server says of waits, but for those of the disk: for a file to be extended."""
    lines = (postgres.server.data_dir / "postgres.out").read_text().splitlines()
    return [line for line in lines if "still waiting" in line and "extension of" not in line]


def test_replicas_do_not_wait_for_one_another(
    own_postgres: OwnPostgres, kafka: KafkaHandle, topic: str, replicas: Callable[..., Replica]
) -> None:
    """Three replicas on the same census, departments and hours: no wait of 100 ms is logged."""
    stream = Stream(kafka.bootstrap_servers, topic, own_postgres.database.url())
    url = own_postgres.database.url("writer")
    three = [replicas(DATABASE_URL=url, CONSUMER_BATCH_RECORDS="2000").start() for _ in range(3)]
    eventually(
        lambda: [replica.metric("assigned_partitions") for replica in three] == [1, 1, 1],
        "each has a partition",
    )
    stream.send(Hospital(seed=81, admissions=600).messages(20_000))
    stream.wait_until_stored()
    stream.check()
    assert lock_waits(own_postgres) == []
    assert [line for replica in three for line in replica.events("write_failed")] == []
    with psycopg.connect(stream.url) as holder:
        holder.execute("SELECT FROM stream_offsets WHERE partition = 0 FOR UPDATE")
        stream.send(Hospital(seed=82).messages(10), partition=0)
        eventually(lambda: lock_waits(own_postgres), "a wait would have been seen")
    stream.wait_until_stored()


RETRIED = {
    "40001": "serialization failure",
    "40P01": "deadlock",
    "53100": "disk full",
    "53200": "out of memory",
    "55P03": "lock timeout",
    "57014": "cancelled by an operator",
    "58030": "input/output error",
}


@pytest.mark.parametrize("sqlstate", RETRIED, ids=RETRIED.values())
def test_what_is_no_records_fault_is_tried_again(
    stream: Stream, replicas: Callable[..., Replica], sqlstate: str
) -> None:
    """Whatever PostgreSQL fails with but for the data: no dead letter, nobody to restart."""
    stream.query("CREATE SEQUENCE failures")
    stream.query("GRANT USAGE ON SEQUENCE failures TO public")
    stream.query(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF nextval('failures') <= 3 THEN RAISE 'not now' USING ERRCODE = '{sqlstate}'; END IF;"
        " RETURN NULL; END $$"
    )
    stream.query(
        "CREATE TRIGGER fail AFTER INSERT ON observations"
        " FOR EACH STATEMENT EXECUTE FUNCTION fail()"
    )
    replica = replicas(CONSUMER_RETRY_SECONDS="0.2").start()
    stream.send(Hospital(seed=83).messages(300))
    stream.wait_until_stored()
    stream.check()
    failed = [line.get("sqlstate") for line in replica.events("write_failed")]
    assert failed == [sqlstate] * 3
    assert replica.running


def test_a_batch_that_is_too_much_is_halved(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """What never ends in time as one batch ends as several: a timeout does not come for ever."""
    stream.query(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF (SELECT count(*) FROM new) > 200 THEN RAISE 'slow' USING ERRCODE = '57014'; END IF;"
        " RETURN NULL; END $$"
    )
    stream.query(
        "CREATE TRIGGER fail AFTER INSERT ON observations REFERENCING NEW TABLE AS new"
        " FOR EACH STATEMENT EXECUTE FUNCTION fail()"
    )
    stream.send(Hospital(seed=85).messages(2_000), partition=0)
    replica = replicas(CONSUMER_RETRY_SECONDS="0.2").start()
    stream.wait_until_stored()
    stream.check()
    assert replica.events("write_failed")


def test_a_deadlock_on_an_admission_is_tried_again(
    stream: Stream, replicas: Callable[..., Replica], database: Database
) -> None:
    """Two writers that want each other's row: the one that is ended stores its batch after all."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        # So long the replica stands in it before it is found, and it is found by the replica.
        admin.execute(f"ALTER DATABASE {database.name} SET deadlock_timeout = '5s'".encode())
    hospital = Hospital(seed=84, admissions=2, mix=PLAIN)
    stream.send(hospital.messages(40), partition=0)
    replica = replicas().start()
    stream.wait_until_stored()
    first, second = (row[0] for row in stream.query("SELECT admission_id FROM patient_records"))
    for held, wanted in (
        (first, second),
        (second, first),
    ):  # the replica takes them in either order
        assert replica.stop() == 0
        stream.send(hospital.messages(40), partition=0)
        with psycopg.connect(database.admin_url) as rival:
            rival.execute("SET deadlock_timeout = '10min'")
            rival.execute(_LOCK, [held])
            replica.start()
            eventually(lambda: waits(database), "the replica waits for the row")
            rival.execute(_LOCK, [wanted])
        stream.wait_until_stored()
    assert "40P01" in [line.get("sqlstate") for line in replica.events("write_failed")]
    stream.check()


_LOCK = "SELECT FROM patient_records WHERE admission_id = %s FOR UPDATE"


def waits(database: Database) -> bool:
    """Whether somebody waits for a lock in this database."""
    sql = "SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    with psycopg.connect(database.admin_url) as connection:
        return connection.execute(sql, [database.name]).fetchone() is not None
