"""Claiming partitions: where reading goes on, and what the log no longer has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog

from vitalstream_consumer.metrics import Metrics
from vitalstream_consumer.ownership import Left, Position
from vitalstream_consumer.topic import Topic, View
from vitalstream_consumer.work import Claim
from vitalstream_storage import writer
from vitalstream_storage.pool import Connection
from vitalstream_storage.writer import Gap

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claimer:
    """Makes this process the owner of partitions in the ledger.

    Attributes:
        topic: Asked for the topic's id and the logs' bounds.
        token: Says in the ledger that it is this process.
        lock_timeout: Seconds before the holder of a ledger's row is terminated.
        metrics: Gaps and rewinds are counted there.
    """

    topic: Topic
    token: UUID
    lock_timeout: float
    metrics: Metrics

    def claim(self, connection: Connection, work: Claim) -> dict[int, Position]:
        """Claim, and settle what lies between the ledger and the log.

        Raises:
            StorageError, psycopg.Error: As by `writer.claim` and `writer.record_gap`.
            KafkaStartupError: As by `Topic.look`.
        """
        view = self.topic.look(list(work.generations))
        claims = writer.claim(
            connection,
            view.topic_id,
            self.topic.name,
            {partition: bounds.earliest for partition, bounds in view.bounds.items()},
            self.token,
            self.lock_timeout,
        )
        positions = {claim.partition: position_of(view, claim) for claim in claims.values()}
        outside = [
            partition
            for partition, position in positions.items()
            if partition in work.truncated or not _holds(view, partition, position)
        ]
        if outside:
            # The former owner may have gone on after we looked; now it cannot.
            again = self.topic.look(outside)
            for partition in outside:
                gap = find_gap(again, partition, positions[partition], work.truncated)
                if gap is not None:
                    positions[partition] = self._jump(connection, again, gap, positions)
        for partition in rewound(view.topic_id, claims.values(), work.left_at):
            self.metrics.rewound.inc()
            left, stands = work.left_at[partition].next_offset, claims[partition].next_offset
            _log.warning("rewound", partition=partition, next_offset=stands, left_at=left)
        for partition, position in positions.items():
            _log.info("partition_claimed", partition=partition, next_offset=position.next_offset)
        return positions

    def _jump(
        self, connection: Connection, view: View, gap: Gap, positions: Mapping[int, Position]
    ) -> Position:
        earliest = view.bounds[gap.partition].earliest
        writer.record_gap(
            connection,
            view.topic_id,
            self.topic.name,
            self.token,
            gap,
            expected_offset=positions[gap.partition].next_offset,
            resume_at=earliest,
        )
        self.metrics.gaps.labels(gap.kind).inc()
        _log.error(
            "gap",
            partition=gap.partition,
            kind=gap.kind,
            first_offset=gap.first_offset,
            next_offset=gap.next_offset,
            resume_at=earliest,
        )
        return Position(view.topic_id, earliest, None)


def rewound(
    topic_id: UUID, claims: Iterable[writer.Claim], left_at: Mapping[int, Left]
) -> list[int]:
    """The partitions whose ledger stands behind where we had brought it.

    A restored backup, or a failover to a standby that had not got the last commits.
    """
    return [
        claim.partition
        for claim in claims
        if (left := left_at.get(claim.partition)) is not None
        and left.topic_id == topic_id
        and claim.next_offset < left.next_offset
    ]


def find_gap(
    view: View, partition: int, position: Position, truncated: frozenset[int]
) -> Gap | None:
    """What the broker no longer has at a position, None if it has what comes next.

    Args:
        view: The log's bounds, looked up after the position was claimed.
        partition: The partition.
        position: Where the ledger stands.
        truncated: Partitions of which the broker said that the log was cut below the position.
    """
    earliest, end = view.bounds[partition]
    offset = position.next_offset
    if offset < earliest:
        return Gap(partition, offset, earliest, "deleted")
    if offset > end or partition in truncated:
        return Gap(partition, min(offset, end), offset, "truncated")
    return None


def position_of(view: View, claim: writer.Claim) -> Position:
    """Where reading goes on; with the epoch of the record before it, if the log still has that."""
    there = view.bounds[claim.partition].earliest < claim.next_offset
    return Position(view.topic_id, claim.next_offset, claim.leader_epoch if there else None)


def _holds(view: View, partition: int, position: Position) -> bool:
    return find_gap(view, partition, position, frozenset()) is None
