"""Connections: what is wrong with them is one line that says where and what to do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from vitalstream_devstack.databases import Database, with_login
from vitalstream_devstack.ports import free_port
from vitalstream_runtime.settings import SettingsError, load
from vitalstream_storage import pool
from vitalstream_storage.errors import (
    AuthenticationError,
    DatabaseUnreachableError,
    MissingRightsError,
    OldServerError,
    StorageError,
)
from vitalstream_storage.migrate import check_version
from vitalstream_storage.settings import DatabaseSettings

Opening = Callable[[DatabaseSettings], None]
_PG = ("HOST", "PORT", "DATABASE", "USER", "PASSWORD", "SSLMODE", "SSLROOTCERT")


def settings(url: str, **more: object) -> DatabaseSettings:
    """Settings of one database."""
    return DatabaseSettings.model_validate({"database_url": url, **more})


def _by_connect(given: DatabaseSettings) -> None:
    pool.connect(given, "test").close()


def _by_pool(given: DatabaseSettings) -> None:
    pool.open_pool(given, "test").close()


@pytest.fixture(params=[_by_connect, _by_pool], ids=["connect", "open_pool"])
def opening(request: pytest.FixtureRequest) -> Opening:
    """Each of the two ways to a connection; both say alike what is wrong."""
    chosen: Opening = request.param
    return chosen


def refused(opening: Opening, url: str, kind: type[StorageError]) -> str:
    """What the one line says."""
    with pytest.raises(kind) as caught:
        opening(settings(url, database_connect_timeout=1))
    said = str(caught.value)
    assert "\n" not in said
    assert "geheim" not in said
    return said


@contextmanager
def stranger(database: Database, options: LiteralString) -> Iterator[str]:
    """The URL of a role that belongs to no group, gone afterwards."""
    role = sql.Identifier(f"{database.name}_stranger")
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} PASSWORD 'geheim' {}").format(role, sql.SQL(options)))
        try:
            yield with_login(database.url(), user=f"{database.name}_stranger", password="geheim")  # noqa: S106 - likewise
        finally:
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_wrong_password(opening: Opening, empty_database: Database) -> None:
    """No waiting mends it; the line names the setting to look at."""
    login = conninfo_to_dict(empty_database.url())["user"]
    url = with_login(empty_database.url(), user=str(login), password="geheim")  # noqa: S106 - a wrong one
    said = refused(opening, url, AuthenticationError)
    assert "password authentication failed" in said
    assert "DATABASE_URL" in said


def test_no_password(opening: Opening, empty_database: Database) -> None:
    """A URL that lacks one is told apart from a server that is away."""
    given = conninfo_to_dict(empty_database.url())
    url = f"postgresql://{given['user']}@{given['host']}:{given['port']}/{given['dbname']}"
    assert "no password supplied" in refused(opening, url, AuthenticationError)


def test_a_role_that_may_not_log_in(opening: Opening, database: Database) -> None:
    """The group roles are for membership; who logs in as one is told so."""
    with stranger(database, "NOLOGIN") as url:
        assert "not permitted to log in" in refused(opening, url, AuthenticationError)


def test_a_server_that_is_not_there(opening: Opening) -> None:
    """Waiting may help; the line names the address."""
    port = free_port()
    said = refused(opening, f"postgresql://u:geheim@127.0.0.1:{port}/d", DatabaseUnreachableError)
    assert str(port) in said
    assert "DATABASE_URL" in said


def test_a_database_that_is_not_there(opening: Opening, empty_database: Database) -> None:
    """It may be about to be created: waiting may help."""
    url = with_login(empty_database.url(), database="no_such_database")
    assert "no_such_database" in refused(opening, url, DatabaseUnreachableError)


def test_an_old_server(
    opening: Opening, empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both versions are named, and the connection is not left open."""
    monkeypatch.setattr(pool, "MINIMUM_SERVER", 99)
    said = refused(opening, empty_database.url(), OldServerError)
    assert "PostgreSQL 99 or newer is needed" in said
    assert empty_database.name in said
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + 60
    while True:
        with psycopg.connect(empty_database.url()) as connection:
            if connection.execute(others, [empty_database.name]).fetchone() == (0,):
                return
        assert time.monotonic() < deadline, "a connection was left open"
        time.sleep(0.05)


def test_missing_rights(database: Database) -> None:
    """A login without a role is told which roles there are."""
    with (
        stranger(database, "LOGIN") as url,
        pool.connect(settings(url), "test") as connection,
        pytest.raises(MissingRightsError, match="vitalstream_writer") as caught,
    ):
        check_version(connection)
    assert "\n" not in str(caught.value)
    assert f"{database.name}_stranger" in str(caught.value)


def test_a_pool_gives_connections_as_the_writer_needs_them(database: Database) -> None:
    """Read committed whatever the database's default, nothing prepared, no more than its size."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            f"ALTER DATABASE {database.name} SET default_transaction_isolation = 'serializable'"
            .encode()
        )  # fmt: skip
    opened = pool.open_pool(settings(database.url("writer"), database_pool_size=2), "me")
    with opened, opened.connection() as one, opened.connection():
        for _ in range(7):
            one.execute("SELECT %s::int", [1])
        found = one.execute(
            "SELECT current_setting('transaction_isolation'), current_setting('application_name'),"
            " (SELECT count(*) FROM pg_prepared_statements)"
        ).fetchone()
        assert found == ("read committed", "me", 0)
        assert opened.max_size == 2


def test_a_pool_outlives_its_connections(database: Database) -> None:
    """Whoever asks after the server has cut them gets one that works."""
    ended = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s"
    with pool.open_pool(settings(database.url("viewer")), "me", min_size=2) as opened:
        opened.wait(60)
        with psycopg.connect(database.admin_url) as admin:
            admin.execute(ended + " AND application_name = 'me'", [database.name])
        for _ in range(3):
            with opened.connection(60) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)


def test_libpqs_variables_count_where_there_is_no_url(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """PG* variables and secrets' files reach the same database, and a refusal names them."""
    given = conninfo_to_dict(database.url("viewer"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    names = dict(zip(_PG, ("host", "port", "dbname", "user", "password", "sslmode"), strict=False))
    for variable, name in names.items():
        monkeypatch.setenv(f"PG{variable}", str(given[name]))
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    (tmp_path / "PGPASSWORD").write_text(str(given["password"]))
    with pool.connect(load(DatabaseSettings), "test") as connection:
        assert connection.info.dbname == database.name
    monkeypatch.setenv("PGPASSWORD", "geheim")
    with pytest.raises(AuthenticationError, match=r"the PG\* variables"):
        pool.connect(load(DatabaseSettings), "test")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DATABASE_URL", "postgresql://u:geheim@host:99x/d?nonsense", "DATABASE_URL"),
        ("PGSSLROOTCERT", "/no/such/file", "PGSSLROOTCERT"),
        ("PGSSLMODE", "always", "PGSSLMODE"),
        ("DATABASE_POOL_SIZE", "0", "DATABASE_POOL_SIZE"),
    ],
)
def test_a_bad_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    """One line names the variable, and a URL's password is not in it."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=said) as caught:
        load(DatabaseSettings)
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)
