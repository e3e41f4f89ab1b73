"""The erasure of a patient: nothing of it is left, and nothing of it comes back."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from libs.storage.tests import traffic
from libs.storage.tests.stream import START, Stream, login, record, rows, tombstone
from vitalstream_devstack.databases import Database
from vitalstream_schema.codec import Decoded
from vitalstream_storage import erasure, reader, writer
from vitalstream_storage.__main__ import main
from vitalstream_storage.batch import DeadLetter, Verdicts
from vitalstream_storage.erasure import Erased, mentions
from vitalstream_storage.errors import MaintenanceError, MissingRightsError
from vitalstream_storage.maintain import recount
from vitalstream_storage.pool import Connection
from vitalstream_storage.settings import MaintenanceSettings

SETTINGS = MaintenanceSettings.model_validate({"lock_timeout": 0.2})
PATIENT = "p-søren\\'\"%_1"
OURS = ("b1", "b2")


def theirs(patient: str = PATIENT) -> list[Decoded | DeadLetter | None]:
    """A stream of ten offsets in which one patient is everywhere."""
    letter = tombstone(0, 0)
    ours = record("b1", patient_id=patient)
    return [
        ours,
        record("a1"),
        record("b1", 60, patient_id=patient, heart_rate=140, risk_level="High"),
        record("b2", 90, patient_id=patient, department="Rare ward"),
        ours,
        record("b1", 60, patient_id=patient, heart_rate=1),
        record("a1", 60, patient_id=patient),
        letter._replace(key=patient.encode(), payload=b"\xff"),
        letter._replace(payload=json.dumps({"patient_id": patient}).encode()),
        letter._replace(payload=b"not of anybody"),
    ]


@pytest.fixture
def operator(database: Database) -> Iterator[Connection]:
    """A connection with the operator's rights only."""
    with login(database, "operator") as connection:
        yield connection


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection, each statement on its own."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        yield connection


@pytest.fixture(params=[False, True], ids=["fast", "staged"])
def stream(connection: Connection, request: pytest.FixtureRequest) -> Stream:
    """A stream that has the patient in it, for each of the two ways of writing."""
    made = Stream(connection)
    made.raw = lambda _: writer.Raw(PATIENT.encode(), b"", [], START)  # as keys are
    made.staged = request.param
    made.write(*theirs())
    return made


def everything(owner: psycopg.Connection[Any]) -> str:
    """All that any table of the database holds, as text."""
    tables = owner.execute(
        "SELECT oid::regclass::text FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    ).fetchall()
    return "\n".join(
        str(owner.execute(f"SELECT * FROM {name}".encode()).fetchall())  # noqa: S608 - our own tables
        for (name,) in tables
    )


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


def test_a_writer_in_flight_is_waited_for(
    stream: Stream, operator: Connection, database: Database, owner: psycopg.Connection[Any]
) -> None:
    """A batch that began before the erasure is erased with the rest, not after it."""
    waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = %s AND NOT granted)"
    with login(database) as other:
        late = Stream(other, 1, stream.topic_id)
        with other.transaction():
            late.write(record("b9", patient_id=PATIENT))
            patient = MaintenanceSettings.model_validate({"lock_timeout": 60})
            found: list[Erased] = []
            thread = threading.Thread(
                target=lambda: found.append(erasure.erase(operator, patient, PATIENT))
            )
            thread.start()
            until(lambda: owner.execute(waiting, [operator.info.backend_pid]).fetchone() == (True,))
        thread.join()
    assert found == [Erased(3, 4, 4)]
    assert "søren" not in everything(owner)
    traffic.assert_counted(owner)


def test_a_writer_that_never_ends_is_said(
    stream: Stream, operator: Connection, database: Database, owner: psycopg.Connection[Any]
) -> None:
    """Past the lock timeouts nothing is erased, and the line says to try again."""
    short = MaintenanceSettings.model_validate({"lock_timeout": 0.01})
    with login(database) as other:
        late = Stream(other, 1, stream.topic_id)
        other.execute("BEGIN")
        late.write(record("b9", patient_id=PATIENT))
        with pytest.raises(MaintenanceError, match="again") as caught:
            erasure.erase(operator, short, PATIENT)
    assert PATIENT not in str(caught.value)
    assert "søren" in everything(owner)


def test_patients_are_erased_while_writers_write(
    database: Database, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """Two writers go on with the same patients all the while; what is erased stays away."""
    patients = [f"p{n}" for n in range(8)]
    stop = threading.Event()
    failures: list[BaseException] = []
    turns = [0, 0]

    def write(partition: int) -> None:
        try:
            with login(database) as connection:
                mine = Stream(connection, partition)
                while not stop.is_set():
                    turns[partition] += 1
                    mine.write(
                        *(
                            record(f"a{n}-{partition}", turns[partition], patient_id=patient)
                            for n, patient in enumerate(patients)
                        )
                    )
        except BaseException as error:  # noqa: BLE001 - the test's thread raises it
            failures.append(error)

    threads = [threading.Thread(target=write, args=(partition,)) for partition in range(2)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: min(turns) > 5 or bool(failures))
        for patient in patients[:4]:
            erasure.erase(operator, MaintenanceSettings.model_validate({}), patient)
            seen = list(turns)
            until(lambda: bool(failures) or all(turns[n] > seen[n] + 2 for n in range(2)))  # noqa: B023 - within the round
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    left = owner.execute("SELECT DISTINCT patient_id FROM observations ORDER BY 1").fetchall()
    assert [patient for (patient,) in left] == patients[4:]
    left = owner.execute("SELECT patient_id FROM patients ORDER BY 1").fetchall()
    assert [patient for (patient,) in left] == patients[4:]
    traffic.assert_counted(owner)


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


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (b'{"patient_id": "p1"}', True),
        (b'{"patient_id": "\\u0070\\u0031"}', True),
        (b'{"patient_id": "p10"}', False),
        (b'{"patient_id": "x", "patient_id": "p1", "patient_id": "y"}', True),
        (b'[{"a": {"b": [["p1"]]}}]', True),
        (b'{"p1": null}', True),
        (b'{"note": "seen with p1, p2"}', True),
        (b'{"note": "p1-2, xp1, p_p1, p1x"}', False),
        (b'{"admission_id": "72"}', True),
        (b'{"admission_id": 72}', True),
        (b'{"heart_rate": 72}', False),
        (b"72;p1;x", True),
        (b"p10;p1_;-p1", False),
        (b"\xff\xfe p1 \xff", True),
        (b"[" * 100_000, False),
        (b"", False),
        (None, False),
    ],
)
def test_a_bad_record_is_known_by_the_ids_in_it(payload: bytes | None, found: bool) -> None:  # noqa: FBT001 - the expected value
    """Whole words of any form of document, whatever its escapes; no longer ids, no measures."""
    assert mentions(["p1", "72"], payload) is found


def test_a_bad_record_is_known_by_its_headers() -> None:
    """A client may have put the id there."""
    assert mentions(["p1"], b"{}", [None, b"\xff", b"patient=p1"])
    assert not mentions(["p1"], b"{}", [b"p11"])


def until(condition: Any) -> None:
    """Wait for something that must come."""
    ended = threading.Event()
    for _ in range(6000):
        if condition():
            return
        ended.wait(0.01)
    raise TimeoutError("waited in vain for a minute")
