"""The publisher on a real broker: everything arrives, whatever happens on the way."""

import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from structlog.testing import capture_logs

from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.kafka_security import KafkaSecurity
from vitalstream_devstack.pytest_plugin import KafkaHandle
from vitalstream_producer.errors import UndeliverableError
from vitalstream_producer.failures import Failure
from vitalstream_runtime.errors import TopicNotAuthorizedError
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_runtime.tracing import TraceParent, trace_id_of
from vitalstream_schema.codec import HEADERS


def messages(count: int, size: int = 0) -> list[tuple[bytes, bytes]]:
    """Keys (of ten patients) and payloads, each payload another one; random where they are long."""
    filler = os.urandom(size // 2).hex()
    return [
        (b"patient-%d" % (number % 10), json.dumps({"n": number, "x": filler}).encode())
        for number in range(count)
    ]


def test_what_is_acknowledged_is_on_the_topic(
    kafka: KafkaHandle, topic: str, make_bench: Callable[..., Any]
) -> None:
    """Each once, under its key, with the version header, in order within a partition."""
    bench = make_bench(kafka.bootstrap_servers, topic)
    sent = messages(5_000)
    for key, payload in sent:
        bench.publisher.send(key, payload)
        bench.publisher.poll(0)
    bench.settle()
    on_topic = bench.on_topic()
    assert sorted((m.key, m.payload) for m in on_topic) == sorted(sent)
    assert [(m.partition, m.offset, m.payload) for m in on_topic] == sorted(bench.acknowledged)
    assert all(m.headers[:-1] == HEADERS for m in on_topic)
    traceparents = {(m.partition, m.offset): m.headers[-1][1].decode() for m in on_topic}
    assert traceparents == bench.traceparents
    assert len({TraceParent.parse(each.encode()) for each in traceparents.values()}) == 5_000
    numbers: dict[bytes, list[int]] = {}
    for m in on_topic:
        numbers.setdefault(m.key, []).append(json.loads(m.payload)["n"])
    assert all(each == sorted(each) for each in numbers.values())
    assert bench.publisher.sent == 5_000
    assert bench.publisher.close() == 0


def test_a_full_buffer_holds_back_and_loses_nothing(
    kafka: KafkaHandle, topic: str, make_bench: Callable[..., Any]
) -> None:
    """A buffer of 10 records blocks, never holds more than it and one, and takes all in the end."""
    bench = make_bench(kafka.bootstrap_servers, topic, buffer_records=10, linger_ms=0)
    sent, blocked, most = messages(500), 0, 0
    for key, payload in sent:
        while bench.publisher.blocked:
            blocked += 1
            bench.publisher.poll(0.05)
        bench.publisher.send(key, payload)
        most = max(most, bench.publisher.outstanding)
    bench.settle()
    assert blocked
    assert most <= 11
    assert sorted((m.key, m.payload) for m in bench.on_topic()) == sorted(sent)


def test_a_blocked_publisher_does_not_spin(
    own_kafka: EmbeddedKafka, make_bench: Callable[..., Any]
) -> None:
    """With the broker frozen and the buffer full a poll sleeps; it does not burn the processor."""
    bench = make_bench(own_kafka.bootstrap_servers, "records", buffer_records=10)
    bench.publisher.send(b"first", b"{}")
    bench.settle()
    os.kill(own_kafka.pid or 0, signal.SIGSTOP)
    try:
        for key, payload in messages(11):
            bench.publisher.send(key, payload)
        assert bench.publisher.blocked
        polls, end = 0, time.monotonic() + 1
        while time.monotonic() < end:
            bench.publisher.poll(0.1)
            polls += 1
    finally:
        os.kill(own_kafka.pid or 0, signal.SIGCONT)
    assert polls < 100, "a spinning loop makes hundreds of thousands"
    bench.settle()


def test_a_broker_restart_loses_nothing(
    own_kafka: EmbeddedKafka, make_bench: Callable[..., Any]
) -> None:
    """Killed and started again in mid-stream: the acknowledged records are the topic, once each."""
    bench = make_bench(own_kafka.bootstrap_servers, "records")
    sent = messages(20_000)
    for number, (key, payload) in enumerate(sent):
        bench.publisher.send(key, payload)
        bench.publisher.poll(0)
        if number == 10_000:
            own_kafka.kill()
            own_kafka.start()
    bench.settle()
    on_topic = bench.on_topic()
    assert sorted((m.key, m.payload) for m in on_topic) == sorted(sent)
    assert [(m.partition, m.offset, m.payload) for m in on_topic] == sorted(bench.acknowledged)


def test_a_record_that_timed_out_is_sent_again(
    own_kafka: EmbeddedKafka, make_bench: Callable[..., Any]
) -> None:
    """Past the delivery timeout the client gives up; we count it, and try until the broker is back.

    The broker may have written the first attempt too, so a record can be there twice.
    """
    bench = make_bench(own_kafka.bootstrap_servers, "records", delivery_timeout_seconds=1)
    bench.publisher.send(b"first", b"{}")
    bench.settle()
    os.kill(own_kafka.pid or 0, signal.SIGSTOP)
    sent = messages(100)
    try:
        for key, payload in sent:
            bench.publisher.send(key, payload)
        bench.until(lambda: bench.failures(Failure.TIMED_OUT) >= 100)
        assert bench.publisher.outstanding == 100
    finally:
        os.kill(own_kafka.pid or 0, signal.SIGCONT)
    bench.settle()
    assert Counter(payload for _, _, payload in bench.acknowledged) == Counter(
        [b"{}", *(payload for _, payload in sent)]
    )
    on_topic = bench.on_topic()
    assert {m.payload for m in on_topic} == {payload for *_, payload in bench.acknowledged}
    assert len({(m.payload, m.headers[-1]) for m in on_topic}) == 101, "sent again, it is the same"
    assert bench.publisher.lost == 0


def test_a_topic_that_comes_back_gets_the_rest(
    kafka: KafkaHandle,
    kafka_admin: AdminClient,
    make_topic: Callable[..., str],
    make_bench: Callable[..., Any],
) -> None:
    """Deleted in mid-stream: failures are counted, and what was not delivered follows later."""
    topic = make_topic()
    bench = make_bench(
        kafka.bootstrap_servers,
        topic,
        {"topic.metadata.refresh.interval.ms": 200, "topic.metadata.propagation.max.ms": 100},
        delivery_timeout_seconds=2,
    )
    bench.publisher.send(b"before", b'{"n":-1}')
    bench.settle()
    kafka_admin.delete_topics([topic])[topic].result(30)
    sent = messages(200)
    for key, payload in sent:
        bench.publisher.send(key, payload)
    bench.until(lambda: bench.failures(Failure.TOPIC_UNKNOWN) + bench.failures(Failure.TIMED_OUT))
    kafka_admin.create_topics([NewTopic(topic, 3, 1)])[topic].result(30)
    bench.settle()
    assert {m.payload for m in bench.on_topic()} == {payload for _, payload in sent}
    assert bench.publisher.lost == 0


def test_retries_pause_longer_each_time(kafka: KafkaHandle, make_bench: Callable[..., Any]) -> None:
    """0.1 s after the first failure, twice as long after the next, never more than 5 s."""
    now = 100.0
    bench = make_bench(
        kafka.bootstrap_servers,
        "no-such-topic",
        {"topic.metadata.refresh.interval.ms": 100, "topic.metadata.propagation.max.ms": 0},
        clock=lambda: now,
    )
    bench.publisher.send(b"key", b"{}")
    bench.until(lambda: bench.failures(Failure.TOPIC_UNKNOWN) == 1)
    for attempt, pause in enumerate([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0], start=1):
        now += pause - 0.01
        for _ in range(5):
            bench.publisher.poll(0.01)
        assert bench.failures(Failure.TOPIC_UNKNOWN) == attempt, "tried again too early"
        now += 0.02
        for _ in range(5):
            bench.publisher.poll(0.01)
        assert bench.failures(Failure.TOPIC_UNKNOWN) == attempt + 1, "not tried again"


def test_a_record_too_large_is_counted_and_the_rest_arrives(
    kafka: KafkaHandle, make_topic: Callable[..., str], make_bench: Callable[..., Any]
) -> None:
    """The broker refuses whole batches; only the one record that is too large alone is lost."""
    topic = make_topic(max_message_bytes="20000")
    bench = make_bench(kafka.bootstrap_servers, topic, compression="none")
    sent = messages(200, 500)
    too_large = (b"patient-1", os.urandom(15_000).hex().encode())
    with capture_logs() as logs:
        for key, payload in [*sent[:100], too_large, *sent[100:]]:
            bench.publisher.send(key, payload)
        bench.settle()
    assert sorted((m.key, m.payload) for m in bench.on_topic()) == sorted(sent)
    assert bench.publisher.lost == bench.metrics.records_lost._value.get() == 1
    assert bench.failures(Failure.TOO_LARGE) > 1
    (line,) = [line for line in logs if line["event"] == "record_lost"]
    assert re.fullmatch("[0-9a-f]{32}", line["trace_id"])
    assert line["trace_id"] not in {trace_id_of(m.headers) for m in bench.on_topic()}
    assert bench.publisher.close() == 1


def test_a_topic_that_refuses_every_record_ends_it(
    kafka: KafkaHandle, make_topic: Callable[..., str], make_bench: Callable[..., Any]
) -> None:
    """After a hundred refusals in a row, one line says which topic and what to look at."""
    topic = make_topic(max_message_bytes="400")
    bench = make_bench(kafka.bootstrap_servers, topic, compression="none")
    for key, payload in messages(150, 600):
        bench.publisher.send(key, payload)
    with pytest.raises(
        UndeliverableError, match=rf"KAFKA_TOPIC={topic} refused 100 .*max\.message"
    ):
        bench.settle()
    assert bench.publisher.close() == 150


def test_a_broken_client_is_replaced(
    kafka: KafkaHandle, make_topic: Callable[..., str], make_bench: Callable[..., Any]
) -> None:
    """A fatal error ends the Kafka client; a new one sends what the old one had not delivered."""
    topic = make_topic(max_message_bytes="20000")
    bench = make_bench(
        kafka.bootstrap_servers,
        topic,
        # With it, a refused batch is an error that the client declares fatal.
        {"enable.gapless.guarantee": True},
        compression="none",
    )
    sent = messages(300, 500)
    for key, payload in sent:
        bench.publisher.send(key, payload)
    bench.settle()
    assert bench.metrics.client_restarts._value.get() >= 1
    assert {m.payload for m in bench.on_topic()} == {payload for _, payload in sent}
    assert Counter(p for *_, p in bench.acknowledged) == Counter(payload for _, payload in sent)
    assert bench.publisher.lost == 0


def test_closing_gives_up_what_is_left_and_says_how_much(
    own_kafka: EmbeddedKafka, make_bench: Callable[..., Any]
) -> None:
    """With the broker gone a drain ends at its deadline, and close returns the number lost."""
    bench = make_bench(own_kafka.bootstrap_servers, "records")
    own_kafka.kill()
    for key, payload in messages(50):
        bench.publisher.send(key, payload)
    ticks: list[float] = []
    bench.publisher.drain(0.5, ticks.append)
    assert len(ticks) >= 3
    assert bench.publisher.close() == 50
    assert bench.metrics.records_lost._value.get() == 50


def test_a_user_without_the_right_to_write_ends_it(
    tmp_path: Path, make_bench: Callable[..., Any]
) -> None:
    """Waiting would not help: one line names the topic and the right that is missing."""
    security = KafkaSecurity({"admin": "admin-secret", "guest": "guest-secret"}, authorize=True)
    settings = {
        "topic": "records",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "ssl_ca_location": security.write_ca(tmp_path / "ca.pem"),
    }
    with EmbeddedKafka(tmp_path / "kafka", security=security) as broker:
        settings["bootstrap_servers"] = broker.bootstrap_servers
        guest = KafkaSettings.model_validate(
            {**settings, "sasl_username": "guest", "sasl_password": "guest-secret"}
        )
        bench = make_bench(broker.bootstrap_servers, "records", kafka=guest)
        bench.publisher.send(b"key", b"{}")
        with pytest.raises(TopicNotAuthorizedError, match=r"KAFKA_TOPIC=records: .*grant Write"):
            bench.settle()
        assert bench.publisher.close() == 1
