"""Random rows for patient_records, and what the tables derived from it must then hold."""

import random
from datetime import datetime, timedelta
from typing import Any

import psycopg

START = datetime(2026, 3, 1)  # noqa: DTZ001 - the seed's column has no time zone
_DEPARTMENTS = ["ICU", "Emergency", "Cardiology"]
_DIAGNOSES = ["COPD", "Asthma", "Sepsis", "Stroke"]
_TYPES = ["Emergency", "Elective", "Urgent", "Observation"]
_STATUSES = ["Admitted", "Stable", "Discharged", "Deceased"]
_LEVELS = ["Low", "Medium", "High"]

SEED_INSERT = """
INSERT INTO patient_records (patient_id, admission_id, timestamp, admission_timestamp,
    patient_name, age, gender, department, primary_diagnosis, admission_type, status,
    insurance_provider, heart_rate, blood_pressure, temperature_celsius, oxygen_saturation,
    respiratory_rate, risk_score, risk_level, attending_physician, hospital_location)
VALUES (%(patient_id)s, %(admission_id)s, %(timestamp)s, %(timestamp)s, 'Some One', %(age)s,
    'Other', %(department)s, %(diagnosis)s, %(type)s, %(status)s, 'Aetna', %(heart_rate)s,
    '120/80', %(temperature)s, %(oxygen)s, %(breaths)s, 0, %(level)s, 'Dr. Who', 'Boston')"""

_LATEST = """
CREATE TEMPORARY VIEW latest AS
SELECT DISTINCT ON (patient_id) * FROM patient_records
 ORDER BY patient_id, timestamp DESC, admission_id DESC"""

_EXPECTED = """
SELECT dimension, key, r.risk_level, count(*), sum(heart_rate), sum(temperature_celsius),
       sum(oxygen_saturation), sum(respiratory_rate), count(l.admission_id),
       coalesce(sum(r.age) FILTER (WHERE l.admission_id IS NOT NULL), 0),
       count(*) FILTER (WHERE l.admission_id IS NOT NULL AND r.oxygen_saturation < 90),
       count(*) FILTER (WHERE l.admission_id IS NOT NULL
                              AND r.status = ANY ('{Discharged,Deceased}'))
  FROM patient_records r
  LEFT JOIN (SELECT admission_id FROM latest) l USING (admission_id)
 CROSS JOIN LATERAL (VALUES ('all', ''), ('department', department),
       ('primary_diagnosis', primary_diagnosis), ('admission_type', admission_type))
       AS by (dimension, key)
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""

_COUNTED = """
SELECT dimension, key, risk_level, sum(admissions), sum(heart_rate), sum(temperature),
       sum(oxygen_saturation), sum(respiratory_rate), sum(patients), sum(age),
       sum(critical_oxygen), sum(discharged)
  FROM census GROUP BY 1, 2, 3 HAVING sum(admissions) <> 0 OR sum(patients) <> 0
 ORDER BY 1, 2, 3"""

_HOURS = """
SELECT department, date_trunc('hour', observed_at, 'UTC'), count(*), sum(heart_rate),
       sum(systolic), sum(diastolic), sum(temperature_celsius), sum(oxygen_saturation),
       sum(respiratory_rate), sum(risk_score), count(*) FILTER (WHERE risk_score >= 4),
       count(*) FILTER (WHERE oxygen_saturation < 90)
  FROM observations GROUP BY 1, 2 ORDER BY 1, 2"""

_COUNTED_HOURS = """
SELECT department, hour, sum(observations), sum(heart_rate), sum(systolic), sum(diastolic),
       sum(temperature), sum(oxygen_saturation), sum(respiratory_rate), sum(risk_score),
       sum(high_risk), sum(critical_oxygen)
  FROM hourly_vitals GROUP BY 1, 2 HAVING sum(observations) <> 0 ORDER BY 1, 2"""


def row(rng: random.Random, patients: int = 12) -> dict[str, Any]:
    """One row; patients have few admissions, instants repeat, so that ties and returns happen."""
    admission = rng.randrange(patients * 3)
    return {
        "patient_id": f"p{admission % patients:03}",
        "admission_id": f"a{admission:04}",
        "timestamp": START + timedelta(seconds=rng.randrange(40)),
        "age": rng.randrange(18, 96),
        "department": rng.choice(_DEPARTMENTS),
        "diagnosis": rng.choice(_DIAGNOSES),
        "type": rng.choice(_TYPES),
        "heart_rate": rng.randrange(50, 121),
        "temperature": rng.randrange(360, 396) / 10,
        "oxygen": rng.randrange(85, 101),
        "breaths": rng.randrange(12, 31),
        "level": rng.choice(_LEVELS),
        "status": rng.choice(_STATUSES),
    }


def assert_counted(connection: psycopg.Connection[Any]) -> None:
    """Every derived table equals a full recount of the tables it is derived from."""
    with connection.transaction(force_rollback=True):
        connection.execute(_LATEST)
        expected = connection.execute(_EXPECTED).fetchall()
        counted = connection.execute(_COUNTED).fetchall()
        assert counted == expected
        newest = "SELECT patient_id, admission_id FROM {} ORDER BY 1"
        latest = connection.execute(newest.format("latest")).fetchall()
        assert connection.execute(newest.format("patients")).fetchall() == latest
        assert connection.execute(newest.format("newest_admissions")).fetchall() == latest
        flagged = connection.execute(newest.format("patient_records WHERE newest")).fetchall()
        assert flagged == latest
        hours = connection.execute(_COUNTED_HOURS).fetchall()
        assert hours == connection.execute(_HOURS).fetchall()
