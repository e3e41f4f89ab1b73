"""Every question a page asks of the tables: named functions, bound parameters, a time limit."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from psycopg.pq import TransactionStatus
from psycopg.rows import class_row

from vitalstream_storage.pool import Connection

__all__ = [
    "Breakdown",
    "Gap",
    "Kpis",
    "Ledger",
    "Position",
    "RecentRecord",
    "VitalAverages",
    "breakdown",
    "gaps",
    "kpis",
    "ledger",
    "recent_records",
    "snapshot",
    "vital_averages",
]

_TIMEOUT = 5.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Kpis:
    """The first specification's five indicators; its averages of vital signs lie beside them.

    Attributes:
        unique_patients: Each patient counted once, at the newest row.
        admissions: Rows of patient_records.
        high_risk_patients: Of the unique patients, those at High risk.
        average_age: Years, over the unique patients; None where there are none.
        critical_oxygen: Of the unique patients, those with SpO2 below 90 %.
    """

    unique_patients: int
    admissions: int
    high_risk_patients: int
    average_age: float | None
    critical_oxygen: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Admissions counted four ways: (value, admissions), the most frequent first, then by name."""

    departments: list[tuple[str, int]]
    risk_levels: list[tuple[str, int]]
    diagnoses: list[tuple[str, int]]
    admission_types: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class VitalAverages:
    """Means over the admissions' latest states; None where there are none.

    Attributes:
        heart_rate: Beats per minute.
        temperature_celsius: Degrees Celsius.
        oxygen_saturation: Percent.
        respiratory_rate: Breaths per minute.
    """

    heart_rate: float | None
    temperature_celsius: float | None
    oxygen_saturation: float | None
    respiratory_rate: float | None


@dataclass(frozen=True, slots=True)
class RecentRecord:
    """An admission's latest state, as the table of recent records shows it; clocks are UTC."""

    patient_id: str
    admission_id: str
    timestamp: datetime
    admission_timestamp: datetime
    patient_name: str
    age: int
    gender: str
    department: str
    primary_diagnosis: str
    admission_type: str
    status: str
    insurance_provider: str
    heart_rate: int
    blood_pressure: str
    temperature_celsius: float
    oxygen_saturation: int
    respiratory_rate: int
    risk_score: int
    risk_level: str
    attending_physician: str
    hospital_location: str
    news2: int | None
    news2_complete: bool


@dataclass(frozen=True, slots=True)
class Position:
    """Where one partition stands: a row of stream_offsets."""

    topic: str
    partition: int
    start_offset: int
    next_offset: int
    stored: int
    duplicates: int
    stale: int
    dead: int
    claimed_at: datetime | None
    last_append_at: datetime | None
    last_commit_at: datetime | None
    log_end_offset: int | None
    log_end_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The partitions of the topic that was touched last, and the database's own clock."""

    now: datetime
    positions: list[Position]


@dataclass(frozen=True, slots=True)
class Gap:
    """A range of offsets that the broker no longer had: a row of stream_gaps."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    kind: str
    seen_at: datetime


_GAPS = f"""
SELECT {", ".join(Gap.__slots__)} FROM stream_gaps
 ORDER BY seen_at DESC, topic_id, partition LIMIT %(limit)s"""  # noqa: S608 - column names of ours

_LEDGER = f"""
SELECT {", ".join(Position.__slots__)} FROM stream_offsets
 WHERE topic_id = (
       SELECT topic_id FROM stream_offsets
        ORDER BY greatest(claimed_at, last_commit_at, log_end_at) DESC NULLS LAST, topic_id
        LIMIT 1)
 ORDER BY partition"""  # noqa: S608 - column names of ours

_KPIS = """
SELECT coalesce(sum(patients), 0)::bigint AS unique_patients,
       coalesce(sum(admissions), 0)::bigint AS admissions,
       coalesce(sum(patients) FILTER (WHERE risk_level = 'High'), 0)::bigint AS high_risk_patients,
       (sum(age) / nullif(sum(patients), 0))::float8 AS average_age,
       coalesce(sum(critical_oxygen), 0)::bigint AS critical_oxygen
  FROM census
 WHERE dimension = 'all' AND (%(risk)s::text IS NULL OR risk_level = %(risk)s)"""

_BREAKDOWN = """
SELECT CASE dimension WHEN 'all' THEN 'risk_levels' WHEN 'department' THEN 'departments'
            WHEN 'primary_diagnosis' THEN 'diagnoses' ELSE 'admission_types' END AS dimension,
       CASE dimension WHEN 'all' THEN risk_level ELSE key END AS value,
       sum(admissions)::bigint AS admissions
  FROM census
 WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s
 GROUP BY 1, 2 HAVING sum(admissions) > 0
 ORDER BY admissions DESC, value"""

_VITAL_AVERAGES = """
SELECT (sum(heart_rate) / nullif(sum(admissions), 0))::float8 AS heart_rate,
       (sum(temperature) / nullif(sum(admissions), 0))::float8 AS temperature_celsius,
       (sum(oxygen_saturation) / nullif(sum(admissions), 0))::float8 AS oxygen_saturation,
       (sum(respiratory_rate) / nullif(sum(admissions), 0))::float8 AS respiratory_rate
  FROM census
 WHERE dimension = 'all' AND (%(risk)s::text IS NULL OR risk_level = %(risk)s)"""

_RECORD = """
       r.patient_id, r.admission_id, r.timestamp, r.admission_timestamp, r.patient_name, r.age,
       r.gender, r.department, r.primary_diagnosis, r.admission_type, r.status,
       r.insurance_provider, r.heart_rate, r.blood_pressure,
       r.temperature_celsius::float8 AS temperature_celsius, r.oxygen_saturation,
       r.respiratory_rate, r.risk_score, r.risk_level, r.attending_physician,
       r.hospital_location, r.news2, r.news2_complete"""

# From the few newest entries of each risk; the LIMIT in the inner look-up keeps it one by one.
_RECENT = f"""
SELECT record.*
  FROM (SELECT DISTINCT risk_level FROM recent_bounds
         WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s) AS level
 CROSS JOIN LATERAL (
       SELECT found.*
         FROM (SELECT DISTINCT entry.stamp, entry.id
                 FROM recent_records e, unnest(e.timestamps, e.admission_ids) AS entry (stamp, id)
                WHERE e.risk_level = level.risk_level
                ORDER BY entry.stamp DESC, entry.id DESC) AS entry
        CROSS JOIN LATERAL (
              SELECT {_RECORD} FROM patient_records r
               WHERE r.admission_id = entry.id AND r.timestamp = entry.stamp
                 AND r.risk_level = level.risk_level LIMIT 1) AS found
        ORDER BY entry.stamp DESC, entry.id DESC LIMIT %(limit)s) AS record
 ORDER BY record.timestamp DESC, record.admission_id DESC LIMIT %(limit)s"""  # noqa: S608

_RECENT_BOUND = """
SELECT max(complete_after) AS stamp FROM recent_bounds
 WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s"""

_RECENT_BY_SCAN = f"""
SELECT {_RECORD} FROM patient_records r
 WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s
 ORDER BY timestamp DESC, admission_id DESC LIMIT %(limit)s"""  # noqa: S608 - constants


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


def kpis(connection: Connection, risk: str | None = None) -> Kpis:
    """The five indicators, of all records or of one risk level (Low, Medium, High)."""
    return _rows(connection, Kpis, _KPIS, {"risk": risk})[0]


def breakdown(connection: Connection, risk: str | None = None) -> Breakdown:
    """Admissions by department, risk, diagnosis and type, of all or of one risk level."""
    found = Breakdown([], [], [], [])
    for one in _rows(connection, _Counted, _BREAKDOWN, {"risk": risk}):
        getattr(found, one.dimension).append((one.value, one.admissions))
    return found


def vital_averages(connection: Connection, risk: str | None = None) -> VitalAverages:
    """The mean vital signs, of all records or of one risk level."""
    return _rows(connection, VitalAverages, _VITAL_AVERAGES, {"risk": risk})[0]


def recent_records(
    connection: Connection, risk: str | None = None, limit: int = 20
) -> list[RecentRecord]:
    """The newest records first, of all or of one risk level.

    Read from what the triggers keep of the newest ones (2000 of each risk or more). Only where too
    many of those have changed their risk since, the whole table has to be looked through.
    """
    parameters = {"risk": risk, "limit": limit}
    found = _rows(connection, RecentRecord, _RECENT, parameters)
    bound = _rows(connection, _Bound, _RECENT_BOUND, parameters)[0].stamp
    if bound is None or (len(found) == limit and found[-1].timestamp > bound):
        return found
    return _rows(connection, RecentRecord, _RECENT_BY_SCAN, parameters)


def ledger(connection: Connection) -> Ledger:
    """Where the stream stands; a topic that was re-created is there once, as it is now."""
    positions = _rows(connection, Position, _LEDGER, {})
    return Ledger(
        _rows(connection, _Clock, "SELECT clock_timestamp() AS now", {})[0].now, positions
    )


def gaps(connection: Connection, limit: int = 20) -> list[Gap]:
    """The newest gaps first."""
    return _rows(connection, Gap, _GAPS, {"limit": limit})


@dataclass(frozen=True, slots=True)
class _Clock:
    now: datetime


@dataclass(frozen=True, slots=True)
class _Bound:
    stamp: datetime | None


@dataclass(frozen=True, slots=True)
class _Counted:
    dimension: str
    value: str
    admissions: int


def _rows(
    connection: Connection, kind: type[_T], query: str, parameters: dict[str, Any]
) -> list[_T]:
    if connection.info.transaction_status == TransactionStatus.IDLE:
        with snapshot(connection):
            return _rows(connection, kind, query, parameters)
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query, parameters).fetchall()
