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
    "Kpis",
    "Ledger",
    "Position",
    "RecentRecord",
    "VitalAverages",
    "breakdown",
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


_LEDGER = f"""
SELECT {", ".join(Position.__slots__)} FROM stream_offsets
 WHERE topic_id = (
       SELECT topic_id FROM stream_offsets
        ORDER BY greatest(claimed_at, last_commit_at, log_end_at) DESC NULLS LAST, topic_id
        LIMIT 1)
 ORDER BY partition"""  # noqa: S608 - column names of ours

_KPIS = """
WITH latest AS (
    SELECT DISTINCT ON (patient_id) age, risk_level, oxygen_saturation
      FROM patient_records ORDER BY patient_id, timestamp DESC, admission_id DESC),
chosen AS (SELECT * FROM latest WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s)
SELECT (SELECT count(*) FROM chosen) AS unique_patients,
       (SELECT count(*) FROM patient_records
         WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s) AS admissions,
       (SELECT count(*) FROM chosen WHERE risk_level = 'High') AS high_risk_patients,
       (SELECT avg(age)::float8 FROM chosen) AS average_age,
       (SELECT count(*) FROM chosen WHERE oxygen_saturation < 90) AS critical_oxygen"""

_BREAKDOWN = """
SELECT CASE WHEN grouping(department) = 0 THEN 'departments'
            WHEN grouping(risk_level) = 0 THEN 'risk_levels'
            WHEN grouping(primary_diagnosis) = 0 THEN 'diagnoses'
            ELSE 'admission_types' END AS dimension,
       coalesce(department, risk_level, primary_diagnosis, admission_type) AS value,
       count(*) AS admissions
  FROM patient_records
 WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s
 GROUP BY GROUPING SETS ((department), (risk_level), (primary_diagnosis), (admission_type))
 ORDER BY admissions DESC, value"""

_VITAL_AVERAGES = """
SELECT avg(heart_rate)::float8 AS heart_rate,
       avg(temperature_celsius)::float8 AS temperature_celsius,
       avg(oxygen_saturation)::float8 AS oxygen_saturation,
       avg(respiratory_rate)::float8 AS respiratory_rate
  FROM patient_records
 WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s"""

_RECENT = """
SELECT patient_id, admission_id, timestamp, admission_timestamp, patient_name, age, gender,
       department, primary_diagnosis, admission_type, status, insurance_provider, heart_rate,
       blood_pressure, temperature_celsius::float8, oxygen_saturation, respiratory_rate,
       risk_score, risk_level, attending_physician, hospital_location, news2, news2_complete
  FROM patient_records
 WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s
 ORDER BY timestamp DESC, admission_id DESC LIMIT %(limit)s"""


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
    """The newest records first, of all or of one risk level."""
    return _rows(connection, RecentRecord, _RECENT, {"risk": risk, "limit": limit})


def ledger(connection: Connection) -> Ledger:
    """Where the stream stands; a topic that was re-created is there once, as it is now."""
    positions = _rows(connection, Position, _LEDGER, {})
    return Ledger(
        _rows(connection, _Clock, "SELECT clock_timestamp() AS now", {})[0].now, positions
    )


@dataclass(frozen=True, slots=True)
class _Clock:
    now: datetime


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
