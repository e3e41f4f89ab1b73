"""stream_offsets: who may write a partition, and where it stands."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from psycopg import errors as pg

from vitalstream_storage.batch import Batch, Claim, Gap, Verdicts
from vitalstream_storage.errors import FencedError, LedgerBusyError, RewoundError
from vitalstream_storage.pool import Connection, Rows

__all__ = ["claim", "record_gap", "record_log_end", "reread"]

_CLAIM_TRIES = 5

_T = TypeVar("_T")

# ON CONFLICT alone would wait for whoever is about to commit a change of the row, without end.
_CREATE = """
INSERT INTO stream_offsets (topic_id, partition, topic, start_offset, next_offset)
SELECT %(topic_id)s, partition, %(topic)s, earliest, earliest
  FROM unnest(%(partitions)s::int[], %(earliest)s::bigint[]) AS n (partition, earliest)
 WHERE NOT EXISTS (SELECT FROM stream_offsets s
                    WHERE s.topic_id = %(topic_id)s AND s.partition = n.partition)
 ORDER BY partition
ON CONFLICT DO NOTHING"""

_LOCK = """
SELECT partition, next_offset, leader_epoch, owner_token,
       (SELECT observed_from FROM retention), (SELECT erased_until FROM retention)
  FROM stream_offsets WHERE topic_id = %s AND partition = ANY(%s::int[])
 ORDER BY partition FOR UPDATE OF stream_offsets"""

_TAKE = """
UPDATE stream_offsets SET owner_token = %s, claimed_at = clock_timestamp(), topic = %s
 WHERE topic_id = %s AND partition = ANY(%s::int[])"""

# A row's xmax is the transaction that holds it; every transaction holds its own id in pg_locks.
_HOLDERS = """
SELECT DISTINCT l.pid
  FROM stream_offsets s
  JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock'
                 AND l.transactionid = s.xmax
 WHERE s.topic_id = %s AND s.partition = ANY(%s::int[]) AND l.pid <> pg_backend_pid()"""

_ADVANCE = """
UPDATE stream_offsets AS s
   SET next_offset = n.next_offset,
       leader_epoch = coalesce(n.leader_epoch, s.leader_epoch),
       stored = s.stored + n.stored,
       duplicates = s.duplicates + n.duplicates,
       stale = s.stale + n.stale,
       dead = s.dead + n.dead,
       last_append_at = coalesce(n.last_append_at, s.last_append_at),
       last_commit_at = clock_timestamp(),
       log_end_offset = coalesce(n.log_end, s.log_end_offset),
       log_end_at = CASE WHEN n.log_end IS NULL THEN s.log_end_at ELSE clock_timestamp() END
  FROM unnest(%s::int[], %s::bigint[], %s::int[], %s::timestamptz[], %s::bigint[],
              %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
       AS n (partition, next_offset, leader_epoch, last_append_at, log_end,
             stored, duplicates, stale, dead)
 WHERE s.topic_id = %s AND s.partition = n.partition"""


# Whoever holds a row locked is writing it and knows better.
_LOG_END = """
WITH mine AS (
    SELECT topic_id, partition FROM stream_offsets
     WHERE topic_id = %s AND owner_token = %s AND partition = ANY(%s::int[])
     ORDER BY partition FOR UPDATE SKIP LOCKED)
UPDATE stream_offsets AS s SET log_end_offset = n.log_end, log_end_at = clock_timestamp()
  FROM mine JOIN unnest(%s::int[], %s::bigint[]) AS n (partition, log_end) USING (partition)
 WHERE s.topic_id = mine.topic_id AND s.partition = mine.partition"""

_STANDING = """
SELECT partition, next_offset FROM stream_offsets
 WHERE topic_id = %s AND owner_token = %s AND partition = ANY(%s::int[])"""


def claim(  # noqa: PLR0913, PLR0917 - the order is the contract
    connection: Connection,
    topic_id: UUID,
    topic: str,
    earliest: Mapping[int, int],
    token: UUID,
    lock_timeout: float,
) -> dict[int, Claim]:
    """Make this token the owner of partitions and learn where each of them stands.

    A holder that keeps a row locked past the timeout (a frozen process inside its transaction) is
    terminated; its transaction rolls back, so nothing of it is lost or doubled.

    Args:
        connection: Idle, outside any transaction.
        topic_id: Kafka's id of the topic.
        topic: Its name.
        earliest: By partition, the offset to start from where the ledger has no row yet.
        token: The new owner.
        lock_timeout: Seconds before a holder is terminated.

    Raises:
        LedgerBusyError: a holder may not be terminated by this role, or comes back again and again.
    """
    _create(connection, topic_id, topic, earliest)

    def take() -> dict[int, Claim]:
        rows = standing(lock(connection, topic_id, earliest))
        connection.execute(_TAKE, [token, topic, topic_id, list(earliest)])
        return {p: Claim(p, row[1], row[2], token) for p, row in rows.items()}

    return _insisting(connection, topic_id, earliest, lock_timeout, take)


def reread(
    connection: Connection, topic_id: UUID, partitions: Iterable[int], lock_timeout: float
) -> dict[int, int]:
    """next_offset by partition once every transaction that could still change it has ended.

    To be asked after a commit whose answer was lost: a plain read could miss one in flight.

    Raises:
        LedgerBusyError: as `claim`.
    """
    wanted = list(partitions)

    def look() -> dict[int, int]:
        rows = standing(lock(connection, topic_id, wanted))
        return {p: row[1] for p, row in rows.items()}

    return _insisting(connection, topic_id, wanted, lock_timeout, look)


def record_log_end(
    connection: Connection, topic_id: UUID, token: UUID, ends: Mapping[int, int]
) -> dict[int, int]:
    """Note where the partitions' logs end, so that readers of the tables see the lag.

    Rows that another writer has claimed meanwhile are left alone.

    Returns:
        next_offset by partition, of those that are still this writer's: the only news of a rewind
        or of a claim that a writer gets while it has nothing to write.
    """
    with connection.transaction():
        connection.execute(_LOG_END, [topic_id, token, list(ends), list(ends), list(ends.values())])
        return dict(connection.execute(_STANDING, [topic_id, token, list(ends)]).fetchall())


def record_gap(  # noqa: PLR0913 - each names one thing of the jump
    connection: Connection,
    topic_id: UUID,
    topic: str,
    token: UUID,
    gap: Gap,
    *,
    expected_offset: int,
    resume_at: int,
) -> None:
    """Note a range the broker no longer has and jump over it, in one transaction.

    Args:
        connection: Idle, outside any transaction.
        topic_id: Kafka's id of the topic.
        topic: Its name.
        token: This writer's.
        gap: What is missing.
        expected_offset: Where the ledger must stand.
        resume_at: Where it stands afterwards: the log's earliest offset.

    Raises:
        FencedError: another writer has claimed the partition.
        RewoundError: the ledger stands elsewhere.
    """
    with connection.transaction():
        rows = standing(lock(connection, topic_id, [gap.partition]))
        check(rows, token, {gap.partition: expected_offset})
        connection.execute(
            "INSERT INTO stream_gaps (topic_id, partition, first_offset, next_offset, topic, kind)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [topic_id, gap.partition, gap.first_offset, gap.next_offset, topic, gap.kind],
        )
        connection.execute(
            "UPDATE stream_offsets SET next_offset = %s, leader_epoch = NULL"
            " WHERE topic_id = %s AND partition = %s",
            [resume_at, topic_id, gap.partition],
        )


def lock(connection: Connection, topic_id: UUID, partitions: Iterable[int]) -> Rows:
    """Lock the ledger's rows in order; `standing` tells what they say."""
    return connection.execute(_LOCK, [topic_id, list(partitions)])


def standing(locked: Rows) -> dict[int, tuple[Any, ...]]:
    """What the locked rows say.

    Returns:
        By partition: (partition, next_offset, leader_epoch, token, retention floor, erased_until).
    """
    return {row[0]: row for row in locked}


def check(rows: Mapping[int, tuple[Any, ...]], token: UUID, expected: Mapping[int, int]) -> None:
    """Raise unless every row bears the token and stands at the expected offset."""
    fenced = [p for p in expected if p not in rows or rows[p][3] != token]
    if fenced:
        raise FencedError(sorted(fenced))
    for partition in sorted(expected):
        if rows[partition][1] != expected[partition]:
            raise RewoundError(partition, rows[partition][1], expected[partition])


def advance(connection: Connection, batch: Batch, verdicts: Mapping[int, Verdicts]) -> None:
    """Move the batch's rows on; the caller holds their locks."""
    spans = sorted(batch.spans, key=lambda span: span.partition)
    counted = [verdicts[span.partition] for span in spans]
    connection.execute(
        _ADVANCE,
        [
            [span.partition for span in spans],
            [span.next_offset for span in spans],
            [span.leader_epoch for span in spans],
            [span.last_append_at for span in spans],
            [span.log_end for span in spans],
            [each.stored for each in counted],
            [each.duplicates for each in counted],
            [each.stale for each in counted],
            [each.dead for each in counted],
            batch.topic_id,
        ],
    )


def _create(
    connection: Connection, topic_id: UUID, topic: str, earliest: Mapping[int, int]
) -> None:
    # Outside a transaction block the server commits on its own: freezing here blocks nobody.
    before = connection.autocommit
    connection.set_autocommit(True)
    try:
        connection.execute(
            _CREATE,
            {
                "topic_id": topic_id,
                "topic": topic,
                "partitions": list(earliest),
                "earliest": list(earliest.values()),
            },
        )
    finally:
        connection.set_autocommit(before)


def _insisting(
    connection: Connection,
    topic_id: UUID,
    partitions: Iterable[int],
    lock_timeout: float,
    action: Callable[[], _T],
) -> _T:
    """Run the action with a lock timeout, ending whoever holds the rows past it."""
    wanted = list(partitions)
    for _ in range(_CLAIM_TRIES):
        try:
            with connection.transaction():
                connection.execute(
                    "SELECT set_config('lock_timeout', %s, true)", [f"{lock_timeout * 1000:.0f}ms"]
                )
                return action()
        except pg.LockNotAvailable:
            _terminate_holders(connection, topic_id, wanted)
    raise LedgerBusyError(
        f"partitions {wanted} of the ledger stayed locked through {_CLAIM_TRIES} tries"
    )


def _terminate_holders(connection: Connection, topic_id: UUID, partitions: list[int]) -> None:
    with connection.transaction():
        holders = [row[0] for row in connection.execute(_HOLDERS, [topic_id, partitions])]
        try:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) pid", [holders]
            )
        except pg.InsufficientPrivilege:
            raise LedgerBusyError(
                f"backends {holders} hold the ledger and belong to another role; all writers "
                "log in as one role, or this one needs pg_signal_backend"
            ) from None
