"""Loopback ports for servers that keep theirs across a restart."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

from vitalstream_devstack.errors import PortTakenError

_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_240
_HOST = "127.0.0.1"
_TRIES = 1_000
# Between choosing a port and listening on it seconds pass, in which another of our processes must
# not choose the same one: who chooses locks a file named like the port, until it ends.
_LOCKS = Path(tempfile.gettempdir()) / f"vitalstream-ports-{os.getuid()}"
_held: dict[int, IO[bytes]] = {}


def is_free(port: int) -> bool:
    """Whether a listener could bind this port on 127.0.0.1 right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
        return True


def take(port: int) -> bool:
    """Choose a port for this process, if nobody listens there and no other of ours chose it."""
    _LOCKS.mkdir(mode=0o700, exist_ok=True)
    lock = (_LOCKS / str(port)).open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    if not is_free(port):
        lock.close()
        return False
    _held[port] = lock
    return True


def free_port() -> int:
    """A free port below the ephemeral range, for this process alone.

    An outgoing connection never gets such a port as its own, so a server that is restarted finds
    its port still free, and a client that reconnects meanwhile cannot connect to itself.

    Raises:
        PortTakenError: None was found.
    """
    try:
        ephemeral = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError):
        ephemeral = 32_768  # Linux's default; macOS starts higher
    below = max(ephemeral, _LOWEST + _TRIES)
    for _ in range(_TRIES):
        port = random.randrange(_LOWEST, below)  # noqa: S311 - no secret
        if take(port):
            return port
    raise PortTakenError(f"no free port between {_LOWEST} and {below} on {_HOST}")


def require_free(port: int, variable: str) -> None:
    """Take a port that a person chose.

    Args:
        port: The port on 127.0.0.1.
        variable: The environment variable it came from, for the message.

    Raises:
        PortTakenError: Something listens there already.
    """
    if not take(port):
        raise PortTakenError(
            f"port {port} ({variable}) is in use on {_HOST}; stop what listens there,"
            f" or set {variable} to another port"
        )
