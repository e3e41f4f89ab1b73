"""Who may write a partition, and where it stands: claims, fences, rewinds, gaps."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from libs.storage.tests.stream import START, Stream, login, record, rows
from vitalstream_devstack.databases import Database
from vitalstream_storage import writer
from vitalstream_storage.batch import Batch, Gap, Span
from vitalstream_storage.errors import FencedError, LedgerBusyError, RewoundError
from vitalstream_storage.pool import Connection

STANDING = "SELECT next_offset, leader_epoch FROM stream_offsets ORDER BY partition"
LOG_ENDS = "SELECT log_end_offset FROM stream_offsets ORDER BY partition"
HOLD = "SELECT FROM stream_offsets WHERE topic_id = %s AND partition = %s FOR UPDATE"


@pytest.fixture
def stream(connection: Connection) -> Stream:
    """A claimed partition of a fresh topic."""
    return Stream(connection)


@pytest.fixture
def other(database: Database) -> Iterator[Connection]:
    """A second writer's connection."""
    with login(database) as connection:
        yield connection


def in_background(action: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Starts it on a thread; the list gets what it returns or raises."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(action())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def commit_once_awaited(holder: Connection, waiting: Connection) -> None:
    """Commits as soon as the other connection waits for what this one holds."""
    blocked = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = %s AND NOT granted)"
    deadline = time.monotonic() + 60
    while holder.execute(blocked, [waiting.info.backend_pid]).fetchone() != (True,):
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.01)
    holder.commit()


def test_a_new_partition_starts_at_its_earliest_offset(connection: Connection) -> None:
    """Where the ledger has a row the row counts, where it has none the log's start."""
    topic, token = uuid4(), uuid4()
    first = writer.claim(connection, topic, "vitals", {0: 7}, token, 5)
    assert (first[0].next_offset, first[0].leader_epoch, first[0].token) == (7, None, token)
    both = writer.claim(connection, topic, "renamed", {0: 99, 2: 3}, uuid4(), 5)
    assert {p: each.next_offset for p, each in both.items()} == {0: 7, 2: 3}
    found = rows(connection, "SELECT start_offset, topic FROM stream_offsets ORDER BY partition")
    assert found == [(7, "renamed"), (3, "renamed")]


def test_a_topic_made_anew_has_offsets_of_its_own(connection: Connection, stream: Stream) -> None:
    """The same name and partition under another topic id is another row."""
    stream.write(record())
    assert Stream(connection).offset == 0


def test_a_claim_tells_what_the_last_owner_left(stream: Stream) -> None:
    """next_offset, leader epoch and the log's end come from the owner's last batch."""
    batch = stream.batch([record(), record("a2")])
    span = Span(0, 0, 2, leader_epoch=4, last_append_at=START, log_end=9)
    writer.write(
        stream.connection,
        Batch(batch.topic_id, "vitals", stream.token, [span], batch.accepted, [], batch.raw),
    )
    claim = writer.claim(stream.connection, stream.topic_id, "vitals", {0: 0}, uuid4(), 5)[0]
    assert (claim.next_offset, claim.leader_epoch) == (2, 4)
    found = rows(
        stream.connection,
        "SELECT last_append_at, log_end_offset, last_commit_at > claimed_at - interval '1 day',"
        " log_end_at = last_commit_at OR log_end_at > claimed_at - interval '1 day'"
        " FROM stream_offsets",
    )
    assert found == [(START, 9, True, True)]


def test_a_batch_that_says_nothing_new_leaves_what_is_known(stream: Stream) -> None:
    """Epoch, append time and log end stay where a batch does not know them."""
    batch = stream.batch([record()])
    span = Span(0, 0, 1, leader_epoch=4, last_append_at=START, log_end=9)
    writer.write(
        stream.connection,
        Batch(batch.topic_id, "vitals", stream.token, [span], batch.accepted, [], batch.raw),
    )
    stream.offset = 1
    stream.write(record("a2"))
    found = rows(
        stream.connection,
        "SELECT next_offset, leader_epoch, last_append_at, log_end_offset FROM stream_offsets",
    )
    assert found == [(2, 4, START, 9)]


def test_a_fenced_writer_writes_nothing(stream: Stream, other: Connection) -> None:
    """Whoever claims later stops the writer before it changes anything."""
    writer.claim(other, stream.topic_id, "vitals", {0: 0}, uuid4(), 5)
    with pytest.raises(FencedError) as raised:
        stream.write(record())
    assert raised.value.partitions == [0]
    assert rows(other, "SELECT count(*) FROM observations") == [(0,)]
    assert rows(other, STANDING) == [(0, None)]


def test_a_partition_without_a_row_is_fenced(stream: Stream, database: Database) -> None:
    """An emptied ledger is nobody's; the writer has to claim first."""
    with psycopg.connect(database.url()) as owner:
        owner.execute("DELETE FROM stream_offsets")
    with pytest.raises(FencedError):
        stream.write(record())


@pytest.mark.parametrize("ledger", [1, 5])
def test_a_ledger_that_moved_is_told(stream: Stream, connection: Connection, ledger: int) -> None:
    """Back or ahead, the error says where to read on, and nothing is written."""
    stream.write(record(), record("a2"))
    with connection.transaction():
        connection.execute("UPDATE stream_offsets SET next_offset = %s", [ledger])
    with pytest.raises(RewoundError) as raised:
        stream.write(record("a3"))
    assert (raised.value.partition, raised.value.next_offset) == (0, ledger)
    assert rows(connection, "SELECT count(*) FROM observations") == [(2,)]


def test_one_batch_of_several_partitions_is_one_transaction(
    connection: Connection, stream: Stream
) -> None:
    """If one of them is fenced, none of them moves."""
    second = Stream(connection, 1, stream.topic_id)
    first, other = stream.batch([record()]), second.batch([record("a2")])
    joint = Batch(
        stream.topic_id, "vitals", stream.token, [*other.spans, *first.spans],
        [*first.accepted, *other.accepted], [], first.raw,
    )  # fmt: skip
    with pytest.raises(FencedError) as raised:
        writer.write(connection, joint)
    assert raised.value.partitions == [1]
    assert rows(connection, STANDING) == [(0, None), (0, None)]
    second.token = stream.token
    second.claim()
    counted = {p: astuple(v) for p, v in writer.write(connection, joint).partitions.items()}
    assert counted == {0: (1, 0, 0, 0), 1: (1, 0, 0, 0)}
    assert rows(connection, STANDING) == [(1, None), (1, None)]


def test_a_claim_ends_whoever_holds_the_row(stream: Stream, other: Connection) -> None:
    """A writer frozen inside its transaction is terminated; nothing of it stays."""
    stream.connection.execute(HOLD, [stream.topic_id, 0])
    stream.connection.execute("UPDATE stream_offsets SET next_offset = 5")
    claim = writer.claim(other, stream.topic_id, "vitals", {0: 0}, uuid4(), 0.05)[0]
    assert claim.next_offset == 0
    with pytest.raises(psycopg.OperationalError):
        stream.connection.execute("SELECT 1")


def test_a_claim_ends_nobody_but_the_holder(
    stream: Stream, connection: Connection, other: Connection, database: Database
) -> None:
    """A writer of another partition goes on undisturbed."""
    neighbour = Stream(other, 1, stream.topic_id)
    with login(database) as third, other.transaction():
        connection.execute(HOLD, [stream.topic_id, 0])
        other.execute(HOLD, [stream.topic_id, 1])
        writer.claim(third, stream.topic_id, "vitals", {0: 0}, uuid4(), 0.05)
    neighbour.write(record())
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_a_claim_waits_for_a_holder_that_ends_in_time(stream: Stream, other: Connection) -> None:
    """Within the lock timeout a commit in flight is waited for and counts."""
    stream.connection.execute("UPDATE stream_offsets SET next_offset = 5")
    thread, claims = in_background(
        lambda: writer.claim(other, stream.topic_id, "vitals", {0: 0}, uuid4(), 60)
    )
    commit_once_awaited(stream.connection, other)
    thread.join()
    assert claims[0][0].next_offset == 5


def test_a_holder_of_another_role_is_named(
    stream: Stream, other: Connection, database: Database
) -> None:
    """What a writer may not terminate is said in one line, with what would mend it."""
    with psycopg.connect(database.url()) as owner:
        pid = str(owner.info.backend_pid)
        owner.execute(HOLD, [stream.topic_id, 0])
        with pytest.raises(LedgerBusyError, match="pg_signal_backend") as raised:
            writer.claim(other, stream.topic_id, "vitals", {0: 0}, uuid4(), 0.05)
    assert pid in str(raised.value)
    assert "\n" not in str(raised.value)


def test_reread_waits_for_a_commit_in_flight(stream: Stream, other: Connection) -> None:
    """After a commit whose answer was lost, a plain read could miss it; this one does not."""
    stream.connection.execute("UPDATE stream_offsets SET next_offset = 5")
    thread, found = in_background(lambda: writer.reread(other, stream.topic_id, [0], 60))
    commit_once_awaited(stream.connection, other)
    thread.join()
    assert found == [{0: 5}]


def test_reread_ends_a_commit_that_never_comes(stream: Stream, other: Connection) -> None:
    """Past the lock timeout the transaction is made to fail, so that the answer is final."""
    stream.connection.execute("UPDATE stream_offsets SET next_offset = 5")
    assert writer.reread(other, stream.topic_id, [0], 0.05) == {0: 0}
    with pytest.raises(psycopg.OperationalError):
        stream.connection.commit()


def gap(stream: Stream, kind: str, last: int, resume_at: int, expected: int | None = None) -> None:
    """Record that the log has nothing from where the stream stands up to `last`."""
    writer.record_gap(
        stream.connection, stream.topic_id, "vitals", stream.token,
        Gap(0, stream.offset, last, kind),
        expected_offset=stream.offset if expected is None else expected, resume_at=resume_at,
    )  # fmt: skip


GAPS = "SELECT topic, partition, first_offset, next_offset, kind FROM stream_gaps"


def test_a_gap_is_noted_and_jumped_over(stream: Stream) -> None:
    """The range and the jump are one; the verdicts count what was there."""
    stream.write(record())
    gap(stream, "deleted", 40, resume_at=40)
    assert rows(stream.connection, GAPS) == [("vitals", 0, 1, 40, "deleted")]
    stream.claim()
    assert stream.offset == 40
    stream.write(record("a2"))
    found = rows(stream.connection, "SELECT next_offset, stored FROM stream_offsets")
    assert found == [(41, 2)]


def test_a_truncated_log_is_read_again_from_its_start(stream: Stream) -> None:
    """The ledger goes back, and the epoch that ended is forgotten."""
    stream.write(record(), record("a2"), record("a3"))
    with stream.connection.transaction():
        stream.connection.execute("UPDATE stream_offsets SET leader_epoch = 8")
    gap(stream, "truncated", 2, resume_at=0)
    assert rows(stream.connection, STANDING) == [(0, None)]
    assert rows(stream.connection, GAPS) == [("vitals", 0, 3, 2, "truncated")]


def test_the_same_gap_may_come_again(stream: Stream) -> None:
    """A restored backup meets the same missing range once more; both times are kept."""
    gap(stream, "deleted", 40, resume_at=40)
    with stream.connection.transaction():
        stream.connection.execute("UPDATE stream_offsets SET next_offset = 0")
    gap(stream, "deleted", 40, resume_at=40)
    assert rows(stream.connection, GAPS) == [("vitals", 0, 0, 40, "deleted")] * 2


def test_a_gap_is_refused_where_the_ledger_stands_elsewhere(
    stream: Stream, other: Connection
) -> None:
    """Neither a fenced writer nor one that is behind may jump; nothing is noted."""
    with pytest.raises(RewoundError):
        gap(stream, "deleted", 40, resume_at=40, expected=3)
    writer.claim(other, stream.topic_id, "vitals", {0: 0}, uuid4(), 5)
    with pytest.raises(FencedError):
        gap(stream, "deleted", 40, resume_at=40)
    assert rows(other, GAPS) == []
    assert rows(other, STANDING) == [(0, None)]


def test_the_logs_end_is_noted_by_its_owner_alone(stream: Stream, other: Connection) -> None:
    """Rows of another owner stay, and are missing in what is told: so their loss is noticed."""
    neighbour = Stream(other, 1, stream.topic_id)
    neighbour.write(record("a2"), record("a3"))
    standing = writer.record_log_end(
        stream.connection, stream.topic_id, stream.token, {0: 11, 1: 12}
    )
    assert standing == {0: 0}
    assert rows(other, LOG_ENDS) == [(11,), (None,)]
    found = rows(other, "SELECT now() - log_end_at FROM stream_offsets WHERE partition = 0")
    assert abs(found[0][0]) < timedelta(minutes=5)


def test_the_logs_end_waits_for_nobody(stream: Stream, other: Connection) -> None:
    """A row that is being written is left to its writer."""
    with other.transaction():
        other.execute(HOLD, [stream.topic_id, 0])
        standing = writer.record_log_end(stream.connection, stream.topic_id, stream.token, {0: 11})
    assert standing == {0: 0}
    assert rows(other, LOG_ENDS) == [(None,)]
