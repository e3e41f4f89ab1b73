"""The main job on real Kafka and PostgreSQL: every record in the tables, exactly once."""

from collections.abc import Callable

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition

from consumer.tests.support import Replica, Stream, eventually
from tests.oracle.traffic import Hospital, Mix
from vitalstream_devstack.pytest_plugin import KafkaHandle


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_everything_ends_as_a_row_or_a_dead_letter(
    stream: Stream, replicas: Callable[..., Replica], protocol: str
) -> None:
    """Thousands of records, poison among them, under both group protocols: row for row."""
    hospital = Hospital(seed=1, admissions=300)
    stream.send(hospital.messages(2_000))
    replica = replicas(KAFKA_GROUP_PROTOCOL=protocol).start()
    stream.send(hospital.messages(2_000))
    stream.wait_until_stored()
    stream.check()
    eventually(lambda: replica.ready, "ready")
    assert replica.stop() == 0
    stream.check()


def test_one_writer_and_small_batches_do_the_same(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """Settings change the speed, never the result."""
    hospital = Hospital(seed=2, admissions=50)
    stream.send(hospital.messages(1_000))
    replicas(CONSUMER_WRITERS="1", CONSUMER_BATCH_RECORDS="7", CONSUMER_BATCH_BYTES="9000").start()
    stream.wait_until_stored()
    stream.check()


def test_huge_payloads_pass(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """Records near the broker's limit of 1 MB are stored, and block nothing behind them."""
    hospital = Hospital(seed=3, admissions=20, padding=900_000)
    stream.send(hospital.messages(1_500))
    replicas().start()
    stream.wait_until_stored()
    stream.check()


def test_the_position_is_the_ledgers_not_the_groups(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """A restart reads on from the tables, whatever the group's offsets say: wrong, or nothing."""
    hospital = Hospital(seed=4, admissions=50)
    stream.send(hospital.messages(600))
    replica = replicas().start()
    stream.wait_until_stored()
    group = f"group-{stream.topic}"
    for wrong in (0, 10_000_000):
        assert replica.stop() == 0
        partitions = [TopicPartition(stream.topic, number, wrong) for number in range(3)]
        request = ConsumerGroupTopicPartitions(group, partitions)
        stream.admin.alter_consumer_group_offsets([request])[group].result(30)
        stream.send(hospital.messages(300))
        replica.start()
        stream.wait_until_stored()
        stream.check()
    assert replica.stop() == 0
    stream.admin.delete_consumer_groups([group])[group].result(30)
    stream.send(hospital.messages(300))
    replica.start()
    stream.wait_until_stored()
    stream.check()  # also: nothing was counted as a duplicate, so nothing was read twice


def test_the_groups_offsets_follow_for_lag_tools(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """What is committed to Kafka is what the tables hold, at the latest when the consumer stops."""
    stream.send(Hospital(seed=5, admissions=50).messages(500))
    replica = replicas().start()
    stream.wait_until_stored()
    assert replica.stop() == 0
    group = f"group-{stream.topic}"
    (answer,) = stream.admin.list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group)]
    ).values()
    committed = {each.partition: each.offset for each in answer.result(30).topic_partitions}
    assert committed == stream.positions()


def test_the_whole_topic_read_again_changes_nothing(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """With the ledger emptied every record comes a second time and ends where it was."""
    stream.send(Hospital(seed=6, admissions=100).messages(1_500))
    replica = replicas().start()
    stream.wait_until_stored()
    assert replica.stop() == 0
    letters = stream.query("SELECT * FROM dead_letters ORDER BY partition, 3")
    stream.query("DELETE FROM stream_offsets")
    replica.start()
    stream.wait_until_stored()
    stream.check(replayed=True)
    assert stream.query("SELECT * FROM dead_letters ORDER BY partition, 3") == letters


def test_holes_in_the_log_are_passed_over(
    stream: Stream, replicas: Callable[..., Replica], kafka: KafkaHandle
) -> None:
    """Offsets need not be contiguous: transactions leave markers, and records never committed."""
    options = {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": stream.topic}
    producer = Producer(options)
    producer.init_transactions(30)
    hospital = Hospital(seed=7, admissions=50, mix=Mix(0, 0, 0, 0, 0))
    for ending in (producer.commit_transaction, producer.abort_transaction) * 3:
        producer.begin_transaction()
        for message in hospital.messages(100):
            producer.produce(stream.topic, message.payload, message.key, partition=0)
        assert producer.flush(30) == 0  # what is aborted is on the log all the same
        ending(30)
    # The coordinator answers before the markers are on the log.
    eventually(lambda: stream.log_end(0) == 606, "the last transaction's marker is written")
    stream.send(hospital.messages(1), partition=0)
    replica = replicas().start()
    eventually(lambda: stream.positions().get(0) == 607, "the log is read to its end")
    assert stream.count("observations") == 301
    eventually(lambda: replica.metric("offsets_skipped_total") == 306, "the holes are counted")
