"""`make demo` as a person meets it: it proves itself, stops cleanly, and says what is wrong."""

import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.end_to_end.demo import Demo
from tests.end_to_end.pipeline import wait_until
from vitalstream_devstack.databases import Database
from vitalstream_devstack.pytest_plugin import KafkaHandle

pytestmark = pytest.mark.timeout(300)

_SUMMARY = re.compile(
    r"produced ([\d,]+), stored ([\d,]+), duplicates 0, stale 0, dead-lettered 0, lost 0,"
    r" counted twice 0"
)
_NO_NETWORK = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:1") | {
    "NO_PROXY": "127.0.0.1"
}


def _summary(demo: Demo) -> tuple[int, int]:
    """What was produced and what was stored."""
    found = [match for line in demo.lines if (match := _SUMMARY.fullmatch(line))]
    assert len(found) == 1, demo.said
    produced, stored = (int(figure.replace(",", "")) for figure in found[0].groups())
    return produced, stored


def _stored(demo: Demo) -> int:
    """Rows in the tables, asked with the connection string that the demo printed."""
    (url,) = re.findall(r'psql "(.*)"', demo.said)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM observations").fetchone()
    assert row is not None
    return int(row[0])


def test_timed_demo_proves_that_nothing_was_lost(tmp_path: Path) -> None:
    """DEMO_SECONDS ends by itself, with a summary that adds up, exit code 0 and nobody left."""
    with Demo(tmp_path / "demo", DEMO_SECONDS="4", PRODUCER_RATE="100") as demo:
        demo.wait_until_running()
        assert demo.wait() == 0, demo.said
        produced, stored = _summary(demo)
        assert produced == stored > 100
        assert demo.survivors() == []


def test_ctrl_c_stops_all_and_the_next_start_finds_the_data(tmp_path: Path) -> None:
    """Ctrl-C exits 0 and leaves no process; the next start needs no network and keeps the rows.

    A second demo of the same data, meanwhile, says that it is one too many.
    """
    with Demo(tmp_path / "demo", PRODUCER_RATE="100") as demo:
        demo.wait_until_running()
        wait_until(lambda: _stored(demo) > 0, "something is stored")
        kept = _stored(demo)
        with Demo(tmp_path / "demo") as second:
            assert second.wait() == 1
            assert re.fullmatch(r"AlreadyRunningError: another demo \(process \d+\).*", second.said)
        demo.send(signal.SIGINT)
        assert demo.wait() == 0, demo.said
        assert demo.survivors() == []
    with Demo(tmp_path / "demo", DEMO_SECONDS="1", PRODUCER_RATE="100", **_NO_NETWORK) as demo:
        demo.wait_until_running()
        assert _stored(demo) >= kept
        assert demo.wait() == 0, demo.said
        assert _summary(demo)[0] > 0
        assert demo.survivors() == []


def test_ctrl_c_while_starting_leaves_no_process(tmp_path: Path) -> None:
    """A person who changes their mind at once is not made to wait for the start."""
    with Demo(tmp_path / "demo") as demo:
        demo.wait_until_starting()
        demo.send(signal.SIGINT)
        assert demo.wait() == 130, demo.said
        assert "asked to stop before everything ran" in demo.said
        assert demo.survivors() == []


def test_killed_demo_leaves_no_process(tmp_path: Path) -> None:
    """Even SIGKILL leaves nobody behind; DEMO_FRESH=1 then starts over in the same folder."""
    with Demo(tmp_path / "demo", PRODUCER_RATE="100") as demo:
        demo.wait_until_running()
        wait_until(lambda: _stored(demo) > 3, "something is stored")
        demo.send(signal.SIGKILL)
        assert demo.wait() == -signal.SIGKILL
        assert demo.survivors() == []
    fresh = {"DEMO_FRESH": "1", "PRODUCER_RATE": "max", "PRODUCER_MAX_RECORDS": "3"}
    with Demo(tmp_path / "demo", DEMO_SECONDS="1", **fresh) as demo:
        assert demo.wait() == 0, demo.said
        assert _summary(demo) == (3, 3)


def test_service_that_dies_is_reported(tmp_path: Path) -> None:
    """A demo whose consumer dies says so with its last lines, stops the rest, and exits 1."""
    with Demo(tmp_path / "demo", DEMO_SECONDS="600", PRODUCER_RATE="100") as demo:
        demo.wait_until_running()
        demo.part("vitalstream_consumer").kill()
        assert demo.wait() == 1
        assert "the consumer died; its last lines:" in demo.said
        assert re.search(r"\n  \| .*listening", demo.said)
        assert demo.survivors() == []


def test_running_servers_are_used(
    tmp_path: Path, kafka: KafkaHandle, topic: str, empty_database: Database
) -> None:
    """With KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL the demo starts its services alone."""
    given = {
        **kafka.environment,
        "KAFKA_TOPIC": topic,
        "KAFKA_GROUP_ID": topic,
        "DATABASE_URL": empty_database.admin_url,
    }
    with Demo(tmp_path / "demo", DEMO_SECONDS="2", PRODUCER_RATE="50", **given) as demo:
        demo.wait_until_running()
        assert demo.wait() == 0, demo.said
        assert _summary(demo)[0] > 0
    assert not (tmp_path / "demo" / "kafka").exists()
    assert not (tmp_path / "demo" / "postgres").exists()
    _drop_logins(empty_database)


def _drop_logins(database: Database) -> None:
    """Roles are the server's, so they would outlive the database."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        made = connection.execute(
            "SELECT quote_ident(rolname) FROM pg_roles WHERE rolname LIKE 'vitalstream_demo_%'"
        ).fetchall()
        for (name,) in made:
            connection.execute(f"DROP ROLE {name}".encode())


@pytest.fixture
def taken_port() -> Iterator[str]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


@pytest.mark.parametrize(
    "variable",
    [
        "DEMO_KAFKA_PORT",
        "DEMO_POSTGRES_PORT",
        "DEMO_PRODUCER_OPS_PORT",
        "DEMO_CONSUMER_OPS_PORT",
        "DEMO_DASHBOARD_OPS_PORT",
        "STREAMLIT_SERVER_PORT",
    ],
)
def test_port_in_use_is_one_line_that_names_the_variable(
    tmp_path: Path, taken_port: str, variable: str
) -> None:
    """A port that a person set is never silently replaced by another."""
    with Demo(tmp_path, **{variable: taken_port}) as demo:
        assert demo.wait() == 1
        said = rf"PortTakenError: port {taken_port} \({variable}\) is in use.*"
        assert re.fullmatch(said, demo.said)


def test_no_network_on_the_first_start_is_one_line(tmp_path: Path) -> None:
    """Where the jars cannot be downloaded the demo says what it needs, and keeps nothing half."""
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with Demo(tmp_path / "demo", **cache, **_NO_NETWORK) as demo:
        assert demo.wait() == 1
        (line,) = demo.errors
        assert re.fullmatch(r"DownloadError: cannot download Apache Kafka .* a network.*", line)
    assert [path.suffix for path in (tmp_path / "cache" / "vitalstream").iterdir()] == [".lock"]


def test_unwritable_data_directory_is_one_line(tmp_path: Path) -> None:
    """A folder that cannot be made is named, with the variable that chooses another."""
    (tmp_path / "file").touch()
    with Demo(tmp_path / "file" / "demo") as demo:
        assert demo.wait() == 1
        assert re.fullmatch(
            rf"DataDirectoryError: .*{tmp_path}/file/demo: Not a directory; set DEMO_DIR .*",
            demo.said,
        )


def test_bad_setting_is_one_line_that_names_the_variable(tmp_path: Path) -> None:
    """A demo of no length is a slip of the pen."""
    with Demo(tmp_path, DEMO_SECONDS="0") as demo:
        assert demo.wait() == 78
        assert re.fullmatch(r"SettingsError: DEMO_SECONDS='0': .*", demo.said)
