"""One of our services as a child process, for the demo and for tests that cross rooms."""

import signal
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from vitalstream_devstack.ports import free_port
from vitalstream_devstack.process import ServerProcess

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


class Service:
    """A `python -m vitalstream_...` with its ops port.

    Args:
        kind: producer, consumer or dashboard.
        folder: Where its log goes; exists.
        ops_port: Where its health and metrics are; 0 picks a free one.
        name: What it is called where there are several of a kind.
        module: What Python runs in place of the service's own.
    """

    def __init__(
        self, kind: str, folder: Path, ops_port: int = 0, *, name: str = "", module: str = ""
    ) -> None:
        self.kind = kind
        self._module = module or f"vitalstream_{kind}"
        self.name = name or kind
        self.log_file = folder / f"{self.name}.log"
        self._ops_port = ops_port or free_port()
        self._process = ServerProcess(self.name, self.log_file, folder / f"{self.name}.pid")

    @property
    def metrics_url(self) -> str:
        """Where its metrics are."""
        return f"http://127.0.0.1:{self._ops_port}/metrics"

    @property
    def pid(self) -> int | None:
        """Its process id while it is ours to stop."""
        return self._process.pid

    def start(
        self, environment: Mapping[str, str], cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        """Start it in this environment and wait until it says that it is ready.

        Raises:
            ServerStartError: It ended instead, or is not ready after a minute.
            CancelledError: `cancelled` said so.
        """
        self._launch(environment)
        self._process.wait_until(self._is_ready, _START_SECONDS, cancelled)

    def run(self, environment: Mapping[str, str], timeout_seconds: float) -> int:
        """Start it and wait until it ends by itself; returns its exit code.

        Raises:
            TimeoutError: It still runs; it is killed.
        """
        self._launch(environment)
        try:
            return self.wait(timeout_seconds)
        finally:
            self.kill()

    def _launch(self, environment: Mapping[str, str]) -> None:
        ours = {"OPS_HOST": "127.0.0.1", "OPS_PORT": str(self._ops_port)}
        self._process.start(
            [sys.executable, "-m", self._module],
            environment={**environment, **ours},
        )

    def stop(self) -> int | None:
        """Ask it to finish its work and end; returns its exit code."""
        return self._process.stop(signal.SIGTERM, _STOP_SECONDS)

    def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL)."""
        self._process.kill()

    def wait(self, timeout_seconds: float) -> int:
        """Wait until it ends by itself; returns its exit code.

        Raises:
            TimeoutError: It still runs.
        """
        return self._process.wait(timeout_seconds)

    @property
    def exit_code(self) -> int | None:
        """Its exit code once it has ended by itself, else None."""
        return self._process.exit_code

    @property
    def running(self) -> bool:
        """Whether it is still there."""
        return self._process.running

    def log_tail(self, lines: int) -> list[str]:
        """The last lines it wrote."""
        return self._process.tail(lines)

    def _is_ready(self) -> bool:
        url = f"http://127.0.0.1:{self._ops_port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return True
        except OSError:  # not listening yet, or 503
            return False
