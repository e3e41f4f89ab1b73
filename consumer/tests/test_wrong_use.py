"""What is wrong around the consumer is said in one line; where waiting can help, it waits."""

import socket
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.cimpl import NewTopic
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from consumer.tests.support import Replica, Stream, eventually
from tests.oracle.traffic import Hospital
from vitalstream_devstack.databases import Database
from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.kafka_security import KafkaSecurity
from vitalstream_devstack.ports import free_port
from vitalstream_runtime.settings import load
from vitalstream_storage.migrate import REQUIRED_VERSION, migrate
from vitalstream_storage.settings import DatabaseSettings


def last_line(replica: Replica) -> str:
    """The line for a person that it ended with; the log has it as well."""
    return [line for line in replica.output.splitlines() if not line.startswith("{")][-1]


def says(replica: Replica, name: str, *words: str) -> bool:
    """Whether it is alive, unready under this name, and the reason holds the words."""
    reason = replica.reasons.get(name, "")
    return all(word in reason for word in words) and replica.get("/livez")[0] == 200


def test_no_broker(replicas: Callable[..., Replica]) -> None:
    """It waits for one, unready, names the address, and still stops when asked."""
    nowhere = f"127.0.0.1:{free_port()}"
    replica = replicas(KAFKA_BOOTSTRAP_SERVERS=nowhere).start()
    eventually(lambda: says(replica, "kafka", nowhere), "waits for the broker")
    assert replica.stop() == 0


def test_no_database(replicas: Callable[..., Replica]) -> None:
    """It waits for one, unready, names the setting, and still stops when asked.

    Its metrics are at 0 by then, so that what it finds at once is seen to rise.
    """
    port = free_port()
    replica = replicas(DATABASE_URL=f"postgresql://u:geheim@127.0.0.1:{port}/d").start()
    eventually(
        lambda: says(replica, "database", "127.0.0.1", str(port), "DATABASE_URL"),
        "waits for the database",
    )
    assert replica.metric("gaps_total", kind="deleted") == 0
    assert replica.stop() == 0
    assert "geheim" not in replica.output


def test_a_wrong_database_password(replicas: Callable[..., Replica], database: Database) -> None:
    """No waiting mends it: it ends with one line that names the setting, not the password."""
    url = make_conninfo(database.url("writer"), password="geheim")  # noqa: S106 - a wrong one
    replica = replicas(DATABASE_URL=url).start()
    assert replica.exit_code() == 77
    assert last_line(replica).startswith("AuthenticationError: PostgreSQL refuses")
    assert "DATABASE_URL" in last_line(replica)
    assert "geheim" not in replica.output


def test_missing_rights(replicas: Callable[..., Replica], database: Database) -> None:
    """A login that may only read ends with one line: who may not do what, and what mends it."""
    url = database.url("viewer")
    replica = replicas(DATABASE_URL=url).start()
    assert replica.exit_code() == 77
    assert last_line(replica).startswith("MissingRightsError: role")
    assert str(conninfo_to_dict(url)["user"]) in last_line(replica)
    assert "vitalstream_writer" in last_line(replica)


def test_pending_migrations(
    replicas: Callable[..., Replica],
    empty_database: Database,
    kafka_topic_stream: Callable[[str], Stream],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits, says which version it needs, and starts once the tables are there."""
    replica = replicas(DATABASE_URL=empty_database.url()).start()
    eventually(
        lambda: says(
            replica, "migrations", "version 0", f"{REQUIRED_VERSION} is needed", "migrate"
        ),
        "waits for the migrations",
    )
    monkeypatch.setenv("DATABASE_URL", empty_database.url())
    migrate(load(DatabaseSettings))
    stream = kafka_topic_stream(empty_database.url())
    stream.send(Hospital(seed=41).messages(100))
    stream.wait_until_stored()
    eventually(lambda: replica.ready, "ready")


@pytest.fixture
def kafka_topic_stream(stream: Stream) -> Callable[[str], Stream]:
    """This test's topic with other tables."""

    def make(url: str) -> Stream:
        stream.url = url
        return stream

    return make


def test_a_missing_topic_is_waited_for(
    stream: Stream, replicas: Callable[..., Replica], fresh_topic: str
) -> None:
    """Where it must not be created, it is said, and read once somebody has created it."""
    replica = replicas(KAFKA_TOPIC=fresh_topic, KAFKA_TOPIC_CREATE="false").start()
    eventually(
        lambda: says(replica, "topic", fresh_topic, "does not exist", "KAFKA_TOPIC_CREATE=false"),
        "waits for the topic",
    )
    stream.admin.create_topics([NewTopic(fresh_topic, 2, 1)])[fresh_topic].result(30)
    stream.topic = fresh_topic
    stream.send(Hospital(seed=42).messages(100))
    stream.wait_until_stored()
    stream.check()


def test_a_missing_topic_is_created(replicas: Callable[..., Replica], fresh_topic: str) -> None:
    """Where it may be created, it is, with the partitions that the settings say."""
    replica = replicas(KAFKA_TOPIC=fresh_topic, KAFKA_TOPIC_PARTITIONS="4").start()
    eventually(lambda: replica.metric("assigned_partitions") == 4, "four partitions are ours")


def test_a_topic_that_goes_away(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """It is said that the topic is missing; a new one of that name is read, no restart needed."""
    hospital = Hospital(seed=43)
    replica = replicas().start()
    stream.send(hospital.messages(100))
    stream.wait_until_stored()
    eventually(lambda: replica.ready, "ready")
    stream.admin.delete_topics([stream.topic])[stream.topic].result(30)
    eventually(lambda: says(replica, "topic", stream.topic, "does not exist"), "misses the topic")
    stream.admin.create_topics([NewTopic(stream.topic, 3, 1)])[stream.topic].result(30)
    stream.send(hospital.messages(100))
    stream.wait_until_stored()
    eventually(lambda: replica.ready, "ready again")


@pytest.fixture
def fresh_topic(stream: Stream) -> Iterator[str]:
    """A name that no topic has; deleted afterwards if it has come to be."""
    name = f"{stream.topic}-missing"
    yield name
    if name in stream.admin.list_topics(timeout=10).topics:
        stream.admin.delete_topics([name])[name].result(30)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONSUMER_WRITERS", "0"),
        ("CONSUMER_BATCH_RECORDS", "many"),
        ("KAFKA_GROUP_PROTOCOL", "eager"),
        ("DATABASE_URL", "mysql://here"),
        ("OPS_PORT", "99999"),
    ],
)
def test_bad_settings(replicas: Callable[..., Replica], variable: str, value: str) -> None:
    """The start stops with one line that names the variable."""
    replica = replicas(**{variable: value}).start()
    assert replica.exit_code() == 78
    assert last_line(replica).startswith("SettingsError: ")
    assert variable in last_line(replica)


def test_the_ops_port_in_use(replicas: Callable[..., Replica]) -> None:
    """The start stops with one line that names OPS_PORT."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        replica = replicas(OPS_PORT=str(taken.getsockname()[1])).start()
        assert replica.exit_code() == 73
    assert "OPS_PORT" in last_line(replica)


class Guarded(NamedTuple):
    """A broker with TLS, passwords and rights, and a topic on it.

    Attributes:
        admin: May do anything.
        environment: What the consumer's own login needs.
        topic: With one partition.
        records: On the topic.
    """

    admin: AdminClient
    environment: dict[str, str]
    topic: str
    records: int

    def grant(self, kind: ResourceType, name: str, *operations: AclOperation) -> None:
        """Let the consumer's login do something."""
        pattern = ResourcePatternType.LITERAL
        allow = AclPermissionType.ALLOW
        for operation in operations:
            acl = AclBinding(kind, name, pattern, "User:reader", "*", operation, allow)
            self.admin.create_acls([acl])[acl].result(30)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A broker where the consumer's login may do nothing yet."""
    folder = tmp_path_factory.mktemp("guarded")
    security = KafkaSecurity(users={"admin": "a-word", "reader": "the-word"}, authorize=True)
    with EmbeddedKafka(folder, security=security) as broker:
        authority = str(security.write_ca(folder / "authority.pem"))
        client: dict[str, str | int | float | bool] = {
            "bootstrap.servers": broker.bootstrap_servers,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "admin",
            "sasl.password": "a-word",
            "ssl.ca.location": authority,
        }
        admin = AdminClient(client)
        admin.create_topics([NewTopic("guarded", 1, 1)])["guarded"].result(30)
        producer = Producer(client)
        for message in Hospital(seed=44).messages(100):
            producer.produce("guarded", message.payload, message.key)
        assert producer.flush(30) == 0
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "KAFKA_TOPIC": "guarded",
            "KAFKA_TOPIC_CREATE": "false",
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": "reader",
            "KAFKA_SASL_PASSWORD": "the-word",
            "KAFKA_SSL_CA_LOCATION": authority,
        }
        yield Guarded(admin, environment, "guarded", 100)


def test_a_wrong_kafka_password(replicas: Callable[..., Replica], guarded: Guarded) -> None:
    """No waiting mends it: it ends with one line that names the setting, not the password."""
    replica = replicas(**guarded.environment | {"KAFKA_SASL_PASSWORD": "geheim"}).start()
    assert replica.exit_code() == 77
    assert last_line(replica).startswith("AuthenticationError: ")
    assert "KAFKA_SASL_PASSWORD" in last_line(replica)
    assert "geheim" not in replica.output


def test_rights_at_the_broker(
    stream: Stream, replicas: Callable[..., Replica], guarded: Guarded
) -> None:
    """Each missing right ends it with one line that names it; Describe and Read are enough."""
    replica = replicas(**guarded.environment, KAFKA_GROUP_ID="readers")

    def refused(*words: str) -> None:
        replica.start()
        assert replica.exit_code() == 77
        assert last_line(replica).startswith("TopicNotAuthorizedError: ")
        assert all(word in last_line(replica) for word in words), last_line(replica)

    refused("Describe", "guarded")
    guarded.grant(ResourceType.TOPIC, guarded.topic, AclOperation.DESCRIBE)
    refused("Read on the group", "KAFKA_GROUP_ID")
    guarded.grant(ResourceType.GROUP, "readers", AclOperation.READ)
    refused("Read on the topic", "KAFKA_TOPIC")
    guarded.grant(ResourceType.TOPIC, guarded.topic, AclOperation.READ)
    replica.start()
    sums = "SELECT sum(next_offset) FROM stream_offsets"
    eventually(lambda: stream.query(sums) == [(guarded.records,)], "everything is stored")
    assert replica.stop() == 0
