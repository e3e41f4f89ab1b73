"""A patient is erased while writers write."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest

from libs.storage.tests import traffic
from libs.storage.tests.erasing import PATIENT, everything, theirs
from libs.storage.tests.stream import Stream, login, record
from vitalstream_devstack.databases import Database
from vitalstream_storage import erasure
from vitalstream_storage.erasure import Erased
from vitalstream_storage.errors import MaintenanceError
from vitalstream_storage.maintain import recount
from vitalstream_storage.pool import Connection
from vitalstream_storage.settings import MaintenanceSettings


@pytest.fixture
def stream(connection: Connection) -> Stream:
    """A stream that has the patient in it."""
    made = Stream(connection)
    made.write(*theirs())
    return made


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come."""
    ended = threading.Event()
    for _ in range(6000):
        if condition():
            return
        ended.wait(0.01)
    raise TimeoutError("waited in vain for a minute")


@contextmanager
def beside(stop: threading.Event, *works: Callable[[], None]) -> Iterator[list[BaseException]]:
    """Works on threads until the block ends; what they raise is in the list."""
    failures: list[BaseException] = []

    def watched(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            failures.append(error)

    threads = [threading.Thread(target=watched, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        stop.set()
        for thread in threads:
            thread.join()


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
    assert found == [Erased(3, 4, 2)]
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


@pytest.mark.parametrize("table", ["patient_records", "dead_letters"])
def test_a_table_that_nobody_may_read_is_said(
    operator: Connection, owner: psycopg.Connection[Any], table: str
) -> None:
    """The search waits for a forgotten psql no longer than the erasure itself."""
    short = MaintenanceSettings.model_validate({"lock_timeout": 0.01})
    owner.execute("BEGIN")
    owner.execute(f"LOCK {table} IN ACCESS EXCLUSIVE MODE".encode())
    with pytest.raises(MaintenanceError, match="again"):
        erasure.erase(operator, short, PATIENT)
    owner.execute("ROLLBACK")
    assert erasure.erase(operator, short, PATIENT).admissions == 0


def test_patients_are_erased_while_writers_write(
    database: Database, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """Two writers go on with their patients all the while; what is erased stays away."""
    patients = [[f"p{partition}{n}" for n in range(4)] for partition in range(2)]
    stop = threading.Event()
    turns = [0, 0]

    def write(partition: int) -> None:
        with login(database) as connection:
            mine = Stream(connection, partition)
            while not stop.is_set():
                turns[partition] += 1
                mine.write(
                    *(
                        record(f"a{n}-{patient}", turns[partition], patient_id=patient)
                        for patient in patients[partition]
                        for n in range(2)
                    )
                )

    def go_on(by: int) -> None:
        seen = list(turns)
        until(lambda: bool(failures) or all(turns[n] > seen[n] + by for n in range(2)))

    with beside(stop, partial(write, 0), partial(write, 1)) as failures:
        go_on(5)
        for patient in (patients[0][0], patients[1][0], patients[0][3], patients[1][1]):
            erasure.erase(operator, MaintenanceSettings.model_validate({}), patient)
            go_on(2)
    assert failures == []
    for table in ("observations", "patients"):
        left = owner.execute(f"SELECT DISTINCT patient_id FROM {table} ORDER BY 1".encode())  # noqa: S608 - ours
        assert [patient for (patient,) in left] == ["p01", "p02", "p12", "p13"]
    traffic.assert_counted(owner)


def test_recounts_and_erasures_beside_a_writer_end_well(
    database: Database, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """All lock in the same order; at whatever moment it is asked, no counter is wrong."""
    stop = threading.Event()
    wrong: list[dict[str, int]] = []

    def write() -> None:
        with login(database) as connection:
            mine = Stream(connection)
            for turn in itertools.count():
                mine.staged = turn % 3 == 0
                mine.write(*theirs(f"p{turn % 5}"), record("a7", turn))
                if stop.is_set():
                    return

    def count() -> None:
        with login(database, "operator") as connection:
            while not stop.is_set():
                wrong.append(recount(connection))

    with beside(stop, write, count) as failures:
        for turn in range(10):
            erasure.erase(operator, MaintenanceSettings.model_validate({}), f"p{turn % 5}")
        until(lambda: len(wrong) > 3 or bool(failures))
    assert failures == []
    assert {count for each in wrong for count in each.values()} == {0}
    traffic.assert_counted(owner)
