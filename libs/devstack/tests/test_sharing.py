"""One run has one of each server, whatever the number of its workers, and none afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

_TESTS = """
import pathlib, pytest

@pytest.mark.parametrize("number", range(6))
def test_note(number, postgres, worker_id):
    pathlib.Path(__file__).with_name(f"note-{worker_id}-{number}").write_text(postgres.admin_url)
"""


def _run(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_inner.py").write_text(_TESTS)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "DATABASE_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n2", "-p", "vitalstream_devstack.pytest_plugin"],
        cwd=folder,
        env=inherited | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_workers_share_a_server_that_ends_with_the_run(tmp_path: Path) -> None:
    """Both workers reach the same PostgreSQL, and it is gone when the run is over."""
    done = _run(tmp_path)
    assert done.returncode == 0, done.stdout
    notes = list(tmp_path.glob("note-*"))
    assert {note.name.split("-")[1] for note in notes} == {"gw0", "gw1"}
    (url,) = {note.read_text() for note in notes}
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(url, connect_timeout=5)


def test_every_worker_hears_why_a_server_did_not_start(tmp_path: Path) -> None:
    """A failed start is each test's error with the reason, not a time-out."""
    done = _run(tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert "6 errors" in done.stdout
    assert done.stdout.count("ServerStartError: connection failed") >= 6
