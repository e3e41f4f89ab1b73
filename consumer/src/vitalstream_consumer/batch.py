"""What is written together: chunks of read records, and how many of them make a batch."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from vitalstream_consumer.dead_letters import raw, time_of
from vitalstream_storage.batch import Accepted, Batch, DeadLetter, Span

_LITTLE: Final = 20


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records of one partition, decoded and judged, not yet written.

    Attributes:
        partition: The partition they were read from.
        generation: The claim that they were read under; see `ownership.Held`.
        expected_offset: Where the ledger must stand for them to be written.
        next_offset: Where it stands afterwards.
        leader_epoch: The last record's, None where the broker did not say.
        appended_ms: Each record's Kafka timestamp in Unix milliseconds; -1 where it has none.
        accepted: What goes to the tables.
        dead_letters: What does not.
        size_bytes: Of the payloads, keys and headers.
        decoded_ns: When decoding them began and ended, Unix nanoseconds.
    """

    partition: int
    generation: int
    expected_offset: int
    next_offset: int
    leader_epoch: int | None
    appended_ms: list[int]
    accepted: list[Accepted]
    dead_letters: list[DeadLetter]
    size_bytes: int
    decoded_ns: tuple[int, int]

    @property
    def records(self) -> int:
        """How many records it holds."""
        return len(self.accepted) + len(self.dead_letters)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a batch is closed.

    Attributes:
        records: At this many records.
        size_bytes: At this many bytes of payloads, keys and headers.
    """

    records: int
    size_bytes: int

    def reached(self, records: int, size_bytes: int) -> bool:
        """Whether so much is enough."""
        return records >= self.records or size_bytes >= self.size_bytes


class Backlog:
    """What has been read and waits to be written, in order of arrival within a partition.

    It is full from the moment that it holds ``batches`` batches until half of that is gone.

    Args:
        limits: Of one batch, at most.
        batches: How many batches may wait.

    Attributes:
        limits: Of the next batch.
    """

    def __init__(self, limits: Limits, batches: int) -> None:
        self.limits = limits
        self._most = limits
        self._high = Limits(limits.records * batches, limits.size_bytes * batches)
        self._low = Limits(self._high.records // 2, self._high.size_bytes // 2)
        self._chunks: dict[int, deque[Chunk]] = {}
        self._records = 0
        self._bytes = 0
        self._full = False

    @property
    def records(self) -> int:
        """How many records wait."""
        return self._records

    @property
    def little(self) -> bool:
        """Whether all that waits is a small part of one batch."""
        return self._records < self._most.records // _LITTLE

    @property
    def full(self) -> bool:
        """Whether nothing more should be read for now."""
        mark = self._low if self._full else self._high
        self._full = mark.reached(self._records, self._bytes) and self._records > 0
        return self._full

    @property
    def partitions(self) -> list[int]:
        """The partitions that have something waiting, the longest waiting first."""
        return list(self._chunks)

    def put(self, chunk: Chunk) -> None:
        """Add what was read last from its partition."""
        self._chunks.setdefault(chunk.partition, deque()).append(chunk)
        self._count(chunk, 1)

    def take(self, partitions: Collection[int]) -> list[Chunk]:
        """Remove a batch's worth, in turn from each of the partitions, in order within each.

        Closes at the limits; a single chunk past them is taken alone. Intake makes none such, so
        that is one that was read before the limits shrank.
        """
        taken: list[Chunk] = []
        records = size = 0
        turn = deque(partition for partition in partitions if partition in self._chunks)
        while turn and not self.limits.reached(records, size):
            chunks = self._chunks[turn[0]]
            if taken and size + chunks[0].size_bytes > self.limits.size_bytes:
                break
            chunk = chunks.popleft()
            self._count(chunk, -1)
            taken.append(chunk)
            records += chunk.records
            size += chunk.size_bytes
            partition = turn.popleft()
            if chunks:
                turn.append(partition)
        for partition in {chunk.partition for chunk in taken}:
            chunks = self._chunks.pop(partition)
            if chunks:
                self._chunks[partition] = chunks  # to the end: others have waited longer
        return taken

    def give_back(self, chunks: Iterable[Chunk]) -> None:
        """Put chunks that were taken, and not written, in front again."""
        for chunk in reversed(list(chunks)):
            self._chunks.setdefault(chunk.partition, deque()).appendleft(chunk)
            self._count(chunk, 1)

    def shrink(self, records: int) -> None:
        """A batch of so many could not be written: at most half of it comes next.

        Whatever it was too much for (a timeout, the server's memory), no batch stands in the way
        for ever.
        """
        half = max(1, min(records, self.limits.records) // 2)
        self.limits = replace(self.limits, records=half)

    def grow(self) -> None:
        """A batch was written: a quarter more may come next, up to what was told."""
        more = min(self._most.records, self.limits.records * 5 // 4 + 1)
        self.limits = replace(self.limits, records=more)

    def drop(self, partition: int) -> None:
        """Forget what waits of a partition; it will be read again by whoever owns it."""
        for chunk in self._chunks.pop(partition, ()):
            self._count(chunk, -1)

    def _count(self, chunk: Chunk, sign: int) -> None:
        self._records += sign * chunk.records
        self._bytes += sign * chunk.size_bytes


def compose(
    topic_id: UUID,
    topic: str,
    token: UUID,
    chunks: Collection[Chunk],
    log_ends: Mapping[int, int],
) -> Batch:
    """Make one batch of chunks.

    Args:
        topic_id: Kafka's id of the topic.
        topic: Its name.
        token: This writer's, in the ledger.
        chunks: In order within each partition.
        log_ends: Where the partitions' logs ended when last seen, as far as known.
    """
    return Batch(
        topic_id=topic_id,
        topic=topic,
        token=token,
        spans=_spans(chunks, log_ends),
        accepted=[accepted for chunk in chunks for accepted in chunk.accepted],
        dead_letters=[letter for chunk in chunks for letter in chunk.dead_letters],
        raw=raw,
    )


def _spans(chunks: Iterable[Chunk], log_ends: Mapping[int, int]) -> list[Span]:
    """The step that each partition makes in the ledger, by partition."""
    first: dict[int, Chunk] = {}
    last: dict[int, Chunk] = {}
    for chunk in chunks:
        first.setdefault(chunk.partition, chunk)
        last[chunk.partition] = chunk
    return [
        Span(
            partition=partition,
            expected_offset=first[partition].expected_offset,
            next_offset=last[partition].next_offset,
            leader_epoch=last[partition].leader_epoch,
            last_append_at=_appended_at(last[partition]),
            log_end=_at_least(last[partition].next_offset, log_ends.get(partition)),
        )
        for partition in sorted(first)
    ]


def _appended_at(chunk: Chunk) -> datetime | None:
    newest = max(chunk.appended_ms, default=-1)
    return time_of(newest) if newest >= 0 else None


def _at_least(next_offset: int, log_end: int | None) -> int | None:
    return None if log_end is None else max(next_offset, log_end)
