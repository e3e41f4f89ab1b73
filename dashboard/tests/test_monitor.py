"""The thread beside the page."""

import time
from typing import Any

import pytest

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
