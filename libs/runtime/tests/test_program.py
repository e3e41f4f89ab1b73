"""Exceptions become one line and an exit code."""

import json
import subprocess
import sys

import pytest

from vitalstream_runtime import errors, program
from vitalstream_runtime.errors import SettingsError, StartupError


def raising(error: BaseException | None) -> int:
    """A main function that fails."""
    if error is not None:
        raise error
    return 3


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (None, 3, ""),
        (SettingsError("OPS_PORT='x': wrong"), 78, "SettingsError: OPS_PORT='x': wrong\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_exit_code_and_line(
    capsys: pytest.CaptureFixture[str], error: BaseException | None, code: int, text: str
) -> None:
    """What main returns or raises decides the exit code; a person gets one line at most."""
    with pytest.raises(SystemExit) as caught:
        program.run(lambda: raising(error))
    assert caught.value.code == code
    assert capsys.readouterr().err == text


def test_fault_of_ours_shows_where_but_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    """An unexpected exception exits with 70 and its frames, its text withheld."""
    with pytest.raises(SystemExit) as caught:
        program.run(lambda: raising(RuntimeError("Ada " + "Lovelace")))
    shown = capsys.readouterr().err
    assert caught.value.code == 70
    assert "RuntimeError" in shown
    assert "in raising" in shown
    assert "Ada Lovelace" not in shown


def test_none_is_success() -> None:
    """A main function without a result has succeeded."""
    with pytest.raises(SystemExit) as caught:
        program.run(lambda: None)
    assert caught.value.code == 0


def test_every_startup_error_has_a_code_that_means_failure() -> None:
    """No failure exits with 0, nor with what a signal or an unexpected fault exits with."""
    codes = {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, StartupError)
    }
    assert len(codes) > 5
    assert all(0 < code < 128 and code != program.EXIT_UNEXPECTED for code in codes.values())


_FAIL = """
from vitalstream_runtime import logging, program
from vitalstream_runtime.errors import SettingsError
from vitalstream_runtime.settings import ServiceSettings, load
def main():
    logging.configure("producer", load(ServiceSettings))
    raise {error}
program.run(main)
"""


@pytest.mark.parametrize(
    ("error", "event", "code"),
    [("SettingsError('no')", "start_failed", 78), ("KeyError('no')", "unexpected_error", 70)],
)
def test_failure_is_logged_too(
    monkeypatch: pytest.MonkeyPatch, error: str, event: str, code: int
) -> None:
    """Machines find the same failure in the log."""
    monkeypatch.setenv("LOG_FORMAT", "json")
    done = subprocess.run(
        [sys.executable, "-c", _FAIL.format(error=error)], capture_output=True, check=False
    )
    line = json.loads(done.stdout)
    assert (done.returncode, line["event"], line["level"]) == (code, event, "critical")
    assert done.stderr


def test_debug_log_shows_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """LOG_LEVEL=DEBUG is how a developer gets at the withheld text."""
    monkeypatch.setenv("LOG_FORMAT", "json")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    done = subprocess.run(
        [sys.executable, "-c", _FAIL.format(error="KeyError('the ' + 'text')")],
        capture_output=True,
        check=False,
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert "the text" not in first["exception"]
    assert "the text" in second["exception"]
