"""Changes made by hand, in SQL, beside our own writer: the counters follow all of them."""

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from libs.storage.tests import traffic
from libs.storage.tests.stream import Stream, record, tombstone
from vitalstream_devstack.databases import Database
from vitalstream_storage.maintain import recount
from vitalstream_storage.pool import Connection

HAND = [
    "UPDATE observations SET heart_rate = heart_rate + 1, risk_score = 6 WHERE heart_rate % 2 = 0",
    "UPDATE observations SET department = 'Elsewhere' WHERE admission_id < 'a3'",
    "UPDATE observations SET observed_at = observed_at + interval '1 day' WHERE heart_rate > 70",
    "DELETE FROM observations WHERE admission_id = 'a1'",
    "INSERT INTO observations SELECT * FROM moved ON CONFLICT DO NOTHING",
    "UPDATE patient_records SET risk_level = 'Low', age = age + 1 WHERE oxygen_saturation > 90",
    "UPDATE patient_records SET patient_id = 'p0' WHERE admission_id > 'a5'",
    "DELETE FROM patient_records WHERE admission_id IN ('a2', 'a6')",
    "UPDATE dead_letters SET reason = 'other', replayed_at = now() WHERE \"offset\" % 2 = 0",
    "DELETE FROM dead_letters WHERE reason = 'other'",
]


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection, each statement on its own; some days have partitions."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        connection.execute("SELECT create_observation_day('2026-03-01')")
        yield connection


def fill(stream: Stream, rng: random.Random) -> None:
    """Random records and letters by our own writer, from which some are set aside."""
    stream.write(
        *(
            tombstone(0, 0)
            if rng.random() < 0.2
            else record(f"a{rng.randrange(9)}", rng.randrange(90_000), heart_rate=rng.randrange(99))
            for _ in range(60)
        )
    )


@pytest.mark.parametrize("seed", range(3))
def test_counters_follow_every_change_by_hand(
    connection: Connection, owner: psycopg.Connection[Any], operator: Connection, seed: int
) -> None:
    """After each statement all that is counted is as a recount has it."""
    rng = random.Random(seed)
    stream = Stream(connection)
    fill(stream, rng)
    owner.execute("CREATE TABLE moved AS SELECT * FROM observations WHERE admission_id = 'a1'")
    for statement in rng.sample(HAND, len(HAND)):
        owner.execute(statement.encode())
        traffic.assert_counted(owner)
        assert set(recount(operator).values()) == {0}, statement
        fill(stream, rng)
    assert set(recount(operator).values()) == {0}


def test_an_emptied_table_counts_nothing(
    connection: Connection, owner: psycopg.Connection[Any], operator: Connection
) -> None:
    """TRUNCATE by hand; hours before the retention floor stay, as their rows were dropped."""
    fill(Stream(connection), random.Random(9))
    operator.execute("SELECT raise_retention_floor('2026-03-02')")
    operator.commit()
    before = owner.execute(
        "SELECT sum(observations) FROM hourly_vitals WHERE hour < '2026-03-02 00:00+00'"
    ).fetchone()
    for table in ("observations", "patient_records", "dead_letters"):
        owner.execute(f"TRUNCATE {table}".encode())
        assert set(recount(operator).values()) == {0}, table
    left = owner.execute("SELECT sum(observations) FROM hourly_vitals").fetchone()
    assert left == before != (None,)
