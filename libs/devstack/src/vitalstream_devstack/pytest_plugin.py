"""Fixtures over real servers: `kafka`, `topic`, `postgres`, `database` and their factories."""

import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from vitalstream_devstack.databases import Database, DatabaseServer
from vitalstream_devstack.shared import Controller, Servers, ask_controller

_RUN = pytest.StashKey["_Run"]()
_PARTITIONS = 3


class _Run:
    """What one pytest process knows about the run's servers."""

    def __init__(self, config: pytest.Config) -> None:
        given: str | None = getattr(config, "workerinput", {}).get("vitalstream_devstack")
        self._is_worker = given is not None
        self.folder = Path(given or tempfile.mkdtemp(prefix="vitalstream-test-"))
        self._servers = Servers(self.folder)
        self._controller: Controller | None = None

    def share(self) -> str:
        """From now on workers may ask; returns the folder to give them."""
        if self._controller is None:
            self._controller = Controller(self._servers)
        return str(self.folder)

    def get(self, name: str) -> str:
        """How to reach one of the run's servers; see `Servers.get`."""
        if self._is_worker:
            return ask_controller(self.folder, name)
        return self._servers.get(name)

    def close(self) -> None:
        """Stop what this process started."""
        if self._is_worker:
            return
        if self._controller is not None:
            self._controller.stop()
        self._servers.stop()
        shutil.rmtree(self.folder)


def pytest_configure(config: pytest.Config) -> None:
    """Note where this run's servers are to live; nothing starts yet."""
    config.stash[_RUN] = _Run(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the run started."""
    config.stash[_RUN].close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a pytest-xdist worker where to ask for servers."""
    node.workerinput["vitalstream_devstack"] = node.config.stash[_RUN].share()


@dataclass(frozen=True)
class KafkaHandle:
    """A running plaintext broker.

    Attributes:
        bootstrap_servers: What clients connect to.
    """

    bootstrap_servers: str

    @property
    def environment(self) -> dict[str, str]:
        """What a service's settings need to reach it."""
        return {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers}


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> KafkaHandle:
    """A real broker for the whole run, or the one KAFKA_BOOTSTRAP_SERVERS names."""
    return KafkaHandle(pytestconfig.stash[_RUN].get("kafka"))


@pytest.fixture(scope="session")
def kafka_admin(kafka: KafkaHandle) -> AdminClient:
    """An administrator's client of the run's broker."""
    return AdminClient({"bootstrap.servers": kafka.bootstrap_servers})


def _wait_for_leaders(admin: AdminClient, name: str, partitions: int) -> None:
    """The controller says a topic is made before the broker tells clients of it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        known = admin.list_topics(name, timeout=10).topics[name].partitions.values()
        if len(known) == partitions and all(one.leader >= 0 for one in known):
            return
        time.sleep(0.02)
    raise TimeoutError(f"the broker knows no leader for every partition of {name} after 30 s")


@pytest.fixture
def make_topic(kafka_admin: AdminClient) -> Iterator[Callable[..., str]]:
    """Makes topics with fresh names: `make_topic(partitions=3, **config)`; deleted afterwards."""
    made: list[str] = []

    def make(partitions: int = _PARTITIONS, **config: str) -> str:
        name = f"test-{secrets.token_hex(6)}"
        # A keyword cannot hold a dot: retention_ms stands for retention.ms.
        settings = {key.replace("_", "."): value for key, value in config.items()}
        topic = NewTopic(name, partitions, 1, config=settings)
        kafka_admin.create_topics([topic])[name].result(30)
        made.append(name)
        _wait_for_leaders(kafka_admin, name, partitions)
        return name

    yield make
    if made:
        for name, deleted in kafka_admin.delete_topics(made).items():
            error = deleted.exception(30)
            if error is not None and name in kafka_admin.list_topics(timeout=10).topics:
                raise error


@pytest.fixture
def topic(make_topic: Callable[..., str]) -> str:
    """A fresh topic with 3 partitions."""
    return make_topic()


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> DatabaseServer:
    """A real PostgreSQL for the whole run, or the one DATABASE_URL names as its superuser."""
    return DatabaseServer.from_text(pytestconfig.stash[_RUN].get("postgres"))


@pytest.fixture(scope="session")
def migrated_postgres(pytestconfig: pytest.Config) -> DatabaseServer:
    """The same server, once its template database has the newest tables."""
    return DatabaseServer.from_text(pytestconfig.stash[_RUN].get("tables"))


@pytest.fixture
def database(migrated_postgres: DatabaseServer) -> Iterator[Database]:
    """A migrated database of this test's own, with logins for writer, viewer and operator."""
    clone = migrated_postgres.create(migrated=True)
    yield clone
    migrated_postgres.drop(clone.name)


@pytest.fixture
def empty_database(postgres: DatabaseServer) -> Iterator[Database]:
    """A database of this test's own without any table, for the migrations themselves."""
    made = postgres.create(migrated=False)
    yield made
    postgres.drop(made.name)
