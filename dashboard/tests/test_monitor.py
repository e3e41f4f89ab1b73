"""The thread beside the page."""

import time
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY

from vitalstream_dashboard.monitor import Monitor
from vitalstream_dashboard.service import service
from vitalstream_devstack.databases import Database
from vitalstream_runtime.ops import Heartbeat, Readiness


@pytest.fixture
def monitor(database: Database, monkeypatch: pytest.MonkeyPatch, free_port: Any) -> Any:
    """A monitor of a page that does not answer."""
    monkeypatch.setenv("DATABASE_URL", database.url("viewer"))
    readiness = Readiness("page", "database")
    made = Monitor(service(), ("127.0.0.1", free_port()), Heartbeat(1.0), readiness, 0.01)
    return made, readiness


def test_a_page_that_does_not_answer_is_not_ready(monitor: Any) -> None:
    """No heartbeat and no readiness without an answer, though the database is there."""
    watched, readiness = monitor
    watched.round()
    assert list(readiness.reasons) == ["page"]
    assert not watched._heartbeat.started


def test_one_bad_round_does_not_end_the_watch(
    monitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in one round, the next one comes."""
    watched, _ = monitor
    rounds: list[int] = []

    def bad() -> None:
        rounds.append(1)
        raise AttributeError("half made")

    monkeypatch.setattr(watched, "round", bad)
    watched.start()
    while len(rounds) < 3:
        time.sleep(0.01)
    watched.stop()


def _silent(department: str) -> float | None:
    return REGISTRY.get_sample_value(
        "vitalstream_dashboard_silent_patients", {"department": department}
    )


@pytest.mark.parametrize(("scale", "count"), [(1.0, 0), (1000.0, 3)])
def test_silent_patients_are_counted_by_department_at_the_time_scale(
    monitor: Any, database: Database, scale: float, count: int
) -> None:
    """Two minutes without an observation are no silence at a scale of 1, and one at 1000."""
    watched, _ = monitor
    settings = watched._service.settings.model_copy(update={"time_scale": scale})
    watched._wards._service = replace(watched._service, settings=settings)
    with psycopg.connect(database.url()) as connection:
        connection.execute(
            "INSERT INTO patient_records SELECT 'p' || n, 'a' || n,"
            " timezone('UTC', now()) - interval '2 minutes', now(), 'Some One', 50, 'Other',"
            " 'ICU', 'Asthma', 'Urgent', 'Stable', 'Aetna', 70, '120/80', 37, 98, 16, 0, 'Low',"
            " 'Dr. Who', 'Boston' FROM generate_series(1, 3) n"
        )
    watched.round()
    assert _silent("ICU") == count


def test_without_the_database_silence_is_unknown(monitor: Any, database: Database) -> None:
    """No figure is better than an old one that nobody can tell from a new one."""
    watched, _ = monitor
    with psycopg.connect(database.url()) as connection:
        connection.execute(
            "INSERT INTO patient_records SELECT 'p', 'a', timezone('UTC', now() - interval '1 d'),"
            " now(), 'Some One', 50, 'Other', 'ICU', 'Asthma', 'Urgent', 'Stable', 'Aetna', 70,"
            " '120/80', 37, 98, 16, 0, 'Low', 'Dr. Who', 'Boston'"
        )
    watched._wards.count()
    assert _silent("ICU") == 1
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE census RENAME TO census_away")
    time.sleep(0.6)
    watched._wards.count()
    assert _silent("ICU") is None


def test_partitions_are_looked_at(monitor: Any, database: Database) -> None:
    """The gauge says how long what is ready will last, 0 where maintain has never run."""
    watched, _ = monitor
    watched._look_at_partitions()
    assert REGISTRY.get_sample_value("vitalstream_dashboard_partition_headroom_seconds") == 0
    with psycopg.connect(database.url()) as owner:
        owner.execute("SELECT create_observation_day((now() AT TIME ZONE 'UTC')::date + 3)")
    time.sleep(0.6)  # answers are shared for half a second
    watched._look_at_partitions()
    headroom = REGISTRY.get_sample_value("vitalstream_dashboard_partition_headroom_seconds")
    assert headroom is not None
    assert 2.9 * 86_400 < headroom <= 4 * 86_400
