"""Where help is needed: what changed in the last hour, which departments, which patients."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vitalstream_storage.pool import Connection
from vitalstream_storage.reader.rows import rows


@dataclass(frozen=True, slots=True)
class Change:
    """By how much the figures changed in one minute of the last hour.

    Attributes:
        minutes_ago: 0 is the minute that has begun.
        admissions: Rows of patient_records.
        patients: Unique patients.
        age: Years, the sum of the patients' ages.
        high_risk: Patients at High risk.
        critical_oxygen: Patients with SpO2 below 90 %.
    """

    minutes_ago: int
    admissions: int
    patients: int
    age: int
    high_risk: int
    critical_oxygen: int


@dataclass(frozen=True, slots=True)
class Department:
    """How a department stands; each current patient counts once, where the newest admission is.

    Attributes:
        department: Its name.
        patients: All of them.
        at_risk: Those at the risk level that was asked for.
        critical_oxygen: Of those that the filter lets through, with SpO2 below 90 %.
        change: By how many at_risk changed within the last hour; 0 for a department without a name.
    """

    department: str
    patients: int
    at_risk: int
    critical_oxygen: int
    change: int


@dataclass(frozen=True, slots=True)
class Worsened:
    """A patient whose scores are higher than an hour before; clocks are UTC.

    Attributes:
        link: Names the patient in addresses.
        score_before: The risk score of an hour before; None if there was no observation yet.
        news2_before: NEWS2 of an hour before.
    """

    link: UUID
    patient_name: str
    department: str
    timestamp: datetime
    risk_level: str
    risk_score: int
    news2: int | None
    news2_complete: bool
    score_before: int | None
    news2_before: int | None


_CHANGES = """
SELECT extract(epoch FROM date_trunc('minute', now()) - minute)::integer / 60 AS minutes_ago,
       sum(admissions)::bigint AS admissions, sum(patients)::bigint AS patients,
       sum(age)::bigint AS age,
       coalesce(sum(patients) FILTER (WHERE risk_level = 'High'), 0)::bigint AS high_risk,
       sum(critical_oxygen)::bigint AS critical_oxygen
  FROM census_changes
 WHERE department = '' AND minute > now() - interval '1 hour' AND minute <= now()
   AND (%(risk)s::text IS NULL OR risk_level = %(risk)s)
 GROUP BY minute ORDER BY minute"""

_DEPARTMENTS = """
SELECT department, patients::bigint, at_risk::bigint, critical_oxygen::bigint,
       coalesce(change, 0)::bigint AS change
  FROM (SELECT key AS department, sum(patients - discharged) AS patients,
               coalesce(sum(patients - discharged) FILTER (
                   WHERE risk_level = %(level)s), 0) AS at_risk,
               coalesce(sum(critical_oxygen) FILTER (
                   WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s), 0) AS critical_oxygen
          FROM census WHERE dimension = 'department' GROUP BY key) AS standing
  LEFT JOIN (SELECT department, sum(patients - discharged) AS change FROM census_changes
              WHERE department <> '' AND risk_level = %(level)s
                AND minute > now() - interval '1 hour'
              GROUP BY department) AS hour USING (department)
 WHERE patients > 0
 ORDER BY at_risk::float8 / patients DESC, critical_oxygen DESC, department"""

# The newest entries at the level, each with its last observation of an hour before; the LIMITs in
# the look-ups keep them one by one.
_WORSENED = """
WITH worst AS MATERIALIZED (
SELECT r.patient_id, r.admission_id, r.patient_name, r.department, r.timestamp, r.risk_level,
       r.risk_score, r.news2, r.news2_complete, b.risk_score AS score_before,
       b.news2 AS news2_before
  FROM (SELECT DISTINCT entry.stamp, entry.id
          FROM recent_records e, unnest(e.timestamps, e.admission_ids) AS entry (stamp, id)
         WHERE e.risk_level = %(level)s AND e.newest > timezone('UTC', now()) - interval '1 hour'
           AND entry.stamp > timezone('UTC', now()) - interval '1 hour'
         ORDER BY entry.stamp DESC, entry.id DESC LIMIT 200) AS entry
 CROSS JOIN LATERAL (
       SELECT * FROM patient_records r
        WHERE r.admission_id = entry.id AND r.timestamp = entry.stamp
          AND r.risk_level = %(level)s AND r.newest AND NOT stay_is_over(r.status)
        LIMIT 1) AS r
  LEFT JOIN LATERAL (
       SELECT o.risk_score, o.news2 FROM observations o
        WHERE o.admission_id = r.admission_id
          AND o.observed_at <= timezone('UTC', r.timestamp) - interval '1 hour'
          AND o.observed_at > timezone('UTC', r.timestamp) - interval '25 hours'
        ORDER BY o.observed_at DESC LIMIT 1) AS b ON true
 WHERE b.risk_score IS NULL OR r.risk_score > b.risk_score OR r.news2 > b.news2
 ORDER BY r.news2 DESC NULLS LAST, r.risk_score DESC, r.timestamp DESC, r.admission_id
 LIMIT %(limit)s)
SELECT n.link, patient_name, department, timestamp, risk_level, risk_score, news2, news2_complete,
       score_before, news2_before
  FROM worst CROSS JOIN LATERAL (
       SELECT link FROM newest_admissions WHERE patient_id = worst.patient_id LIMIT 1) AS n
 ORDER BY news2 DESC NULLS LAST, risk_score DESC, timestamp DESC, admission_id"""

_WORST = "High"


def changes(connection: Connection, risk: str | None = None) -> list[Change]:
    """The minutes of the last hour in which something changed, the oldest first.

    Args:
        connection: To read on.
        risk: Only patients and admissions at this level.
    """
    return rows(connection, Change, _CHANGES, {"risk": risk})


def departments(connection: Connection, risk: str | None = None) -> list[Department]:
    """All departments with patients, those with the highest share at risk first.

    Args:
        connection: To read on.
        risk: The level that counts as at risk; High if there is none.
    """
    return rows(connection, Department, _DEPARTMENTS, {"risk": risk, "level": risk or _WORST})


def worsened(connection: Connection, risk: str | None = None, limit: int = 8) -> list[Worsened]:
    """Patients who are worse than an hour before, or new, the highest NEWS2 first.

    Looked for among the 200 newest records of the last hour at the level; the discharged are left
    out.

    Args:
        connection: To read on.
        risk: The level they are at now; High if there is none.
        limit: Not more than so many.
    """
    return rows(connection, Worsened, _WORSENED, {"level": risk or _WORST, "limit": limit})
