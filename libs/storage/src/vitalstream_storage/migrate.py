"""Brings the tables to the version that this code needs, one migrator at a time.

The migrations are plain SQL files, tracked by yoyo. It connects directly, never through a
transaction-mode pooler: the advisory lock belongs to the session.
"""

import time
from collections.abc import Callable
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import psycopg
import structlog
from psycopg import errors as pg
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import read_migrations

from vitalstream_storage.errors import (
    DatabaseUnreachableError,
    MigrationError,
    NotMigratedError,
    describe,
)
from vitalstream_storage.pool import Connection, connect, missing_rights
from vitalstream_storage.settings import DatabaseSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["REQUIRED_VERSION", "current_version", "migrate", "wait_until_migrated"]

log = structlog.get_logger(__name__)

_LOCK: Final = 7_284_915_530_418_301_952  # ours alone: any number no other program takes
_DIRECTORY: Final = resources.files("vitalstream_storage") / "migrations"
REQUIRED_VERSION: Final = max(
    int(entry.name.split("_")[0]) for entry in _DIRECTORY.iterdir() if entry.name.endswith(".sql")
)


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no types
    """yoyo on one connection of ours: a migration and its mark are one transaction.

    yoyo's own lock is a row that outlives a crashed process; the advisory lock held by `migrate`
    replaces it. yoyo would also parse the URL in its own way and ask for a user name that a
    container's numeric user does not have.
    """

    def __init__(self, connection: Connection) -> None:
        self._given = connection
        super().__init__(DatabaseURI("postgresql+psycopg", *[None] * 5, {}), "_yoyo_migration")

    def connect(self, _uri: object) -> Connection:
        return self._given

    @contextmanager
    def lock(self, timeout: float = 0) -> "Iterator[None]":  # noqa: ARG002 - yoyo's signature
        yield

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        row = self.execute("SELECT gen_random_uuid()::text, timezone('utc', now())").fetchone()
        return {
            "id": row[0],
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": self._given.info.user,
            "hostname": "",
            "created_at_utc": row[1],
            "operation": operation,
        }

    def apply_one(self, migration: Any, force: bool = False, mark: bool = True) -> None:  # noqa: FBT001, FBT002, ARG002 - yoyo's signature
        migration.load()
        with self.transaction():
            for step in migration.steps:
                step.apply(self)
            self.mark_one(migration)


def migrate(settings: DatabaseSettings) -> list[str]:
    """Apply what is missing, in order; on newer tables than ours do nothing.

    Returns:
        The names of the migrations that were applied.

    Raises:
        MigrationError: one failed; those before it stay, it is rolled back whole.
        MissingRightsError: the role may not create what a migration creates.
        StorageError: as `connect` raises.
    """
    with connect(settings, "vitalstream-migrate", autocommit=True) as connection:
        _lock(connection)
        backend = _Backend(connection)
        try:
            pending = backend.to_apply(read_migrations(str(_DIRECTORY)))
        except pg.InsufficientPrivilege as error:
            raise _rights(connection, error) from None
        for migration in pending:
            started = time.monotonic()
            _apply(connection, backend, migration)
            log.info("migrated", migration=migration.id, seconds=time.monotonic() - started)
        return [migration.id for migration in pending]


def current_version(connection: Connection) -> int:
    """The version of the tables, 0 where there are none."""
    with connection.transaction():
        row = connection.execute("SELECT to_regclass('schema_version')").fetchone()
        if row is None or row[0] is None:
            return 0
        row = connection.execute("SELECT version FROM schema_version").fetchone()
        return int(str(row[0])) if row else 0


def check_version(connection: Connection) -> None:
    """Raise NotMigratedError unless the tables are of the version this code needs, or newer."""
    try:
        version = current_version(connection)
    except pg.InsufficientPrivilege as error:
        remedy = "make it a member of vitalstream_writer, vitalstream_viewer or _operator"
        raise missing_rights(connection, error, remedy) from None
    if version < REQUIRED_VERSION:
        raise NotMigratedError(
            f"the tables are at version {version}, {REQUIRED_VERSION} is needed; "
            "run python -m vitalstream_storage migrate"
        )


def wait_until_migrated(
    settings: DatabaseSettings,
    application_name: str,
    *,
    stopped: Callable[[float], bool],
    waiting: Callable[[str, str], None],
    interval: float = 1.0,
) -> bool:
    """Wait for the server to answer and for its tables to be new enough.

    Args:
        settings: Where the database is.
        application_name: Shown in pg_stat_activity.
        stopped: Sleeps that many seconds; True ends the waiting (`Shutdown.wait`).
        waiting: Told, each time it changes, what is waited for, ``database`` or ``migrations``,
            and why.
        interval: Seconds between tries.

    Returns:
        Whether the tables are ready; False if `stopped` said so first.

    Raises:
        StorageError: what waiting cannot mend: credentials, an old server, missing rights.
    """
    said = ""
    while True:
        awaited = "database"
        try:
            with connect(settings, application_name) as connection:
                check_version(connection)
        except NotMigratedError as error:
            awaited, reason = "migrations", str(error)
        except DatabaseUnreachableError as error:
            reason = str(error)
        except psycopg.OperationalError as error:
            reason = f"PostgreSQL went away: {describe(error)}"
        else:
            return True
        if reason != said:
            said = reason
            waiting(awaited, reason)
        if stopped(interval):
            return False


def _lock(connection: Connection) -> None:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    if not (row and row[0]):
        log.info("migration_waits", what="another migrator is at work")
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])


def _apply(connection: Connection, backend: _Backend, migration: Any) -> None:
    try:
        backend.apply_one(migration)
    except pg.InsufficientPrivilege as error:
        raise _rights(connection, error) from None
    except psycopg.Error as error:
        raise MigrationError(
            f"migration {migration.id} failed and was rolled back: "
            f"{error.diag.message_primary or type(error).__name__}"
        ) from error


def _rights(connection: Connection, error: psycopg.Error) -> Exception:
    remedy = (
        "migrate as the database's owner, with CREATE on its schema, and with CREATEROLE or the "
        "roles vitalstream_writer, vitalstream_viewer, vitalstream_operator made before"
    )
    return missing_rights(connection, error, remedy)
