"""Servers of one test run: started when first wanted, once, whatever the number of workers.

Without pytest-xdist the run starts them itself. With it the controller owns them, since a worker
may end before the others: a worker leaves a request in a folder both know, a thread of the
controller answers it.
"""

import contextlib
import json
import os
import threading
import time
from pathlib import Path

from vitalstream_devstack.databases import DatabaseServer, migrate
from vitalstream_devstack.errors import ServerStartError
from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.postgres import EmbeddedPostgres

_WAIT_SECONDS = 180.0
# A test run's data is thrown away: safety from a power cut would only cost time.
_POSTGRES_OPTIONS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class Servers:
    """Starts what a run needs, by name, in a folder of its own, and keeps it until `stop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._answers: dict[str, str] = {}
        self._ends = contextlib.ExitStack()
        self._lock = threading.RLock()

    def get(self, name: str) -> str:
        """How to reach one; starts it if this is the first time it is wanted.

        Args:
            name: `kafka`: bootstrap servers. `postgres`: a DatabaseServer's text. `tables`: the
                same, once its template database is migrated.
        """
        with self._lock:
            if name not in self._answers:
                self._answers[name] = getattr(self, f"_start_{name}")()
            return self._answers[name]

    def stop(self) -> None:
        """Stop what was started, last first."""
        with self._lock:
            self._answers.clear()
            self._ends.close()

    def _start_kafka(self) -> str:
        running = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        if running:
            return running
        return self._ends.enter_context(EmbeddedKafka(self.folder / "kafka")).bootstrap_servers

    def _start_postgres(self) -> str:
        running = os.environ.get("DATABASE_URL")
        if running:
            server = DatabaseServer.prepare(running)
            self._ends.callback(server.close)  # ours goes with all that is in it
        else:
            postgres = EmbeddedPostgres(self.folder / "postgres", options=_POSTGRES_OPTIONS)
            server = DatabaseServer.prepare(self._ends.enter_context(postgres).url())
        return server.to_text()

    def _start_tables(self) -> str:
        server = DatabaseServer.from_text(self.get("postgres"))
        migrate(server.create_template().url(), os.environ)
        server.add_logins()
        if os.environ.get("DATABASE_URL"):
            self._ends.callback(server.close)
        return server.to_text()


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
                    answer = {"answer": self._servers.get(name)}
                except Exception as error:  # noqa: BLE001 - it is the worker's to raise
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
    return answer["answer"]
