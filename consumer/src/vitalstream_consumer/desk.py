"""What the polling thread and the lanes share: who may do what next, under one lock.

The polling thread says what the group assigns and brings what it has read; lanes take work, do it,
and report. Nobody does any I/O while holding the lock.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from vitalstream_consumer.batch import Backlog, Chunk, Limits
from vitalstream_consumer.log_ends import LogEnds, Progress
from vitalstream_consumer.ownership import Held, Ownership, Position, Quiet
from vitalstream_consumer.work import Claim, Survey, Work, Write


class Desk:
    """Hands out work.

    Args:
        ownership: The partitions.
        backlog: What is read and not written.
        survey_seconds: Time from one survey to the next.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        ownership: Ownership,
        backlog: Backlog,
        survey_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ownership = ownership
        self._backlog = backlog
        self._survey_seconds = survey_seconds
        self._clock = clock
        self._changed = threading.Condition()
        self._idle_lanes = 0
        self._next_survey = clock()
        self._log_ends = LogEnds()
        self._closed = False
        self._failure: BaseException | None = None

    # The polling thread's side.

    def assign(self, partitions: Iterable[int]) -> None:
        """The group gives us partitions."""
        with self._changed:
            self._ownership.assign(partitions, self._clock())
            self._changed.notify_all()

    def withdraw(
        self, partitions: Iterable[int], wait_seconds: float
    ) -> tuple[dict[int, int], list[int]]:
        """The group takes partitions away; waits for what lanes have in hand of them.

        Returns:
            The ledger's next offsets as last known, and the partitions that are in hand even now:
            what becomes of those the next owner's claim decides.
        """
        gone = list(partitions)
        with self._changed:
            all_held = self._ownership.found(gone)
            self._ownership.withdraw(gone)
            for partition in gone:
                self._backlog.drop(partition)
                self._log_ends.forget(partition)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._ownership.in_hand(gone), wait_seconds)
            known = {h.partition: h.written_to for h in all_held if h.written_to is not None}
            return known, self._ownership.in_hand(gone)

    def reading(self) -> dict[int, tuple[int, Position]]:
        """What is to be read now: generation and position of each claimed partition."""
        with self._changed:
            return {
                held.partition: (held.generation, held.position)
                for held in self._ownership.reading()
                if held.position is not None
            }

    def put(self, chunk: Chunk) -> None:
        """Bring what was read; dropped where the claim it was read under no longer counts."""
        with self._changed:
            if self._ownership.current(chunk.partition, chunk.generation) is not None:
                self._backlog.put(chunk)
                self._changed.notify_all()

    def passed(self, partition: int, generation: int, next_offset: int, end: int) -> None:
        """Between these offsets there is no record: transactions' markers, what was aborted.

        The ledger stays where the last record has brought it, yet nothing is behind.
        """
        with self._changed:
            if self._ownership.current(partition, generation) is not None:
                self._log_ends.pass_over(partition, next_offset, end)

    @property
    def limits(self) -> Limits:
        """Of a batch, for now."""
        return self._backlog.limits

    def wait_for_room(self, seconds: float) -> bool:
        """Wait until the backlog is not full; returns whether it is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._backlog.full, seconds)

    def unreadable(self, partition: int, generation: int, *, truncated: bool) -> None:
        """The broker does not have what the claim said comes next."""
        with self._changed:
            self._lose(partition, generation, truncated=truncated)

    def progress(self) -> dict[int, Progress]:
        """How each assigned partition stands."""
        with self._changed:
            return self._log_ends.progress(self._ownership.assigned)

    @property
    def backlog_records(self) -> int:
        """How many records are read and not yet taken to be written."""
        return self._backlog.records

    def close(self) -> None:
        """Give out no more work; lanes end after what they have in hand."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def raise_failure(self) -> None:
        """Raise what a lane cannot go on after."""
        if self._failure is not None:
            raise self._failure

    # The lanes' side.

    def next_work(self) -> Work | None:
        """Wait for something to do; None when there will be nothing more."""
        with self._changed:
            self._idle_lanes += 1
            try:
                while not self._closed:
                    now = self._clock()
                    work = self._claim(now) or self._survey(now) or self._write()
                    if work is not None:
                        return work
                    self._changed.wait(max(0.0, self._due() - now))
                return None
            finally:
                self._idle_lanes -= 1

    def claimed(self, work: Claim, positions: Mapping[int, Position]) -> None:
        """A claim is done; of partitions without a position it failed."""
        with self._changed:
            for partition, generation in work.generations.items():
                if partition in positions:
                    self._ownership.settle(partition, generation, positions[partition])
                else:
                    self._lose(partition, generation)
            self._put_back(work.generations)

    def written(self, work: Write) -> None:
        """A write is committed."""
        with self._changed:
            for chunk in work.chunks:
                self._ownership.written(chunk.partition, chunk.next_offset)
            self._backlog.grow()
            self._put_back(work.generations)

    def failed(self, work: Write) -> None:
        """A write failed for no record's fault, or nobody knows; smaller ones come next.

        The commit itself may have happened, so every partition is claimed and read anew.
        """
        with self._changed:
            self._backlog.shrink(sum(chunk.records for chunk in work.chunks))
            for partition, generation in work.generations.items():
                self._lose(partition, generation)
            self._put_back(work.generations)

    def not_written(self, work: Write, lost: Iterable[int]) -> None:
        """A write is rolled back.

        Args:
            work: What was to be written.
            lost: The partitions to be claimed anew; what was read of the others is still good.
        """
        with self._changed:
            again = set(lost)
            for partition, generation in work.generations.items():
                if partition in again:
                    self._lose(partition, generation)
            self._backlog.give_back(
                chunk
                for chunk in work.chunks
                if self._ownership.current(chunk.partition, chunk.generation) is not None
            )
            self._put_back(work.generations)

    def surveyed(self, topic_id: UUID, log_ends: Mapping[int, int]) -> dict[int, Quiet]:
        """Take note of what the broker says.

        Returns:
            The partitions whose log ends no write will bring to the ledger, since nothing of them
            is waiting or in hand.
        """
        with self._changed:
            changed = [
                held.partition
                for held in self._ownership.reading()
                if held.position is not None and held.position.topic_id != topic_id
            ]
            for partition in changed:
                self._forget(partition)
            self._ownership.assign(changed, self._clock())
            for held in self._ownership.assigned:
                if held.partition in log_ends:
                    self._log_ends.see(held, log_ends[held.partition])
            self._changed.notify_all()
            idle = set(log_ends) - set(self._backlog.partitions) - set(changed)
            return self._log_ends.quiet(self._ownership.writable(idle))

    def compared(self, quiet: Mapping[int, Quiet], ledger: Mapping[int, int]) -> list[int]:
        """Take note of where the ledger stands, asked for after `surveyed`.

        What it puts further back than we had written is claimed anew: a restored backup or a
        failover has lost the rest.

        Args:
            quiet: What `surveyed` returned.
            ledger: Of those that bear our token, the next offset.

        Returns:
            The partitions that another writer has claimed, though the group has them with us; they
            are claimed anew as well.
        """
        with self._changed:
            fenced, rewound = self._ownership.compared(quiet, ledger)
            for partition in (*fenced, *rewound):
                self._lose(partition, quiet[partition].generation)
            self._changed.notify_all()
            return fenced

    def fail(self, failure: BaseException) -> None:
        """A lane cannot go on: the polling thread is to end the program."""
        with self._changed:
            self._failure = self._failure or failure
            self._closed = True
            self._changed.notify_all()

    # Both hold the lock where these are called.

    def _claim(self, now: float) -> Claim | None:
        due = [held for held in self._ownership.claimable() if held.not_before <= now]
        if not due:
            return None
        self._ownership.take(due)
        return Claim(
            {held.partition: held.generation for held in due},
            frozenset(held.partition for held in due if held.truncated),
            {held.partition: held.left for held in due if held.left is not None},
        )

    def _write(self) -> Write | None:
        ready = self._ownership.writable(self._backlog.partitions)
        if not ready:
            return None
        # The lanes that wait beside us get theirs, unless it is so little that the transaction
        # itself is most of the work: two of them would take twice the time of the processors.
        share = len(ready) if self._backlog.little else -(-len(ready) // self._idle_lanes)
        chunks = self._backlog.take([held.partition for held in ready[:share]])
        taken = {chunk.partition for chunk in chunks}
        self._ownership.take(held for held in ready if held.partition in taken)
        self._changed.notify_all()  # there is room again
        return Write(_topic_id(ready[0]), chunks, dict(self._log_ends.known))

    def _survey(self, now: float) -> Survey | None:
        if now < self._next_survey:
            return None
        self._next_survey = now + self._survey_seconds
        return Survey([held.partition for held in self._ownership.assigned])

    def _due(self) -> float:
        claims = [held.not_before for held in self._ownership.claimable()]
        return min([self._next_survey, *claims])

    def _lose(self, partition: int, generation: int, *, truncated: bool = False) -> None:
        if self._ownership.current(partition, generation) is not None:
            self._ownership.lose(partition, generation, self._clock(), truncated=truncated)
            self._forget(partition)

    def _forget(self, partition: int) -> None:
        """What was read of it no longer counts."""
        self._backlog.drop(partition)
        self._log_ends.read_again(partition)

    def _put_back(self, partitions: Iterable[int]) -> None:
        self._ownership.put_back(partitions)
        self._changed.notify_all()


def _topic_id(held: Held) -> UUID:
    if held.position is None:
        raise RuntimeError("only claimed partitions are written")
    return held.position.topic_id
