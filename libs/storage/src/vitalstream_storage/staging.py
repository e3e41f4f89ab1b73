"""The way of a batch's records into observations and patient_records, through a staging table."""

from collections.abc import Collection, Iterable, Sequence

from vitalstream_storage import render
from vitalstream_storage.batch import Accepted
from vitalstream_storage.migrate import REQUIRED_VERSION
from vitalstream_storage.pool import Connection

__all__ = [
    "AdmissionTakenError",
    "copy_in",
    "differing",
    "foreign_admissions",
    "insert_missing",
    "load",
    "newest_states",
    "prepare",
    "store_all",
    "upsert_states",
]

# One for each version of the tables: behind a pooler a session may outlive a migration.
_TABLE = f"pg_temp.batch_rows_{REQUIRED_VERSION}"
_STATES = render.STATE_COLUMNS
_COLUMNS = render.OBSERVATION_COLUMNS
# What makes two records of one admission and instant equal; where they came from does not count.
_CONTENT = [c for c in _COLUMNS.split(", ") if not c.startswith(("kafka_", "admission_id"))]

_CREATE = f"""
CREATE TEMPORARY TABLE IF NOT EXISTS {_TABLE.removeprefix("pg_temp.")} (
    LIKE patient_records INCLUDING DEFAULTS, systolic smallint, diastolic smallint,
    kafka_partition integer, kafka_offset bigint, position integer, is_newest boolean
) ON COMMIT DELETE ROWS"""

_COPY = f"COPY {_TABLE} ({render.STAGE_COLUMNS}) FROM STDIN ({render.FORMAT})"

# The transaction's time zone is UTC: to name it in each row costs a look-up each.
_INSERT_ALL = f"""
INSERT INTO observations (observed_at, {_COLUMNS})
SELECT timestamp::timestamptz, {_COLUMNS} FROM {_TABLE}"""  # noqa: S608 - constants

_SINCE = " WHERE timestamp >= %s::timestamptz AT TIME ZONE 'UTC'"

_INSERT_MISSING = f"""
WITH first_ones AS (
    SELECT DISTINCT ON (admission_id, timestamp) *
      FROM {_TABLE} WHERE position = ANY(%s::int[])
     ORDER BY admission_id, timestamp, position),
inserted AS (
    INSERT INTO observations (observed_at, {_COLUMNS})
    SELECT timestamp AT TIME ZONE 'UTC', {_COLUMNS} FROM first_ones
    ON CONFLICT (admission_id, observed_at) DO NOTHING
    RETURNING kafka_partition, kafka_offset)
SELECT position FROM inserted JOIN {_TABLE} USING (kafka_partition, kafka_offset)"""  # noqa: S608

_DIFFERING = f"""
SELECT s.position
  FROM {_TABLE} s
  JOIN observations o ON o.admission_id = s.admission_id
                     AND o.observed_at = s.timestamp AT TIME ZONE 'UTC'
 WHERE s.position = ANY(%s::int[])
   AND ROW({", ".join(f"s.{column}" for column in _CONTENT)})
       IS DISTINCT FROM ROW({", ".join(f"o.{column}" for column in _CONTENT)})"""  # noqa: S608

# A hint for readers that must not follow every timestamp (0007_watch.sql).
_SEEN = "date_bin('6 hours', {}.timestamp, '2000-01-01')"

# MERGE writes the least: no speculative insertion, no lock on rows that stay as they are.
_MERGE = f"""
MERGE INTO patient_records AS p
USING (SELECT * FROM {_TABLE} WHERE is_newest) AS s ON p.admission_id = s.admission_id
WHEN MATCHED AND s.timestamp > p.timestamp AND s.patient_id = p.patient_id THEN
    UPDATE SET {", ".join(f"{c} = s.{c}" for c in _STATES.split(", ") if not c.endswith("_id"))},
               seen_about = {_SEEN.format("s")}
WHEN NOT MATCHED THEN
    INSERT ({_STATES}, seen_about)
    VALUES ({", ".join(f"s.{c}" for c in _STATES.split(", "))}, {_SEEN.format("s")})"""  # noqa: S608

_UPSERT = f"""
INSERT INTO patient_records AS p ({_STATES}, seen_about)
SELECT {_STATES}, {_SEEN.format("s")}
  FROM {_TABLE} AS s WHERE position = ANY(%s::int[]) ORDER BY admission_id
ON CONFLICT (admission_id) DO UPDATE
   SET {", ".join(f"{c} = excluded.{c}" for c in _STATES.split(", ") if not c.endswith("_id"))},
       seen_about = excluded.seen_about
 WHERE excluded.timestamp > p.timestamp AND excluded.patient_id = p.patient_id"""  # noqa: S608

_MISMATCH = f"""
SELECT EXISTS (
    SELECT FROM {_TABLE} s JOIN patient_records p USING (admission_id)
     WHERE s.position = ANY(%s::int[]) AND s.patient_id <> p.patient_id)"""  # noqa: S608

_OWNERS = """
SELECT admission_id, patient_id FROM patient_records WHERE admission_id = ANY(%s)"""


class AdmissionTakenError(Exception):
    """A batch holds an admission that belongs to another patient."""


def newest_states(rows: Sequence[Accepted], positions: Collection[int]) -> set[int]:
    """Of these positions, each admission's newest; of equal instants the first one.

    Raises:
        AdmissionTakenError: an admission comes with two patients.
    """
    newest: dict[str, int] = {}
    for position in positions:
        record = rows[position].decoded.record
        known = newest.setdefault(record.admission_id, position)
        if known != position:
            other = rows[known].decoded.record
            if other.patient_id != record.patient_id:
                raise AdmissionTakenError
            if record.timestamp > other.timestamp:
                newest[record.admission_id] = position
    return set(newest.values())


def foreign_admissions(connection: Connection, rows: Sequence[Accepted]) -> set[int]:
    """Positions of rows whose admission belongs to another patient, in the table or before them."""
    wanted = list({row.decoded.record.admission_id for row in rows})
    owners: dict[str, str] = dict(connection.execute(_OWNERS, [wanted]).fetchall())
    return {
        position
        for position, row in enumerate(rows)
        if owners.setdefault(row.decoded.record.admission_id, row.decoded.record.patient_id)
        != row.decoded.record.patient_id
    }


def prepare(connection: Connection) -> None:
    """Make the staging table, if this session has none yet."""
    connection.execute(_CREATE)


def load(
    connection: Connection, rows: Sequence[Accepted], newest: set[int], *, again: bool = False
) -> None:
    """Fill the staging table; `again` where this transaction may have filled it before."""
    if again:
        connection.execute(f"TRUNCATE {_TABLE}")
    copy_in(connection, _COPY, render.stage(rows, newest))


def copy_in(connection: Connection, statement: str, pieces: Iterable[bytes]) -> None:
    """Run a COPY with these pieces of lines."""
    with connection.cursor().copy(statement) as copy:
        for piece in pieces:
            copy.write(piece)


def store_all(connection: Connection, newest: set[int], floor: object) -> None:
    """Put what is staged into observations, from the floor on, and into patient_records.

    Raises:
        AdmissionTakenError: one of the admissions belongs to another patient.
        UniqueViolation: observations have one of them, or another writer has just brought one of
            the admissions in.
    """
    with connection.pipeline():
        if floor is None:
            connection.execute(_INSERT_ALL)
        else:
            connection.execute(_INSERT_ALL + _SINCE, [floor])
        merged = connection.execute(_MERGE)
    if merged.rowcount < len(newest):
        _check_owners(connection, newest)


def insert_missing(connection: Connection, positions: Collection[int]) -> set[int]:
    """Put those whose admission and instant is free into observations; returns which it did."""
    return {row[0] for row in connection.execute(_INSERT_MISSING, [list(positions)])}


def differing(connection: Connection, positions: Collection[int]) -> set[int]:
    """Of these positions, those that differ from what observations store in their place."""
    if not positions:
        return set()
    return {row[0] for row in connection.execute(_DIFFERING, [list(positions)])}


def upsert_states(connection: Connection, newest: set[int]) -> None:
    """Bring patient_records up to these staged states, beside writers of the same admissions.

    Raises:
        AdmissionTakenError: one of the admissions belongs to another patient.
    """
    if connection.execute(_UPSERT, [list(newest)]).rowcount < len(newest):
        _check_owners(connection, newest)


def _check_owners(connection: Connection, positions: set[int]) -> None:
    found = connection.execute(_MISMATCH, [list(positions)]).fetchone()
    if found and found[0]:
        raise AdmissionTakenError
