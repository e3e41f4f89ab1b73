"""The tables' columns, held to the first specification by a list written by hand."""

import re
from pathlib import Path

import psycopg

from vitalstream_devstack.databases import Database

# Name and type of each column as the first specification's table of the data schema has them.
SEED_COLUMNS = [
    ("patient_id", "character varying(50)"),
    ("admission_id", "character varying(50)"),
    ("timestamp", "timestamp without time zone"),
    ("admission_timestamp", "timestamp without time zone"),
    ("patient_name", "character varying(200)"),
    ("age", "integer"),
    ("gender", "character varying(20)"),
    ("department", "character varying(100)"),
    ("primary_diagnosis", "character varying(200)"),
    ("admission_type", "character varying(50)"),
    ("status", "character varying(50)"),
    ("insurance_provider", "character varying(100)"),
    ("heart_rate", "integer"),
    ("blood_pressure", "character varying(20)"),
    ("temperature_celsius", "numeric(4,1)"),
    ("oxygen_saturation", "integer"),
    ("respiratory_rate", "integer"),
    ("risk_score", "integer"),
    ("risk_level", "character varying(20)"),
    ("attending_physician", "character varying(200)"),
    ("hospital_location", "character varying(200)"),
]
_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef
  FROM pg_attribute WHERE attrelid = 'patient_records'::regclass AND attnum > 0
   AND NOT attisdropped ORDER BY attnum"""
_KEY = """
SELECT a.attname FROM pg_index i
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
 WHERE i.indrelid = 'patient_records'::regclass AND i.indisprimary"""
_SEED_INSERT = """
INSERT INTO patient_records (patient_id, admission_id, timestamp, admission_timestamp,
    patient_name, age, gender, department, primary_diagnosis, admission_type, status,
    insurance_provider, heart_rate, blood_pressure, temperature_celsius, oxygen_saturation,
    respiratory_rate, risk_score, risk_level, attending_physician, hospital_location)
VALUES ('p1', 'a1', '2025-11-16 17:34:06', '2025-11-16 09:00:00', 'Some One', 54, 'Other',
    'ICU', 'COPD', 'Urgent', 'Admitted', 'Aetna', 101, '150/90', 38.1, 88, 24, 6, 'High',
    'Dr. Who', 'Boston')
ON CONFLICT (admission_id) DO NOTHING"""


def test_patient_records_begin_with_the_seeds_columns(database: Database) -> None:
    """The first 21 columns have the seed's names, order and types; the key is admission_id."""
    with psycopg.connect(database.url()) as connection:
        columns = connection.execute(_COLUMNS).fetchall()
        key = connection.execute(_KEY).fetchall()
    assert [(name, kind) for name, kind, *_ in columns[:21]] == SEED_COLUMNS
    assert key == [("admission_id",)]


def test_columns_of_ours_ask_nothing_of_the_seeds_insert(database: Database) -> None:
    """Each column after the 21 is nullable or has a default, and the seed's INSERT works twice."""
    with psycopg.connect(database.url("writer")) as connection:
        columns = connection.execute(_COLUMNS).fetchall()
        assert all(not required or has_default for *_, required, has_default in columns[21:])
        assert connection.execute(_SEED_INSERT).rowcount == 1
        assert connection.execute(_SEED_INSERT).rowcount == 0


_PAGE = Path(__file__).parents[3] / "docs" / "tables.md"
_RELATIONS = """
SELECT relname, array(SELECT (attname, format_type(atttypid, atttypmod))
                        FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
                         AND NOT attisdropped)
  FROM pg_class c
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
   AND relname !~ '^_?yoyo'"""


def test_the_page_of_the_tables_is_true(database: Database) -> None:
    """docs/tables.md has every column with its type, and names each table as contract or not."""
    text, internal = _PAGE.read_text().split("## Not to be relied on")
    documented: dict[str, set[tuple[str, str]]] = {}
    for section in text.split("\n## ")[1:]:
        columns = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE)
        documented[section.split("`")[1]] = set(columns)
    with psycopg.connect(database.url()) as connection:
        found = {name: set(columns) for name, columns in connection.execute(_RELATIONS)}
    assert found.keys() - documented.keys() == set(re.findall(r"`([a-z]\w+)`", internal)) - {
        "observations", "yoyo",
    }  # fmt: skip
    assert documented.pop("patients") == set()
    state = {column for column in found["patient_records"] if column[0] != "seen_about"}
    assert found["patients"] == state
    assert documented == {name: found[name] for name in documented}
