"""Children that must not outlive us, however we end.

One small helper process reads a pipe whose other end only we hold. When we are gone, even by
SIGKILL, the pipe closes and the helper ends what is left. Unlike PR_SET_PDEATHSIG this depends on
neither the thread that started the child, nor the user it runs as, nor Linux.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import psutil

_PATIENCE_SECONDS = 5.0


class Reaper:
    """Keeps the list of children to end; one per process, started with the first child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._helper: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def watch(self, pid: int) -> None:
        """From now on, end process group `pid` when this process is gone."""
        self._tell(f"+{pid}\n")

    def forget(self, pid: int) -> None:
        """The group has ended; its number may be given to a stranger."""
        self._tell(f"-{pid}\n")

    def _tell(self, line: str) -> None:
        with self._lock:
            if self._helper is None or self._owner != os.getpid():
                self._start()
            helper = self._helper
            if helper is not None and helper.stdin is not None:
                helper.stdin.write(line.encode())
                helper.stdin.flush()

    def _start(self) -> None:
        self._helper = subprocess.Popen(
            [sys.executable, "-m", "vitalstream_devstack.reaper"],
            stdin=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal must not reach it
        )
        self._owner = os.getpid()
        atexit.register(self._close, self._helper)

    @staticmethod
    def _close(helper: subprocess.Popen[bytes]) -> None:
        """Let go of the helper and wait until it has ended what is left."""
        if helper.stdin is not None:
            helper.stdin.close()
        helper.wait(timeout=2 * _PATIENCE_SECONDS)


REAPER = Reaper()


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a whole process group; one that has already ended is fine."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def kill_tree(pid: int) -> None:
    """Kill a process with all its descendants, whatever group or session they moved to.

    It returns when they are gone, and with them what they held of memory, files and ports.
    All stand still before the first one dies: none sees another's end and tidies up (a backend of
    PostgreSQL drops its temporary tables then, which saves every commit before it).
    """
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        parent.suspend()  # and starts no more of them
        family = [parent, *parent.children(recursive=True)]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.suspend()
    signal_group(pid, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not all(map(_is_over, family)) and time.monotonic() < deadline:
        time.sleep(0.01)


def _is_over(member: psutil.Process) -> bool:
    try:
        return bool(member.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def group_is_alive(pid: int) -> bool:
    """Whether any process of the group still runs (zombies do not count)."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end_groups(pids: set[int], patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Ask every group to stop (SIGINT: PostgreSQL's fast shutdown), then kill what stays."""
    for pid in pids:
        signal_group(pid, signal.SIGINT)
    deadline = time.monotonic() + patience_seconds
    while any(group_is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in pids:
        kill_tree(pid)


def _main() -> None:
    """Read `+pid` and `-pid` lines until our starter is gone, then end what remains."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        if line.startswith("+"):
            watched.add(pid)
        else:
            watched.discard(pid)
    end_groups(watched)


if __name__ == "__main__":
    _main()
