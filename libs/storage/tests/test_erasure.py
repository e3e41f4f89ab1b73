"""The erasure of a patient: nothing of it is left, and nothing of it comes back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from libs.storage.tests import traffic
from libs.storage.tests.erasing import OURS, PATIENT, SETTINGS, everything, theirs
from libs.storage.tests.stream import START, Stream, login, record, rows
from vitalstream_devstack.databases import Database
from vitalstream_storage import erasure, reader, writer
from vitalstream_storage.__main__ import main
from vitalstream_storage.batch import Verdicts
from vitalstream_storage.erasure import Erased
from vitalstream_storage.errors import MissingRightsError
from vitalstream_storage.maintain import recount
from vitalstream_storage.pool import Connection


@pytest.fixture
def stream(connection: Connection, way: str) -> Stream:
    """A stream that has the patient in it, for each way of writing."""
    made = Stream(connection, way=way)
    made.raw = lambda _: writer.Raw(PATIENT.encode(), b"", [], START)  # as keys are
    made.write(*theirs())
    return made


def again(stream: Stream, owner: psycopg.Connection[Any]) -> Verdicts:
    """The whole topic once more, with the ledger emptied."""
    owner.execute("DELETE FROM stream_offsets")
    stream.claim()
    return stream.verdicts(stream.write(*theirs()))


def test_nothing_of_a_patient_is_left(
    stream: Stream, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """Rows, letters and lists are without the patient and its admissions; the others' stay."""
    assert stream.offset == 10
    assert erasure.erase(operator, SETTINGS, PATIENT) == Erased(2, 3, 4)
    text = everything(owner)
    for trace in ("søren", *(f"'{admission}'" for admission in OURS)):
        assert trace not in text
    assert rows(operator, "SELECT admission_id FROM patient_records") == [("a1",)]
    assert rows(operator, "SELECT payload FROM dead_letters") == [(b"not of anybody",)]
    assert [each.admission_id for each in reader.recent_records(operator)] == ["a1"]
    assert reader.kpis(operator).unique_patients == 1
    traffic.assert_counted(owner)
    assert set(recount(operator).values()) == {0}


def test_what_was_erased_is_noted_without_what_it_was(
    stream: Stream, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """Who, when and how many; the hash is of no use without the owner's key."""
    assert stream.offset == 10
    erasure.erase(operator, SETTINGS, PATIENT)
    (row,) = owner.execute(
        "SELECT erased_by, admissions, observations, dead_letters, erased_at, patient_hash"
        " FROM erasures"
    ).fetchall()
    assert row[:4] == (operator.info.user, 2, 3, 4)
    assert abs(datetime.now(UTC) - row[4]) < timedelta(minutes=5)
    plain = owner.execute("SELECT sha256(convert_to(%s, 'UTF8'))", [PATIENT]).fetchone()
    assert (row[5],) != plain


def test_a_replay_of_the_topic_brings_nothing_back(
    stream: Stream, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """Older records of the patient are stale, erased letters keep their verdict."""
    erasure.erase(operator, SETTINGS, PATIENT)
    verdicts = again(stream, owner)
    assert verdicts == Verdicts(duplicates=1, stale=4, dead=5)
    assert "søren" not in everything(owner)
    assert rows(operator, "SELECT count(*) FROM dead_letters") == [(1,)]
    traffic.assert_counted(owner)


def test_an_erased_patient_who_comes_again_is_a_new_one(
    stream: Stream, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """What is observed after the erasure is stored; others are never held up."""
    erasure.erase(operator, SETTINGS, PATIENT)
    later = (datetime.now(UTC) - START).total_seconds() + 3600
    outcome = stream.write(
        record("b1", later, patient_id=PATIENT), record("b3", 3, patient_id=PATIENT), record("a3")
    )
    assert stream.verdicts(outcome) == Verdicts(stored=2, stale=1)
    found = rows(stream.connection, "SELECT admission_id FROM patient_records ORDER BY 1")
    assert found == [("a1",), ("a3",), ("b1",)]
    traffic.assert_counted(owner)


def test_a_clock_that_ran_ahead_is_erased_all_the_same(
    stream: Stream, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """What was stored with a moment yet to come does not come back either."""
    ahead = (datetime.now(UTC) - START).total_seconds() + 240
    stream.write(record("b1", ahead, patient_id=PATIENT))
    erasure.erase(operator, SETTINGS, PATIENT)
    owner.execute("UPDATE stream_offsets SET next_offset = 10")
    stream.offset = 10
    outcome = stream.write(record("b1", ahead, patient_id=PATIENT))
    assert stream.verdicts(outcome) == Verdicts(stale=1)


def test_rows_that_only_observations_have_are_found(
    stream: Stream, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """A state that somebody deleted by hand does not hide what was observed."""
    assert stream.offset == 10
    owner.execute("DELETE FROM patient_records WHERE patient_id = %s", [PATIENT])
    assert erasure.erase(operator, SETTINGS, PATIENT) == Erased(0, 3, 4)
    assert "søren" not in everything(owner)
    traffic.assert_counted(owner)


def test_what_is_observed_of_another_patient_stays(
    stream: Stream, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """An admission that was moved to the patient by hand does not take the other's past along."""
    assert stream.offset == 10
    owner.execute("UPDATE patient_records SET patient_id = %s WHERE admission_id = 'a1'", [PATIENT])
    assert erasure.erase(operator, SETTINGS, PATIENT) == Erased(3, 3, 4)
    assert rows(operator, "SELECT patient_id FROM observations") == [("p1",)]
    traffic.assert_counted(owner)


def test_an_erasure_may_be_done_again(
    stream: Stream, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """Nothing is left to be erased; that it was asked for is noted once more."""
    assert stream.offset == 10
    erasure.erase(operator, SETTINGS, PATIENT)
    before = everything(owner).count("\n")
    assert erasure.erase(operator, SETTINGS, PATIENT) == Erased()
    assert everything(owner).count("\n") == before
    assert owner.execute("SELECT count(*) FROM erasures").fetchone() == (2,)


def test_only_operators_erase(database: Database) -> None:
    """Another role is told in one line what it lacks, without whom it meant."""
    for role in ("writer", "viewer"):
        with (
            login(database, role) as connection,
            pytest.raises(MissingRightsError, match="vitalstream_operator") as caught,
        ):
            erasure.erase(connection, SETTINGS, PATIENT)
        assert "\n" not in str(caught.value)
        assert PATIENT not in str(caught.value)


@pytest.mark.parametrize("by_input", [False, True])
def test_the_command_says_how_much_and_not_whom(  # noqa: PLR0917 - fixtures
    connection: Connection,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    by_input: bool,  # noqa: FBT001 - one of two ways
) -> None:
    """The id may come from standard input, where no list of processes shows it."""
    Stream(connection).write(*theirs())
    monkeypatch.setenv("DATABASE_URL", database.url("operator"))
    typed = tmp_path / "typed"
    typed.write_text(f"{PATIENT}\n")
    with typed.open() as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        assert main(["erase", "-" if by_input else PATIENT]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("erased: 2 admissions, 3 observations, ")
    assert "søren" not in said.out + said.err
    with typed.open("w+") as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert main(["erase", "-"]) == 1
