"""The stream seen from its ledger."""

from dataclasses import dataclass
from datetime import datetime

from vitalstream_storage.pool import Connection
from vitalstream_storage.reader.rows import rows


@dataclass(frozen=True, slots=True)
class Position:
    """Where one partition stands: a row of stream_offsets."""

    topic: str
    partition: int
    start_offset: int
    next_offset: int
    stored: int
    duplicates: int
    stale: int
    dead: int
    claimed_at: datetime | None
    last_append_at: datetime | None
    last_commit_at: datetime | None
    log_end_offset: int | None
    log_end_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The partitions of the topic that was touched last, and the database's own clock."""

    now: datetime
    positions: list[Position]


@dataclass(frozen=True, slots=True)
class Gap:
    """A range of offsets that the broker no longer had: a row of stream_gaps."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    kind: str
    seen_at: datetime


_GAPS = f"""
SELECT {", ".join(Gap.__slots__)} FROM stream_gaps
 ORDER BY seen_at DESC, topic_id, partition LIMIT %(limit)s"""  # noqa: S608 - column names of ours

_LEDGER = f"""
SELECT {", ".join(Position.__slots__)} FROM stream_offsets
 WHERE topic_id = (
       SELECT topic_id FROM stream_offsets
        ORDER BY greatest(claimed_at, last_commit_at, log_end_at) DESC NULLS LAST, topic_id
        LIMIT 1)
 ORDER BY partition"""  # noqa: S608 - column names of ours


def ledger(connection: Connection) -> Ledger:
    """Where the stream stands; a topic that was re-created is there once, as it is now."""
    positions = rows(connection, Position, _LEDGER, {})
    return Ledger(rows(connection, _Clock, "SELECT clock_timestamp() AS now", {})[0].now, positions)


def gaps(connection: Connection, limit: int = 20) -> list[Gap]:
    """The newest gaps first."""
    return rows(connection, Gap, _GAPS, {"limit": limit})


@dataclass(frozen=True, slots=True)
class _Clock:
    now: datetime
