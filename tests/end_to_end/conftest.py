"""Fixtures of the tests that run the real services."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.pipeline import Pipeline
from vitalstream_devstack.databases import Database
from vitalstream_devstack.pytest_plugin import KafkaHandle


@pytest.fixture
def pipeline(
    tmp_path: Path, kafka: KafkaHandle, topic: str, database: Database
) -> Iterator[Pipeline]:
    """The services of one test, on a topic and a database of its own."""
    with Pipeline(tmp_path, kafka, topic, database) as made:
        yield made
