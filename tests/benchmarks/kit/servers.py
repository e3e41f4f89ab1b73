"""The servers that benchmarks run on, and the services they measure."""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from vitalstream_devstack.databases import Database, DatabaseServer
from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.postgres import EmbeddedPostgres
from vitalstream_devstack.service import Service
from vitalstream_storage.migrate import migrate
from vitalstream_storage.settings import DatabaseSettings

# A small production server's: a checkpoint inside one run and not in the next is no figure.
POSTGRES_OPTIONS: Mapping[str, str] = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "autovacuum_naptime": "60min",
}
_INHERITED = (
    "PATH", "HOME", "VIRTUAL_ENV", "LANG", "PYTHONPATH", "OTEL_EXPORTER_OTLP_ENDPOINT",
)  # fmt: skip


class Broker(NamedTuple):
    """A running broker.

    Attributes:
        servers: What clients connect to.
        folder: Where its logs are; None if it is not ours.
        pid: Its process; None if it is not ours.
    """

    servers: str
    folder: Path | None
    pid: int | None

    def new_topic(self, partitions: int = 3) -> str:
        """Create a topic and wait until its partitions have a leader."""
        name = f"bench-{time.time_ns()}"
        admin = self._admin()  # its futures fail once it is gone
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)
        time.sleep(1)
        return name

    def delete_topic(self, name: str) -> None:
        """Delete it."""
        admin = self._admin()
        admin.delete_topics([name])[name].result(30)

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.servers})


@contextlib.contextmanager
def broker() -> Iterator[Broker]:
    """A broker of our own, or the one KAFKA_BOOTSTRAP_SERVERS names."""
    running = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if running:
        yield Broker(running, None, None)
        return
    with (
        tempfile.TemporaryDirectory(prefix="vitalstream-bench-") as folder,
        EmbeddedKafka(Path(folder)) as kafka,
    ):
        yield Broker(kafka.bootstrap_servers, Path(folder), kafka.pid)


class Tables:
    """A PostgreSQL of our own that gives each run a fresh, migrated database."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self.pid = postgres.pid or 0
        self._url = postgres.url()
        self._server = DatabaseServer.prepare(self._url)
        template = self._server.create_template()
        migrate(DatabaseSettings.model_validate({"database_url": template.url()}))
        self._server.add_logins()

    def query(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        """Run one as the superuser, outside the runs' databases; its rows, if it has any."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @contextlib.contextmanager
    def fresh(self) -> Iterator[Database]:
        """A migrated database, dropped afterwards; what others have written is on disk before."""
        database = self._server.create(migrated=True)
        self.query("CHECKPOINT")
        try:
            yield database
        finally:
            self._server.drop(database.name)


@contextlib.contextmanager
def tables(options: Mapping[str, str] = POSTGRES_OPTIONS) -> Iterator[Tables]:
    """A PostgreSQL with these settings."""
    with (
        tempfile.TemporaryDirectory(prefix="vitalstream-bench-") as folder,
        EmbeddedPostgres(Path(folder), options=options) as postgres,
    ):
        yield Tables(postgres)


@contextlib.contextmanager
def consumers(
    broker: Broker,
    topic: str,
    database: Database,
    count: int = 1,
    module: str = "",
    /,
    **settings: int,
) -> Iterator[Sequence[Service]]:
    """So many consumer processes in one group of their own; `writers=1` is CONSUMER_WRITERS=1.

    They are launched together; `module` is what they run in place of the consumer's own.
    """
    environment = {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        **database.environment("writer"),
        "KAFKA_BOOTSTRAP_SERVERS": broker.servers,
        "KAFKA_TOPIC": topic,
        "KAFKA_GROUP_ID": f"{topic}-{time.time_ns()}",
        **{f"CONSUMER_{name.upper()}": str(value) for name, value in settings.items()},
    }
    with (
        tempfile.TemporaryDirectory(prefix="vitalstream-bench-") as folder,
        contextlib.ExitStack() as ends,
    ):
        services = [
            Service("consumer", Path(folder), name=f"c{n}", module=module) for n in range(count)
        ]
        for service in services:
            ends.callback(service.kill)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda service: service.start(environment), services))
        yield services
        for service in services:
            if service.stop():
                raise RuntimeError(f"{service.name} failed: {service.log_tail(3)}")
