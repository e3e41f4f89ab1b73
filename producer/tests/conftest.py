"""What the producer's tests on real Kafka share."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from prometheus_client import CollectorRegistry

from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_producer.metrics import Metrics
from vitalstream_producer.publish import Publisher, producer_options
from vitalstream_producer.settings import ProducerSettings
from vitalstream_producer.tracing import Traces
from vitalstream_runtime.settings import KafkaSettings


class OnTopic(NamedTuple):
    """A message as it is on the topic."""

    partition: int
    offset: int
    key: bytes
    payload: bytes
    headers: list[tuple[str, bytes]]


def read_topic(bootstrap_servers: str, topic: str) -> list[OnTopic]:
    """Everything that is on a topic now, by partition and offset."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        }
    )
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p)) for p in partitions}
    consumer.assign([TopicPartition(topic, p, low) for p, (low, high) in ends.items()])
    found: list[OnTopic] = []
    deadline = time.monotonic() + 60
    while len(found) < sum(high - low for low, high in ends.values()):
        assert time.monotonic() < deadline, f"read only {len(found)} messages"
        for m in consumer.consume(10_000, 0.2):
            assert m.error() is None, m.error()
            entry: Any = (m.partition(), m.offset(), m.key(), m.value(), m.headers())
            found.append(OnTopic(*entry))
    consumer.close()
    return sorted(found)


@pytest.fixture(name="read_topic")
def _read_topic() -> Callable[[str, str], list[OnTopic]]:
    return read_topic


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker that the test may stop, with the topic `records`."""
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        admin.create_topics([NewTopic("records", 3, 1)])["records"].result(30)
        yield broker


@dataclass
class Bench:
    """A publisher on a real broker, with what it reported."""

    publisher: Publisher
    metrics: Metrics
    bootstrap_servers: str
    topic: str
    acknowledged: list[tuple[int, int, bytes]] = field(default_factory=list)
    traceparents: dict[tuple[int, int], str] = field(default_factory=dict)

    def until(self, done: Callable[[], bool], seconds: float = 60) -> None:
        """Poll until it is so."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, "not within the time"
            self.publisher.poll(0.05)

    def settle(self, seconds: float = 60) -> None:
        """Poll until nothing is outstanding."""
        self.until(lambda: not self.publisher.outstanding, seconds)

    def failures(self, reason: str) -> float:
        """How many failed deliveries were counted for a reason."""
        return float(self.metrics.delivery_errors.labels(reason)._value.get())

    def on_topic(self) -> list[OnTopic]:
        """What the topic holds."""
        return read_topic(self.bootstrap_servers, self.topic)


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench() -> MakeBench:
    """Makes a publisher: `make_bench(servers, topic, options={...}, **producer_settings)`."""

    def make(
        bootstrap_servers: str,
        topic: str,
        options: dict[str, Any] | None = None,
        kafka: KafkaSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        traces: Traces | None = None,
        **settings: Any,
    ) -> Bench:
        kafka = kafka or KafkaSettings.model_validate(
            {"bootstrap_servers": bootstrap_servers, "topic": topic}
        )
        all_options = producer_options(kafka, ProducerSettings.model_validate(settings))
        metrics = Metrics(CollectorRegistry())
        acknowledged: list[tuple[int, int, bytes]] = []
        traceparents: dict[tuple[int, int], str] = {}

        def note(partition: int, offset: int, payload: bytes, traceparent: str) -> None:
            acknowledged.append((partition, offset, payload))
            traceparents[partition, offset] = traceparent

        publisher = Publisher(all_options | (options or {}), topic, metrics, note, clock, traces)
        return Bench(publisher, metrics, bootstrap_servers, topic, acknowledged, traceparents)

    return make
