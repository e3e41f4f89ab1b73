"""What lanes are given to do."""

from dataclasses import dataclass
from uuid import UUID

from vitalstream_consumer.batch import Chunk
from vitalstream_consumer.ownership import Left


@dataclass(frozen=True, slots=True)
class Claim:
    """Work: claim partitions in the ledger.

    Attributes:
        generations: Of each partition when it was handed out.
        truncated: Those of which the broker said that the log no longer holds what we have read.
        left_at: Of those that we had before.
    """

    generations: dict[int, int]
    truncated: frozenset[int]
    left_at: dict[int, Left]


@dataclass(frozen=True, slots=True)
class Write:
    """Work: store chunks, in order, in one transaction.

    Attributes:
        topic_id: Of all of them.
        chunks: Of partitions that no other lane has in hand.
        log_ends: Where the partitions' logs end, as far as known.
    """

    topic_id: UUID
    chunks: list[Chunk]
    log_ends: dict[int, int]

    @property
    def generations(self) -> dict[int, int]:
        """Of each partition when it was handed out."""
        return {chunk.partition: chunk.generation for chunk in self.chunks}


@dataclass(frozen=True, slots=True)
class Survey:
    """Work: ask the broker for the topic's id and the log's ends of these partitions."""

    partitions: list[int]


Work = Claim | Write | Survey
