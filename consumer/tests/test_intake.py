"""From messages to chunks, one for each partition."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Message

from tests.oracle.traffic import Hospital, Mix
from vitalstream_consumer.batch import Chunk
from vitalstream_consumer.dead_letters import Delivered
from vitalstream_consumer.intake import Intake, Reading
from vitalstream_schema.codec import Decoder

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def payloads() -> Iterator[bytes]:
    """Good records, one after the other."""
    messages = Hospital(seed=71, admissions=50, mix=Mix(0, 0, 0, 0, 0)).messages(1_000)
    return (each.payload for each in messages if each.payload is not None)


def delivered(
    partition: int, offset: int, payload: bytes | None, milliseconds: int = 1_000
) -> Delivered:
    """A message as the client gives it."""
    message = Message(
        topic="records",
        partition=partition,
        offset=offset,
        value=payload,
        timestamp=(TIMESTAMP_CREATE_TIME, milliseconds),
        leader_epoch=offset // 10,
    )
    return cast("Delivered", message)


def chunks(messages: list[Delivered], *readings: Reading) -> list[Chunk]:
    """What the intake makes of them."""
    by_partition = {reading.partition: reading for reading in readings}
    return list(Intake(Decoder()).chunks(messages, by_partition, NOW))


def test_each_partition_gets_its_chunk(payloads: Iterator[bytes]) -> None:
    """In order within it, whatever comes between, and the reading moves past the last one."""
    readings = Reading(0, 5, 10), Reading(1, 6, 40)
    places = [(0, 10), (1, 40), (0, 11), (0, 12), (1, 41)]
    messages = [delivered(*place, next(payloads), 100 * place[1]) for place in places]
    first, second = chunks(messages, *readings)
    assert (first.partition, first.generation) == (0, 5)
    assert (first.expected_offset, first.next_offset, first.records) == (10, 13, 3)
    assert (first.leader_epoch, first.appended_ms) == (1, [1_000, 1_100, 1_200])
    assert [each.offset for each in first.accepted] == [10, 11, 12]
    assert (second.generation, second.expected_offset, second.next_offset) == (6, 40, 42)
    assert [reading.next_offset for reading in readings] == [13, 42]


def test_a_hole_in_the_log_is_stepped_over(payloads: Iterator[bytes]) -> None:
    """A chunk begins where the ledger will stand, not at its first record."""
    (chunk,) = chunks([delivered(0, 17, next(payloads))], Reading(0, 1, 10))
    assert (chunk.expected_offset, chunk.next_offset, chunk.records) == (10, 18, 1)


def test_what_is_not_read_any_more_is_dropped(payloads: Iterator[bytes]) -> None:
    """A record of a partition that was taken away belongs to its next owner."""
    assert chunks([delivered(2, 0, next(payloads))], Reading(0, 1, 0)) == []


def test_good_and_bad_records_part(payloads: Iterator[bytes]) -> None:
    """A chunk holds both, each at its offset; nulls count as records of no bytes."""
    good = next(payloads)
    messages = [delivered(0, 0, b"{"), delivered(0, 1, good), delivered(0, 2, None)]
    (chunk,) = chunks(messages, Reading(0, 1, 0))
    assert [each.offset for each in chunk.accepted] == [1]
    assert [(each.offset, each.reason) for each in chunk.dead_letters] == [
        (0, "not_json"),
        (2, "tombstone"),
    ]
    assert (chunk.records, chunk.size_bytes) == (3, len(good) + 1)
