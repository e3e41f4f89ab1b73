"""The consumer behind a transaction-mode connection pooler, as many clusters have one."""

import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from consumer.tests.support import Replica, Stream, eventually
from tests.oracle.traffic import Hospital
from vitalstream_devstack.databases import Database
from vitalstream_devstack.ports import free_port
from vitalstream_devstack.process import ServerProcess
from vitalstream_devstack.unprivileged import unprivileged_user

# Debian keeps it outside an ordinary user's path.
_PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = pytest.mark.skipif(
    _PGBOUNCER is None, reason="no pgbouncer here; Debian: apt-get install pgbouncer"
)


@pytest.fixture
def pooled_url(database: Database, tmp_path: Path) -> Iterator[str]:
    """The writer's connection string by way of a pooler with two server connections."""
    direct, port = urlsplit(database.url("writer")), free_port()
    configuration = tmp_path / "pgbouncer.ini"
    configuration.write_text(
        "[databases]\n"
        f"{database.name} = host={direct.hostname} port={direct.port} dbname={database.name}"
        f" user={direct.username} password={direct.password}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n"
    )
    user = unprivileged_user()
    server = ServerProcess("pgbouncer", tmp_path / "pgbouncer.log", tmp_path / "pgbouncer.pid")
    assert _PGBOUNCER is not None
    server.start([_PGBOUNCER, str(configuration)], **({} if user is None else user.popen_options()))
    server.wait_until(lambda: _accepts(port), 20)
    yield urlunsplit(direct._replace(netloc=f"anybody@127.0.0.1:{port}"))
    server.stop(signal.SIGINT, 20)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_three_replicas_share_two_pooled_connections(
    stream: Stream, replicas: Callable[..., Replica], pooled_url: str
) -> None:
    """Six writers on two server connections: row for row, duplicates and poison included."""
    hospital = Hospital(seed=11, admissions=200)
    three = [replicas(DATABASE_URL=pooled_url).start() for _ in range(3)]
    for _ in range(5):
        stream.send(hospital.messages(800))
    stream.wait_until_stored()
    stream.check()
    eventually(lambda: all(replica.ready for replica in three), "ready")
    assert [replica.stop() for replica in three] == [0, 0, 0]
    stream.check()
