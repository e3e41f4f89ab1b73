"""What may be tried again, what is the data's fault, and what an error may tell."""

import psycopg
import pytest
from psycopg import errors as pg

from vitalstream_devstack.databases import Database
from vitalstream_storage.errors import (
    AuthenticationError,
    DatabaseUnreachableError,
    FencedError,
    LedgerBusyError,
    NotMigratedError,
    describe,
    is_data_error,
    is_retryable,
)

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'Some One has COPD' USING ERRCODE = '{}'; END $$"


def raised(database: Database, sqlstate: str) -> psycopg.Error:
    """PostgreSQL's own error of this SQLSTATE."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        try:
            connection.execute(RAISE.format(sqlstate).encode())
        except psycopg.Error as error:
            return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    "sqlstate",
    [
        "08006",  # connection failure
        "25006",  # read-only: the primary has become a standby
        "25P03",  # idle-in-transaction timeout
        "40001",  # serialization failure
        "40P01",  # deadlock
        "53100",  # disk full
        "53200",  # out of memory
        "53300",  # too many connections
        "53ZZZ",  # one of the class that psycopg has no name for
        "55P03",  # lock timeout
        "57014",  # statement timeout
        "57P01",  # shut down
        "57P03",  # starting up
        "58030",  # disk error
    ],
)
def test_what_time_may_mend_is_tried_again(empty_database: Database, sqlstate: str) -> None:
    """Faults of the server are none of the record's."""
    error = raised(empty_database, sqlstate)
    assert is_retryable(error)
    assert not is_data_error(error)


@pytest.mark.parametrize(
    "sqlstate", ["22001", "22003", "22021", "22P02", "22ZZZ", "23502", "23505"]
)
def test_what_the_data_is_to_blame_for_is_not(empty_database: Database, sqlstate: str) -> None:
    """Only classes 22 and 23 may make a dead letter."""
    error = raised(empty_database, sqlstate)
    assert is_data_error(error)
    assert not is_retryable(error)


@pytest.mark.parametrize("sqlstate", ["42501", "42P01", "42703", "XX000", "0A000", "P0001"])
def test_what_only_a_person_can_mend_is_neither(empty_database: Database, sqlstate: str) -> None:
    """Missing rights or tables are no fault of a record, and time does not mend them."""
    error = raised(empty_database, sqlstate)
    assert not is_retryable(error)
    assert not is_data_error(error)


def test_a_connection_that_ended_is_tried_again(empty_database: Database) -> None:
    """A client-side error has no SQLSTATE; a broken connection is retried all the same."""
    with psycopg.connect(empty_database.url()) as connection:
        pid = connection.info.backend_pid
        with psycopg.connect(empty_database.url()) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
        with pytest.raises(psycopg.OperationalError) as first:
            connection.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError) as second:
            connection.execute("SELECT 1")
    assert is_retryable(first.value)
    assert is_retryable(second.value)


def test_our_own_errors_say_whether_waiting_helps() -> None:
    """Away, busy or not yet migrated passes; a refused login or a fence does not."""
    for error in (DatabaseUnreachableError(), LedgerBusyError(), NotMigratedError()):
        assert is_retryable(error)
    for other in (AuthenticationError(), FencedError([1]), ValueError(), pg.ProgrammingError()):
        assert not is_retryable(other)


def test_a_description_names_things_and_holds_no_values(database: Database) -> None:
    """SQLSTATE, table, column and constraint; never the message, which carries keys."""
    with psycopg.connect(database.url()) as connection:
        with pytest.raises(pg.NotNullViolation) as missing:
            connection.execute("INSERT INTO patient_records (patient_id, admission_id) VALUES "
                               "('secret', 'secret')")  # fmt: skip
        connection.rollback()
        with pytest.raises(pg.UniqueViolation) as twice:
            connection.execute("INSERT INTO retention VALUES (true, now())")
    assert describe(missing.value) == {
        "error": "NotNullViolation",
        "sqlstate": "23502",
        "table": "patient_records",
        "column": "timestamp",
    }
    assert describe(twice.value) == {
        "error": "UniqueViolation",
        "sqlstate": "23505",
        "table": "retention",
        "constraint": "retention_pkey",
    }
    assert describe(ValueError("secret")) == {"error": "ValueError"}
    assert describe(raised(database, "22ZZZ"))["sqlstate"] == "22ZZZ"
