"""What waits to be written, and what is written together."""

import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from consumer.tests.chunks import chunk
from vitalstream_consumer.batch import Backlog, Chunk, Limits, compose


def test_a_batch_closes_at_its_records() -> None:
    """Taking stops once there are enough records; the rest stays, in order."""
    backlog = Backlog(Limits(5, 1_000_000), batches=2)
    for first in range(0, 9, 3):
        backlog.put(chunk(0, first, 3))
    assert [c.expected_offset for c in backlog.take([0])] == [0, 3]
    assert [c.expected_offset for c in backlog.take([0])] == [6]
    assert backlog.take([0]) == []
    assert backlog.records == 0


def test_a_batch_closes_before_its_bytes_are_passed() -> None:
    """A chunk that would make the batch too large opens the next one."""
    backlog = Backlog(Limits(1_000, 250), batches=2)
    for first in range(4):
        backlog.put(chunk(0, first, size=100))
    assert len(backlog.take([0])) == 2


def test_a_chunk_past_the_limits_is_taken_alone() -> None:
    """One huge record blocks nothing."""
    backlog = Backlog(Limits(10, 250), batches=1)
    backlog.put(chunk(0, 0, size=1_000_000))
    backlog.put(chunk(0, 1))
    assert [c.expected_offset for c in backlog.take([0])] == [0]


def test_partitions_take_turns() -> None:
    """One partition's backlog does not keep another's records waiting."""
    backlog = Backlog(Limits(4, 1_000_000), batches=9)
    for first in range(5):
        backlog.put(chunk(0, first))
    backlog.put(chunk(1, 0))
    assert [(c.partition, c.expected_offset) for c in backlog.take([0, 1])] == [
        (0, 0),
        (1, 0),
        (0, 1),
        (0, 2),
    ]


def test_only_the_wanted_partitions_are_taken() -> None:
    """What another lane may be writing stays."""
    backlog = Backlog(Limits(10, 1_000_000), batches=9)
    backlog.put(chunk(0, 0))
    backlog.put(chunk(1, 0))
    assert [c.partition for c in backlog.take([1, 5])] == [1]
    assert backlog.partitions == [0]


def test_what_is_given_back_comes_first() -> None:
    """A batch that was not written is written before what came after it."""
    backlog = Backlog(Limits(2, 1_000_000), batches=9)
    for first in range(4):
        backlog.put(chunk(0, first))
    taken = backlog.take([0])
    backlog.give_back(taken)
    assert backlog.records == 4
    assert [c.expected_offset for c in backlog.take([0])] == [0, 1]


def test_it_is_full_until_half_is_gone() -> None:
    """Reading stops at the bound and starts again well below it, not at every record."""
    backlog = Backlog(Limits(5, 1_000_000), batches=2)
    for first in range(0, 10, 2):
        assert not backlog.full
        backlog.put(chunk(0, first, 2))
    marks = [backlog.full]
    backlog.take([0])
    marks.append(backlog.full)
    backlog.put(chunk(0, 10, 2))
    marks.append(backlog.full)
    assert marks == [True, False, False]


def test_bytes_fill_it_too() -> None:
    """A few huge records are as much of a load as many small ones."""
    backlog = Backlog(Limits(1_000_000, 100), batches=2)
    backlog.put(chunk(0, 0, size=200))
    marks = [backlog.full]
    backlog.drop(0)
    assert [*marks, backlog.full] == [True, False]


def test_what_is_dropped_no_longer_counts() -> None:
    """A partition that is gone leaves room."""
    backlog = Backlog(Limits(1, 1_000_000), batches=1)
    backlog.put(chunk(0, 0, 5))
    backlog.drop(0)
    backlog.drop(0)
    assert (backlog.records, backlog.partitions, backlog.full) == (0, [], False)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(0, 400)), max_size=40),
    st.lists(st.sets(st.integers(0, 3)), max_size=20),
)
def test_every_record_leaves_once_and_in_order(
    arrivals: list[tuple[int, int, int]], takers: list[set[int]]
) -> None:
    """Whatever arrives and whoever takes: nothing is lost, doubled or reordered."""
    backlog = Backlog(Limits(7, 900), batches=2)
    position = dict.fromkeys(range(4), 0)
    for partition, records, size in arrivals:
        backlog.put(chunk(partition, position[partition], records, size=size))
        position[partition] += records
    taken: list[Chunk] = []
    for partitions in [*takers, *[{0, 1, 2, 3}] * 41]:
        batch = backlog.take(partitions)
        if len(partitions) % 2:
            backlog.give_back(batch)
        else:
            taken += batch
    written = dict.fromkeys(range(4), 0)
    for each in taken:
        assert each.expected_offset == written[each.partition]
        written[each.partition] = each.next_offset
    assert written == position
    assert backlog.records == 0


def test_a_batch_says_what_step_each_partition_makes() -> None:
    """Spans go from a partition's first chunk to its last, with the newest time and epoch."""
    topic_id, token = uuid.uuid4(), uuid.uuid4()
    chunks = [
        chunk(1, 10, 2, appended_ms=[1_000, 3_000]),
        chunk(0, 5, 1, appended_ms=[-1]),
        chunk(1, 12, 3, epoch=8, appended_ms=[5_000, 4_000, -1]),
    ]
    batch = compose(topic_id, "records", token, chunks, {1: 100, 0: 2})
    first, second = batch.spans
    assert (batch.topic_id, batch.topic, batch.token) == (topic_id, "records", token)
    assert (first.partition, first.expected_offset, first.next_offset) == (0, 5, 6)
    assert (first.last_append_at, first.log_end) == (None, 6)
    assert (second.partition, second.expected_offset, second.next_offset) == (1, 10, 15)
    assert second.last_append_at == datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert (second.leader_epoch, second.log_end) == (8, 100)
    assert [(d.partition, d.offset) for d in batch.dead_letters] == [
        (1, 10), (1, 11), (0, 5), (1, 12), (1, 13), (1, 14),
    ]  # fmt: skip


def test_an_unknown_log_end_stays_unknown() -> None:
    """No end is made up before the broker has been asked."""
    batch = compose(uuid.uuid4(), "records", uuid.uuid4(), [chunk(0, 0)], {})
    assert batch.spans[0].log_end is None
