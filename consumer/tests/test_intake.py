"""From messages to chunks, one for each partition."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Message

from tests.oracle.traffic import Hospital, Mix
from vitalstream_consumer.batch import Chunk, Limits
from vitalstream_consumer.dead_letters import Delivered
from vitalstream_consumer.intake import Cut, Intake, Reading
from vitalstream_schema.codec import Decoder

NOW = datetime(2026, 11, 1, tzinfo=UTC)
WIDE = Limits(1_000, 1_000_000)


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


def made(messages: list[Delivered], *readings: Reading, limits: Limits = WIDE) -> list[Chunk | Cut]:
    """What the intake makes of them."""
    by_partition = {reading.partition: reading for reading in readings}
    return list(Intake(Decoder()).chunks(messages, by_partition, limits, NOW))


def chunks(messages: list[Delivered], *readings: Reading, limits: Limits = WIDE) -> list[Chunk]:
    """The same, where the log is whole."""
    return [cast("Chunk", each) for each in made(messages, *readings, limits=limits)]


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


def test_no_chunk_passes_the_limits() -> None:
    """Neither in records nor in bytes, whatever a poll brought; each goes on where one ended."""
    sizes = [10, 10, 10, 10, 90, 10, 200, 10]
    messages = [delivered(0, 7 * n, b"x" * size) for n, size in enumerate(sizes)]
    found = chunks(messages, Reading(0, 1, 0), limits=Limits(3, 100))
    assert [[letter.offset // 7 for letter in each.dead_letters] for each in found] == [
        [0, 1, 2], [3, 4], [5], [6], [7],
    ]  # fmt: skip
    assert [each.size_bytes for each in found] == [30, 100, 10, 200, 10]
    assert [each.expected_offset for each in found] == [0, 15, 29, 36, 43]
    assert [each.next_offset for each in found] == [15, 29, 36, 43, 50]
    assert [each.leader_epoch for each in found] == [1, 2, 3, 4, 4]


def test_the_record_before_is_read_for_its_epoch_alone(payloads: Iterator[bytes]) -> None:
    """It is stored already; with the epoch it had, what follows is what the ledger waits for."""
    reading = Reading(0, 1, 20, witness=1)
    assert chunks([delivered(0, 19, next(payloads))], reading) == []
    (chunk,) = chunks([delivered(0, 20, next(payloads))], reading)
    assert (chunk.expected_offset, chunk.next_offset, chunk.records) == (20, 21, 1)
    reading = Reading(0, 1, 20, witness=1)
    (chunk,) = chunks([delivered(0, n, next(payloads)) for n in (19, 20, 21)], reading)
    assert (chunk.expected_offset, chunk.next_offset, chunk.records) == (20, 22, 2)


def test_another_record_in_its_place_gives_the_cut_away(payloads: Iterator[bytes]) -> None:
    """Nothing of that log is taken before the ledger has been told."""
    messages = [delivered(0, n, next(payloads)) for n in (19, 20, 21)]
    reading = Reading(0, 4, 20, witness=0)
    assert made(messages, reading) == [Cut(0, 4)]
    assert reading.next_offset == 20


def test_where_the_record_before_is_gone_reading_goes_on(payloads: Iterator[bytes]) -> None:
    """Compaction may have taken it; then there is nothing to compare."""
    (chunk,) = chunks([delivered(0, 23, next(payloads))], Reading(0, 1, 20, witness=0))
    assert (chunk.expected_offset, chunk.next_offset) == (20, 24)
