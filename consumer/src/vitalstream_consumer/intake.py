"""From the broker's messages to chunks: decoded, judged, in order."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from vitalstream_consumer.batch import Chunk
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
    """

    partition: int
    generation: int
    next_offset: int


class Intake:
    """Turns what a poll returned into one chunk for each partition.

    Args:
        decoder: Judges each record.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def chunks(
        self, messages: Iterable[Delivered], readings: dict[int, Reading], now: datetime
    ) -> Iterator[Chunk]:
        """Decode and advance the readings.

        Args:
            messages: Records, no errors; in order within each partition.
            readings: Of each partition that is read; what belongs to no other is dropped.
            now: The clock that timestamps are held against.
        """
        by_partition: dict[int, list[Delivered]] = {}
        for message in messages:
            by_partition.setdefault(message.partition(), []).append(message)
        for partition, of_partition in by_partition.items():
            reading = readings.get(partition)
            if reading is not None:
                yield self._chunk(partition, of_partition, reading, now)

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
