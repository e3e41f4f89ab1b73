"""A dashboard over a database, as a process of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import NamedTuple

from vitalstream_devstack.databases import Database

_PATIENCE = 90


class Running(NamedTuple):
    """One that answers.

    Attributes:
        address: Of its pages.
        pid: Of its process.
    """

    address: str
    pid: int


@contextlib.contextmanager
def dashboard(database: Database, **settings: str) -> Iterator[Running]:
    """Start it, with an operator's login too, and stop it afterwards."""
    ports = []
    for _ in range(2):
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    environment = {
        **os.environ,
        "DATABASE_URL": database.url("viewer"),
        "DASHBOARD_OPERATOR_DATABASE_URL": database.url("operator"),
        "STREAMLIT_SERVER_PORT": str(ports[0]),
        "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
        "OPS_HOST": "127.0.0.1",
        "OPS_PORT": str(ports[1]),
        **settings,
    }
    command = [sys.executable, "-m", "vitalstream_dashboard"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait(f"http://127.0.0.1:{ports[1]}/readyz")
        yield Running(f"http://127.0.0.1:{ports[0]}", process.pid)
    finally:
        process.terminate()
        process.wait(30)


def wait(address: str) -> None:
    """Until it answers well."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - our own
            return
        time.sleep(0.2)
    sys.exit(f"{address} does not answer")
