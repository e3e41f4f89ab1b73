"""One statement with a lock timeout, tried again while others hold what it needs."""

import time
from typing import Any, LiteralString

from psycopg import errors as pg

from vitalstream_storage.pool import Connection

__all__ = ["insist"]

_TRIES = 5


def insist(
    connection: Connection, lock_timeout: float, query: LiteralString, *parameters: Any
) -> tuple[Any, ...] | None:
    """Run a statement in a transaction of its own, without limit of time but for its locks.

    Args:
        connection: Idle.
        lock_timeout: Seconds that each lock is waited for, and others behind it.
        query: Gives one row.
        parameters: Of the query.

    Returns:
        The row, or None if what it needs stayed locked through every try.
    """
    for attempt in range(_TRIES):
        try:
            with connection.transaction():
                connection.execute(
                    "SELECT set_config('lock_timeout', %s, true),"
                    " set_config('statement_timeout', '0', true)",
                    [f"{lock_timeout * 1000:.0f}ms"],
                )
                return connection.execute(query, parameters).fetchone()
        except (pg.LockNotAvailable, pg.DeadlockDetected):
            time.sleep(lock_timeout * attempt / 2)
    return None
