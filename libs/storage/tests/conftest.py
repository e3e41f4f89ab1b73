"""Connections to this test's tables, as each kind of user has them."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from libs.storage.tests.stream import login
from vitalstream_devstack.databases import Database
from vitalstream_storage import direct
from vitalstream_storage.pool import Connection


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A connection with a writer's rights and no others."""
    with login(database) as connection:
        yield connection


@pytest.fixture(params=["direct", "fast", "staged"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the writer's ways in turn; the result may not depend on it."""
    name: str = request.param
    if name == "direct":
        monkeypatch.setattr(direct, "FEWEST", 1)
    return name


@pytest.fixture
def operator(database: Database) -> Iterator[Connection]:
    """A connection with the operator's rights only."""
    with login(database, "operator") as connection:
        yield connection


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection, each statement on its own."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        yield connection
