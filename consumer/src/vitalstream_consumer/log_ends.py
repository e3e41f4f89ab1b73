"""Where the logs end, and where only holes are left to their ends: no I/O."""

from vitalstream_consumer.ownership import Held


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

    def read_again(self, partition: int) -> None:
        """What was read of it no longer counts."""
        self._holes.pop(partition, None)

    def forget(self, partition: int) -> None:
        """It is another consumer's."""
        self.read_again(partition)
        self.known.pop(partition, None)
