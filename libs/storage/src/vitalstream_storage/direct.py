"""The way of a batch of new admissions: copied straight into the tables, past the staging table."""

from collections.abc import Sequence
from typing import Final

from psycopg import errors as pg

from vitalstream_storage import render
from vitalstream_storage.batch import Accepted
from vitalstream_storage.pool import Connection
from vitalstream_storage.staging import copy_in

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
    connection: Connection,
    rows: Sequence[Accepted],
    newest: set[int],
    observed: Sequence[Accepted],
) -> bool:
    """Put the newest of the rows into patient_records, and into observations what is told.

    Returns:
        False, with nothing stored, if one of the admissions or observations is there already.
    """
    try:
        with connection.transaction():
            # First, since a known admission is nearly always found at once.
            copy_in(connection, _STATES, render.states(rows, newest))
            copy_in(connection, _OBSERVATIONS, render.observations(observed))
    except pg.UniqueViolation:
        return False
    return True
