"""A server that vanishes without a word is not waited for without end."""

import socket

import pytest
from psycopg.conninfo import make_conninfo

from vitalstream_devstack.databases import Database
from vitalstream_storage.pool import connect
from vitalstream_storage.settings import DatabaseSettings


def _options(url: str) -> tuple[int, int]:
    settings = DatabaseSettings.model_validate({"database_url": url})
    with connect(settings, "test") as connection:
        other = socket.socket(fileno=connection.fileno())
        try:
            return (
                other.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                other.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
            )
        finally:
            other.detach()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has it alone")
def test_silent_server_is_given_up(empty_database: Database) -> None:
    """The socket probes after 10 s of silence and gives up after 30 s, unless the URL says else."""
    url = empty_database.url()
    assert _options(url) == (10, 30_000)
    assert _options(make_conninfo(url, keepalives_idle=7, tcp_user_timeout=5000)) == (7, 5_000)
