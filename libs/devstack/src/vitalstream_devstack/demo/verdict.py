"""Was anything lost or counted twice? What the broker acknowledged against what the tables hold.

For each partition, of the records this run's producer was acknowledged:
- an offset that is not below the ledger's next_offset was not consumed: lost;
- an offset below it is stored as an observation, is a dead letter, or is neither; those that are
  neither can only be duplicates or stale, of which the ledger counted so many since the run began:
  what goes beyond that count is lost;
- an offset that is two of these, or twice one of them, was counted twice.
And the ledger's own books must balance: since the run began its four counters advanced by exactly
as many as next_offset did, less what stream_gaps says the broker no longer had.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg


@dataclass(frozen=True)
class Position:
    """One partition's row of the ledger."""

    next_offset: int = 0
    stored: int = 0
    duplicates: int = 0
    stale: int = 0
    dead: int = 0
    missing: int = 0

    def since(self, before: "Position") -> "Position":
        """How far everything advanced."""
        return Position(
            self.next_offset - before.next_offset,
            self.stored - before.stored,
            self.duplicates - before.duplicates,
            self.stale - before.stale,
            self.dead - before.dead,
            self.missing - before.missing,
        )

    @property
    def unbalanced(self) -> int:
        """Offsets passed without a verdict (negative: with more verdicts than offsets)."""
        verdicts = self.stored + self.duplicates + self.stale + self.dead
        return self.next_offset - self.missing - verdicts


@dataclass(frozen=True)
class Partition:
    """What became of one partition's acknowledged records.

    Attributes:
        advance: How far the ledger came since the run began.
        produced: Acknowledged records.
        stored: Of those, as observations.
        dead: Of those, as dead letters.
        ahead: Not below next_offset.
        neither: Below it, but neither stored nor dead.
        twice: More than one of these, or acknowledged twice.
    """

    advance: Position
    produced: int
    stored: int
    dead: int
    ahead: int
    neither: int
    twice: int

    @property
    def lost(self) -> int:
        """Acknowledged records that nothing accounts for."""
        excused = self.advance.duplicates + self.advance.stale
        return self.ahead + max(0, self.neither - excused, self.advance.unbalanced)

    @property
    def doubled(self) -> int:
        """Acknowledged records that were counted more than once."""
        return max(self.twice, -self.advance.unbalanced)


@dataclass(frozen=True)
class Verdict:
    """The sum over all partitions."""

    partitions: tuple[Partition, ...]

    @property
    def good(self) -> bool:
        """Whether every acknowledged record was counted exactly once."""
        return not any(one.lost or one.doubled for one in self.partitions)

    def __str__(self) -> str:
        """The summary line."""

        def total(name: str) -> str:
            return f"{sum(getattr(one, name) for one in self.partitions):,}"

        duplicates = sum(one.advance.duplicates for one in self.partitions)
        stale = sum(one.advance.stale for one in self.partitions)
        return (
            f"produced {total('produced')}, stored {total('stored')}, duplicates {duplicates:,},"
            f" stale {stale:,}, dead-lettered {total('dead')}, lost {total('lost')},"
            f" counted twice {total('doubled')}"
        )


def read_ledger(connection: psycopg.Connection, topic_id: UUID) -> dict[int, Position]:
    """Where each partition stands."""
    rows = connection.execute(
        """
        SELECT partition, next_offset - start_offset, stored, duplicates, stale, dead,
               coalesce((SELECT sum(g.next_offset - first_offset) FROM stream_gaps g
                         WHERE g.topic_id = l.topic_id AND g.partition = l.partition
                           AND kind = 'deleted'), 0)::bigint
        FROM stream_offsets l WHERE topic_id = %s
        """,
        [topic_id],
    )
    return {partition: Position(*rest) for partition, *rest in rows}


def count_waiting(connection: psycopg.Connection, topic_id: UUID, ends: dict[int, int]) -> int:
    """How many partitions the consumer has not brought to these offsets yet."""
    rows = connection.execute(
        "SELECT partition, next_offset FROM stream_offsets WHERE topic_id = %s", [topic_id]
    )
    reached: dict[int, int] = dict(rows.fetchall())
    return sum(reached.get(partition, 0) < end for partition, end in ends.items())


def read_ends(ack_log: Path) -> dict[int, int]:
    """The offset behind the last acknowledged record of each partition."""
    ends: dict[int, int] = {}
    for partition, offset, _ in _read(ack_log):
        ends[partition] = max(ends.get(partition, 0), offset + 1)
    return ends


def judge(
    connection: psycopg.Connection, topic_id: UUID, ack_log: Path, before: dict[int, Position]
) -> Verdict:
    """Compare this run's acknowledged records with the tables.

    Args:
        connection: Of a login with the operator's role.
        topic_id: The broker's id of the topic.
        ack_log: What the producer wrote to PRODUCER_ACK_LOG in this run.
        before: The ledger before the run's consumer started.
    """
    connection.execute(
        'CREATE TEMP TABLE acknowledged (partition integer, "offset" bigint, admission_id text)'
    )
    with connection.cursor().copy(
        'COPY acknowledged (partition, "offset", admission_id) FROM STDIN'
    ) as copy:
        for row in _read(ack_log):
            copy.write_row(row)
    connection.execute("ANALYZE acknowledged")
    after = read_ledger(connection, topic_id)
    partitions = []
    for number, *counts in connection.execute(_COMPARE, [topic_id, topic_id]):
        advance = after.get(number, Position()).since(before.get(number, Position()))
        partitions.append(Partition(advance, *counts))
    return Verdict(tuple(partitions))


def _read(ack_log: Path) -> Iterator[tuple[int, int, str]]:
    with ack_log.open("rb") as lines:
        for line in lines:
            entry = json.loads(line)
            yield entry["partition"], entry["offset"], entry["record"]["admission_id"]


# Observations have no topic id: the admission tells this topic's offset from another's.
_COMPARE = """
WITH fate AS (
    SELECT a.partition, coalesce(a."offset" >= l.next_offset, true) AS ahead,
           count(*) OVER (PARTITION BY a.partition, a."offset") AS times,
           (SELECT count(*) FROM observations o
            WHERE o.admission_id = a.admission_id
              AND o.kafka_partition = a.partition AND o.kafka_offset = a."offset") AS stored,
           (SELECT count(*) FROM dead_letters d
            WHERE d.topic_id = %s AND d.partition = a.partition
              AND d."offset" = a."offset") AS dead
    FROM acknowledged a
    LEFT JOIN stream_offsets l ON l.topic_id = %s AND l.partition = a.partition
)
SELECT partition, count(*), sum(stored)::bigint, sum(dead)::bigint,
       count(*) FILTER (WHERE ahead),
       count(*) FILTER (WHERE NOT ahead AND stored + dead = 0),
       count(*) FILTER (WHERE stored + dead > 1 OR times > 1)
FROM fate GROUP BY partition ORDER BY partition
"""
