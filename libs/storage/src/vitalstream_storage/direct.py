"""The way of a batch of new admissions: copied straight into the tables, past the staging table."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from psycopg import errors as pg

from vitalstream_storage import render
from vitalstream_storage.batch import Accepted
from vitalstream_storage.pool import Connection

__all__ = ["look_new", "store"]

FEWEST: Final = 1_000
"""Admissions for which a look at some of them, and a savepoint, are nothing."""
_LOOKS: Final = 32

_KNOWN = "SELECT EXISTS (SELECT FROM patient_records WHERE admission_id = ANY(%s))"
_STATES = f"COPY patient_records ({render.STATE_COLUMNS}, seen_about) FROM STDIN ({render.FORMAT})"
_OBSERVATIONS = (
    f"COPY observations (observed_at, {render.OBSERVATION_COLUMNS}) FROM STDIN ({render.FORMAT})"
)


def look_new(connection: Connection, rows: Sequence[Accepted], newest: set[int]) -> bool:
    """Whether these admissions are many and some of them, looked up, are all new.

    A stream of mostly known admissions is told after one of them; one with a few known ones among
    many new may not be, which `store` finds out.
    """
    if len(newest) < FEWEST:
        return False
    some = list(newest)[:: max(1, len(newest) // _LOOKS)]
    wanted = [rows[position].decoded.record.admission_id for position in some]
    known = connection.execute(_KNOWN, [wanted]).fetchone()
    return known == (False,)


def store(
    connection: Connection, rows: Sequence[Accepted], newest: set[int], floor: datetime | None
) -> bool:
    """Put all into observations, from the floor on, and the newest into patient_records.

    Returns:
        False, with nothing stored, if one of the admissions or observations is there already.
    """
    kept = rows
    if floor is not None:
        kept = [row for row in rows if row.decoded.record.timestamp >= floor]
    try:
        with connection.transaction():
            # First, since a known admission is nearly always found at once.
            _copy(connection, _STATES, render.states(rows, newest))
            _copy(connection, _OBSERVATIONS, render.observations(kept))
    except pg.UniqueViolation:
        return False
    return True


def _copy(connection: Connection, statement: str, pieces: Iterable[bytes]) -> None:
    with connection.cursor().copy(statement) as copy:
        for piece in pieces:
            copy.write(piece)
