"""A patient is erased while writers write."""

import threading
from collections.abc import Callable
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


def test_patients_are_erased_while_writers_write(
    database: Database, operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """Two writers go on with their patients all the while; what is erased stays away."""
    patients = [[f"p{partition}{n}" for n in range(4)] for partition in range(2)]
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
                            record(f"a{n}-{patient}", turns[partition], patient_id=patient)
                            for patient in patients[partition]
                            for n in range(2)
                        )
                    )
        except BaseException as error:  # noqa: BLE001 - the test's thread raises it
            failures.append(error)

    threads = [threading.Thread(target=write, args=(partition,)) for partition in range(2)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: min(turns) > 5 or bool(failures))
        for patient in (patients[0][0], patients[1][0], patients[0][3], patients[1][1]):
            erasure.erase(operator, MaintenanceSettings.model_validate({}), patient)
            seen = list(turns)
            until(lambda: bool(failures) or all(turns[n] > seen[n] + 2 for n in range(2)))  # noqa: B023 - within the round
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    for table in ("observations", "patients"):
        left = owner.execute(f"SELECT DISTINCT patient_id FROM {table} ORDER BY 1".encode())  # noqa: S608 - ours
        assert [patient for (patient,) in left] == ["p01", "p02", "p12", "p13"]
    traffic.assert_counted(owner)
