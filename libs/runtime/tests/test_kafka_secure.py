"""Kafka with TLS, logins and rights, on a real broker that has them on."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from confluent_kafka import Consumer, KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.kafka_security import KafkaSecurity
from vitalstream_devstack.ports import free_port
from vitalstream_runtime.errors import (
    AuthenticationError,
    BrokerCertificateError,
    BrokerUnreachableError,
    TopicMissingError,
    TopicNotAuthorizedError,
)
from vitalstream_runtime.kafka import (
    client_options,
    ensure_topic,
    topic_id,
    wait_for_broker,
    wait_for_topic,
)
from vitalstream_runtime.ops import Readiness
from vitalstream_runtime.settings import KafkaSettings

pytestmark = pytest.mark.xdist_group("secure_kafka")  # one broker for the file
_PASSWORD = "correct horse"  # noqa: S105 - of a broker that lives for one test file
_LOGIN = ("sasl_mechanism", "sasl_username", "sasl_password")
Change = Callable[..., KafkaSettings]


@dataclass(frozen=True)
class Listeners:
    """A broker with SASL_SSL, as devstack sets it up, and one port more for SSL and SASL."""

    broker: EmbeddedKafka
    security: KafkaSecurity
    ssl: str
    sasl: str


@pytest.fixture(scope="module")
def listeners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listeners]:
    """SCRAM and PLAIN logins; `owner` may do anything, `service` what ACLs allow."""
    security = KafkaSecurity(users={"owner": _PASSWORD, "service": _PASSWORD}, authorize=True)
    broker = EmbeddedKafka(tmp_path_factory.mktemp("secure"), security=security)
    addresses = {
        "SASL_SSL": broker.bootstrap_servers,
        "SSL": f"127.0.0.1:{free_port()}",
        "SASL_PLAINTEXT": f"127.0.0.1:{free_port()}",
    }
    advertised = ",".join(f"{name}://{address}" for name, address in addresses.items())
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    broker._config |= {
        "listeners": f"{advertised},CONTROLLER://127.0.0.1:{broker._controller_port}",
        "advertised.listeners": advertised,
        "listener.security.protocol.map": (
            "SASL_SSL:SASL_SSL,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN",
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{plain} user_owner="{_PASSWORD}";',
        "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "SCRAM-SHA-512",
    }
    with broker:
        yield Listeners(broker, security, addresses["SSL"], addresses["SASL_PLAINTEXT"])


@pytest.fixture
def broker(listeners: Listeners) -> EmbeddedKafka:
    """The broker, for its address and its life."""
    return listeners.broker


@pytest.fixture
def change(listeners: Listeners, tmp_path: Path) -> Change:
    """Settings that work, as the owner, but for the changes given."""
    ca = listeners.security.write_ca(tmp_path / "ca.pem")

    def settings(**changes: Any) -> KafkaSettings:
        return KafkaSettings(
            **{
                "bootstrap_servers": listeners.broker.bootstrap_servers,
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_username": "owner",
                "sasl_password": _PASSWORD,
                "ssl_ca_location": ca,
                "topic": "secured",
                **changes,
            }
        )

    return settings


def test_good_login_carries_records(change: Change) -> None:
    """With the right login, CA and host a record goes in and comes out."""
    settings = change()
    assert wait_for_broker(settings, "test")
    ensure_topic(settings)
    producer = Producer(client_options(settings, "test-producer"))
    producer.produce(settings.topic, b"value", key=b"key")
    assert producer.flush(30) == 0
    consumer = Consumer(
        client_options(settings, "test-consumer")
        | {"group.id": "test", "auto.offset.reset": "earliest", "group.protocol": "consumer"}
    )
    consumer.subscribe([settings.topic])
    message = first(consumer)
    consumer.close()
    assert (message.key(), message.value()) == (b"key", b"value")


def test_each_mechanism_logs_in(change: Change) -> None:
    """PLAIN and SCRAM-SHA-256 are as good as SCRAM-SHA-512 where the broker has them."""
    assert wait_for_broker(change(sasl_mechanism="PLAIN"), "test")
    admin = AdminClient(client_options(change(), "test"))
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
    upserted = UserScramCredentialUpsertion("owner", info, _PASSWORD.encode())
    admin.alter_user_scram_credentials([upserted])["owner"].result(30)
    assert wait_for_broker(change(sasl_mechanism="SCRAM-SHA-256"), "test")


def test_each_protocol_connects(change: Change, listeners: Listeners) -> None:
    """TLS without a login and a login without TLS work too."""
    tls = change(bootstrap_servers=listeners.ssl, security_protocol="SSL", **dict.fromkeys(_LOGIN))
    assert wait_for_broker(tls, "test")
    login = change(bootstrap_servers=listeners.sasl, security_protocol="SASL_PLAINTEXT")
    assert wait_for_broker(login, "test")
    assert ensure_topic(tls) == ensure_topic(login)


@pytest.mark.parametrize(
    "changes",
    [
        {"sasl_password": "wrong horse"},
        {"sasl_username": "nobody"},
        {"sasl_mechanism": "SCRAM-SHA-256", "sasl_username": "service"},
    ],
    ids=["password", "user", "mechanism"],
)
def test_refused_login_ends_the_wait(change: Change, changes: dict[str, Any]) -> None:
    """Waiting mends no password: after a few refusals the line names the login's variables."""
    settings, readiness = change(**changes), Readiness()
    with pytest.raises(AuthenticationError) as caught:
        wait_for_broker(settings, "test", readiness=readiness)
    line = str(caught.value)
    assert f"KAFKA_SASL_USERNAME={settings.sasl_username}" in line
    assert f"KAFKA_SASL_MECHANISM={settings.sasl_mechanism}" in line
    assert "KAFKA_SASL_PASSWORD" in line
    assert "horse" not in line
    assert "\n" not in line
    assert "KAFKA_SASL_PASSWORD" in readiness.reasons["kafka"]


def test_wrong_ca_ends_the_wait(change: Change, tmp_path: Path) -> None:
    """A broker whose certificate another CA signed is not talked to."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with pytest.raises(BrokerCertificateError) as caught:
        wait_for_broker(change(ssl_ca_location=other), "test")
    assert f"KAFKA_SSL_CA_LOCATION={other}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wrong_host_ends_the_wait(change: Change, broker: EmbeddedKafka) -> None:
    """A certificate for another name is refused, however it was signed."""
    same_address_other_name = f"127.1:{broker.port}"
    with pytest.raises(BrokerCertificateError, match="names this host"):
        wait_for_broker(change(bootstrap_servers=same_address_other_name), "test")


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT"])
def test_wrong_protocol_is_suspected(change: Change, protocol: str) -> None:
    """A broker that hangs up may want another protocol; the reason says so while it waits."""
    login = {} if protocol.startswith("SASL") else dict.fromkeys(_LOGIN)
    with pytest.raises(BrokerUnreachableError, match=f"KAFKA_SECURITY_PROTOCOL={protocol} right"):
        wait_for_broker(change(security_protocol=protocol, **login), "test", give_up_after=2)


def test_creation_forbidden_by_acl(change: Change) -> None:
    """Who may see but not create a topic is told which right is missing, and waits for it."""
    settings = change(sasl_username="service", topic="not-mine-to-make")
    allow(change(), settings.topic, AclOperation.DESCRIBE)
    with pytest.raises(TopicMissingError) as caught:
        wait_for_topic(settings, give_up_after=0)
    line = str(caught.value)
    assert "KAFKA_TOPIC=not-mine-to-make does not exist" in line
    assert "KAFKA_SASL_USERNAME=service lacks the right Create" in line
    allow(change(), settings.topic, AclOperation.CREATE)
    assert wait_for_topic(settings) == topic_id(change(), settings.topic)


def test_topic_that_may_not_be_seen(change: Change) -> None:
    """Without Describe a topic cannot be told from a missing one: the right is asked for."""
    ensure_topic(change(topic="hidden"))
    settings, readiness = change(sasl_username="service", topic="hidden"), Readiness()
    with pytest.raises(TopicNotAuthorizedError, match=r"KAFKA_TOPIC=hidden.*Describe"):
        ensure_topic(settings)
    with pytest.raises(TopicNotAuthorizedError, match="Describe"):
        wait_for_topic(settings, readiness=readiness)
    assert "Describe" in readiness.reasons["topic"]


def test_login_is_not_in_any_error(change: Change) -> None:
    """A client with a wrong password hands its errors on without it."""
    seen: list[KafkaError] = []
    wrong = change(sasl_password="wrong horse")  # noqa: S106 - it opens nothing
    producer = Producer(client_options(wrong, "test", seen.append))
    while not any(error.code() == KafkaError._AUTHENTICATION for error in seen):
        producer.poll(0.1)
    assert not [error for error in seen if "horse" in str(error)]


def test_broker_that_comes_back_is_found(change: Change, broker: EmbeddedKafka) -> None:
    """A wait that began while the broker was down ends when it is up."""
    broker.stop()
    readiness = Readiness()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(wait_for_broker, change(), "test", readiness=readiness)
        while "kafka" not in readiness.reasons:
            time.sleep(0.05)
        broker.start()
        assert found.result(60) is True
    assert readiness.ready


def allow(owner: KafkaSettings, topic: str, operation: AclOperation) -> None:
    """Grant `service` a right on a topic, and wait until the broker has it."""
    binding = AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        "User:service",
        "*",
        operation,
        AclPermissionType.ALLOW,
    )
    admin = AdminClient(client_options(owner, "owner"))
    admin.create_acls([binding])[binding].result(30)


def first(consumer: Consumer) -> Message:
    """The first record there is."""
    while True:
        message = consumer.poll(0.2)
        if message is not None:
            assert message.error() is None
            return message
