"""Tables filled by PostgreSQL itself, with triggers off and one recount: millions in minutes.

Patients, names and vital signs are those of a formula: deterministic, and of the shapes that the
pages care about (departments that differ, a fifth of the admissions re-admissions, a few patients
who get worse). However many admissions there have been, as many patients are in the house as it has
beds: of the newest admissions; all others are over.
"""
# ruff: noqa: S608 - statements of constants

import time
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg

_FIRST = "Ada,Ben,Chloe,Dmitri,Elif,Femi,Grace,Hugo,Ines,Jonas,Kim,Lena,Malik,Nora,Omar,Priya"
_LAST = "Abara,Berg,Castillo,Dubois,Eze,Fischer,Garcia,Haddad,Ivanova,Jones,Kaya,Lindqvist,Mbeki"
_DEPARTMENTS = (
    "Emergency,General Medicine,Cardiology,Surgery,Orthopedics,Pulmonology,ICU,Neurology,Oncology,"
    "Gastroenterology,Nephrology,Endocrinology"
)
_DIAGNOSES = (
    "Hypertension,Type 2 diabetes,COPD,Asthma,Sepsis,Stroke,Pneumonia,Heart failure,"
    "Hip fracture,Migraine,Appendicitis,Kidney injury"
)
_TYPES = "Emergency,Elective,Urgent,Observation"
_STATUSES = "In Treatment,Stable,Admitted,Under Observation"
_DAYS = 7
"""Each stay's observations reach so far back from its newest, and the newest of those that are over
so far back from now."""

# Of an admission n: sick (0 to 1) moves its vital signs; w is the wave of its course.
_FUNCTIONS: LiteralString = """
CREATE FUNCTION pg_temp.pick(list text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT (string_to_array(list, ','))[1 + n % cardinality(string_to_array(list, ','))] $$;
CREATE FUNCTION pg_temp.draw(n bigint, salt integer) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT (hashint8(n * 31 + salt)::bigint + 2147483648) / 4294967296.0 $$;
CREATE FUNCTION pg_temp.sick(n bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT power(pg_temp.draw(n, 1), 2.2) $$"""

# From the newest observation, so that table and current state agree; scores as the schema has them.
_VITALS: LiteralString = """
SELECT n, (72 + 42 * s * w + 16 * (pg_temp.draw(n + step * 7919, 2) - 0.5))::integer AS hr,
       (128 - 32 * s * w + 26 * (pg_temp.draw(n + step * 7919, 3) - 0.5))::integer AS sys,
       round((36.8 + 1.9 * s * w + 0.9 * (pg_temp.draw(n + step * 7919, 4) - 0.5))::numeric, 1)
           AS temp,
       least(100, (98 - 11 * s * w + 3 * (pg_temp.draw(n + step * 7919, 5) - 0.5))::integer)
           AS spo2,
       (15 + 11 * s * w + 4 * (pg_temp.draw(n + step * 7919, 6) - 0.5))::integer AS rr,
       s * w > 0.55 AS oxygen, CASE WHEN s * w > 0.8 THEN 'V' ELSE 'A' END AS conscious, step
  FROM (SELECT n, step, pg_temp.sick(n) AS s,
               0.75 + 0.25 * sin(n + step / 5.0) + CASE WHEN step = 0 THEN 0.1 ELSE 0 END AS w
          FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
               generate_series(%(from_step)s::integer, %(to_step)s::integer) AS step) AS course"""

_SCORED: LiteralString = (
    "SELECT *, (hr > 100 OR hr < 60)::integer + (sys > 140 OR sys < 90)::integer"
    " + (temp > 38.0 OR temp < 36.5)::integer + 2 * (spo2 < 95)::integer + (rr > 20)::integer"
    " AS risk, CASE WHEN rr <= 8 OR rr >= 25 THEN 3 WHEN rr >= 21 THEN 2 WHEN rr <= 11 THEN 1"
    " ELSE 0 END + CASE WHEN spo2 <= 91 THEN 3 WHEN spo2 <= 93 THEN 2 WHEN spo2 <= 95 THEN 1"
    " ELSE 0 END + CASE WHEN oxygen THEN 2 ELSE 0 END"
    " + CASE WHEN sys <= 90 OR sys >= 220 THEN 3 WHEN sys <= 100 THEN 2 WHEN sys <= 110 THEN 1"
    " ELSE 0 END + CASE WHEN hr <= 40 OR hr >= 131 THEN 3 WHEN hr >= 111 THEN 2"
    " WHEN hr <= 50 OR hr >= 91 THEN 1 ELSE 0 END"
    " + CASE conscious WHEN 'A' THEN 0 ELSE 3 END"
    " + CASE WHEN temp <= 35.0 THEN 3 WHEN temp >= 39.1 THEN 2 WHEN temp <= 36.0 OR temp >= 38.1"
    " THEN 1 ELSE 0 END AS news2 FROM (" + _VITALS + ") AS vitals"
)

_ADMIT: LiteralString = (
    "INSERT INTO patient_records (patient_id, admission_id, timestamp, admission_timestamp,"
    " patient_name, age, gender, department, primary_diagnosis, admission_type, status,"
    " insurance_provider, heart_rate, blood_pressure, temperature_celsius, oxygen_saturation,"
    " respiratory_rate, risk_score, risk_level, attending_physician, hospital_location,"
    " supplemental_oxygen, consciousness, news2, news2_complete)"
    " SELECT substr(md5((n - n %% 5 / 4)::text), 1, 12), 'A' || substr(md5('a' || n), 1, 12),"
    " at, at - (2 + 60 * pg_temp.draw(n, 7)) * interval '1 hour',"
    " pg_temp.pick(%(first_names)s, n - n %% 5 / 4) || ' '"
    " || pg_temp.pick(%(last_names)s, (n - n %% 5 / 4) / 16)"
    " || CASE WHEN n > 2000 THEN '-' || upper(substr(md5((n - n %% 5 / 4)::text), 1, 3)) ELSE ''"
    " END,"
    " 19 + (75 * pg_temp.draw(n - n %% 5 / 4, 8))::integer,"
    " pg_temp.pick('Female,Male,Female,Male,Other', n - n %% 5 / 4),"
    " pg_temp.pick(%(departments)s, (12 * power(pg_temp.draw(n, 9), 1.4))::integer),"
    " pg_temp.pick(%(diagnoses)s, (12 * power(pg_temp.draw(n, 10), 1.6))::integer),"
    " pg_temp.pick(%(types)s, (4 * pg_temp.draw(n, 11))::integer),"
    " CASE WHEN here THEN pg_temp.pick(%(statuses)s, n) ELSE 'Discharged' END, 'Mutual', hr,"
    " sys || '/' || sys * 2 / 3, temp, spo2, rr,"
    " risk, CASE WHEN risk >= 4 THEN 'High' WHEN risk >= 2 THEN 'Medium' ELSE 'Low' END,"
    " 'Dr. ' || pg_temp.pick(%(last_names)s, n / 3), 'Springfield', oxygen, conscious, news2, true"
    " FROM (SELECT *, timezone('UTC', %(now)s::timestamptz) - interval '1 minute' * CASE WHEN here"
    " THEN pg_temp.draw(n, 12) * least(%(spread)s, CASE WHEN news2 >= 7 THEN 16.5 ELSE 60 END)"
    " ELSE 60 + 1440 * %(days_over)s * pg_temp.draw(n, 12) END AS at"
    " FROM (SELECT *, n > %(over)s AND n %% 5 <> 3 AS here"
    " FROM (" + _SCORED + ") AS scored) AS placed) AS timed"
)

_OBSERVE: LiteralString = (
    "INSERT INTO observations (observed_at, kafka_offset, kafka_partition, heart_rate, systolic,"
    " diastolic, oxygen_saturation, respiratory_rate, risk_score, news2, spo2_scale,"
    " news2_complete, supplemental_oxygen, consciousness, temperature_celsius, admission_id,"
    " patient_id, department)"
    " SELECT timezone('UTC', timestamp) - step * %(gap)s::interval, n * 1000 + step, n %% 3, hr,"
    " sys,"
    " sys * 2 / 3, spo2, rr, risk, s.news2, 1, true, oxygen, conscious, temp, r.admission_id,"
    " r.patient_id, r.department"
    " FROM (" + _SCORED + ") AS s"
    " JOIN patient_records r ON r.admission_id = 'A' || substr(md5('a' || n), 1, 12)"
)

_PARTITIONS: LiteralString = """
SELECT create_observation_day(day::date) FROM generate_series(
    (%(now)s::timestamptz AT TIME ZONE 'UTC')::date - %(days)s::integer,
    (%(now)s::timestamptz AT TIME ZONE 'UTC')::date, interval '1 day') AS day"""

_TABLES = ("patient_records", "observations")


def fill(
    connection: psycopg.Connection[Any],
    admissions: int,
    each: int,
    *,
    beds: int = 5_000,
    spread_minutes: int = 50,
    step: int = 20_000,
) -> Iterator[int]:
    """Fill empty, migrated tables; yields the observations so far.

    Args:
        connection: The owner's, in autocommit.
        admissions: How many; every fifth is an earlier one's patient again.
        each: Observations of each admission, over up to seven days.
        beds: So many of the last admissions are not over, none that its patient came back after.
        spread_minutes: Who is here was last observed in so many last minutes.
        step: Admissions in one statement.
    """
    now = connection.execute("SELECT now()").fetchone()
    values: dict[str, Any] = {
        "now": now and now[0],
        "days": 2 * _DAYS + 1,
        "days_over": _DAYS,
        "over": admissions - beds * 5 // 4,
        "spread": spread_minutes,
        "gap": f"{min(30 * 60, _DAYS * 86_400 // max(each, 1))} seconds",
        "first_names": _FIRST,
        "last_names": _LAST,
        "departments": _DEPARTMENTS,
        "diagnoses": _DIAGNOSES,
        "types": _TYPES,
        "statuses": _STATUSES,
    }
    connection.execute(_FUNCTIONS)
    connection.execute(_PARTITIONS, values)
    for table in _TABLES:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    done = 0
    for first in range(1, admissions + 1, step):
        last = min(first + step - 1, admissions)
        bounds = {"first": first, "last": last, "from_step": 0, "to_step": 0}
        connection.execute(_ADMIT, {**values, **bounds})
        cursor = connection.execute(_OBSERVE, {**values, **bounds, "to_step": each - 1})
        done += cursor.rowcount
        yield done
    for table in _TABLES:
        connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
    connection.execute("SELECT * FROM recount()")
    connection.execute("ANALYZE")


def fill_all(
    connection: psycopg.Connection[Any], admissions: int, each: int, beds: int = 5_000
) -> float:
    """Fill at once; returns the seconds it took."""
    start = time.perf_counter()
    for _ in fill(connection, admissions, each, beds=beds):
        pass
    return time.perf_counter() - start
