"""The main job on real servers: what the broker acknowledged is in the tables, each record once."""

from collections.abc import Callable

import psycopg
import pytest
from confluent_kafka import Producer

from tests.end_to_end.pipeline import Pipeline, wait_until
from tests.oracle import MismatchError, Sent, read_ack_log, read_topic, verify
from tests.oracle.traffic import Hospital
from vitalstream_devstack.databases import Database
from vitalstream_devstack.pytest_plugin import KafkaHandle

_SEED = 20260301


def test_every_acknowledged_record_is_stored(pipeline: Pipeline, database: Database) -> None:
    """Every record of the producer is in the tables, row for row, and none is a dead letter."""
    pipeline.consumer()
    sent = pipeline.produce(5_000, seed=_SEED)
    assert len(sent) == 5_000
    pipeline.wait_until_consumed(sent)
    expected = verify(database.url(), pipeline.topic_id, sent)
    assert len(expected.observations) == 5_000


def test_every_observation_of_a_hospital_is_stored(pipeline: Pipeline, database: Database) -> None:
    """Patients observed again and again: each observation a row, each admission its latest."""
    pipeline.consumer()
    sent = pipeline.produce(6_000, seed=_SEED, profile="hospital", beds=100)
    pipeline.wait_until_consumed(sent)
    expected = verify(database.url(), pipeline.topic_id, sent)
    assert len(expected.observations) == 6_000 > 5 * len(expected.states)
    with psycopg.connect(database.url()) as connection:
        rows = connection.execute("SELECT DISTINCT status FROM patient_records").fetchall()
    assert ("Discharged",) in rows
    assert len(rows) > 3


def test_consumer_stopped_and_started_mid_way_loses_nothing(
    pipeline: Pipeline, database: Database
) -> None:
    """A consumer asked to stop in the middle of the stream exits 0; the next one goes on there."""
    consumer = pipeline.consumer()
    producer = pipeline.producer(rate=1_000, seed=_SEED)
    for number in range(1, 4):
        _wait_for_more(pipeline, 1_000)
        assert consumer.stop() == 0
        consumer = pipeline.consumer(f"consumer-{number}")
    _wait_for_more(pipeline, 1_000)
    assert producer.stop() == 0
    sent = list(read_ack_log(pipeline.ack_log))
    pipeline.wait_until_consumed(sent)
    assert len(verify(database.url(), pipeline.topic_id, sent).observations) == len(sent) > 4_000


def _wait_for_more(pipeline: Pipeline, records: int) -> None:
    """Wait until so many more are stored than now."""
    enough = sum(pipeline.ledger("stored").values()) + records
    wait_until(lambda: sum(pipeline.ledger("stored").values()) >= enough, "more are stored")


def test_replicas_share_the_partitions_and_take_over(
    pipeline: Pipeline, database: Database
) -> None:
    """Three consumers own a partition each; what a leaving one had goes on with the others."""
    consumers = [pipeline.consumer(f"consumer-{number}") for number in range(3)]
    wait_until(lambda: len(set(pipeline.ledger("owner_token").values())) == 3, "each owns one")
    sent = pipeline.produce(3_000, seed=_SEED)
    pipeline.wait_until_consumed(sent)
    assert consumers.pop().stop() == 0
    sent = pipeline.produce(3_000, seed=_SEED + 1)
    pipeline.wait_until_consumed(sent)
    assert len(verify(database.url(), pipeline.topic_id, sent).observations) == 6_000
    assert all(consumer.running for consumer in consumers)


def test_traffic_of_other_clients_is_stored_or_buried(
    pipeline: Pipeline, database: Database, kafka: KafkaHandle, topic: str
) -> None:
    """Whatever a foreign client sends ends as a row, a duplicate or a dead letter with a reason."""
    client = Producer({"bootstrap.servers": kafka.bootstrap_servers, "acks": "all"})
    for key, payload, headers in Hospital(_SEED, admissions=200).messages(5_000):
        client.produce(topic, payload, key, headers=list(headers))
    assert client.flush(30) == 0
    pipeline.consumer()
    sent = read_topic(kafka.bootstrap_servers, topic)
    pipeline.wait_until_consumed(sent)
    expected = verify(database.url(), pipeline.topic_id, sent)
    assert len(expected.dead) > 20
    assert len(expected.observations) > 4_000


def _lose_one(connection: psycopg.Connection) -> None:
    connection.execute(
        "DELETE FROM observations WHERE kafka_offset = (SELECT min(kafka_offset) FROM observations)"
    )


def _double_one(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO observations (observed_at, kafka_offset, kafka_partition, heart_rate,"
        " systolic, diastolic, oxygen_saturation, respiratory_rate, risk_score, news2, spo2_scale,"
        " news2_complete, temperature_celsius, admission_id, patient_id, department)"
        " SELECT observed_at + interval '1 s', kafka_offset, kafka_partition, heart_rate,"
        " systolic, diastolic, oxygen_saturation, respiratory_rate, risk_score, news2, spo2_scale,"
        " news2_complete, temperature_celsius, admission_id, patient_id, department"
        " FROM observations LIMIT 1"
    )


@pytest.mark.parametrize(
    ("fault", "said"), [(_lose_one, "missing"), (_double_one, "too many")], ids=["loss", "double"]
)
def test_planted_fault_is_noticed(
    pipeline: Pipeline,
    database: Database,
    fault: Callable[[psycopg.Connection], None],
    said: str,
) -> None:
    """The check of the tests above fails where a record is lost or stored twice."""
    pipeline.consumer()
    sent: list[Sent] = pipeline.produce(100, seed=_SEED)
    pipeline.wait_until_consumed(sent)
    verify(database.url(), pipeline.topic_id, sent)
    with psycopg.connect(database.admin_url) as connection:
        fault(connection)
    with pytest.raises(MismatchError, match=said):
        verify(database.url(), pipeline.topic_id, sent)
