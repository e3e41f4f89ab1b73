"""The embedded broker: keeps data and port over crashes, and demands logins where told to."""

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from vitalstream_devstack.errors import DataDirectoryError, ServerStartError
from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.kafka_security import KafkaSecurity

_USERS = {"broker": "broker-secret", "writer": "writer-secret"}


Options = dict[str, str | int | float | bool]


def _create(options: Options, topic: str) -> None:
    admin = AdminClient(options)
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)


def _send(options: Options, topic: str, value: str) -> None:
    outcome: list[KafkaError | None] = []
    producer = Producer({**options, "acks": "all"})
    producer.produce(topic, value, on_delivery=lambda error, _: outcome.append(error))
    assert producer.flush(30) == 0
    if outcome[0] is not None:
        raise KafkaException(outcome[0])


def _read_first(options: Options, topic: str) -> str:
    consumer = Consumer({**options, "group.id": "reader", "enable.auto.commit": "false"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(30)
        assert message is not None
        value = message.value()
        assert value is not None
        return value.decode()
    finally:
        consumer.close()


def test_acknowledged_record_survives_a_crash_on_the_same_port(tmp_path: Path) -> None:
    """A broker killed and started again keeps its port and what it acknowledged."""
    with EmbeddedKafka(tmp_path / "a folder, ünïcödé") as kafka:
        options: Options = {"bootstrap.servers": kafka.bootstrap_servers}
        _create(options, "kept")
        _send(options, "kept", "before the crash")
        kafka.kill()
        assert not kafka.running
        kafka.start()
        assert options["bootstrap.servers"] == kafka.bootstrap_servers
        assert _read_first(options, "kept") == "before the crash"


def test_secured_broker_wants_tls_login_and_rights(tmp_path: Path) -> None:
    """With KafkaSecurity a known login works over TLS; a wrong password and a lacking ACL fail."""
    security = KafkaSecurity(users=_USERS, authorize=True)
    with EmbeddedKafka(tmp_path / "kafka", security=security) as kafka:
        broker: Options = {
            "bootstrap.servers": kafka.bootstrap_servers,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "broker",
            "sasl.password": "broker-secret",
            "ssl.ca.location": str(security.write_ca(tmp_path / "ca.pem")),
        }
        _create(broker, "guarded")
        _send(broker, "guarded", "by the super user")
        writer = {**broker, "sasl.username": "writer", "sasl.password": "writer-secret"}
        with pytest.raises(KafkaException) as no_right:
            _send(writer, "guarded", "without an ACL")
        assert no_right.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
        errors: list[KafkaError] = []
        stranger: dict[str, Any] = {**writer, "sasl.password": "wrong", "error_cb": errors.append}
        refused = AdminClient(stranger)
        with pytest.raises(KafkaException):
            refused.list_topics(timeout=2)
        refused.poll(2)
        assert KafkaError._AUTHENTICATION in [error.code() for error in errors]


def test_bad_broker_setting_ends_the_start_with_its_own_words(tmp_path: Path) -> None:
    """A broker that cannot start says why in one line instead of a time-out."""
    kafka = EmbeddedKafka(tmp_path / "kafka", config={"num.network.threads": "none"})
    with pytest.raises(ServerStartError, match=r"num\.network\.threads") as failure:
        kafka.start()
    assert "\n" not in str(failure.value)


def test_data_directory_under_a_file_is_said(tmp_path: Path) -> None:
    """A folder that cannot be made is named."""
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryError, match=str(tmp_path / "file" / "kafka")):
        EmbeddedKafka(tmp_path / "file" / "kafka").start()


def test_format_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    """A first start ended in the middle leaves no folder that can never start."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "bootstrap.checkpoint").write_text("half")
    with EmbeddedKafka(tmp_path) as kafka:
        assert kafka.running
