"""The counters against a recount of what they count, by SQL that shares nothing with theirs."""

from collections.abc import Iterator
from typing import Any

import psycopg

# Each patient's newest admission decides what is counted once a patient.
_CENSUS = """
SELECT dimension, key, risk_level, count(*), sum(heart_rate), sum(temperature_celsius),
       sum(oxygen_saturation), sum(respiratory_rate), count(latest.admission_id),
       coalesce(sum(age) FILTER (WHERE latest.admission_id IS NOT NULL), 0),
       count(*) FILTER (WHERE latest.admission_id IS NOT NULL AND oxygen_saturation < 90),
       count(*) FILTER (WHERE latest.admission_id IS NOT NULL
                              AND status = ANY (ARRAY['Discharged', 'Deceased']))
  FROM patient_records r
  LEFT JOIN (SELECT DISTINCT ON (patient_id) patient_id, admission_id FROM patient_records
              ORDER BY patient_id, timestamp DESC, admission_id COLLATE "C" DESC) AS latest
    ON (latest.patient_id, latest.admission_id) = (r.patient_id, r.admission_id)
 CROSS JOIN LATERAL (VALUES ('all', ''), ('department', department),
                            ('primary_diagnosis', primary_diagnosis),
                            ('admission_type', admission_type)) AS counted (dimension, key)
 GROUP BY dimension, key, risk_level"""

_HOURS = """
SELECT department, date_trunc('hour', observed_at, 'UTC'), count(*), sum(heart_rate), sum(systolic),
       sum(diastolic), sum(temperature_celsius), sum(oxygen_saturation), sum(respiratory_rate),
       sum(risk_score), count(*) FILTER (WHERE risk_score >= 4),
       count(*) FILTER (WHERE oxygen_saturation < 90)
  FROM observations GROUP BY 1, 2"""

_DEAD = """
SELECT reason, count(*) FILTER (WHERE replayed_at IS NULL), count(replayed_at)
  FROM dead_letters GROUP BY reason"""

_NEWEST = """
SELECT DISTINCT ON (patient_id) patient_id, admission_id FROM patient_records
 ORDER BY patient_id, timestamp DESC, admission_id COLLATE "C" DESC"""

# What is kept, with its shards added up, and without what has come to nothing; and the recount.
_COUNTERS = {
    "census": (
        """
SELECT dimension, key, risk_level, sum(admissions), sum(heart_rate), sum(temperature),
       sum(oxygen_saturation), sum(respiratory_rate), sum(patients), sum(age),
       sum(critical_oxygen), sum(discharged)
  FROM census GROUP BY dimension, key, risk_level
HAVING (sum(admissions), sum(heart_rate), sum(temperature), sum(oxygen_saturation),
        sum(respiratory_rate), sum(patients), sum(age), sum(critical_oxygen), sum(discharged))
       <> (0, 0, 0, 0, 0, 0, 0, 0, 0)""",
        _CENSUS,
    ),
    "hourly_vitals": (
        """
SELECT department, hour, sum(observations), sum(heart_rate), sum(systolic), sum(diastolic),
       sum(temperature), sum(oxygen_saturation), sum(respiratory_rate), sum(risk_score),
       sum(high_risk), sum(critical_oxygen)
  FROM hourly_vitals GROUP BY department, hour
HAVING (sum(observations), sum(heart_rate), sum(systolic), sum(diastolic), sum(temperature),
        sum(oxygen_saturation), sum(respiratory_rate), sum(risk_score), sum(high_risk),
        sum(critical_oxygen)) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)""",
        _HOURS,
    ),
    "dead_letter_counts": (
        """
SELECT reason, sum(waiting), sum(replayed)
  FROM dead_letter_counts GROUP BY reason HAVING (sum(waiting), sum(replayed)) <> (0, 0)""",
        _DEAD,
    ),
    "patients": ("SELECT patient_id, admission_id FROM patients", _NEWEST),
}


def differences(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """What the counters say otherwise than a recount in the same snapshot, a line for each kind."""
    for name, (kept, recounted) in _COUNTERS.items():
        row = connection.execute(
            f"SELECT count(*) FROM ((({kept}) EXCEPT ALL ({recounted}))"  # noqa: S608 - the texts above
            f" UNION ALL (({recounted}) EXCEPT ALL ({kept}))) AS differing".encode()
        ).fetchone()
        if row is not None and row[0]:
            yield f"  {name}: differs from a recount in {row[0]} rows"
