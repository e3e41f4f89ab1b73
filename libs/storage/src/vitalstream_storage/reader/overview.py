"""The overview: key figures, counts, means and the newest records, read in O(1)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vitalstream_storage.pool import Connection
from vitalstream_storage.reader.rows import rows


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
    """An admission's latest state, as the table of recent records shows it; clocks are UTC.

    Attributes:
        link: Names the patient in addresses.
    """

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
    link: UUID


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
_LINKED = """
SELECT record.*, n.link
  FROM record CROSS JOIN LATERAL (
       SELECT link FROM newest_admissions WHERE patient_id = record.patient_id LIMIT 1) AS n"""

# From the few newest entries of each risk; the LIMIT in the inner look-up keeps it one by one.
_RECENT = f"""
WITH record AS MATERIALIZED (
SELECT record.*
  FROM (SELECT DISTINCT entry.stamp, entry.id, e.risk_level
          FROM recent_records e, unnest(e.timestamps, e.admission_ids) AS entry (stamp, id)
         WHERE %(risk)s::text IS NULL OR e.risk_level = %(risk)s
         ORDER BY entry.stamp DESC, entry.id DESC) AS entry
 CROSS JOIN LATERAL (
       SELECT {_RECORD} FROM patient_records r
        WHERE r.admission_id = entry.id AND r.timestamp = entry.stamp
          AND r.risk_level = entry.risk_level LIMIT 1) AS record
 ORDER BY entry.stamp DESC, entry.id DESC LIMIT %(limit)s)
{_LINKED} ORDER BY timestamp DESC, admission_id DESC"""  # noqa: S608 - constants

_RECENT_BOUND = """
SELECT max(complete_after) AS stamp FROM recent_bounds
 WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s"""

_RECENT_BY_SCAN = f"""
WITH record AS MATERIALIZED (
SELECT {_RECORD} FROM patient_records r
 WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s
 ORDER BY timestamp DESC, admission_id DESC LIMIT %(limit)s)
{_LINKED} ORDER BY timestamp DESC, admission_id DESC"""  # noqa: S608 - constants


def kpis(connection: Connection, risk: str | None = None) -> Kpis:
    """The five indicators, of all records or of one risk level (Low, Medium, High)."""
    return rows(connection, Kpis, _KPIS, {"risk": risk})[0]


def breakdown(connection: Connection, risk: str | None = None) -> Breakdown:
    """Admissions by department, risk, diagnosis and type, of all or of one risk level."""
    found = Breakdown([], [], [], [])
    for one in rows(connection, _Counted, _BREAKDOWN, {"risk": risk}):
        getattr(found, one.dimension).append((one.value, one.admissions))
    return found


def vital_averages(connection: Connection, risk: str | None = None) -> VitalAverages:
    """The mean vital signs, of all records or of one risk level."""
    return rows(connection, VitalAverages, _VITAL_AVERAGES, {"risk": risk})[0]


def recent_records(
    connection: Connection, risk: str | None = None, limit: int = 20
) -> list[RecentRecord]:
    """The newest records first, of all or of one risk level.

    Read from what the triggers keep of the newest ones (2000 of each risk or more). Only where too
    many of those have changed their risk since, the whole table has to be looked through.
    """
    parameters = {"risk": risk, "limit": limit}
    found = rows(connection, RecentRecord, _RECENT, parameters)
    bound = rows(connection, _Bound, _RECENT_BOUND, parameters)[0].stamp
    if bound is None or (len(found) == limit and found[-1].timestamp > bound):
        return found
    return rows(connection, RecentRecord, _RECENT_BY_SCAN, parameters)


@dataclass(frozen=True, slots=True)
class _Bound:
    stamp: datetime | None


@dataclass(frozen=True, slots=True)
class _Counted:
    dimension: str
    value: str
    admissions: int
