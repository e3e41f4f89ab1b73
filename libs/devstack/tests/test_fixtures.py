"""The fixtures every other room's tests stand on."""

import psycopg
from confluent_kafka.admin import AdminClient

from vitalstream_devstack.databases import Database


def test_topic_is_there_with_three_partitions(kafka_admin: AdminClient, topic: str) -> None:
    """A test gets a topic that exists on a real broker, with the contract's partition count."""
    assert len(kafka_admin.list_topics(topic, timeout=10).topics[topic].partitions) == 3


def test_empty_database_is_empty(empty_database: Database) -> None:
    """The database for the migrations' own tests holds no table."""
    with psycopg.connect(empty_database.url()) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
    assert found == (0,)
