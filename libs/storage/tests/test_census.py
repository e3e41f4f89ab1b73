"""The counters that triggers keep, compared with a full recount after random traffic."""

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import errors as pg

from libs.storage.tests import traffic
from vitalstream_devstack.databases import Database

Writer = Callable[[psycopg.Connection[Any], random.Random], None]


def _insert(connection: psycopg.Connection[Any], rng: random.Random) -> None:
    connection.execute(
        traffic.SEED_INSERT + " ON CONFLICT (admission_id) DO NOTHING", traffic.row(rng)
    )


def _upsert(connection: psycopg.Connection[Any], rng: random.Random) -> None:
    connection.execute(
        traffic.SEED_INSERT + " ON CONFLICT (admission_id) DO UPDATE SET"
        " timestamp = excluded.timestamp, department = excluded.department,"
        " risk_level = excluded.risk_level, oxygen_saturation = excluded.oxygen_saturation,"
        " heart_rate = excluded.heart_rate, age = excluded.age, status = excluded.status"
        " WHERE excluded.timestamp > patient_records.timestamp",
        traffic.row(rng),
    )


def _set_back(connection: psycopg.Connection[Any], rng: random.Random) -> None:
    connection.execute(
        "UPDATE patient_records SET timestamp = %s WHERE admission_id = %s",
        [traffic.START - timedelta(seconds=rng.randrange(9)), traffic.row(rng)["admission_id"]],
    )


def _move(connection: psycopg.Connection[Any], rng: random.Random) -> None:
    connection.execute(
        "UPDATE patient_records SET patient_id = %s WHERE admission_id = %s",
        [traffic.row(rng)["patient_id"], traffic.row(rng)["admission_id"]],
    )


def _rename(connection: psycopg.Connection[Any], rng: random.Random) -> None:
    wanted = traffic.row(rng)["admission_id"]
    connection.execute(
        "UPDATE patient_records SET admission_id = %s WHERE admission_id = %s AND NOT EXISTS"
        " (SELECT FROM patient_records WHERE admission_id = %s)",
        [wanted, traffic.row(rng)["admission_id"], wanted],
    )


def _update_many(connection: psycopg.Connection[Any], rng: random.Random) -> None:
    connection.execute(
        "UPDATE patient_records SET risk_level = %s, oxygen_saturation = %s, timestamp = timestamp"
        " + interval '1 second' WHERE department = %s",
        [rng.choice(["Low", "High"]), rng.randrange(80, 100), traffic.row(rng)["department"]],
    )


def _delete(connection: psycopg.Connection[Any], rng: random.Random) -> None:
    connection.execute(
        "DELETE FROM patient_records WHERE admission_id = ANY(%s)",
        [[traffic.row(rng)["admission_id"] for _ in range(rng.randrange(1, 5))]],
    )


def _meddle(connection: psycopg.Connection[Any], rng: random.Random) -> None:
    connection.execute(
        "UPDATE patient_records SET newest = NOT newest WHERE admission_id = %s",
        [traffic.row(rng)["admission_id"]],
    )


WRITERS: list[Writer] = [
    _insert, _insert, _upsert, _upsert, _upsert, _set_back, _move, _rename, _update_many, _delete,
    _meddle,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_counters_equal_a_recount_after_any_writers_traffic(database: Database, seed: int) -> None:
    """Plain INSERT, UPDATE and DELETE of every kind leave all counters as a recount has them."""
    rng = random.Random(seed)
    with psycopg.connect(database.url()) as connection:
        for step in range(300):
            rng.choice(WRITERS)(connection, rng)
            if step % 20 == 0:
                traffic.assert_counted(connection)
            if rng.random() < 0.1:
                connection.rollback()
            elif rng.random() < 0.5:
                connection.commit()
        traffic.assert_counted(connection)


def test_counters_survive_a_truncate(database: Database) -> None:
    """After TRUNCATE nothing is counted, and counting goes on from there."""
    rng = random.Random(5)
    with psycopg.connect(database.url()) as connection:
        for _ in range(20):
            _insert(connection, rng)
        connection.execute("TRUNCATE patient_records")
        traffic.assert_counted(connection)
        _insert(connection, rng)
        traffic.assert_counted(connection)


def test_counters_are_right_beside_concurrent_writers_of_the_same_patients(
    database: Database,
) -> None:
    """Writers that meet on the same few patients, unkeyed, still leave what a recount finds."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        # A deadlock then costs them milliseconds, not a second each.
        admin.execute(f"ALTER DATABASE {database.name} SET deadlock_timeout = '20ms'".encode())
    failures: list[BaseException] = []
    done = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        try:
            with psycopg.connect(database.url()) as connection:
                connection.execute("SELECT set_config('vitalstream.shard', %s, false)", [str(seed)])
                connection.commit()
                for _ in range(120):
                    try:
                        with connection.transaction():
                            for _ in range(rng.randrange(1, 4)):
                                rng.choice(WRITERS)(connection, rng)
                        done.append(seed)
                    except (pg.DeadlockDetected, pg.UniqueViolation):
                        continue
        except BaseException as error:  # noqa: BLE001 - the test's thread raises it
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(done) > 200
    with psycopg.connect(database.url()) as connection:
        traffic.assert_counted(connection)
