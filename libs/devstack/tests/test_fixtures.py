"""The fixtures every other room's tests stand on."""

import psycopg
import pytest
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


@pytest.mark.parametrize("role", ["writer", "viewer", "operator"])
def test_each_role_has_a_login_with_just_that_role(database: Database, role: str) -> None:
    """Tests run as the roles that the services use, not as an owner who may do anything."""
    with psycopg.connect(database.url(role)) as connection:
        found = connection.execute(
            "SELECT array_agg(granted.rolname::text)"
            " FROM pg_auth_members JOIN pg_roles granted ON granted.oid = roleid"
            " WHERE member = current_user::regrole"
        ).fetchone()
    assert found == ([f"vitalstream_{role}"],)


def test_owner_is_no_superuser(database: Database) -> None:
    """Migrations must do with an owner's rights."""
    with psycopg.connect(database.url()) as connection:
        found = connection.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert found == (False,)
