"""The proxy does to a connection what it says, and nothing else."""

import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.chaos.proxy import Proxy, Trap
from vitalstream_devstack.databases import Database


@pytest.fixture
def proxy(empty_database: Database) -> Iterator[Proxy]:
    """In front of a database with one small table."""
    with psycopg.connect(empty_database.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE facts (fact text)")
    with Proxy(urlsplit(empty_database.url()).port or 0) as proxy:
        yield proxy


def _facts(database: Database) -> int:
    with psycopg.connect(database.url()) as connection:
        row = connection.execute("SELECT count(*) FROM facts").fetchone()
    assert row is not None
    return int(row[0])


def _backends(database: Database) -> int:
    with psycopg.connect(database.admin_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [database.name],
        ).fetchone()
    assert row is not None
    return int(row[0])


def _wait_for_backends(database: Database, count: int) -> None:
    deadline = time.monotonic() + 20
    while _backends(database) != count:
        assert time.monotonic() < deadline, f"never {count} backends"
        time.sleep(0.02)


def _copy_ten_megabytes(connection: psycopg.Connection) -> None:
    with connection.cursor().copy("COPY facts FROM STDIN") as copy:
        for number in range(100_000):
            copy.write_row([f"{number:0>100}"])


def test_everything_passes_unchanged(empty_database: Database, proxy: Proxy) -> None:
    """Megabytes in both directions arrive as they were sent."""
    text = "".join(map(str, range(400_000)))
    with psycopg.connect(proxy.url(empty_database.url())) as connection:
        row = connection.execute("SELECT %s::text", [text]).fetchone()
    assert row == (text,)
    assert proxy.cuts == 0


def test_stalled_connection_waits_and_goes_on(empty_database: Database, proxy: Proxy) -> None:
    """Stalling delays an answer until flow is resumed; nothing is lost by it."""
    answered = threading.Event()

    def ask() -> None:
        connection.execute("INSERT INTO facts VALUES ('late')")
        answered.set()

    with psycopg.connect(proxy.url(empty_database.url()), autocommit=True) as connection:
        proxy.stall()
        asking = threading.Thread(target=ask)
        asking.start()
        assert not answered.wait(0.3)
        assert _facts(empty_database) == 0
        proxy.resume()
        assert answered.wait(20)
        asking.join()
    assert _facts(empty_database) == 1


def test_cut_ends_every_connection(empty_database: Database, proxy: Proxy) -> None:
    """A cut is an error for the client and the end for the server's backend."""
    with psycopg.connect(proxy.url(empty_database.url())) as connection:
        connection.execute("INSERT INTO facts VALUES ('lost')")
        proxy.cut()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    _wait_for_backends(empty_database, 0)
    assert _facts(empty_database) == 0


def test_refused_connections_come_through_once_accepted(
    empty_database: Database, proxy: Proxy
) -> None:
    """While it refuses nobody connects; afterwards everybody does."""
    proxy.refuse()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(proxy.url(empty_database.url()))
    proxy.accept()
    psycopg.connect(proxy.url(empty_database.url())).close()


@pytest.mark.parametrize(("forward", "stored"), [(True, 1), (False, 0)])
def test_commit_is_cut_before_or_after_the_server_hears_it(
    empty_database: Database, proxy: Proxy, *, forward: bool, stored: int
) -> None:
    """The client sees the same error whether the server has committed or not."""
    proxy.set(Trap(b"COMMIT\0", forward=forward))
    with psycopg.connect(proxy.url(empty_database.url())) as connection:
        connection.execute("INSERT INTO facts VALUES ('perhaps')")
        with pytest.raises(psycopg.OperationalError):
            connection.commit()
    assert proxy.wait_for_cuts(1, 20)
    _wait_for_backends(empty_database, 0)
    assert _facts(empty_database) == stored


def test_copy_is_cut_in_its_middle(empty_database: Database, proxy: Proxy) -> None:
    """After so many bytes past the pattern the connection ends, and nothing of the COPY stays."""
    proxy.set(Trap(b"COPY facts", further=100_000))
    with (
        psycopg.connect(proxy.url(empty_database.url())) as connection,
        pytest.raises(psycopg.OperationalError),
    ):
        _copy_ten_megabytes(connection)
    _wait_for_backends(empty_database, 0)
    assert (_facts(empty_database), proxy.cuts) == (0, 1)


def test_partitioned_server_keeps_its_transaction(empty_database: Database, proxy: Proxy) -> None:
    """With the server's side left open its locks stay until somebody ends the backend."""
    proxy.set(Trap(b"INSERT INTO facts", forward=True, leave_server=True))
    with psycopg.connect(proxy.url(empty_database.url())) as connection:
        connection.execute("LOCK TABLE facts")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("INSERT INTO facts VALUES ('never')")
    with psycopg.connect(empty_database.url()) as other:
        other.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("SELECT * FROM facts")
    with psycopg.connect(empty_database.admin_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
            " WHERE datname = %s AND state <> 'idle' AND pid <> pg_backend_pid()",
            [empty_database.name],
        )
    assert _facts(empty_database) == 0


def test_trap_closes_once_even_over_split_chunks(empty_database: Database, proxy: Proxy) -> None:
    """A trap set for one connection lets the next one say the same."""
    proxy.set(Trap(b"SELECT 42"))
    with (
        psycopg.connect(proxy.url(empty_database.url())) as first,
        pytest.raises(psycopg.OperationalError),
    ):
        first.execute("SELECT 42")
    with psycopg.connect(proxy.url(empty_database.url())) as second:
        assert second.execute("SELECT 42").fetchone() == (42,)
    assert proxy.cuts == 1


def test_held_client_is_heard_after_release(empty_database: Database, proxy: Proxy) -> None:
    """What is held stands still in the middle of its transaction, and then goes on unharmed."""
    proxy.set(Trap(b"COMMIT\0", forward=False, hold=True))

    def insert() -> None:
        with psycopg.connect(proxy.url(empty_database.url())) as connection:
            connection.execute("INSERT INTO facts VALUES ('held')")

    inserting = threading.Thread(target=insert)
    inserting.start()
    assert proxy.wait_for_held(1, 20)
    assert _facts(empty_database) == 0
    proxy.release()
    inserting.join()
    assert (_facts(empty_database), proxy.cuts) == (1, 0)
