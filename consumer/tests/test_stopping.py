"""A replica that is asked to stop goes in order, in time, and holds up nobody who stays."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.tests.support import Replica, Stream, eventually
from tests.oracle.traffic import Hospital
from vitalstream_devstack.databases import Database
from vitalstream_devstack.kafka import EmbeddedKafka

REBALANCING = ConsumerGroupState.PREPARING_REBALANCING
# A session this long stands for ever: who is not heard to leave would stay.
FOR_EVER = {
    "KAFKA_GROUP_PROTOCOL": "classic",
    "CONSUMER_SESSION_TIMEOUT_SECONDS": "600",
    "CONSUMER_MAX_POLL_INTERVAL_SECONDS": "600",
}


def assigned(replica: Replica) -> float:
    """How many partitions a replica has."""
    return replica.metric("assigned_partitions") or 0


def described(stream: Stream) -> tuple[ConsumerGroupState | None, int]:
    """State and number of members of the group, as far as its coordinator knows by now."""
    group = f"group-{stream.topic}"
    try:
        found = stream.admin.describe_consumer_groups([group])[group].result(30)
    except KafkaException:  # it has just been made
        return None, 0
    return found.state, len(found.members)


def test_a_stop_finishes_the_batch_in_hand(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """SIGTERM: unready at once, what is being written is committed, the rest left, exit code 0."""
    stream.send(Hospital(seed=24, admissions=50).messages(1_500))
    replica = replicas(CONSUMER_BATCH_RECORDS="500")  # of each of the two writers
    with stream.writers_blocked():
        replica.start()
        stream.wait_for_blocked_writers(2)
        replica.process.terminate()
        eventually(lambda: "shutdown" in replica.reasons, "unready, and says why")
        assert replica.running
    assert replica.exit_code() == 0
    stored = sum(stream.positions().values())
    assert 50 <= stored <= 1_000
    assert stream.query("SELECT sum(stored + duplicates + stale + dead) FROM stream_offsets") == [
        (stored,)
    ]
    replica.start()
    stream.wait_until_stored()
    stream.check()


def test_a_stop_does_not_wait_for_ever(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """A write that does not end in time is left to be rolled back; the exit code is 0 even so."""
    stream.send(Hospital(seed=25, admissions=50).messages(300))
    replica = replicas(CONSUMER_DRAIN_SECONDS="1")
    with stream.writers_blocked():
        replica.start()
        stream.wait_for_blocked_writers()
        assert replica.stop() == 0
        assert sum(stream.positions().values()) == 0
    replica.start()
    stream.wait_until_stored()
    stream.check()


def test_who_has_no_partition_leaves_too(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """The group does not wait for a fourth replica of three partitions until its session ends."""
    group = [replicas(**FOR_EVER).start() for _ in range(4)]
    eventually(lambda: described(stream)[1] == 4, "all have joined")
    eventually(lambda: sorted(map(assigned, group)) == [0, 1, 1, 1], "three have a partition")
    idle = next(replica for replica in group if assigned(replica) == 0)
    assert idle.stop() == 0
    eventually(lambda: described(stream)[1] == 3, "the group knows that it is gone")
    group.remove(idle)
    assert group.pop().stop() == 0
    eventually(lambda: sorted(map(assigned, group)) == [1, 2], "the others share")
    stream.send(Hospital(seed=41).messages(100))
    stream.wait_until_stored()
    stream.check()


def test_a_stop_does_not_wait_for_a_rebalance(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """A rebalance that a frozen member holds up does not hold up who leaves; the exit code is 0."""
    frozen = replicas(**FOR_EVER).start()
    short = {"CONSUMER_DRAIN_SECONDS": "1", "CONSUMER_SESSION_TIMEOUT_SECONDS": "6"}
    leaving = replicas(**FOR_EVER | short).start()
    eventually(lambda: sorted([assigned(frozen), assigned(leaving)]) == [1, 2], "they share")
    hospital = Hospital(seed=42)
    stream.send(hospital.messages(300))
    stream.wait_until_stored()
    frozen.signal(signal.SIGSTOP)
    replicas(**FOR_EVER).start()
    eventually(lambda: described(stream)[0] == REBALANCING, "the group waits for the frozen one")
    time.sleep(4)  # the leaving one hears of it with its next heartbeat, and waits as well
    mine = [
        number
        for number in range(3)
        if leaving.metric("lag_records", partition=str(number)) is not None
    ]
    for number in mine:
        stream.send(hospital.messages(100), partition=number)
    assert leaving.stop() == 0
    frozen.signal(signal.SIGCONT)
    stream.wait_until_stored()
    stream.check()


def test_a_stop_does_not_wait_for_the_broker(
    tmp_path: Path, database: Database, replicas: Callable[..., Replica]
) -> None:
    """What is in hand is stored and the exit code is 0, whatever has become of the broker."""
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        admin.create_topics([NewTopic("records", 3, 1)])["records"].result(60)
        stream = Stream(broker.bootstrap_servers, "records", database.url())
        stream.send(Hospital(seed=43).messages(300))
        replica = replicas(
            KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers,
            KAFKA_TOPIC="records",
            KAFKA_GROUP_ID="records",
            CONSUMER_DRAIN_SECONDS="1",
        ).start()
        stream.wait_until_stored()
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            assert replica.stop() == 0
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        stream.check()
