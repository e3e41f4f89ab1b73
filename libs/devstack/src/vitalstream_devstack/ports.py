"""Loopback ports for servers that keep theirs across a restart."""

import random
import socket
from pathlib import Path

from vitalstream_devstack.errors import PortTakenError

_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_240
_HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a listener could bind this port on 127.0.0.1 right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A free port below the ephemeral range.

    An outgoing connection never gets such a port as its own, so a server that is restarted finds
    its port still free, and a client that reconnects meanwhile cannot connect to itself.
    """
    try:
        ephemeral = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError):
        ephemeral = 32_768  # Linux's default; macOS and Windows start higher
    below = max(ephemeral, _LOWEST + 1_000)
    for _ in range(1_000):
        port = random.randrange(_LOWEST, below)  # noqa: S311 - no secret
        if is_free(port):
            return port
    raise PortTakenError(f"no free port between {_LOWEST} and {below} on {_HOST}")


def require_free(port: int, variable: str) -> None:
    """Check a port a person chose.

    Args:
        port: The port on 127.0.0.1.
        variable: The environment variable it came from, for the message.

    Raises:
        PortTakenError: Something listens there already.
    """
    if not is_free(port):
        raise PortTakenError(
            f"port {port} ({variable}) is in use on {_HOST}; stop what listens there,"
            f" or set {variable} to another port"
        )
