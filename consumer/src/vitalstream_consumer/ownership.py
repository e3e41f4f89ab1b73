"""Which partitions are ours, how far each is read and written: states and moves, no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from vitalstream_consumer.backoff import Backoff


class Position(NamedTuple):
    """Where the ledger says that a partition goes on.

    Attributes:
        topic_id: The topic that the offset counts in; a re-created topic has another.
        next_offset: The first offset that is not in the tables.
        leader_epoch: Of the record before it, so that a truncated log is noticed; None where the
            log no longer has that record.
    """

    topic_id: UUID
    next_offset: int
    leader_epoch: int | None


class Left(NamedTuple):
    """Where we had brought the ledger of a partition, as last known.

    Attributes:
        topic_id: What the offset counts in.
        next_offset: The first offset that was not in the tables.
    """

    topic_id: UUID
    next_offset: int


class Quiet(NamedTuple):
    """A claimed partition with nothing to write.

    Attributes:
        generation: Of its claim.
        written_to: The ledger's next offset as last known.
        log_end: Where its log ends; the same, where only holes are left to its end.
    """

    generation: int
    written_to: int
    log_end: int


@dataclass(slots=True, eq=False)
class Held:
    """One partition that the group has given us, or that a lane still has in hand.

    It is claimed in the ledger first, then read from the position found there, and written.
    Whatever goes wrong, it is claimed again and read again from where the ledger stands.

    Attributes:
        partition: Its number.
        generation: Changes whenever what was read or claimed before no longer counts.
        assigned: The group has it with us; False only while a lane still has it in hand.
        in_hand: A lane claims or writes it now, and no other may.
        position: Where reading began; None while it is to be claimed.
        left: Where we have brought the ledger; None before the first claim.
        truncated: The broker said that the log no longer holds what we have read.
        failures: How often in a row it was lost without a write between.
        not_before: When it may be claimed, monotonic seconds.
    """

    partition: int
    generation: int = 0
    assigned: bool = True
    in_hand: bool = False
    position: Position | None = None
    left: Left | None = None
    truncated: bool = False
    failures: int = 0
    not_before: float = 0.0

    @property
    def written_to(self) -> int | None:
        """The ledger's next offset as last known."""
        return None if self.left is None else self.left.next_offset


class Ownership:
    """The partitions of one consumer. Times are monotonic seconds and are passed in.

    Args:
        backoff: From a loss to the next claim, for each partition by itself.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._held: dict[int, Held] = {}
        self._generation = 0

    @property
    def assigned(self) -> list[Held]:
        """The partitions that the group has with us."""
        return [held for held in self._held.values() if held.assigned]

    def found(self, partitions: Iterable[int]) -> list[Held]:
        """Those of the partitions that are ours, or still in a lane's hand."""
        return [self._held[p] for p in partitions if p in self._held]

    def assign(self, partitions: Iterable[int], now: float) -> None:
        """The group gives us partitions; each is to be claimed, also one that we had before."""
        for partition in partitions:
            held = self._held.setdefault(partition, Held(partition))
            held.assigned = True
            held.failures = 0
            self._start_over(held, now)

    def withdraw(self, partitions: Iterable[int]) -> None:
        """The group takes partitions away; what a lane has in hand it may finish."""
        for held in self.found(partitions):
            held.assigned = False
            self._start_over(held, held.not_before)
            self._forget_if_gone(held)

    def in_hand(self, partitions: Iterable[int]) -> list[int]:
        """Those of the partitions that a lane has in hand."""
        return [held.partition for held in self.found(partitions) if held.in_hand]

    def claimable(self) -> list[Held]:
        """The partitions to be claimed, each from its ``not_before`` on."""
        return [h for h in self.assigned if not h.in_hand and h.position is None]

    def reading(self) -> list[Held]:
        """The partitions to be read: assigned and claimed."""
        return [held for held in self._held.values() if held.position is not None]

    def writable(self, partitions: Iterable[int]) -> list[Held]:
        """Those of the partitions that a lane may write now, together: all of one topic id."""
        free = [h for h in self.found(partitions) if h.position is not None and not h.in_hand]
        return [h for h in free if _topic_id(h) == _topic_id(free[0])]

    def take(self, held: Iterable[Held]) -> None:
        """Give partitions into a lane's hand."""
        for each in held:
            each.in_hand = True

    def put_back(self, partitions: Iterable[int]) -> None:
        """Take partitions out of a lane's hand."""
        for held in self.found(partitions):
            held.in_hand = False
            self._forget_if_gone(held)

    def current(self, partition: int, generation: int) -> Held | None:
        """The partition, if what was read or claimed in that generation still counts."""
        held = self._held.get(partition)
        return held if held is not None and held.generation == generation else None

    def settle(self, partition: int, generation: int, position: Position) -> bool:
        """A claim succeeded; returns whether it still counts."""
        held = self.current(partition, generation)
        if held is None:
            return False
        held.position = position
        held.left = Left(position.topic_id, position.next_offset)
        held.truncated = False
        return True

    def written(self, partition: int, next_offset: int) -> None:
        """A batch was committed, and the ledger stands there."""
        for held in self.found([partition]):
            if held.left is not None:
                held.left = held.left._replace(next_offset=next_offset)
            held.failures = 0

    def lose(self, partition: int, generation: int, now: float, *, truncated: bool = False) -> None:
        """A claim or a write failed, or its outcome is unknown: claim again after the back-off."""
        held = self.current(partition, generation)
        if held is not None:
            held.failures += 1
            held.truncated = held.truncated or truncated
            self._start_over(held, now + self._backoff.delay(held.failures))

    def compared(
        self, quiet: Mapping[int, Quiet], ledger: Mapping[int, int]
    ) -> tuple[list[int], list[int]]:
        """What a look at the ledger tells of partitions that were quiet, and still count.

        Args:
            quiet: How they were before the look.
            ledger: Of those that bear our token, the next offset.

        Returns:
            Those that another writer has claimed, though the group has them with us; and those
            that stand further back than we had brought them: a restored backup or a failover.
        """
        ours = {
            partition: before.written_to
            for partition, before in quiet.items()
            if self.current(partition, before.generation) is not None
        }
        fenced = [partition for partition in ours if partition not in ledger]
        rewound = [p for p, written_to in ours.items() if ledger.get(p, written_to) < written_to]
        return fenced, rewound

    def _start_over(self, held: Held, not_before: float) -> None:
        self._generation += 1
        held.generation = self._generation
        held.position = None
        held.not_before = not_before

    def _forget_if_gone(self, held: Held) -> None:
        if not held.assigned and not held.in_hand:
            del self._held[held.partition]


def _topic_id(held: Held) -> UUID | None:
    return held.position.topic_id if held.position is not None else None
