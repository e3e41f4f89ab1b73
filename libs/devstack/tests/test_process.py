"""Children never outlive their owner, whatever ends it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from vitalstream_devstack.errors import CancelledError, ServerStartError
from vitalstream_devstack.process import ServerProcess

# What ends it is not ignored, even where the tests' parent (nohup, a shell's `&`) ignores it.
_OWNER = """
import pathlib, signal, sys, time
from vitalstream_devstack.process import ServerProcess
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = pathlib.Path(sys.argv[1])
server = ServerProcess("sleeper", folder / "log", folder / "pid")
server.start([sys.executable, "-c", sys.argv[2]])
print(server.pid, flush=True)
time.sleep(60)
"""
# Children in sessions of their own, as PostgreSQL's are; each that sees its parent's end says so.
_MOURNED = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
mine, theirs = os.pipe()
for number in range(20):
    if not os.fork():
        os.setsid()
        os.close(theirs)
        os.read(mine, 1)
        (folder / f"mourned-{number}").touch()
        os._exit(0)
(folder / "ready").touch()
time.sleep(60)
"""
_SLEEPER = "import time; time.sleep(60)"
_STUBBORN = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"


def _server(folder: Path) -> ServerProcess:
    return ServerProcess("sleeper", folder / "log", folder / "pid")


def _owner_with_child(folder: Path, child: str) -> tuple[subprocess.Popen[str], psutil.Process]:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(folder), child], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    return owner, psutil.Process(int(owner.stdout.readline()))


def _is_gone(process: psutil.Process, within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_child_ends_with_its_owner(tmp_path: Path, number: signal.Signals) -> None:
    """However the owner ends, even by SIGKILL, its server ends as well."""
    owner, child = _owner_with_child(tmp_path, _SLEEPER)
    owner.send_signal(number)
    owner.communicate()
    assert _is_gone(child, 30)


def test_stubborn_child_ends_with_its_owner(tmp_path: Path) -> None:
    """A server that ignores the request to stop is killed after a while."""
    owner, child = _owner_with_child(tmp_path, _STUBBORN)
    owner.kill()
    owner.communicate()
    assert _is_gone(child, 30)


def test_leftover_is_ended_by_the_next_start(tmp_path: Path) -> None:
    """A server that outlived even the reaper is found by its pid file and ended."""
    with subprocess.Popen([sys.executable, "-c", _SLEEPER], start_new_session=True) as leftover:
        created = psutil.Process(leftover.pid).create_time()
        (tmp_path / "pid").write_text(f"{leftover.pid} {created}\n")
        server = _server(tmp_path)
        server.start([sys.executable, "-c", _SLEEPER])
        try:
            assert leftover.wait(30) != 0
            assert server.running
        finally:
            server.kill()


def test_stranger_with_a_reused_pid_is_left_alone(tmp_path: Path) -> None:
    """A pid file counts only for the very process it was written for."""
    with subprocess.Popen([sys.executable, "-c", _SLEEPER], start_new_session=True) as stranger:
        (tmp_path / "pid").write_text(f"{stranger.pid} 1234567890.0\n")
        _server(tmp_path).end_leftover()
        assert stranger.poll() is None
        stranger.kill()


def test_early_end_is_reported_with_the_line_that_says_why(tmp_path: Path) -> None:
    """The message holds the log's error line, not its last line."""
    server = _server(tmp_path)
    server.start([sys.executable, "-c", "print('FATAL: no room'); print('bye'); exit(3)"])
    with pytest.raises(ServerStartError, match=r"code 3; .* says: FATAL: no room$"):
        server.wait_until(lambda: False, 30)
    assert not (tmp_path / "pid").exists()


def test_waiting_can_be_cancelled(tmp_path: Path) -> None:
    """A person who asks to stop does not wait for a start to time out."""
    server = _server(tmp_path)
    server.start([sys.executable, "-c", _SLEEPER])
    with pytest.raises(CancelledError):
        server.wait_until(lambda: False, 600, cancelled=lambda: True)
    assert not server.running


def test_stop_of_what_never_ran_is_harmless(tmp_path: Path) -> None:
    """Cleaning up after a failed start needs no questions."""
    assert _server(tmp_path).stop(signal.SIGTERM, 1) is None
    assert _server(tmp_path).kill() is None
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the names are what counts


def test_a_kill_is_seen_by_none_of_those_killed(tmp_path: Path) -> None:
    """As after a power cut: nobody tidies up because the parent has died."""
    server = _server(tmp_path)
    server.start([sys.executable, "-c", _MOURNED, str(tmp_path)])
    server.wait_until((tmp_path / "ready").exists, 30)
    children = psutil.Process(server.pid).children()
    server.kill()
    assert len(children) == 20
    assert all(_is_gone(child, 10) for child in children)
    assert list(tmp_path.glob("mourned-*")) == []
