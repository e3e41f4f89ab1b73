"""From the broker's messages to chunks: decoded, judged, in order."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from vitalstream_consumer.batch import Chunk, Limits
from vitalstream_consumer.dead_letters import (
    Delivered,
    Headers,
    HeadersError,
    all_headers,
    dead_letter,
)
from vitalstream_schema.batches import decode_all
from vitalstream_schema.codec import HEADERS, Decoder, RecordError
from vitalstream_storage.batch import Accepted, DeadLetter

_Headers = Headers | HeadersError | None


@dataclass(slots=True)
class Reading:
    """How far one partition is read.

    Attributes:
        partition: Its number.
        generation: Of the claim that it is read under.
        next_offset: What comes next, unless the log has a hole there.
        witness: Leader epoch of the record before it, which is read once more: with another epoch
            it is another record, and the log was cut and has grown again. None: nothing to check.
    """

    partition: int
    generation: int
    next_offset: int
    witness: int | None = None


class Cut(NamedTuple):
    """The log before what comes next is another than the ledger has seen."""

    partition: int
    generation: int


class Intake:
    """Turns what a poll returned into one chunk for each partition.

    Args:
        decoder: Judges each record.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def chunks(
        self,
        messages: Iterable[Delivered],
        readings: dict[int, Reading],
        limits: Limits,
        now: datetime,
    ) -> Iterator[Chunk | Cut]:
        """Decode and advance the readings.

        Args:
            messages: Records, no errors; in order within each partition.
            readings: Of each partition that is read; what belongs to no other is dropped.
            limits: Of each chunk; a single record past them is one by itself.
            now: The clock that timestamps are held against.
        """
        by_partition: dict[int, list[Delivered]] = {}
        for message in messages:
            by_partition.setdefault(message.partition(), []).append(message)
        for partition, of_partition in by_partition.items():
            reading = readings.get(partition)
            if reading is not None:
                same, new = _heard(of_partition, reading)
                if not same:
                    yield Cut(partition, reading.generation)
                    continue
                headers, sizes = _opened(new)
                for run in _runs(sizes, limits):
                    size = sum(sizes[run])
                    yield self._chunk(partition, new[run], headers[run], size, reading, now)

    def _chunk(  # noqa: PLR0913, PLR0917 - each is one thing of the same messages
        self,
        partition: int,
        messages: Sequence[Delivered],
        headers: Sequence[_Headers],
        size: int,
        reading: Reading,
        now: datetime,
    ) -> Chunk:
        began_ns = time.time_ns()
        accepted, dead_letters = self._judge(partition, messages, headers, now)
        last = messages[-1]
        expected, reading.next_offset = reading.next_offset, last.offset() + 1
        return Chunk(
            partition=partition,
            generation=reading.generation,
            expected_offset=expected,
            next_offset=reading.next_offset,
            leader_epoch=last.leader_epoch(),
            appended_ms=[message.timestamp()[1] for message in messages],
            accepted=accepted,
            dead_letters=dead_letters,
            size_bytes=size,
            decoded_ns=(began_ns, time.time_ns()),
        )

    def _judge(
        self,
        partition: int,
        messages: Sequence[Delivered],
        headers: Sequence[_Headers],
        now: datetime,
    ) -> tuple[list[Accepted], list[DeadLetter]]:
        payloads = [message.value() for message in messages]
        theirs = [None if isinstance(each, HeadersError) else each for each in headers]
        judged = decode_all(self._decoder, payloads, theirs, now)
        accepted: list[Accepted] = []
        dead_letters: list[DeadLetter] = []
        for message, found, decoded in zip(messages, headers, judged, strict=True):
            verdict = found if isinstance(found, HeadersError) else decoded
            if isinstance(verdict, RecordError):
                dead_letters.append(dead_letter(message, verdict))
            else:
                accepted.append(Accepted(verdict, partition, message.offset(), message))
        return accepted, dead_letters


def _opened(messages: Sequence[Delivered]) -> tuple[list[_Headers], list[int]]:
    """Of each message the headers, and how many bytes it holds: a key may be as large as any."""
    headers = all_headers(messages)
    sizes = [len(each.value() or b"") + len(each.key() or b"") for each in messages]
    for number, found in enumerate(headers):
        if found and found != HEADERS and not isinstance(found, HeadersError):
            sizes[number] += sum(len(name) + len(value or b"") for name, value in found)
    return headers, sizes


def _runs(sizes: Sequence[int], limits: Limits) -> Iterator[slice]:
    """Messages of these sizes in order, cut where the next one would pass the limits."""
    start = size = 0
    if len(sizes) > limits.records or sum(sizes) > limits.size_bytes:
        for number, more in enumerate(sizes):
            full = number - start == limits.records or size + more > limits.size_bytes
            if full and number > start:
                yield slice(start, number)
                start, size = number, 0
            size += more
    if start < len(sizes):
        yield slice(start, len(sizes))


def _heard(messages: list[Delivered], reading: Reading) -> tuple[bool, list[Delivered]]:
    """Whether the record before what comes next is the one it was, and what follows it.

    Two logs that have a record of one epoch at one offset are the same up to there (Kafka's
    KIP-101). Where compaction has taken that record nobody can tell.
    """
    epoch, reading.witness = reading.witness, None
    first = messages[0]
    if epoch is None or first.offset() >= reading.next_offset:
        return True, messages
    return first.leader_epoch() in {None, epoch}, messages[1:]
