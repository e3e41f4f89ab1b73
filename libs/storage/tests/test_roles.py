"""Each role may do what its service needs, and nothing else; nobody but the owner does DDL."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from vitalstream_devstack.databases import ROLES, Database

# Written by hand: what is not listed is forbidden. dead_letters have column rights, see below.
RIGHTS: dict[str, dict[str, set[str]]] = {
    "writer": {
        "patient_records": {"SELECT", "INSERT", "UPDATE"},
        "stream_offsets": {"SELECT", "INSERT", "UPDATE"},
        "observations": {"SELECT", "INSERT"},
        "stream_gaps": {"SELECT", "INSERT"},
        "dead_letters": {"INSERT"},
        "erased_letters": {"SELECT"},
        "retention": {"SELECT"},
        "schema_version": {"SELECT"},
    },
    "viewer": {
        name: {"SELECT"}
        for name in (
            "patient_records", "observations", "stream_offsets", "stream_gaps", "patients",
            "census", "census_changes", "hourly_vitals", "newest_admissions", "recent_records",
            "recent_bounds", "dead_letter_counts",
            "retention", "schema_version",
        )
    },
}  # fmt: skip
RIGHTS["operator"] = RIGHTS["viewer"] | {"dead_letters": {"SELECT"}, "erasures": {"SELECT"}}
LETTERS = {
    "writer": {("SELECT", "topic_id"), ("SELECT", "partition"), ("SELECT", "offset")},
    "viewer": set[tuple[str, str]](),
    "operator": {("UPDATE", "replayed_at")},
}
FUNCTIONS = {
    "writer": {"erased_patients", "set_letters_aside"},
    "viewer": set[str](),
    "operator": {
        "create_observation_day", "observation_days", "raise_retention_floor",
        "drop_observation_day", "drop_stale_observations", "recount", "drop_dead_letters",
        "erase_patient",
    },
}  # fmt: skip
# Whoever has these reads nothing and changes nothing by them.
FOR_ALL = {"current_shard", "stay_is_over", "observe_within"}

FORBIDDEN = [
    "CREATE TABLE mine (n integer)",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE patient_records ADD COLUMN mine integer",
    "ALTER TABLE patient_records DISABLE TRIGGER USER",
    "CREATE INDEX ON observations (patient_id)",
    "CREATE TRIGGER mine AFTER INSERT ON patient_records EXECUTE FUNCTION count_inserted_records()",
    "DROP TABLE observations_20260301",
    "ALTER TABLE observations DETACH PARTITION observations_20260301",
    "TRUNCATE patient_records",
    "SELECT settle_patients(ARRAY['p1'])",
    "SELECT compact_recent_records('High')",
    "SELECT patient_hash('p1')",
    "SELECT key FROM erasure_key",
    "DELETE FROM erasures",
    "UPDATE retention SET erased_until = NULL",
    "UPDATE census SET admissions = 0",
    "UPDATE patient_records SET newest = true WHERE false; DELETE FROM patient_records",
    "UPDATE retention SET observed_from = now()",
    "INSERT INTO _yoyo_migration DEFAULT VALUES",
    "DELETE FROM stream_offsets",
    "UPDATE observations SET heart_rate = 0",
    "DELETE FROM dead_letters",
    "UPDATE dead_letters SET reason = 'x'",
]

_TABLE_RIGHTS = """
SELECT c.relname, p.privilege
  FROM pg_class c
 CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES',
                         'TRIGGER']) AS p (privilege)
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
   AND has_table_privilege(%s, c.oid, p.privilege)"""
_COLUMN_RIGHTS = """
SELECT p.privilege, a.attname, c.relname
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p (privilege)
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
   AND a.attnum > 0 AND NOT a.attisdropped
   AND NOT has_table_privilege(%s, c.oid, p.privilege)
   AND has_column_privilege(%s, c.oid, a.attnum, p.privilege)"""
_FUNCTION_RIGHTS = """
SELECT proname FROM pg_proc
 WHERE pronamespace = 'public'::regnamespace AND has_function_privilege(%s, oid, 'EXECUTE')"""


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection; a day's partition is there as well."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        connection.execute("SELECT create_observation_day('2026-03-01')")
        yield connection


def granted(database: Database, role: str, statements: list[str]) -> list[str]:
    """Which of the statements this login may run."""
    done = []
    with psycopg.connect(database.url(role)) as connection:
        for statement in statements:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(statement.encode())
            except psycopg.errors.InsufficientPrivilege:
                continue
            done.append(statement)
    return done


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_just_these_rights(owner: psycopg.Connection[Any], role: str) -> None:
    """On every table, view, column and function there is."""
    group = f"vitalstream_{role}"
    found: dict[str, set[str]] = {}
    for table, privilege in owner.execute(_TABLE_RIGHTS, [group]).fetchall():
        found.setdefault(table, set()).add(privilege)
    assert found == RIGHTS[role]
    columns = owner.execute(_COLUMN_RIGHTS, [group, group]).fetchall()
    assert {(p, column) for p, column, _ in columns} == LETTERS[role]
    assert {table for *_, table in columns} <= {"dead_letters"}
    functions = {name for (name,) in owner.execute(_FUNCTION_RIGHTS, [group])}
    assert functions == FUNCTIONS[role] | FOR_ALL


@pytest.mark.parametrize("role", ROLES)
def test_a_login_has_no_rights_beside_its_roles(database: Database, role: str) -> None:
    """It is no superuser, makes no roles or databases, and may create nothing in the schema."""
    with psycopg.connect(database.url(role)) as connection:
        found = connection.execute(
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls,"
            " has_schema_privilege('public', 'CREATE'),"
            " has_database_privilege(current_database(), 'CREATE'),"
            " pg_has_role(d.datdba, 'MEMBER')"
            " FROM pg_roles, pg_database d"
            " WHERE rolname = current_user AND d.datname = current_database()"
        ).fetchone()
    assert found == (False, False, False, False)


@pytest.mark.parametrize("role", ROLES)
def test_what_no_service_needs_is_refused(
    owner: psycopg.Connection[Any], database: Database, role: str
) -> None:
    """Definitions, counters and history are out of reach of every login."""
    assert owner.info.user
    assert granted(database, role, FORBIDDEN) == []


def test_payloads_of_dead_letters_are_the_operators_alone(database: Database) -> None:
    """A writer does not read them, and a viewer sees no more than their numbers."""
    payloads = "SELECT payload FROM dead_letters"
    numbers = "SELECT sum(waiting) FROM dead_letter_counts"
    assert granted(database, "writer", [payloads, numbers]) == []
    assert granted(database, "viewer", [payloads, numbers]) == [numbers]
    assert granted(database, "operator", [payloads, numbers]) == [payloads, numbers]


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_reader_writes_no_record(database: Database, role: str) -> None:
    """What is shown cannot be changed by whoever shows it."""
    statements = [
        "INSERT INTO observations SELECT * FROM observations",
        "INSERT INTO patient_records DEFAULT VALUES",
        "UPDATE patient_records SET patient_name = 'x'",
        "UPDATE stream_offsets SET next_offset = 0",
        "INSERT INTO stream_gaps SELECT * FROM stream_gaps",
        "SELECT FROM stream_offsets FOR UPDATE",
    ]
    assert granted(database, role, statements) == []
