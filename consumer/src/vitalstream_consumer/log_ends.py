"""Where the logs end, and where only holes are left to their ends: no I/O."""

from collections.abc import Iterable
from dataclasses import dataclass

from vitalstream_consumer.ownership import Held, Quiet


@dataclass(frozen=True, slots=True)
class Progress:
    """How one assigned partition stands.

    Attributes:
        claimed: Whether it is being read.
        written_to: The ledger's next offset as last known.
        passed_to: The same, or past the holes behind it: what the group is told.
        log_end: The end of its log as last known.
    """

    claimed: bool
    written_to: int | None
    passed_to: int | None
    log_end: int | None


class LogEnds:
    """Of each partition, as far as anybody has looked.

    Attributes:
        known: The end by partition; where the ledger stands, if only holes lie between.
    """

    def __init__(self) -> None:
        self.known: dict[int, int] = {}
        self._holes: dict[int, tuple[int, int]] = {}

    def pass_over(self, partition: int, next_offset: int, end: int) -> None:
        """Between these offsets there is no record."""
        self._holes[partition] = next_offset, end

    def see(self, held: Held, end: int) -> None:
        """The broker says where the log ends."""
        passed_to = self.passed_to(held)
        only_holes = passed_to is not None and end <= passed_to
        if only_holes and held.written_to is not None:
            end = held.written_to
        self.known[held.partition] = end

    def passed_to(self, held: Held) -> int | None:
        """Where the ledger stands, or the end of the holes behind that."""
        start, end = self._holes.get(held.partition, (None, None))
        return end if start is not None and start == held.written_to else held.written_to

    def progress(self, assigned: Iterable[Held]) -> dict[int, Progress]:
        """How each of these partitions stands."""
        return {
            held.partition: Progress(
                claimed=held.position is not None,
                written_to=held.written_to,
                passed_to=self.passed_to(held),
                log_end=self.known.get(held.partition),
            )
            for held in assigned
        }

    def quiet(self, claimed: Iterable[Held]) -> dict[int, Quiet]:
        """How each of these stands, of which nothing waits to be written."""
        return {
            held.partition: Quiet(held.generation, held.left.next_offset, known)
            for held in claimed
            if held.left is not None and (known := self.known.get(held.partition)) is not None
        }

    def read_again(self, partition: int) -> None:
        """What was read of it no longer counts."""
        self._holes.pop(partition, None)

    def forget(self, partition: int) -> None:
        """It is another consumer's."""
        self.read_again(partition)
        self.known.pop(partition, None)
