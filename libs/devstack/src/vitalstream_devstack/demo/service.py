"""One of our services as a child process of the demo."""

import signal
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

from vitalstream_devstack.process import ServerProcess

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


class Service:
    """A `python -m vitalstream_...` with its ops port.

    Args:
        name: producer, consumer or dashboard.
        folder: The demo's data directory.
        ops_port: Where its health and metrics are.
    """

    def __init__(self, name: str, folder: Path, ops_port: int) -> None:
        self.name = name
        self.log_file = folder / "logs" / f"{name}.log"
        self.metrics_url = f"http://127.0.0.1:{ops_port}/metrics"
        self._ops_port = ops_port
        self._process = ServerProcess(name, self.log_file, folder / "logs" / f"{name}.pid")

    def start(self, environment: dict[str, str], cancelled: Callable[[], bool]) -> None:
        """Start it and wait until it says that it is ready.

        Raises:
            ServerStartError: It ended instead, or is not ready after a minute.
            CancelledError: `cancelled` said so.
        """
        self.log_file.unlink(missing_ok=True)
        ours = {"OPS_HOST": "127.0.0.1", "OPS_PORT": str(self._ops_port)}
        self._process.start(
            [sys.executable, "-m", f"vitalstream_{self.name}"], environment={**environment, **ours}
        )
        self._process.wait_until(self._is_ready, _START_SECONDS, cancelled)

    def stop(self) -> int | None:
        """Ask it to finish its work and end; returns its exit code."""
        return self._process.stop(signal.SIGTERM, _STOP_SECONDS)

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
