"""What the consumer hands to the writer, and what it gets back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from vitalstream_schema.codec import Decoded

__all__ = [
    "Accepted",
    "Batch",
    "Claim",
    "DeadLetter",
    "Gap",
    "Outcome",
    "Raw",
    "Span",
    "Verdicts",
]


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of one partition that a batch covers.

    Attributes:
        partition: Of the batch's topic.
        expected_offset: Where the ledger must stand, the compare of the compare-and-set.
        next_offset: Where it stands after the batch; offsets between need not be contiguous.
        leader_epoch: Of the last record, to be handed back on the next assignment.
        last_append_at: Kafka's timestamp of the last record.
        log_end: The partition's end as last seen, if it is known.
    """

    partition: int
    expected_offset: int
    next_offset: int
    leader_epoch: int | None = None
    last_append_at: datetime | None = None
    log_end: int | None = None


class Accepted(NamedTuple):
    """A record that satisfies the contract. `message` is the caller's own, for `Batch.raw`."""

    decoded: Decoded
    partition: int
    offset: int
    message: Any = None


class Raw(NamedTuple):
    """A record as Kafka delivered it; asked for only when an accepted one is found to conflict."""

    key: bytes | None
    payload: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    appended_at: datetime | None


class DeadLetter(NamedTuple):
    """A record that cannot be stored, as it came, and why.

    `reason` and `field` are machine-readable; `error` is a sentence without any payload value.
    """

    partition: int
    offset: int
    key: bytes | None
    payload: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    appended_at: datetime | None
    reason: str
    field: str | None
    error: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction stores: records of partitions that one writer holds.

    Attributes:
        topic_id: Kafka's id of the topic; a re-created topic has another one.
        topic: Its name.
        token: The token this writer claimed the partitions with.
        spans: One for each partition.
        accepted: In the order they are to be taken; of two that conflict the first one stays.
        dead_letters: Those that decoding refused.
        raw: Gives the record as it came, for an accepted one that conflicts with a stored one.
    """

    topic_id: UUID
    topic: str
    token: UUID
    spans: Sequence[Span]
    accepted: Sequence[Accepted]
    dead_letters: Sequence[DeadLetter]
    raw: Callable[[Accepted], Raw]


@dataclass(slots=True)
class Verdicts:
    """How many records ended in which way; each offset counts once."""

    stored: int = 0
    duplicates: int = 0
    stale: int = 0
    dead: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of a batch.

    Attributes:
        partitions: Verdicts by partition.
        conflicts: Dead letters that the tables found: conflicts, and records PostgreSQL rejects.
        staged: Whether it held duplicates or conflicts, so that the next batch does best to be
            written staged.
    """

    partitions: dict[int, Verdicts]
    conflicts: list[DeadLetter] = field(default_factory=list)
    staged: bool = False

    @property
    def stored(self) -> int:
        """Records that are now in the tables by this batch."""
        return sum(each.stored for each in self.partitions.values())

    @property
    def duplicates(self) -> int:
        """Records that were there already, equal in all that observations store."""
        return sum(each.duplicates for each in self.partitions.values())

    @property
    def stale(self) -> int:
        """Records observed before the retention floor."""
        return sum(each.stale for each in self.partitions.values())

    @property
    def dead(self) -> int:
        """Records that are dead letters, by this batch or from before."""
        return sum(each.dead for each in self.partitions.values())


@dataclass(frozen=True, slots=True)
class Claim:
    """A partition this writer may write, and where to read on."""

    partition: int
    next_offset: int
    leader_epoch: int | None
    token: UUID


@dataclass(frozen=True, slots=True)
class Gap:
    """Offsets the broker no longer has: `first_offset` up to, not including, `next_offset`.

    `kind` is ``deleted`` (below the log's start) or ``truncated`` (past its end).
    """

    partition: int
    first_offset: int
    next_offset: int
    kind: str
