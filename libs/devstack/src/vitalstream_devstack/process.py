"""One server as a child process: its log, its pid file, its start and its end."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from vitalstream_devstack.errors import CancelledError, ServerStartError
from vitalstream_devstack.reaper import REAPER, end_groups, kill_tree

_LOG_TAIL_BYTES = 16_000
_SIGNS_OF_ERROR = ("FATAL", "ERROR", "Error", "Exception", "error:")


class ServerProcess:
    """A child in a process group of its own that does not outlive this process.

    Args:
        name: What a person calls it, for messages.
        log_file: Where its output is appended.
        pid_file: Written while it runs, so that the next start finds a leftover.
    """

    def __init__(self, name: str, log_file: Path, pid_file: Path) -> None:
        self.name = name
        self.log_file = log_file
        self._pid_file = pid_file
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id while it is ours to stop, else None."""
        return None if self._child is None else self._child.pid

    @property
    def running(self) -> bool:
        """Whether the child was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The child's exit code once it has ended by itself, else None."""
        return None if self._child is None else self._child.poll()

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        **popen_options: Any,
    ) -> None:
        """Start the command, ending first what an earlier run may have left behind."""
        self.end_leftover()
        with self.log_file.open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603 - commands are composed by this package
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                start_new_session=True,  # the terminal's Ctrl-C is ours to pass on, in order
                **popen_options,
            )
        REAPER.watch(self._child.pid)
        created = psutil.Process(self._child.pid).create_time()
        self._pid_file.write_text(f"{self._child.pid} {created}\n")

    def listens_on(self, port: int) -> bool:
        """Whether the child, and nobody else, accepts TCP connections on this port."""
        if self._child is None:
            return False
        try:
            sockets = psutil.Process(self._child.pid).net_connections("tcp")
        except psutil.Error:  # it has ended
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets)

    def wait_until(
        self,
        answers: Callable[[], bool],
        timeout_seconds: float,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """Wait until the server answers.

        Args:
            answers: Asked again and again; True ends the wait.
            timeout_seconds: Bound on the whole wait.
            cancelled: Asked as often; True gives up.

        Raises:
            CancelledError: `cancelled` said so; the server is killed.
            ServerStartError: It ended instead, or did not answer in time.
        """
        deadline = time.monotonic() + timeout_seconds
        while not answers():
            if cancelled():
                self.kill()  # a server that is half up may take long to stop in order
                raise CancelledError(f"asked to stop while {self.name} was starting")
            if self._child is not None and self._child.poll() is not None:
                code = self._child.returncode
                self._forget()
                raise ServerStartError(f"{self.name} ended with code {code}; {self._hint()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerStartError(
                    f"{self.name} did not answer within {timeout_seconds:.0f} s; {self._hint()}"
                )
            time.sleep(0.05)

    def _hint(self) -> str:
        return f"its log {self.log_file} says: {_telling_line(self.tail(50))}"

    def stop(self, number: signal.Signals, timeout_seconds: float) -> int | None:
        """Ask the child to end, kill its group if it does not, and return its exit code."""
        if self._child is None:
            return None
        if self.running:
            self._child.send_signal(number)
        return self._reap(timeout_seconds)

    def wait(self, timeout_seconds: float) -> int:
        """Wait until the child ends by itself; returns its exit code.

        Raises:
            TimeoutError: It still runs.
        """
        deadline = time.monotonic() + timeout_seconds
        while self.running:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} still runs after {timeout_seconds:.0f} s")
            time.sleep(0.05)
        return self._reap(timeout_seconds=0)

    def kill(self) -> int | None:
        """End it and its descendants at once with SIGKILL."""
        if self._child is None:
            return None
        kill_tree(self._child.pid)
        return self._reap(timeout_seconds=10)

    def tail(self, lines: int) -> list[str]:
        """The last lines of the log."""
        if not self.log_file.exists():
            return []
        with self.log_file.open("rb") as log:
            log.seek(max(0, self.log_file.stat().st_size - _LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").strip().splitlines()[-lines:]

    def end_leftover(self) -> None:
        """End the process a pid file of an earlier run names, if it is still that process."""
        try:
            pid, created = self._pid_file.read_text().split()
            leftover = psutil.Process(int(pid))
            # A number alone may have been given to a stranger since.
            same = abs(leftover.create_time() - float(created)) < 1
        except (OSError, ValueError, psutil.NoSuchProcess):
            return
        if same and int(pid) != os.getpid():
            end_groups({int(pid)})

    def _reap(self, timeout_seconds: float) -> int:
        child = self._child
        if child is None:
            raise ServerStartError(f"{self.name} was never started")
        try:
            code = child.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            kill_tree(child.pid)
            code = child.wait()
        self._forget()
        return code

    def _forget(self) -> None:
        if self._child is not None:
            REAPER.forget(self._child.pid)
        self._child = None
        self._pid_file.unlink(missing_ok=True)


def run_to_end(what: str, command: Sequence[str], **popen_options: Any) -> str:
    """Run a short command to its end, out of reach of the terminal's Ctrl-C.

    Args:
        what: What it does, for the message.
        command: Of this package's making.
        popen_options: As subprocess has them.

    Returns:
        What it printed.

    Raises:
        ServerStartError: It failed.
    """
    done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603 - composed by this package
        list(command),
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        **popen_options,
    )
    if done.returncode != 0:
        reason = _telling_line((done.stdout + done.stderr).strip().splitlines())
        raise ServerStartError(f"{what} failed: {reason}")
    return done.stdout


def _telling_line(lines: Sequence[str]) -> str:
    """The line of a program's output that says what went wrong, for a one-line message."""
    sentences = [line for line in lines if not line.startswith("\tat ")]
    errors = [line for line in sentences if any(sign in line for sign in _SIGNS_OF_ERROR)]
    return (errors or sentences or ["(nothing)"])[-1].strip()
