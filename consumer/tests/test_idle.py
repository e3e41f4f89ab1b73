"""A replica with nothing to write shows how things are all the same."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer
from confluent_kafka.admin import AdminClient

from consumer.tests.support import Replica, Stream, eventually
from tests.chaos.servers import OwnPostgres
from tests.oracle.traffic import Hospital, Mix
from vitalstream_devstack.pytest_plugin import KafkaHandle

PLAIN = Mix(0, 0, 0, 0, 0)


def committed(admin: AdminClient, group: str) -> dict[int, int]:
    """The group's offsets, as lag tools see them."""
    request = [ConsumerGroupTopicPartitions(group)]
    (answer,) = admin.list_consumer_group_offsets(request).values()
    return {each.partition: each.offset for each in answer.result(30).topic_partitions}


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[OwnPostgres]:
    """A server of the test's own, to be stopped."""
    postgres = OwnPostgres(tmp_path / "postgres", {}).start()
    yield postgres
    postgres.stop()


def test_holes_at_the_logs_end_are_no_lag(
    stream: Stream, replicas: Callable[..., Replica], kafka: KafkaHandle
) -> None:
    """Behind the last record there is what is none: a producer's transactions end in markers."""
    options = {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": stream.topic}
    producer = Producer(options)
    producer.init_transactions(30)
    hospital = Hospital(seed=45, admissions=50, mix=PLAIN)
    replica = replicas().start()
    for number, ending in enumerate((producer.commit_transaction, producer.abort_transaction)):
        producer.begin_transaction()
        for message in hospital.messages(100):
            producer.produce(stream.topic, message.payload, message.key, partition=0)
        assert producer.flush(30) == 0
        ending(30)
        end = 101 * (number + 1)
        eventually(lambda end=end: stream.log_end(0) == end, "the marker is written")  # type: ignore[misc]
    eventually(lambda: stream.positions().get(0) == 100, "the ledger stands behind the last record")
    eventually(lambda: replica.metric("lag_records", partition="0") == 0, "no lag is shown")
    ends = "SELECT next_offset, log_end_offset FROM stream_offsets WHERE partition = 0"
    eventually(lambda: stream.query(ends) == [(100, 100)], "nor to readers of the ledger")
    group = f"group-{stream.topic}"
    eventually(lambda: committed(stream.admin, group).get(0) == 202, "nor to lag tools")
    stream.send(hospital.messages(5), partition=0)
    eventually(lambda: stream.positions()[0] == 207, "what comes next is stored")
    assert stream.count("observations") == 105


def test_a_foreign_claim_is_noticed(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """A late claim of who no longer has the partition does not leave its readers in the dark."""
    stream.send(Hospital(seed=46, admissions=50).messages(300))
    replica = replicas().start()
    stream.wait_until_stored()
    owners = "SELECT DISTINCT owner_token FROM stream_offsets"
    ((ours,),) = stream.query(owners)
    stream.query("UPDATE stream_offsets SET owner_token = gen_random_uuid() WHERE partition < 2")
    eventually(lambda: stream.query(owners) == [(ours,)], "they are claimed again")
    assert replica.metric("fenced_total") == 2
    assert replica.metric("rewound_total") == 0
    stream.check()


def test_who_has_no_partition_knows_of_the_database(
    own_postgres: OwnPostgres,
    kafka: KafkaHandle,
    make_topic: Callable[..., str],
    replicas: Callable[..., Replica],
) -> None:
    """It is unready while the database is away, and ready again, with no record to store."""
    topic = make_topic(partitions=1)
    settings = {"DATABASE_URL": own_postgres.database.url("writer"), "KAFKA_TOPIC": topic}
    busy = replicas(**settings).start()
    eventually(lambda: busy.metric("assigned_partitions") == 1, "the first one has it")
    idle = replicas(**settings).start()
    eventually(lambda: idle.ready, "the second one is ready")
    own_postgres.server.stop()
    eventually(lambda: "database" in busy.reasons, "the first one says so")
    eventually(lambda: "database" in idle.reasons, "the second one says so")
    busy.signal(signal.SIGSTOP)
    eventually(lambda: idle.metric("assigned_partitions") == 1, "the second one has it now")
    busy.signal(signal.SIGCONT)
    eventually(lambda: busy.metric("assigned_partitions") == 0, "the first one has lost it")
    assert "database" in busy.reasons
    own_postgres.server.start()
    eventually(lambda: idle.ready, "who has it is ready again")
    eventually(lambda: busy.ready, "and who has none")
    Stream(kafka.bootstrap_servers, topic, own_postgres.database.url()).send(
        Hospital(seed=47).messages(10)
    )
    eventually(lambda: idle.metric("records_committed_total") == 10, "the stream goes on")
