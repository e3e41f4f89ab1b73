"""Partitions by day, what is past its time, and the recount of all that is counted."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, LiteralString

import structlog
from psycopg import errors as pg

from vitalstream_storage.errors import MaintenanceError, MissingRightsError
from vitalstream_storage.pool import Connection, missing_rights
from vitalstream_storage.settings import MaintenanceSettings
from vitalstream_storage.steps import insist

__all__ = ["Report", "maintain", "recount"]

log = structlog.get_logger(__name__)

_STEPS: dict[str, LiteralString] = {
    "raise_retention_floor": "SELECT raise_retention_floor(%s)",
    "create_observation_day": "SELECT create_observation_day(%s)",
    "drop_observation_day": "SELECT drop_observation_day(%s)",
}


@dataclass(slots=True)
class Report:
    """What one run of `maintain` did.

    Attributes:
        created: Days that got a partition.
        dropped: Days below the retention floor that are gone.
        stale: Rows below it that were in no day's partition and are gone.
        dead_letters: Those past their own time that are gone.
        kept_from: First day that is kept; records before it are stale. None while all are.
    """

    created: list[date] = field(default_factory=list)
    dropped: list[date] = field(default_factory=list)
    stale: int = 0
    dead_letters: int = 0
    kept_from: date | None = None


def maintain(connection: Connection, settings: MaintenanceSettings) -> Report:
    """Make the partitions around today and, if asked to, drop what is past its time.

    Every step is a transaction of its own, and any may be done again.

    Args:
        connection: Idle; its role needs no right but to call the functions (operator, owner).
        settings: How far, and how long to wait.

    Raises:
        MaintenanceError: some step found its table locked throughout; the others are done.
        MissingRightsError: the role may not.
    """
    report = Report()
    try:
        late = _days(connection, settings, report) + _letters(connection, settings, report)
    except pg.InsufficientPrivilege as error:
        raise _rights(connection, error) from None
    if late:
        raise MaintenanceError(
            f"tables stayed locked: {', '.join(late)} not done; the next run takes it up"
        )
    return report


def _days(connection: Connection, settings: MaintenanceSettings, report: Report) -> list[str]:
    """Observations' partitions and their retention; returns what is left undone."""
    late: list[str] = []

    def step(name: str, day: date, done: list[date]) -> None:
        row = insist(connection, settings.lock_timeout, _STEPS[name], day)
        if row is None:
            late.append(f"{name} {day}")
        elif row[0] is not False:
            done.append(day)
            log.info(name, day=day.isoformat())

    today = _ask(connection, "SELECT (now() AT TIME ZONE 'UTC')::date")
    if settings.retention_days is not None:
        step("raise_retention_floor", today - timedelta(days=settings.retention_days), [])
    floor = _ask(connection, "SELECT (observed_from AT TIME ZONE 'UTC')::date FROM retention")
    for n in range(-settings.days_back, settings.days_ahead + 1):
        day = today + timedelta(days=n)
        if floor is None or day >= floor:
            step("create_observation_day", day, report.created)
    if floor is not None:
        report.kept_from = floor
        for day in _ask(connection, "SELECT array(SELECT observation_days())"):
            if day < floor:
                step("drop_observation_day", day, report.dropped)
        row = insist(connection, settings.lock_timeout, "SELECT drop_stale_observations()")
        report.stale = row[0] if row else 0
        late += [] if row else ["drop_stale_observations"]
    return late


def _letters(connection: Connection, settings: MaintenanceSettings, report: Report) -> list[str]:
    """Dead letters' retention; returns what is left undone."""
    if settings.dead_letter_days is None:
        return []
    row = insist(
        connection,
        settings.lock_timeout,
        "SELECT drop_dead_letters(now() - %s)",
        timedelta(days=settings.dead_letter_days),
    )
    report.dead_letters = row[0] if row else 0
    return [] if row else ["drop_dead_letters"]


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


def _ask(connection: Connection, query: LiteralString) -> Any:
    with connection.transaction():
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def _rights(connection: Connection, error: pg.InsufficientPrivilege) -> MissingRightsError:
    return missing_rights(connection, error, "make it a member of vitalstream_operator")
