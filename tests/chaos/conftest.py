"""What scenarios stand on: a seed, and servers of their own that may be broken."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.chaos import seeds
from tests.chaos.house import House
from tests.chaos.servers import OwnPostgres
from vitalstream_devstack.databases import Database
from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.pytest_plugin import KafkaHandle


@pytest.fixture(scope="session")
def seed() -> int:
    """Decides what breaks when; each run has its own, or CHAOS_SEED's."""
    return seeds.choose(os.environ)


@pytest.fixture
def chance(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """This scenario's share of the seed."""
    print(f"\n{seeds.told(seed, request.node.name)}")
    return seeds.share(seed, request.node.originalname)


@pytest.fixture
def house(tmp_path: Path, kafka: KafkaHandle, topic: str, database: Database) -> Iterator[House]:
    """On the run's own servers, for scenarios that break only replicas and connections."""
    with House(tmp_path, kafka.bootstrap_servers, topic, database) as made:
        yield made


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Callable[..., OwnPostgres]]:
    """Makes PostgreSQL servers that a scenario may stop: `own_postgres(fsync="off")`."""
    made: list[OwnPostgres] = []

    def make(**options: str) -> OwnPostgres:
        postgres = OwnPostgres(tmp_path / f"postgres-{len(made)}", options)
        made.append(postgres)
        return postgres.start()

    yield make
    for postgres in made:
        postgres.stop()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker that a scenario may stop."""
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        yield broker


@pytest.fixture
def own_topic(own_kafka: EmbeddedKafka) -> str:
    """On that broker, with three partitions."""
    admin = AdminClient({"bootstrap.servers": own_kafka.bootstrap_servers})
    name = "patient_records"
    admin.create_topics([NewTopic(name, 3, 1)])[name].result(60)
    return name


@pytest.fixture
def make_house(tmp_path: Path, kafka: KafkaHandle, topic: str) -> Iterator[Callable[..., House]]:
    """Makes a house over another database than the run's: `make_house(database, **settings)`."""
    made: list[House] = []

    def make(database: Database, **settings: Any) -> House:
        house = House(tmp_path, kafka.bootstrap_servers, topic, database, **settings)
        made.append(house)
        return house

    yield make
    for house in made:
        house.__exit__(None, None, None)
