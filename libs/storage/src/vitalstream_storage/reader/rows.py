"""One question of the tables: its view of them, its time limit, its rows."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

from psycopg.pq import TransactionStatus
from psycopg.rows import class_row

from vitalstream_storage.pool import Connection

_TIMEOUT = 5.0

_T = TypeVar("_T")


@contextmanager
def snapshot(connection: Connection, timeout: float = _TIMEOUT) -> Iterator[Connection]:
    """One view of the tables for several questions, so that their answers agree.

    Args:
        connection: Idle, outside any transaction.
        timeout: Seconds for each statement.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute(
            "SELECT set_config('statement_timeout', %s, true)", [f"{timeout * 1000:.0f}ms"]
        )
        yield connection


def within_snapshot(connection: Connection) -> AbstractContextManager[Connection]:
    """The snapshot that is open on the connection, or else one of its own."""
    if connection.info.transaction_status == TransactionStatus.IDLE:
        return snapshot(connection)
    return nullcontext(connection)


def rows(
    connection: Connection, kind: type[_T], query: str, parameters: Mapping[str, Any]
) -> list[_T]:
    """The answer as objects of a class whose fields are named like the columns."""
    with within_snapshot(connection), connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query, parameters).fetchall()
