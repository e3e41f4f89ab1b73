"""Servers of one test run: started when first wanted, once, whatever the number of workers.

Without pytest-xdist the run starts them itself. With it the controller owns them, since a worker
may end before the others: a worker leaves a request in a folder both know, a thread of the
controller answers it.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from vitalstream_devstack.errors import DevstackError, ServerStartError
from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.postgres import EmbeddedPostgres

_WAIT_SECONDS = 180.0
# A test run's data is thrown away: safety from a power cut would only cost time.
_POSTGRES_OPTIONS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class _Server(Protocol):
    def stop(self) -> None: ...


class Servers:
    """Starts servers by name in a folder of their own and keeps them until `stop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: dict[str, tuple[_Server, str]] = {}
        self._lock = threading.Lock()

    def address(self, name: str) -> str:
        """Where the server is; starts it if this is the first time it is wanted.

        Args:
            name: `kafka` (bootstrap servers) or `postgres` (the superuser's URL).
        """
        with self._lock:
            if name not in self._running:
                self._running[name] = _STARTERS[name](self.folder / name)
            return self._running[name][1]

    def stop(self) -> None:
        """Stop what was started, last first."""
        with self._lock, contextlib.ExitStack() as all_of_them:
            for server, _ in self._running.values():
                all_of_them.callback(server.stop)
            self._running.clear()


class Controller:
    """Answers the requests of workers with a thread; `Servers` does the work."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="devstack", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, then the servers."""
        self._done.set()
        self._thread.join()
        self._servers.stop()

    def _serve(self) -> None:
        folder = self._servers.folder
        while not self._done.wait(0.05):
            for request in folder.glob("*.wanted"):
                name = request.stem
                try:
                    answer = {"address": self._servers.address(name)}
                except DevstackError as error:
                    answer = {"error": str(error)}
                request.unlink()
                draft = folder / f"{name}.draft"
                draft.touch(mode=0o600)
                draft.write_text(json.dumps(answer))
                draft.rename(folder / f"{name}.json")


def ask_controller(folder: Path, name: str) -> str:
    """From a worker: where the server is, asking the controller to start it if need be.

    Raises:
        ServerStartError: The controller could not start it or did not answer in time.
    """
    answer_file = folder / f"{name}.json"
    deadline = time.monotonic() + _WAIT_SECONDS
    if not answer_file.exists():
        (folder / f"{name}.wanted").touch()
    while not answer_file.exists():
        if time.monotonic() > deadline:
            raise ServerStartError(f"no answer about {name} from the test run's first process")
        time.sleep(0.05)
    answer: dict[str, str] = json.loads(answer_file.read_text())
    if "error" in answer:
        raise ServerStartError(answer["error"])
    return answer["address"]


def _start_kafka(folder: Path) -> tuple[_Server, str]:
    kafka = EmbeddedKafka(folder).start()
    return kafka, kafka.bootstrap_servers


def _start_postgres(folder: Path) -> tuple[_Server, str]:
    postgres = EmbeddedPostgres(folder, options=_POSTGRES_OPTIONS).start()
    return postgres, postgres.url()


_STARTERS: dict[str, Callable[[Path], tuple[_Server, str]]] = {
    "kafka": _start_kafka,
    "postgres": _start_postgres,
}
