"""Partitions of observations by day, their retention, and the recount of all that is counted."""

import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import structlog
from psycopg import errors as pg

from vitalstream_storage.errors import MaintenanceError, MissingRightsError
from vitalstream_storage.pool import Connection, missing_rights
from vitalstream_storage.settings import MaintenanceSettings

__all__ = ["Report", "maintain", "recount"]

log = structlog.get_logger(__name__)

_TRIES = 5


@dataclass(slots=True)
class Report:
    """What one run of `maintain` did.

    Attributes:
        created: Days that got a partition.
        dropped: Days below the retention floor that are gone.
        stale: Rows below it that were in no day's partition and are gone.
        kept_from: First day that is kept; records before it are stale. None while all are.
    """

    created: list[date] = field(default_factory=list)
    dropped: list[date] = field(default_factory=list)
    stale: int = 0
    kept_from: date | None = None


def maintain(connection: Connection, settings: MaintenanceSettings) -> Report:
    """Make the partitions around today and, if asked to, drop those past their time.

    Every step is a transaction of its own, and any may be done again.

    Args:
        connection: Idle; its role needs no right but to call the functions (operator, owner).
        settings: How far, and how long to wait.

    Raises:
        MaintenanceError: some step found its table locked throughout; the others are done.
        MissingRightsError: the role may not.
    """
    report, late = Report(), list[str]()
    today = _ask(connection, settings, "SELECT (now() AT TIME ZONE 'UTC')::date")
    if settings.retention_days is not None:
        oldest = today - timedelta(days=settings.retention_days)
        late += _step(connection, settings, [], "raise_retention_floor", oldest)
    floor = _ask(
        connection, settings, "SELECT (observed_from AT TIME ZONE 'UTC')::date FROM retention"
    )
    for n in range(-settings.days_back, settings.days_ahead + 1):
        day = today + timedelta(days=n)
        if floor is None or day >= floor:
            late += _step(connection, settings, report.created, "create_observation_day", day)
    if floor is not None:
        report.kept_from = floor
        for day in _ask(connection, settings, "SELECT array(SELECT observation_days())"):
            if day < floor:
                late += _step(connection, settings, report.dropped, "drop_observation_day", day)
        report.stale = _ask(connection, settings, "SELECT drop_stale_observations()")
    if late:
        raise MaintenanceError(
            f"observations stayed locked: {', '.join(late)} not done; the next run takes it up"
        )
    return report


def recount(connection: Connection) -> dict[str, int]:
    """Make every counter anew, and tell by table how many of them were wrong.

    Writers wait until it is done; readers do not. Nothing is limited in time.
    """
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        try:
            return dict(connection.execute("SELECT counters, wrong FROM recount()").fetchall())
        except pg.InsufficientPrivilege as error:
            raise _rights(connection, error) from None


def _step(
    connection: Connection, settings: MaintenanceSettings, done: list[date], name: str, day: date
) -> list[str]:
    """Do one day's step; returns what is left undone."""
    for attempt in range(_TRIES):
        try:
            if _ask(connection, settings, f"SELECT {name}(%s)", day) is not False:
                done.append(day)
                log.info(name, day=day.isoformat())
        except (pg.LockNotAvailable, pg.DeadlockDetected):
            time.sleep(settings.lock_timeout * attempt / 2)
        else:
            return []
    return [f"{name} {day}"]


def _ask(
    connection: Connection, settings: MaintenanceSettings, query: str, *parameters: Any
) -> Any:
    with connection.transaction():
        connection.execute(
            "SELECT set_config('lock_timeout', %s, true), "
            "set_config('statement_timeout', '0', true)",
            [f"{settings.lock_timeout * 1000:.0f}ms"],
        )
        try:
            row = connection.execute(query, parameters).fetchone()
        except pg.InsufficientPrivilege as error:
            raise _rights(connection, error) from None
        return row[0] if row else None


def _rights(connection: Connection, error: pg.InsufficientPrivilege) -> MissingRightsError:
    return missing_rights(connection, error, "make it a member of vitalstream_operator")
