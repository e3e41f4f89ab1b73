"""Fixtures over the consumer's process on real Kafka and PostgreSQL."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumer.tests.desks import SURVEY_SECONDS, Clock
from consumer.tests.replaying import Letters, Replaying
from consumer.tests.support import Replica, Stream
from vitalstream_consumer.backoff import Backoff
from vitalstream_consumer.batch import Backlog, Limits
from vitalstream_consumer.desk import Desk
from vitalstream_consumer.ownership import Ownership
from vitalstream_consumer.work import Survey
from vitalstream_devstack.databases import Database
from vitalstream_devstack.pytest_plugin import KafkaHandle


@pytest.fixture
def stream(kafka: KafkaHandle, topic: str, database: Database) -> Stream:
    """This test's topic and tables."""
    return Stream(kafka.bootstrap_servers, topic, database.url())


@pytest.fixture
def replicas(
    kafka: KafkaHandle, topic: str, database: Database, tmp_path: Path
) -> Iterator[Callable[..., Replica]]:
    """Makes replicas of one group, to be started: `replicas(CONSUMER_WRITERS="1").start()`."""
    made: list[Replica] = []
    passed_on = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    defaults = {
        **passed_on,
        **kafka.environment,
        "DATABASE_URL": database.url("writer"),
        "KAFKA_TOPIC": topic,
        "KAFKA_GROUP_ID": f"group-{topic}",
        "OPS_HOST": "127.0.0.1",
        "LOG_FORMAT": "json",
        "CONSUMER_SURVEY_SECONDS": "0.5",
        "CONSUMER_RETRY_SECONDS": "1",
    }

    def make(**environment: str) -> Replica:
        replica = Replica(defaults | environment, tmp_path / f"replica-{len(made)}.log")
        made.append(replica)
        return replica

    yield make
    for replica in made:
        if replica.running:
            replica.kill()
        print(replica.output)  # noqa: T201 - pytest shows it where the test failed


@pytest.fixture
def replay(kafka: KafkaHandle, topic: str, database: Database) -> Replaying:
    """Replays this test's dead letters, with an operator's login."""
    return Replaying(
        {**kafka.environment, "DATABASE_URL": database.url("operator"), "KAFKA_TOPIC": topic}
    )


@pytest.fixture
def letters(topic: str, database: Database) -> Letters:
    """Puts dead letters into this test's tables."""
    return Letters(database.url(), topic)


@pytest.fixture
def clock() -> Clock:
    """At 0."""
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> Iterator[Desk]:
    """With nothing to do, the first survey done; batches of 10 records, back-offs of 1 s, 2 s..."""
    ownership = Ownership(Backoff(1.0, 60.0, jitter=lambda: 1.0))
    made = Desk(ownership, Backlog(Limits(10, 1_000_000), batches=1), SURVEY_SECONDS, clock)
    assert made.next_work() == Survey([])
    yield made
    made.close()
