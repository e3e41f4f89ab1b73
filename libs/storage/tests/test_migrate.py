"""Migrations: whole or not at all, one at a time, and said in one line when they cannot run."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from pydantic import SecretStr

from vitalstream_devstack.databases import Database, with_login
from vitalstream_storage.__main__ import main
from vitalstream_storage.errors import MigrationError, MissingRightsError, NotMigratedError
from vitalstream_storage.migrate import (
    REQUIRED_VERSION,
    check_version,
    current_version,
    migrate,
    wait_until_migrated,
)
from vitalstream_storage.pool import connect
from vitalstream_storage.settings import DatabaseSettings

_SEED_TABLE = """
CREATE TABLE patient_records (
    patient_id varchar(50), admission_id varchar(50) PRIMARY KEY, timestamp timestamp,
    admission_timestamp timestamp, patient_name varchar(200) DEFAULT 'x', age integer DEFAULT 1,
    gender varchar(20) DEFAULT 'x', department varchar(100) DEFAULT 'x',
    primary_diagnosis varchar(200) DEFAULT 'x', admission_type varchar(50) DEFAULT 'x',
    status varchar(50) DEFAULT 'x', insurance_provider varchar(100) DEFAULT 'x',
    heart_rate integer DEFAULT 60, blood_pressure varchar(20) DEFAULT '120/80',
    temperature_celsius numeric(4, 1) DEFAULT 37, oxygen_saturation integer DEFAULT 99,
    respiratory_rate integer DEFAULT 16, risk_score integer DEFAULT 0,
    risk_level varchar(20) DEFAULT 'Low', attending_physician varchar(200) DEFAULT 'x',
    hospital_location varchar(200) DEFAULT 'x')"""


def settings(url: str) -> DatabaseSettings:
    """Settings of one database."""
    return DatabaseSettings.model_validate({"database_url": SecretStr(url)})


def version(database: Database) -> int:
    """What the tables say of themselves."""
    with connect(settings(database.url()), "test") as connection:
        return current_version(connection)


def test_an_empty_database_gets_every_table_once(empty_database: Database) -> None:
    """The first run applies all migrations, the second none."""
    assert version(empty_database) == 0
    applied = migrate(settings(empty_database.url()))
    assert applied == sorted(applied)
    assert int(applied[-1][:4]) == REQUIRED_VERSION
    assert version(empty_database) == REQUIRED_VERSION
    assert migrate(settings(empty_database.url())) == []


def test_migrators_at_the_same_time_take_turns(empty_database: Database) -> None:
    """Of several at once each migration is applied by exactly one, and all end well."""
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(migrate, [settings(empty_database.url())] * 4))
    names = [name for each in applied for name in each]
    assert len(names) == len(set(names))
    assert int(max(names)[:4]) == version(empty_database) == REQUIRED_VERSION


def test_a_failing_migration_leaves_nothing_of_itself(empty_database: Database) -> None:
    """A table that is in the way fails the first migration whole, and names it."""
    with psycopg.connect(empty_database.url()) as connection:
        connection.execute("CREATE TABLE observations (in_the_way integer)")
    with pytest.raises(MigrationError, match="0001_tables failed and was rolled back"):
        migrate(settings(empty_database.url()))
    with psycopg.connect(empty_database.url()) as connection:
        found = connection.execute("SELECT to_regclass('patient_records')").fetchone()
    assert found == (None,)


def test_a_table_of_the_first_specification_is_taken_over(empty_database: Database) -> None:
    """patient_records made by the seed's consumer keeps its rows and gets our columns."""
    with psycopg.connect(empty_database.url()) as connection:
        connection.execute(_SEED_TABLE)
        connection.execute(
            "INSERT INTO patient_records (patient_id, admission_id, timestamp,"
            " admission_timestamp) VALUES ('p1', 'a1', now(), now())"
        )
    migrate(settings(empty_database.url()))
    with psycopg.connect(empty_database.url()) as connection:
        row = connection.execute("SELECT patient_id, spo2_scale FROM patient_records").fetchone()
    assert row == ("p1", 1)


def test_a_newer_schema_is_accepted(database: Database) -> None:
    """Code one release back runs on tables that are already newer."""
    with psycopg.connect(database.url()) as connection:
        connection.execute(
            "INSERT INTO _yoyo_migration (migration_hash, migration_id)"
            " VALUES ('later', '9999_later')"
        )
    with connect(settings(database.url("writer")), "test") as connection:
        check_version(connection)
    assert migrate(settings(database.url())) == []


def test_waiting_says_which_version_is_needed(empty_database: Database) -> None:
    """A service that waits for the tables says what it waits for, once, and goes on after."""
    said: list[tuple[str, str]] = []

    def waiting(*awaited: str) -> None:
        said.append((awaited[0], awaited[1]))

    tries = iter([False, False, True])
    given = settings(empty_database.url())
    assert not wait_until_migrated(
        given, "test", stopped=lambda _: next(tries), waiting=waiting, interval=0
    )
    ((awaited, reason),) = said
    assert awaited == "migrations"
    assert f"{REQUIRED_VERSION} is needed" in reason
    migrate(given)
    assert wait_until_migrated(given, "test", stopped=lambda _: True, waiting=waiting)


def test_too_old_tables_are_refused(empty_database: Database) -> None:
    """check_version names both versions and the command that mends it."""
    with (
        connect(settings(empty_database.url()), "test") as connection,
        pytest.raises(NotMigratedError, match="python -m vitalstream_storage migrate"),
    ):
        check_version(connection)


def test_missing_rights_are_one_line(database: Database) -> None:
    """A role that may not change tables is told so, with what it needs."""
    with pytest.raises(MissingRightsError, match="migrate as the database's owner"):
        migrate(settings(database.url("writer")))


def test_the_command_says_what_it_did_or_why_not(empty_database: Database) -> None:
    """`migrate` prints one line; with a wrong password it exits with one line and no traceback."""
    wrong = with_login(empty_database.url(), user="nobody-there", password="p@ss:wörd/1")  # noqa: S106 - no secret

    def run(url: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "vitalstream_storage", "migrate"],
            env={"DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run(empty_database.url())
    assert done.returncode == 0
    assert f"version {REQUIRED_VERSION}" in done.stdout
    failed = run(wrong)
    assert failed.returncode != 0
    assert "Traceback" not in failed.stderr
    assert "p@ss" not in failed.stderr


def test_migrating_can_make_the_days_at_once(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that no record of the first day has to be moved; done again it changes nothing."""
    monkeypatch.setenv("DATABASE_URL", empty_database.url())
    assert main(["migrate", "--maintain"]) == 0
    assert main(["migrate", "--maintain"]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "days made" in line]
    assert [line.split(",")[0] for line in said] == [
        "observations: 15 days made",
        "observations: 0 days made",
    ]
    with psycopg.connect(empty_database.url()) as owner:
        today = "(now() AT TIME ZONE 'UTC')::date"
        made = owner.execute(f"SELECT {today} IN (SELECT observation_days())").fetchone()
    assert made == (True,)
