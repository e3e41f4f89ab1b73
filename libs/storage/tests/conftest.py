"""Connections to this test's tables, as each kind of user has them."""

from collections.abc import Iterator

import pytest

from libs.storage.tests.stream import login
from vitalstream_devstack.databases import Database
from vitalstream_storage.pool import Connection


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A connection with a writer's rights and no others."""
    with login(database) as connection:
        yield connection
