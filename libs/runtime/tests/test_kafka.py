"""Kafka without encryption: options, waiting, and the topic."""

import logging
import secrets
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from structlog.testing import capture_logs

from vitalstream_devstack.ports import free_port
from vitalstream_devstack.pytest_plugin import KafkaHandle
from vitalstream_runtime.errors import BrokerUnreachableError, TopicMissingError
from vitalstream_runtime.kafka import (
    client_options,
    ensure_topic,
    topic_id,
    wait_for_broker,
    wait_for_topic,
)
from vitalstream_runtime.kafka.options import _ClientLog, _ErrorLog, readable
from vitalstream_runtime.ops import Heartbeat, Readiness
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_runtime.shutdown import Shutdown


@pytest.fixture
def settings(kafka: KafkaHandle) -> KafkaSettings:
    """Settings for a topic that does not exist yet."""
    return KafkaSettings(
        bootstrap_servers=kafka.bootstrap_servers, topic=f"test-{secrets.token_hex(6)}"
    )


@pytest.fixture
def nowhere() -> KafkaSettings:
    """Settings for a port that nobody listens on."""
    return KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")


def changed(settings: KafkaSettings, **changes: Any) -> KafkaSettings:
    """The same settings but for some."""
    return settings.model_copy(update=changes)


class Pulse(Heartbeat):
    """Counts its beats."""

    def __init__(self) -> None:
        super().__init__(60)
        self.beats = 0

    def beat(self) -> None:
        """Count."""
        super().beat()
        self.beats += 1


def test_broker_answers(settings: KafkaSettings) -> None:
    """A broker that is there is found, and the service becomes ready for it."""
    readiness, heart = Readiness("kafka", "other"), Pulse()
    assert wait_for_broker(settings, "test", readiness=readiness, heartbeat=heart)
    assert readiness.reasons == {"other": "not yet"}
    assert heart.beats >= 1


def test_unreachable_broker_is_named(nowhere: KafkaSettings) -> None:
    """Giving up says which variable leads nowhere, and why, in one line."""
    with pytest.raises(BrokerUnreachableError) as caught:
        wait_for_broker(nowhere, "test", give_up_after=1)
    line = str(caught.value)
    assert line.startswith(f"KAFKA_BOOTSTRAP_SERVERS={nowhere.bootstrap_servers}: ")
    assert "Connection refused" in line
    assert "\n" not in line


def test_unknown_host_is_named() -> None:
    """A host that does not resolve is said to be one."""
    settings = KafkaSettings(bootstrap_servers="no-such-host.invalid:9092")
    with pytest.raises(BrokerUnreachableError, match=r"resolve 'no-such-host\.invalid:9092'"):
        wait_for_broker(settings, "test", give_up_after=1)


def test_waiting_is_alive_unready_and_says_why(nowhere: KafkaSettings) -> None:
    """While it waits the heart beats, readiness has the reason, the log one line in seconds."""
    shutdown, readiness, heart = Shutdown(), Readiness(), Pulse()
    with capture_logs() as logs, ThreadPoolExecutor(1) as pool:
        found = pool.submit(
            wait_for_broker,
            nowhere,
            "test",
            shutdown=shutdown,
            readiness=readiness,
            heartbeat=heart,
        )
        eventually(lambda: heart.beats >= 3)
        assert not found.done()
        assert "Connection refused" in readiness.reasons["kafka"]
        shutdown.request()
        assert found.result(30) is False
    (line,) = [entry for entry in logs if entry["event"] == "kafka_waiting"]
    assert "Connection refused" in line["reason"]


def test_stop_before_the_first_try(nowhere: KafkaSettings) -> None:
    """Asked to stop, nothing is tried any more."""
    shutdown = Shutdown()
    shutdown.request()
    assert not wait_for_broker(nowhere, "test", shutdown=shutdown)
    assert wait_for_topic(nowhere, shutdown=shutdown) is None


def test_topic_is_created(settings: KafkaSettings, kafka_admin: AdminClient) -> None:
    """A missing topic gets the partitions of the settings, or those that were asked for."""
    found = ensure_topic(settings)
    assert found == topic_id(settings, settings.topic)
    assert partitions(kafka_admin, settings.topic) == 3
    five = changed(settings, topic=settings.topic + "-5")
    ensure_topic(five, 5)
    assert partitions(kafka_admin, five.topic) == 5
    kafka_admin.delete_topics([settings.topic, five.topic])


def test_existing_topic_is_left_alone(
    topic: str, settings: KafkaSettings, kafka_admin: AdminClient
) -> None:
    """A topic that is there is found, whatever partitions or rights it would be made with."""
    there = changed(settings, topic=topic, topic_create=False)
    found = wait_for_topic(there, give_up_after=30)  # it is new, the broker may not show it yet
    assert ensure_topic(there, 7) == found
    assert partitions(kafka_admin, topic) == 3


def test_id_is_the_brokers_own(
    topic: str, settings: KafkaSettings, kafka_admin: AdminClient
) -> None:
    """The id is the one that Kafka's own tools print in their base64."""
    eventually(lambda: topic in kafka_admin.list_topics(timeout=10).topics)
    described = kafka_admin.describe_topics(TopicCollection([topic]))[topic].result(30)
    assert b64encode(topic_id(settings, topic).bytes).decode().rstrip("=") == str(
        described.topic_id
    )


def test_created_again_it_has_another_id(settings: KafkaSettings, kafka_admin: AdminClient) -> None:
    """The id tells a topic from its successor, whose offsets begin again."""
    first = ensure_topic(settings)
    kafka_admin.delete_topics([settings.topic])[settings.topic].result(30)
    eventually(lambda: settings.topic not in kafka_admin.list_topics(timeout=10).topics)
    second = ensure_topic(settings)
    assert first != second
    kafka_admin.delete_topics([settings.topic])


def test_replicas_may_create_at_once(settings: KafkaSettings, kafka_admin: AdminClient) -> None:
    """Services that start together all find the one topic that one of them created."""
    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(ensure_topic, [settings] * 4))
    assert len(ids) == 1
    kafka_admin.delete_topics([settings.topic])


def test_creation_forbidden_by_setting(settings: KafkaSettings) -> None:
    """KAFKA_TOPIC_CREATE=false: the line names topic, setting and what to create."""
    with pytest.raises(TopicMissingError) as caught:
        ensure_topic(changed(settings, topic_create=False))
    line = str(caught.value)
    assert f"KAFKA_TOPIC={settings.topic} " in line
    assert "KAFKA_TOPIC_CREATE=false" in line
    assert "3 partitions" in line


def test_creation_impossible(settings: KafkaSettings) -> None:
    """What the broker says of an impossible topic is passed on."""
    with pytest.raises(TopicMissingError, match="replicate the partition 5 time"):
        ensure_topic(changed(settings, topic_replication_factor=5))


def test_id_of_a_missing_topic(settings: KafkaSettings, kafka_admin: AdminClient) -> None:
    """A missing topic has no id, asked by settings or by an admin client."""
    for source in (settings, kafka_admin):
        with pytest.raises(TopicMissingError, match=settings.topic):
            topic_id(source, settings.topic)


def test_id_without_a_broker(nowhere: KafkaSettings) -> None:
    """No answer is not the same as no topic."""
    with pytest.raises(BrokerUnreachableError, match="no answer"):
        topic_id(nowhere, "t")


def test_waits_for_somebody_else_to_create(
    settings: KafkaSettings, kafka_admin: AdminClient
) -> None:
    """Where it must not create, it waits unready until an operator has."""
    readiness, heart = Readiness(), Pulse()
    forbidden = changed(settings, topic_create=False)
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(wait_for_topic, forbidden, readiness=readiness, heartbeat=heart)
        eventually(lambda: "topic" in readiness.reasons)
        assert not found.done()
        made = NewTopic(settings.topic, 1, 1)
        kafka_admin.create_topics([made])[settings.topic].result(30)
        assert found.result(30) == topic_id(settings, settings.topic)
    assert readiness.ready
    kafka_admin.delete_topics([settings.topic])


def test_gives_up_waiting_for_the_topic(settings: KafkaSettings) -> None:
    """A command that may not wait for ever ends with the reason."""
    with pytest.raises(TopicMissingError, match="KAFKA_TOPIC_CREATE=false"):
        wait_for_topic(changed(settings, topic_create=False), give_up_after=0)


def test_errors_of_a_client_are_logged_once(nowhere: KafkaSettings) -> None:
    """A client that cannot connect tries many times and says so once for each kind."""
    seen: list[KafkaError] = []
    with capture_logs() as logs:
        producer = Producer(client_options(nowhere, "test", seen.append))
        eventually(lambda: producer.poll(0.05) >= 0 and len(seen) > 3)
    lines = [entry for entry in logs if entry["event"] == "kafka_error"]
    assert len(lines) == len({error.code() for error in seen})
    assert all(line["client_id"] == "test" for line in lines)
    assert any("Connection refused" in line["reason"] for line in lines)


def test_limiter_counts_what_it_held_back() -> None:
    """After ten seconds a kind of error is logged again, with how many were not."""
    now = [100.0]
    on_error = _ErrorLog("test", clock=lambda: now[0])
    refused = KafkaError(KafkaError._TRANSPORT, "refused")
    with capture_logs() as logs:
        for _ in range(5):
            on_error(refused)
        on_error(KafkaError(KafkaError._RESOLVE, "unknown"))
        now[0] += 11
        on_error(refused)
    assert [(line["code"], line["suppressed"]) for line in logs] == [
        ("_TRANSPORT", 0),
        ("_RESOLVE", 0),
        ("_TRANSPORT", 4),
    ]


def test_client_log_line_is_an_event() -> None:
    """The client's own lines keep their level; those that error_cb has too are left out."""
    client_log = _ClientLog("test")
    with capture_logs() as logs:
        client_log.log(logging.WARNING, "%s [%s] %s", "CONFWARN", "x", "[thrd:app]: odd setting")
        client_log.log(logging.ERROR, "%s [%s] %s", "FAIL", "x", "[thrd:x]: connect failed")
        client_log.log(logging.WARNING, "%s [%s] %s", "CONFWARN", "x", "[thrd:app]: odd setting")
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("kafka_client_log", "warning")
    assert (line["facility"], line["reason"]) == ("CONFWARN", "odd setting")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (
            (
                "[thrd:sasl_ssl://127.0.0.1:1/bootstrap]: sasl_ssl://127.0.0.1:1/bootstrap: "
                "Connect to ipv4#127.0.0.1:1 failed: Connection refused "
                "(after 0ms in state CONNECT, 5 identical error(s) suppressed)"
            ),
            "Connect to ipv4#127.0.0.1:1 failed: Connection refused",
        ),
        ("kafka:9092/1: Disconnected (after 10ms in state UP)", "Disconnected"),
        ("1/1 brokers are down", "1/1 brokers are down"),
    ],
)
def test_client_messages_are_made_readable(text: str, short: str) -> None:
    """What changes from line to line is cut away."""
    assert readable(text) == short


def test_options_hold_no_login_without_sasl(settings: KafkaSettings) -> None:
    """A plain client is told nothing of logins and certificates."""
    options = client_options(settings, "me")
    assert options["client.id"] == "me"
    assert not [name for name in options if name.startswith(("sasl.", "ssl."))]


def partitions(admin: AdminClient, topic: str) -> int:
    """How many partitions a topic has."""
    return len(admin.list_topics(topic, timeout=10).topics[topic].partitions)


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; pytest's own limit ends a wait in vain."""
    while not condition():
        time.sleep(0.05)
