"""On a broker with ACLs the replay's Kafka user may write to the topic, the consumer's may not."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclBindingFilter, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from consumer.tests.replaying import Letters, Replaying
from vitalstream_consumer.replay import sender as sender_module
from vitalstream_consumer.replay.sender import Sender
from vitalstream_devstack.databases import Database
from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.kafka_security import KafkaSecurity
from vitalstream_runtime.errors import BrokerUnreachableError, TopicNotAuthorizedError
from vitalstream_runtime.kafka import client_options, ensure_topic
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_storage.replay import Letter, Place

pytestmark = pytest.mark.xdist_group("replay_rights")  # one broker for the file
_PASSWORD = "correct horse"  # noqa: S105 - of a broker that lives for one test
_TOPIC = "secured"
_RIGHTS = [
    ("consumer", ResourceType.TOPIC, _TOPIC, AclOperation.READ),
    ("consumer", ResourceType.GROUP, "readers", AclOperation.READ),
    ("replay", ResourceType.TOPIC, _TOPIC, AclOperation.WRITE),
    ("passing", ResourceType.TOPIC, _TOPIC, AclOperation.WRITE),
]
Change = Callable[..., KafkaSettings]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker with TLS, logins and ACLs."""
    users = dict.fromkeys(("owner", "consumer", "replay", "passing", "stranger"), _PASSWORD)
    security = KafkaSecurity(users=users, authorize=True)
    with EmbeddedKafka(tmp_path_factory.mktemp("secure"), security=security) as running:
        yield running


@pytest.fixture(scope="module")
def change(broker: EmbeddedKafka) -> Change:
    """Settings for each of its users, who have their rights."""
    assert broker.security
    ca = broker.security.write_ca(broker.data_dir / "clients-ca.pem")

    def settings(user: str) -> KafkaSettings:
        return KafkaSettings.model_validate(
            {
                "bootstrap_servers": broker.bootstrap_servers,
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_username": user,
                "sasl_password": _PASSWORD,
                "ssl_ca_location": ca,
                "topic": _TOPIC,
            }
        )

    ensure_topic(settings("owner"))
    admin = AdminClient(client_options(settings("owner"), "test"))
    for right in (binding(*right) for right in _RIGHTS):
        admin.create_acls([right])[right].result(30)
    return settings


def binding(user: str, kind: ResourceType, name: str, operation: AclOperation) -> AclBinding:
    """One right of one user."""
    return AclBinding(
        kind,
        name,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        operation,
        AclPermissionType.ALLOW,
    )


@pytest.fixture
def replay_as(change: Change, database: Database) -> Callable[[str], Replaying]:
    """Replays under a Kafka user's login, with an operator's at the database."""

    def make(user: str) -> Replaying:
        settings = change(user)
        return Replaying(
            {
                "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
                "KAFKA_SASL_USERNAME": user,
                "KAFKA_SASL_PASSWORD": _PASSWORD,
                "KAFKA_SSL_CA_LOCATION": str(settings.ssl_ca_location),
                "KAFKA_TOPIC": _TOPIC,
                "DATABASE_URL": database.url("operator"),
            }
        )

    return make


def test_the_replays_user_writes_and_the_consumers_does_not(
    change: Change, database: Database, replay_as: Callable[[str], Replaying]
) -> None:
    """Without the right Write: one line, exit code 77, nothing marked; with it: sent and marked."""
    letters = Letters(database.url(), _TOPIC)
    names = [letters.add(b"payload"), letters.add(None)]
    for user in ("consumer", "stranger"):
        replay_as(user)("--all", "--yes").check(
            77, "TopicNotAuthorizedError", f"KAFKA_SASL_USERNAME={user}", "the right Write"
        )
    done = replay_as("replay")("--all", "--yes")
    done.check(0)
    assert done.lines[0] == f"replaying 2 dead letters to {_TOPIC}:"  # so none was marked before
    assert read(change("consumer"), len(names)) == {b"payload", None}


def test_a_wrong_password_is_one_line(
    replay_as: Callable[[str], Replaying], database: Database
) -> None:
    """A login that the broker refuses ends the replay before anything is sent."""
    Letters(database.url(), _TOPIC).add()
    done = replay_as("replay")("--all", "--yes", KAFKA_SASL_PASSWORD="wrong horse")  # noqa: S106
    done.check(77, "AuthenticationError", "KAFKA_SASL_USERNAME=replay")
    assert "horse" not in done.output + done.errors


def test_a_right_that_is_taken_away_meanwhile(change: Change) -> None:
    """A broker that begins to refuse is understood, and nothing counts as acknowledged."""
    sender = Sender(change("passing"), "test")
    letters = [Letter(Place(UUID(int=1), 0, number), None, b"x", []) for number in range(3)]
    right = binding("passing", ResourceType.TOPIC, _TOPIC, AclOperation.WRITE)
    taken = AclBindingFilter(
        right.restype,
        right.name,
        right.resource_pattern_type,
        right.principal,
        right.host,
        right.operation,
        right.permission_type,
    )
    admin = AdminClient(client_options(change("owner"), "test"))
    assert admin.delete_acls([taken])[taken].result(30) == [right]
    words = sender.send(letters)
    assert len(words) == len(letters)
    for word in words:
        assert word is not None
        assert isinstance(sender.judge(word), TopicNotAuthorizedError)


def test_a_broker_that_goes_away(
    change: Change, broker: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not acknowledged in time does not count as sent, and ends the replay."""
    monkeypatch.setattr(sender_module, "_DELIVERY_SECONDS", 1.0)
    sender = Sender(change("replay"), "test")
    broker.kill()
    (word,) = sender.send([Letter(Place(UUID(int=1), 0, 0), None, b"x", [])])
    broker.start()
    assert word is not None
    assert isinstance(sender.judge(word), BrokerUnreachableError)


def read(settings: KafkaSettings, count: int) -> set[Any]:
    """The payloads on the topic, read with the consumer's own rights; fails if there are more."""
    options = client_options(settings, "test") | {
        "group.id": "readers",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    consumer = Consumer(options)
    consumer.subscribe([settings.topic])
    found: list[Any] = []
    while len(found) < count:
        found += consumer.consume(100, 0.5)
    found += consumer.consume(100, 1.0)
    consumer.close()
    assert [message.error() for message in found] == [None] * count
    return {message.value() for message in found}
