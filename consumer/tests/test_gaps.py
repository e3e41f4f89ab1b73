"""What the broker no longer has is written down, and the stream goes on."""

import json
import signal
import time
from collections.abc import Callable

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.cimpl import NewPartitions, NewTopic

from consumer.tests.support import Replica, Stream, eventually
from tests.oracle.traffic import Hospital, Mix
from vitalstream_devstack.pytest_plugin import KafkaHandle

PLAIN = Mix(0, 0, 0, 0, 0)


def gaps(stream: Stream) -> list[tuple[int, int, int, str]]:
    """Partition, first and next offset, kind of each gap."""
    sql = "SELECT partition, first_offset, next_offset, kind FROM stream_gaps ORDER BY 1, 2"
    return [(row[0], row[1], row[2], row[3]) for row in stream.query(sql)]


def delete_below(stream: Stream, partition: int, offset: int) -> None:
    """Make the broker forget what lies below an offset, as retention does."""
    wanted = TopicPartition(stream.topic, partition, offset)
    stream.admin.delete_records([wanted])[wanted].result(30)


def test_deleted_while_nobody_read(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """The range below the log's start goes to stream_gaps; everything else is stored."""
    hospital = Hospital(seed=31, mix=PLAIN)
    stream.send(hospital.messages(100), partition=1)
    replica = replicas().start()
    stream.wait_until_stored()
    assert replica.stop() == 0
    stream.send(hospital.messages(100), partition=1)
    delete_below(stream, 1, 130)
    replica.start()
    stream.wait_until_stored()
    assert gaps(stream) == [(1, 100, 130, "deleted")]
    assert stream.count("observations") == 170
    assert replica.metric("gaps_total", kind="deleted") == 1
    assert [line["first_offset"] for line in replica.events("gap")] == [100]
    stream.send(hospital.messages(10), partition=1)
    stream.wait_until_stored()
    assert stream.count("observations") == 180


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_deleted_under_a_slow_reader(
    stream: Stream, replicas: Callable[..., Replica], protocol: str
) -> None:
    """The broker deletes past the position of a running consumer, which goes on behind the gap."""
    hospital = Hospital(seed=32, mix=PLAIN)
    replica = replicas(KAFKA_GROUP_PROTOCOL=protocol).start()
    stream.send(hospital.messages(100), partition=0)
    stream.wait_until_stored()
    replica.signal(signal.SIGSTOP)
    time.sleep(3)  # the fetch that waits at the broker is answered, with nothing
    stream.send(hospital.messages(100), partition=0)
    delete_below(stream, 0, 200)
    replica.signal(signal.SIGCONT)
    stream.send(hospital.messages(50), partition=0)
    stream.wait_until_stored()
    assert gaps(stream) == [(0, 100, 200, "deleted")]
    assert stream.count("observations") == 150


def test_a_log_shorter_than_the_ledger(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """Past the log's end is truncation: written down, and the log is read from its start again."""
    stream.send(Hospital(seed=33).messages(600))
    replica = replicas().start()
    stream.wait_until_stored()
    assert replica.stop() == 0
    ends = stream.positions()
    stream.query("UPDATE stream_offsets SET next_offset = next_offset + 1000")
    replica.start()
    eventually(lambda: stream.positions() == ends, "the log was read again, to its end")
    assert gaps(stream) == [(n, ends[n], ends[n] + 1000, "truncated") for n in sorted(ends)]
    assert replica.metric("gaps_total", kind="truncated") == 3
    stream.query("UPDATE stream_offsets SET duplicates = next_offset - stored - stale - dead")
    stream.check(replayed=True)


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_the_topic_made_anew(
    stream: Stream, replicas: Callable[..., Replica], protocol: str
) -> None:
    """A topic of the same name with another id is read from its start, under that id."""
    hospital = Hospital(seed=34, mix=PLAIN)
    replica = replicas(KAFKA_GROUP_PROTOCOL=protocol).start()
    stream.send(hospital.messages(300))
    stream.wait_until_stored()
    before = stream.topic_id
    stream.admin.delete_topics([stream.topic])[stream.topic].result(30)
    time.sleep(1)
    stream.admin.create_topics([NewTopic(stream.topic, 3, 1)])[stream.topic].result(30)
    eventually(lambda: stream.topic_id != before, "the new topic is known")
    stream.send(hospital.messages(600))  # longer than the old one: its offsets exist in both
    stream.wait_until_stored()
    assert stream.count("observations") == 900
    assert len(stream.query("SELECT 1 FROM stream_offsets")) == 6
    eventually(lambda: replica.ready, "ready")
    assert replica.running


def test_added_partitions_are_read_from_their_start(
    stream: Stream, replicas: Callable[..., Replica], kafka: KafkaHandle
) -> None:
    """What was sent to a new partition before the group noticed it is not skipped."""
    hospital = Hospital(seed=35)
    replicas().start()
    stream.send(hospital.messages(300))
    stream.wait_until_stored()
    stream.admin.create_partitions([NewPartitions(stream.topic, 5)])[stream.topic].result(30)
    eventually(lambda: stream.partitions == 5, "the broker tells of the new partitions")
    newcomer = Stream(kafka.bootstrap_servers, stream.topic, stream.url)
    for partition in (3, 4):
        newcomer.send(hospital.messages(100), partition)
    stream.wait_until_stored()
    stream.check()
    assert sorted(stream.positions()) == [0, 1, 2, 3, 4]


def test_the_ledger_shows_the_logs_end_while_idle(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """The dashboard sees that there is nothing to do, and that somebody has looked just now."""
    stream.send(Hospital(seed=36).messages(100))
    replicas().start()
    stream.wait_until_stored()
    newest = "SELECT min(log_end_at) FROM stream_offsets"
    eventually(lambda: stream.query(newest) != [(None,)], "the ends are noted")
    ((seen,),) = stream.query(newest)
    eventually(lambda: stream.query(newest)[0][0] > seen, "and looked at again")
    wrong = "SELECT 1 FROM stream_offsets WHERE log_end_offset IS DISTINCT FROM next_offset"
    assert stream.query(wrong) == []


def test_logs_end_moves_while_the_database_blocks(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """A consumer that cannot write shows a growing lag, not the last one it knew."""
    hospital = Hospital(seed=37)
    replica = replicas(CONSUMER_WRITERS="3").start()
    stream.send(hospital.messages(30), partition=0)
    stream.wait_until_stored()
    with stream.writers_blocked():
        stream.send(hospital.messages(70), partition=0)
        eventually(lambda: replica.metric("lag_records", partition="0") == 70, "the lag shows")
    eventually(lambda: replica.metric("lag_records", partition="0") == 0, "and goes")
    assert json.loads(replica.get("/readyz")[1])["status"] == "ok"
