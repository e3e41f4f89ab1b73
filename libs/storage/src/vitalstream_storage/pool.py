"""Connections: opened with errors that a person can act on, and pooled."""

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import IsolationLevel
from psycopg_pool import ConnectionPool

from vitalstream_storage.errors import (
    AuthenticationError,
    DatabaseUnreachableError,
    MissingRightsError,
    OldServerError,
    StorageError,
)
from vitalstream_storage.settings import DatabaseSettings

__all__ = ["Connection", "Pool", "Rows", "connect", "open_pool"]

MINIMUM_SERVER = 15

Connection = psycopg.Connection[tuple[Any, ...]]
Pool = ConnectionPool[Connection]
Rows = psycopg.Cursor[tuple[Any, ...]]

# A failed connect carries no SQLSTATE, only the server's sentence.
_REFUSED = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    "certificate verify failed",
    "server certificate for",
    "server does not support SSL",
    "root certificate file",
)


def connect(
    settings: DatabaseSettings, application_name: str, *, autocommit: bool = False
) -> Connection:
    """Open one connection and check the server's version.

    Raises:
        DatabaseUnreachableError: nobody answers, or not yet.
        AuthenticationError: the role, its password, the database or the certificate is wrong.
        OldServerError: the server is older than PostgreSQL 15.
    """
    try:
        connection: Connection = psycopg.connect(
            settings.conninfo(application_name), prepare_threshold=None, autocommit=autocommit
        )
    except psycopg.OperationalError as error:
        raise _explained(settings, error) from None
    try:
        configure(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_pool(
    settings: DatabaseSettings,
    application_name: str,
    *,
    autocommit: bool = False,
    min_size: int = 1,
    reconnect_failed: Callable[[Pool], None] | None = None,
) -> Pool:
    """Open a pool of up to DATABASE_POOL_SIZE connections; statements are never prepared.

    The first connection is made before this returns, so that what is wrong is raised as by
    `connect`; later ones are made in the background, again and again while the server is away.
    """
    connect(settings, application_name).close()
    pool: Pool = ConnectionPool(
        settings.conninfo(application_name),
        connection_class=psycopg.Connection,
        kwargs={"prepare_threshold": None, "autocommit": autocommit},
        min_size=min_size,
        max_size=max(settings.database_pool_size, min_size),
        name=application_name,
        configure=configure,
        check=ConnectionPool.check_connection,
        reconnect_failed=reconnect_failed,
        open=False,
    )
    pool.open()
    return pool


def configure(connection: Connection) -> None:
    """Refuse an old server, and fix what the writer's reasoning about snapshots rests on."""
    if connection.info.server_version < MINIMUM_SERVER * 10_000:
        major = connection.info.server_version // 10_000
        raise OldServerError(
            f"PostgreSQL {MINIMUM_SERVER} or newer is needed, {_place(connection)} runs {major}"
        )
    connection.isolation_level = IsolationLevel.READ_COMMITTED


def missing_rights(connection: Connection, error: psycopg.Error, remedy: str) -> MissingRightsError:
    """One line for SQLSTATE 42501: who may not do what, where, and what mends it."""
    said = (error.diag.message_primary or "permission denied").splitlines()[0]
    return MissingRightsError(
        f"role {connection.info.user!r} on {_place(connection)}: {said}; {remedy}"
    )


def _place(connection: Connection) -> str:
    info = connection.info
    return f"{info.host or 'localhost'}:{info.port}/{info.dbname}"


def _explained(settings: DatabaseSettings, error: psycopg.OperationalError) -> StorageError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    refusal = next((line for line in lines if any(sign in line for sign in _REFUSED)), None)
    source = "DATABASE_URL" if settings.database_url is not None else "the PG* variables"
    # An unknown database or role is said with FATAL as well, yet may be about to be created.
    if refusal is not None:
        return AuthenticationError(f"PostgreSQL refuses the connection: {refusal}; see {source}")
    return DatabaseUnreachableError(
        f"PostgreSQL cannot be reached: {lines[0] if lines else error}; see {source}"
    )
