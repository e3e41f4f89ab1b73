"""A `make demo` under test: started in a session of its own, and what it leaves behind."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

START_SECONDS = 90.0
STOP_SECONDS = 60.0
_RUNNING = "Ctrl-C stops everything."


class Demo:
    """`python -m vitalstream_devstack demo` on a folder of its own.

    Args:
        folder: DEMO_DIR.
        settings: Further variables.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self._folder = str(folder)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DEMO_", "PRODUCER_", "KAFKA_", "DATABASE_", "STREAMLIT_"))
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vitalstream_devstack", "demo"],
            env={**inherited, "DEMO_DIR": self._folder, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # a terminal's Ctrl-C reaches the whole group
        )
        self._family: set[psutil.Process] = set()
        self._running = threading.Event()
        self._starting = threading.Event()
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_output),
            threading.Thread(target=self._read_errors),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        """It runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what a failed test has left."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(STOP_SECONDS)
        for reader in self._readers:
            reader.join(STOP_SECONDS)

    def wait_until_running(self) -> None:
        """Wait until everything runs."""
        assert self._running.wait(START_SECONDS), self.said
        self._family = set(psutil.Process(self._process.pid).children(recursive=True))

    def wait_until_starting(self) -> None:
        """Wait until it has printed its first line."""
        assert self._starting.wait(START_SECONDS), self.said

    def part(self, sign: str) -> psutil.Process:
        """The one process of the family whose command holds this sign."""
        (found,) = [one for one in self._family if any(sign in word for word in one.cmdline())]
        return found

    def send(self, number: signal.Signals) -> None:
        """Signal the whole group, as a terminal does."""
        os.killpg(self._process.pid, number)

    def wait(self) -> int:
        """Wait until it has ended; returns its exit code."""
        code = self._process.wait(START_SECONDS + STOP_SECONDS)
        for reader in self._readers:
            reader.join(STOP_SECONDS)
        return code

    def survivors(self) -> list[str]:
        """Commands of the family's processes that have not ended, after a moment of grace."""
        _, alive = psutil.wait_procs(self._family | self._relatives(), timeout=STOP_SECONDS)
        return [" ".join(one.cmdline()) for one in alive]

    def _relatives(self) -> set[psutil.Process]:
        """Every process that inherited our DEMO_DIR, whoever its parent is by now."""
        found = set()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("DEMO_DIR") == self._folder:
                    found.add(process)
        return found

    @property
    def said(self) -> str:
        """All it printed."""
        return "\n".join((*self.lines, *self.errors))

    def _read_output(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            for line in stream:
                self.lines.append(line.rstrip("\n"))
                self._starting.set()
                if _RUNNING in line:
                    self._running.set()

    def _read_errors(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with stream:
            self.errors.extend(line.rstrip("\n") for line in stream)
