"""`python -m vitalstream_dashboard` as a process of its own."""

import json
import signal
import socket
import time
from contextlib import closing
from typing import Any

import pytest

from vitalstream_devstack.databases import Database


def test_serves_and_stops(start: Any, database: Database, ward: Any) -> None:
    """It serves the page, health and metrics, and SIGTERM ends it cleanly with exit code 0."""
    ward.stand(last_append_at=ward.now, last_commit_at=ward.now)
    program = start(DATABASE_URL=database.url("viewer"))
    program.wait_for("/readyz", 200)
    assert "<title>" in program.wait_for("/", 200, page=True)
    assert program.get("/livez")[0] == program.get("/startupz")[0] == 200
    exposed = program.get("/metrics")[1]
    samples = dict(line.rsplit(" ", 1) for line in exposed.splitlines() if line[0] != "#")
    assert float(samples["vitalstream_dashboard_data_age_seconds"]) > 0
    assert float(samples["vitalstream_dashboard_sessions"]) == 0
    assert float(samples["vitalstream_dashboard_database_up"]) == 1
    assert float(samples['vitalstream_dashboard_query_seconds_count{query="ledger"}']) >= 1
    program.process.send_signal(signal.SIGTERM)
    code, log, said = program.end()
    assert (code, said) == (0, "")
    # Streamlit itself prints "Stopping..." when it is asked to.
    events = [json.loads(line)["event"] for line in log.splitlines() if line[0] == "{"]
    assert events[0] == "listening"
    assert events[-1] == "stopped"


def test_waits_for_the_database_unready(
    start: Any, empty_database: Database, ward: Any, database: Database
) -> None:
    """Unready while migrations are pending; ready for good once the database has answered."""
    pending = start(DATABASE_URL=empty_database.url())
    ward.stand()
    ward.leave()
    away = start(DATABASE_URL=database.url("viewer"))
    for program, reason in ((pending, "version 0"), (away, "cannot be reached")):
        program.wait_for("/livez", 200)
        program.wait_for("/", 200, page=True)
        assert reason in program.wait_for("/readyz", 503)
    ward.come_back()
    away.wait_for("/readyz", 200)
    ward.leave()
    while 'query_failures_total{trouble="away"}' not in away.get("/metrics")[1]:
        time.sleep(0.1)
    assert away.get("/readyz")[0] == 200


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DASHBOARD_REFRESH_SECONDS", "1"),
        ("DASHBOARD_RECORD_LIMIT", "501"),
        ("DASHBOARD_TIME_ZONE", "Mars/Olympus"),
        ("STREAMLIT_SERVER_PORT", "seventy"),
        ("DATABASE_URL", "nonsense"),
    ],
)
def test_a_bad_setting_is_one_line(start: Any, variable: str, value: str) -> None:
    """A bad value ends the start with one line that names the variable."""
    code, _, said = start(**{variable: value}).end()
    assert code == 78
    (line,) = said.splitlines()
    assert line.startswith(f"SettingsError: {variable}")


@pytest.mark.parametrize("variable", ["STREAMLIT_SERVER_PORT", "OPS_PORT"])
def test_a_port_in_use_is_one_line(start: Any, database: Database, variable: str) -> None:
    """A taken port ends the start with one line that names its variable."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environment = {"DATABASE_URL": database.url("viewer"), variable: port}
        code, _, said = start(**environment).end()
    assert code == 73
    (line,) = said.splitlines()
    assert line.startswith(f"PortInUseError: {variable}={port}")


def test_a_refused_login_is_one_line(start: Any, database: Database) -> None:
    """A wrong password ends the start: waiting would not mend it."""
    viewer = database.url("viewer")
    password = viewer.split(":")[2].split("@")[0]
    code, log, said = start(DATABASE_URL=viewer.replace(password, "wrong")).end()
    assert code == 77
    (line,) = said.splitlines()
    assert line.startswith("DatabaseRefusedError: PostgreSQL refuses")
    assert "wrong" not in said + log
