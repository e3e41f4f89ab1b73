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
    dead_letter,
    headers_of,
)
from vitalstream_schema.batches import decode_all
from vitalstream_schema.codec import Decoder, RecordError
from vitalstream_storage.batch import Accepted, DeadLetter


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
                for run in _runs(new, limits):
                    yield self._chunk(partition, run, reading, now)

    def _chunk(
        self, partition: int, messages: Sequence[Delivered], reading: Reading, now: datetime
    ) -> Chunk:
        began_ns = time.time_ns()
        accepted, dead_letters, size = self._judge(partition, messages, now)
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
        self, partition: int, messages: Sequence[Delivered], now: datetime
    ) -> tuple[list[Accepted], list[DeadLetter], int]:
        size = sum(len(message.value() or b"") for message in messages)
        readable: list[Delivered] = []
        headers: list[Headers | None] = []
        accepted: list[Accepted] = []
        dead_letters: list[DeadLetter] = []
        for message in messages:
            try:
                headers.append(headers_of(message))
            except HeadersError as error:
                dead_letters.append(dead_letter(message, error))
            else:
                readable.append(message)
        payloads = [message.value() for message in readable]
        judged = decode_all(self._decoder, payloads, headers, now)
        for message, decoded in zip(readable, judged, strict=True):
            if isinstance(decoded, RecordError):
                dead_letters.append(dead_letter(message, decoded))
            else:
                accepted.append(Accepted(decoded, partition, message.offset(), message))
        return accepted, dead_letters, size


def _runs(messages: list[Delivered], limits: Limits) -> Iterator[list[Delivered]]:
    """The messages in order, cut where the next one would pass the limits."""
    sizes = [len(message.value() or b"") for message in messages]
    start = size = 0
    if len(messages) > limits.records or sum(sizes) > limits.size_bytes:
        for number, more in enumerate(sizes):
            full = number - start == limits.records or size + more > limits.size_bytes
            if full and number > start:
                yield messages[start:number]
                start, size = number, 0
            size += more
    if start < len(messages):
        yield messages[start:]


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
