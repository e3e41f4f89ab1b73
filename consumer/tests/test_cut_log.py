"""A broker that loses the end of its log, as a loss of power takes what the disk has not yet."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.tests.support import Replica, Stream, eventually
from tests.oracle.traffic import Hospital, Message, Mix
from vitalstream_devstack.databases import Database
from vitalstream_devstack.kafka import EmbeddedKafka

PLAIN = Mix(0, 0, 0, 0, 0)
SEGMENT = Path("log", "records-0", "00000000000000000000.log")
GAPS = "SELECT first_offset, next_offset, kind FROM stream_gaps"


@pytest.mark.parametrize("state", ["reading", "stopped"])
@pytest.mark.parametrize("more", [30, 150], ids=["shorter", "longer than it was"])
def test_what_came_instead_is_stored(
    tmp_path: Path,
    database: Database,
    replicas: Callable[..., Replica],
    state: str,
    more: int,
) -> None:
    """Found by its epoch even where the log reaches past the ledger; and old verdicts do not bind.

    Of 200 offsets the broker loses 100, of which the first half are dead letters.
    """
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        admin.create_topics([NewTopic("records", 1, 1)])["records"].result(60)
        replica = replicas(
            KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers,
            KAFKA_TOPIC="records",
            KAFKA_GROUP_ID="records",
        ).start()
        hospital = Hospital(seed=44, mix=PLAIN)
        before = Stream(broker.bootstrap_servers, "records", database.url())
        before.send(hospital.messages(100))
        whole = (broker.data_dir / SEGMENT).stat().st_size
        before.send(Message(b"k", b"junk %d" % number) for number in range(50))
        before.send(hospital.messages(50))
        before.wait_until_stored()
        if state == "stopped":
            assert replica.stop() == 0
        broker.kill()
        os.truncate(broker.data_dir / SEGMENT, whole)
        broker.start()
        after = Stream(broker.bootstrap_servers, "records", database.url())
        after.send(hospital.messages(more))
        if state == "stopped":
            replica.start()
        eventually(lambda: after.query(GAPS), "the cut is noted")
        after.wait_until_stored()
    ((first, following, kind),) = after.query(GAPS)
    assert (following, kind) == (200, "truncated")
    assert 100 <= first <= min(200, 100 + more)  # the log's end when it was noticed
    assert after.count("observations") == 150 + more
    assert after.count("dead_letters") == 50
    assert replica.metric("gaps_total", kind="truncated") == 1
