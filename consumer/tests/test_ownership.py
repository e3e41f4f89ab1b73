"""Which partitions are ours: the moves a partition can make, and those it cannot."""

import uuid

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vitalstream_consumer.backoff import Backoff
from vitalstream_consumer.ownership import Held, Ownership, Position

TOPIC = uuid.UUID(int=1)


@pytest.fixture
def ownership() -> Ownership:
    """Nothing is ours yet; every back-off is its bound."""
    return Ownership(Backoff(1.0, 60.0, jitter=lambda: 1.0))


def claim(ownership: Ownership, partition: int, offset: int, topic_id: uuid.UUID = TOPIC) -> Held:
    """Claim one partition."""
    held = next(h for h in ownership.claimable() if h.partition == partition)
    ownership.take([held])
    assert ownership.settle(partition, held.generation, Position(topic_id, offset, None))
    ownership.put_back([partition])
    return held


def test_what_is_assigned_is_claimed_before_it_is_read(ownership: Ownership) -> None:
    """No partition is read whose place in the ledger is unknown."""
    ownership.assign([0, 1], now=10.0)
    assert ownership.reading() == []
    assert {h.partition: h.not_before for h in ownership.claimable()} == {0: 10.0, 1: 10.0}
    claim(ownership, 0, 42)
    assert [(h.partition, h.position) for h in ownership.reading()] == [(0, (TOPIC, 42, None))]
    assert [h.partition for h in ownership.claimable()] == [1]


def test_a_partition_in_hand_is_given_to_nobody_else(ownership: Ownership) -> None:
    """Neither a second writer nor a claim while its transaction is open."""
    ownership.assign([0], 0.0)
    held = claim(ownership, 0, 0)
    ownership.take([held])
    assert ownership.writable([0]) == []
    ownership.lose(0, held.generation, now=0.0)
    assert ownership.claimable() == []
    ownership.put_back([0])
    assert [h.partition for h in ownership.claimable()] == [0]


def test_a_loss_is_claimed_again_later_and_later(ownership: Ownership) -> None:
    """Losses in a row back off by partition; a write ends the row."""
    ownership.assign([0, 1], 0.0)
    for failures, delay in enumerate((1.0, 2.0, 4.0), start=1):
        held = claim(ownership, 0, 0)
        ownership.lose(0, held.generation, now=100.0)
        assert (held.failures, held.not_before) == (failures, 100.0 + delay)
    claim(ownership, 0, 0)
    ownership.written(0, 5)
    assert (held.failures, held.written_to) == (0, 5)
    assert next(h for h in ownership.claimable() if h.partition == 1).not_before == 0.0


def test_what_was_read_before_a_loss_no_longer_counts(ownership: Ownership) -> None:
    """A new generation begins with each loss, assignment and withdrawal."""
    ownership.assign([0], 0.0)
    held = claim(ownership, 0, 0)
    before = held.generation
    ownership.lose(0, before, now=0.0)
    assert ownership.current(0, before) is None
    ownership.lose(0, before, now=50.0)  # said twice, it counts once
    assert held.failures == 1
    again = held.generation
    ownership.assign([0], 0.0)
    assert ownership.current(0, again) is None


def test_a_claim_that_was_overtaken_does_not_count(ownership: Ownership) -> None:
    """The group took the partition and gave it back while a lane was claiming it."""
    ownership.assign([0], 0.0)
    (held,) = ownership.claimable()
    generation = held.generation
    ownership.take([held])
    ownership.withdraw([0])
    ownership.assign([0], 0.0)
    assert ownership.claimable() == []  # still in the lane's hand
    assert not ownership.settle(0, generation, Position(TOPIC, 7, None))
    ownership.put_back([0])
    assert [h.position for h in ownership.claimable()] == [None]


def test_what_is_withdrawn_is_kept_until_the_lane_is_done(ownership: Ownership) -> None:
    """A partition that comes back at once is not claimed under its own unfinished write."""
    ownership.assign([0, 1], 0.0)
    held = claim(ownership, 0, 0)
    ownership.take([held])
    ownership.withdraw([0, 1, 9])
    assert ownership.in_hand([0, 1, 9]) == [0]
    assert ownership.assigned == []
    assert ownership.reading() == []
    ownership.put_back([0])
    assert ownership.in_hand([0]) == []
    assert ownership.found([0, 1]) == []


def test_a_batch_holds_one_topic_id(ownership: Ownership) -> None:
    """Offsets of a re-created topic never share a transaction with those of the old one."""
    ownership.assign([0, 1, 2], 0.0)
    claim(ownership, 0, 0)
    claim(ownership, 1, 0, uuid.UUID(int=2))
    claim(ownership, 2, 0)
    assert [h.partition for h in ownership.writable([0, 1, 2])] == [0, 2]


def test_a_cut_log_is_remembered_until_it_is_claimed(ownership: Ownership) -> None:
    """The claim after the broker's word settles it; the one after that starts afresh."""
    ownership.assign([0], 0.0)
    held = claim(ownership, 0, 9)
    ownership.lose(0, held.generation, 0.0, truncated=True)
    assert held.truncated
    ownership.lose(0, held.generation, 0.0)
    assert held.truncated
    claim(ownership, 0, 0)
    assert not held.truncated


class Moves(RuleBasedStateMachine):
    """Random moves of three partitions, as group, lanes and broker may make them."""

    partitions = st.integers(0, 2)

    def __init__(self) -> None:
        super().__init__()
        self.ownership = Ownership(Backoff(jitter=lambda: 0.5))
        self.at_lane: dict[int, tuple[str, int]] = {}
        self.assigned: set[int] = set()

    @rule(partition=partitions)
    def assign(self, partition: int) -> None:
        """The group gives a partition, perhaps one that we have."""
        self.ownership.assign([partition], 0.0)
        self.assigned.add(partition)

    @rule(partition=partitions)
    def withdraw(self, partition: int) -> None:
        """The group takes a partition, perhaps one that we do not have."""
        self.ownership.withdraw([partition])
        self.assigned.discard(partition)

    @rule()
    def hand_out_claims(self) -> None:
        """A lane takes all that is to be claimed."""
        due = self.ownership.claimable()
        assert not {held.partition for held in due} & self.at_lane.keys()
        self.ownership.take(due)
        self.at_lane |= {held.partition: ("claim", held.generation) for held in due}

    @rule(partition=partitions)
    def hand_out_write(self, partition: int) -> None:
        """A lane takes a partition to write it."""
        held = self.ownership.writable([partition])
        assert not {each.partition for each in held} & self.at_lane.keys()
        self.ownership.take(held)
        self.at_lane |= {each.partition: ("write", each.generation) for each in held}

    @precondition(lambda self: self.at_lane)
    @rule(data=st.data(), good=st.booleans())
    def lane_is_done(self, data: st.DataObject, good: bool) -> None:  # noqa: FBT001 - drawn
        """A lane comes back, in any order, with or without success."""
        partition = data.draw(st.sampled_from(sorted(self.at_lane)))
        what, generation = self.at_lane.pop(partition)
        if not good:
            self.ownership.lose(partition, generation, 0.0)
        elif what == "claim":
            self.ownership.settle(partition, generation, Position(TOPIC, 0, None))
        else:
            self.ownership.written(partition, 1)
        self.ownership.put_back([partition])

    @rule(partition=partitions, generation=st.integers(0, 30))
    def broker_complains(self, partition: int, generation: int) -> None:
        """The broker says that a position is gone, perhaps an old one."""
        self.ownership.lose(partition, generation, 0.0, truncated=True)

    @invariant()
    def ours_is_what_the_group_says(self) -> None:
        """No assignment is forgotten, none is made up."""
        assert {held.partition for held in self.ownership.assigned} == self.assigned

    @invariant()
    def in_hand_is_what_the_lanes_have(self) -> None:
        """No lane's partition is forgotten, whatever the group says."""
        assert set(self.ownership.in_hand(range(3))) == set(self.at_lane)

    @invariant()
    def a_partition_is_either_claimed_or_read(self) -> None:
        """Every assigned partition is on its way to be read; no other one is."""
        reading = {held.partition for held in self.ownership.reading()}
        claimable = {held.partition for held in self.ownership.claimable()}
        assert not reading & claimable
        assert reading | claimable <= self.assigned
        assert self.assigned - reading - claimable <= set(self.at_lane)


TestMoves = Moves.TestCase
TestMoves.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
