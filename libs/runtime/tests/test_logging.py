"""Log lines: their form, and what never gets into them."""

import io
import json
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from uuid import UUID

import pytest
import structlog

from vitalstream_runtime.errors import SettingsError
from vitalstream_runtime.logging import configure, hash_id
from vitalstream_runtime.settings import ServiceSettings

_PERSON = "Ada Lovelace"


class Lines:
    """Catches what is logged as JSON."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._written = io.BytesIO()
        self._stdout = io.TextIOWrapper(self._written, encoding="utf-8")

    def configure(self, **settings: Any) -> None:
        """Configure logging with a stdout of our own; pytest swaps its own in and out."""
        self._monkeypatch.setattr(sys, "stdout", self._stdout)
        configure("producer", ServiceSettings(log_format="json", **settings))

    def __call__(self) -> list[dict[str, Any]]:
        """The lines since the last call."""
        text = self._written.getvalue().decode()
        self._written.seek(0)
        self._written.truncate()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Configured logging; as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    caught = Lines(monkeypatch)
    caught.configure()
    yield caught
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def only(lines: Lines) -> dict[str, Any]:
    """The one line that was logged."""
    (line,) = lines()
    return line


def test_line_is_flat_json(lines: Lines) -> None:
    """A line has time (UTC), level, event, service, version, and the fields given."""
    structlog.get_logger("some.module").info("batch_committed", records=20, took=0.5)
    line = only(lines)
    stamp = datetime.fromisoformat(line.pop("timestamp"))
    assert abs((datetime.now(UTC) - stamp).total_seconds()) < 60
    assert line == {
        "event": "batch_committed",
        "level": "info",
        "logger": "some.module",
        "records": 20,
        "service": "producer",
        "took": 0.5,
        "version": version("vitalstream-producer"),
    }


def test_standard_library_takes_the_same_way(lines: Lines) -> None:
    """A library that uses the logging module gets the same fields and the same net."""
    logging.getLogger("psycopg.pool").warning("error connecting: %s", "refused")
    line = only(lines)
    assert (line["event"], line["level"]) == ("error connecting: refused", "warning")
    assert (line["logger"], line["service"]) == ("psycopg.pool", "producer")


def test_level_is_a_threshold(lines: Lines) -> None:
    """What is below LOG_LEVEL is not written, from either side."""
    structlog.get_logger().debug("hidden")
    logging.getLogger("x").debug("hidden")
    assert lines() == []


def test_plain_values_pass(lines: Lines) -> None:
    """Times, identifiers and paths are written as text."""
    structlog.get_logger().info("x", at=datetime(2026, 1, 1, tzinfo=UTC), id=UUID(int=1), one=None)
    structlog.get_logger().info("x", by={"partition": 1, "stages": [1.5, "write"]})
    line, nested = lines()
    assert nested["by"] == {"partition": 1, "stages": [1.5, "write"]}
    assert line["at"].startswith("2026-01-01")
    assert line["id"] == str(UUID(int=1))
    assert line["one"] is None


@pytest.mark.parametrize(
    "fields",
    [
        {"patient_name": "Ada Lovelace"},
        {"Patient_Name": "Ada Lovelace"},
        {"primary_diagnosis": "Ada Lovelace"},
        {"patient_id": "Ada Lovelace"},
        {"admission_id": "Ada Lovelace"},
        {"payload": "Ada Lovelace"},
        {"key": "Ada Lovelace"},
        {"value": ["Ada Lovelace"]},
        {"record": {"any": "Ada Lovelace"}},
        {"details": {"deeper": [{"patient_name": "Ada Lovelace"}]}},
        {"blob": b"Ada Lovelace"},
        {"blobs": [b"Ada Lovelace"]},
        {"thing": ValueError("Ada Lovelace")},
    ],
    ids=repr,
)
@pytest.mark.parametrize("level", ["info", "warning", "error", "critical"])
def test_person_is_withheld(lines: Lines, fields: dict[str, Any], level: str) -> None:
    """A field that may name a patient, by its name or its type, is replaced and stays visible."""
    getattr(structlog.get_logger(), level)("decoded", **fields)
    line = only(lines)
    assert "Ada" not in json.dumps(line)
    assert "withheld" in json.dumps(line[next(iter(fields))])


def test_counts_are_no_persons(lines: Lines) -> None:
    """A number under a name such as records or rows is a count."""
    structlog.get_logger().info("written", records=10, rows=20, value=1.5)
    line = only(lines)
    assert (line["records"], line["rows"], line["value"]) == (10, 20, 1.5)


def test_debug_shows_everything(lines: Lines) -> None:
    """An event of level DEBUG is the one place where a record may be looked at."""
    lines.configure(log_level="DEBUG")
    structlog.get_logger().debug("decoded", patient_name="Ada Lovelace")
    assert only(lines)["patient_name"] == "Ada Lovelace"
    structlog.get_logger().info("decoded", patient_name="Ada Lovelace")
    assert only(lines)["patient_name"] == "[withheld]"


def fail_on(value: str) -> None:
    """Raise errors whose texts and local variables quote the value."""
    try:
        float(value)
    except ValueError as error:
        raise RuntimeError(f"no number: {value}") from error


@pytest.mark.parametrize("source", ["structlog", "logging"])
def test_exception_has_frames_but_no_values(lines: Lines, source: str) -> None:
    """An exception shows its causes, types and lines of code, neither texts nor locals."""
    try:
        fail_on(_PERSON)
    except RuntimeError:
        (structlog.get_logger() if source == "structlog" else logging.getLogger()).exception("bad")
    line = only(lines)
    assert "Ada" not in json.dumps(line)
    text = line["exception"]
    assert text.index("ValueError") < text.index("RuntimeError")
    assert "in fail_on" in text
    assert text.count("Traceback") <= 1


def test_text_of_our_own_errors_is_shown(lines: Lines) -> None:
    """What we or the operating system say of a failure holds no record and is needed."""
    log = structlog.get_logger()
    log.error("a", exc_info=SettingsError("OPS_PORT is wrong"))
    log.error("b", exc_info=ConnectionRefusedError(111, "Connection refused"))
    first, second = lines()
    assert "OPS_PORT is wrong" in first["exception"]
    assert "Connection refused" in second["exception"]


def test_misspelled_variable_is_warned_about(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first log line tells of a variable that has no effect."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVER", "broker:9092")
    lines.configure()
    line = only(lines)
    assert (line["event"], line["level"]) == ("unknown_setting", "warning")
    assert line["variable"] == "KAFKA_BOOTSTRAP_SERVER"
    assert line["did_you_mean"] == "KAFKA_BOOTSTRAP_SERVERS"


_SAY = """
import structlog
from vitalstream_runtime.logging import configure, hash_id
from vitalstream_runtime.settings import ServiceSettings, load
configure("consumer", load(ServiceSettings))
structlog.get_logger().info("said", umlaut="\\u00e4", half="\\udc80", hash=hash_id("p-1"))
"""


def test_lone_surrogate_loses_no_line() -> None:
    """Text that UTF-8 cannot hold is escaped; a plain C locale loses nothing either."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LOG_FORMAT": "json"}
    said = subprocess.run(
        [sys.executable, "-c", _SAY], env=environment, capture_output=True, check=True
    )
    line = json.loads(said.stdout)
    assert (line["umlaut"], line["half"]) == ("ä", "\udc80")
    assert said.stderr == b""


def test_console_on_a_terminal() -> None:
    """LOG_FORMAT=auto writes readable lines on a terminal and JSON into a pipe."""
    environment = {k: v for k, v in os.environ.items() if k != "LOG_FORMAT"}
    command = [sys.executable, "-c", _SAY]
    piped = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert json.loads(piped)["event"] == "said"
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, env=environment, stdout=theirs) as child:
        os.close(theirs)
        shown = os.read(ours, 65536)
        child.wait()
    os.close(ours)
    assert b"said" in shown
    assert not shown.startswith(b"{")


def test_hash_id_is_keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With LOG_ID_KEY the hash is the same in every process, without it in none."""
    monkeypatch.setenv("LOG_FORMAT", "json")

    def said() -> str:
        done = subprocess.run([sys.executable, "-c", _SAY], capture_output=True, check=True)
        return str(json.loads(done.stdout)["hash"])

    assert said() != said()
    monkeypatch.setenv("LOG_ID_KEY", "a key of 16 or so")
    keyed = said()
    assert keyed == said()
    monkeypatch.setenv("LOG_ID_KEY", "another key of it")
    assert keyed != said()


def test_hash_id_is_stable_and_short() -> None:
    """One patient has one hash, two have two; the identifier is not in it."""
    assert hash_id("patient-1") == hash_id("patient-1")
    assert hash_id("patient-1") != hash_id("patient-2")
    assert len(hash_id("patient-1")) == 16
    int(hash_id("patient-1"), 16)
    hash_id("")
    hash_id("\udc80")
