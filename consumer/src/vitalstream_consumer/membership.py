"""Our place in the consumer group: what it assigns, what of it is fetched, what is committed."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from vitalstream_consumer.desk import Desk
from vitalstream_consumer.intake import Reading
from vitalstream_consumer.metrics import Metrics
from vitalstream_consumer.ownership import Position
from vitalstream_runtime.settings import KafkaSettings

_log = structlog.get_logger(__name__)
_NO_EPOCH: Final = -1
_ANSWER_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1


class Membership:
    """Follows the group on one side and the claims on the other.

    What the group assigns and what the client fetches are two things here: a partition is fetched
    only while it is claimed in the ledger, from the offset found there. So no record is ever at
    hand whose place in the ledger is unknown, and a claim made anew needs no seek.

    Args:
        consumer: Not yet subscribed.
        kafka: The topic's name and the group's protocol.
        desk: Told of what is assigned.
        metrics: Rebalances are counted there.
        drain_seconds: How long a revocation waits for what is being written.

    Attributes:
        readings: How far each fetched partition is read.
        paused: Whether fetching is paused.
    """

    def __init__(
        self,
        consumer: Consumer,
        kafka: KafkaSettings,
        desk: Desk,
        metrics: Metrics,
        drain_seconds: float,
    ) -> None:
        self._consumer = consumer
        self._topic = kafka.topic
        self._desk = desk
        self._metrics = metrics
        self._drain_seconds = drain_seconds
        self._classic = kafka.group_protocol == "classic"
        self._committed: dict[int, int] = {}
        self.paused = False
        self._failure: Exception | None = None
        self.readings: dict[int, Reading] = {}

    def join(self) -> None:
        """Subscribe; the group answers from within the next polls."""
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._guarded(self._assigned),
            on_revoke=self._guarded(self._revoked),
            on_lost=self._guarded(self._lost),
        )

    def leave(self) -> None:
        """Give up the partitions, after what is being written of them, and leave the group.

        A broker that does not answer is not waited for: the group finds out when our session ends.
        """
        deadline = time.monotonic() + self._drain_seconds + _ANSWER_SECONDS
        if self._classic:
            self._unsubscribe()
        closing = threading.Thread(target=self._close, name="leave", daemon=True)
        closing.start()
        closing.join(max(0.0, deadline - time.monotonic()))
        if closing.is_alive():
            _log.warning("group_not_left", reason="the broker did not answer in time")
        self.raise_failure()

    def _unsubscribe(self) -> None:
        """Leave while the client still can.

        When it closes without a partition, it does not tell a classic group, which then waits for
        it until its session ends; and in a rebalance it is heard only after the rebalance.
        """
        deadline = time.monotonic() + _ANSWER_SECONDS
        self._consumer.unsubscribe()
        while self._consumer.memberid() and time.monotonic() < deadline:
            self._consumer.poll(_POLL_SECONDS)

    def _close(self) -> None:
        try:
            self._consumer.close()
        except Exception as error:  # noqa: BLE001 - raised again in the polling thread
            self._failure = self._failure or error

    def raise_failure(self) -> None:
        """Raise what went wrong in a callback, where nothing may be raised."""
        if self._failure is not None:
            raise self._failure

    def follow_claims(self) -> None:
        """Fetch what is claimed, from where the ledger stands, and nothing else."""
        claimed = self._desk.reading()
        stale = [
            number
            for number, reading in self.readings.items()
            if number not in claimed or claimed[number][0] != reading.generation
        ]
        if stale:
            self._consumer.incremental_unassign(self._partitions(stale))
            for number in stale:
                del self.readings[number]
        new = {number: claim for number, claim in claimed.items() if number not in self.readings}
        if new:
            partitions = [self._at(number, position) for number, (_, position) in new.items()]
            self._consumer.incremental_assign(partitions)
            # The client keeps a partition paused that was unassigned so; resuming is as needed.
            (self._consumer.pause if self.paused else self._consumer.resume)(partitions)
            for number, (generation, position) in new.items():
                self.readings[number] = Reading(
                    number, generation, position.next_offset, position.leader_epoch
                )

    def pause(self, *, paused: bool) -> None:
        """Stop or resume fetching; the group keeps us as long as we poll."""
        if paused != self.paused:
            self.paused = paused
            change = self._consumer.pause if paused else self._consumer.resume
            change(self._partitions(self.readings))
            _log.info("reading_paused" if paused else "reading_resumed")

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        """Let the group's offsets follow the ledger; they are for lag tools, nobody reads them."""
        moved = {n: o for n, o in next_offsets.items() if self._committed.get(n) != o}
        if not moved:
            return
        try:
            self._consumer.commit(
                offsets=[TopicPartition(self._topic, n, o) for n, o in moved.items()],
                asynchronous=True,
            )
        except KafkaException as error:
            _log.warning("offsets_not_committed", reason=error.args[0].str())
        self._committed.update(moved)

    def _guarded(
        self, callback: Callable[[list[int]], None]
    ) -> Callable[[Consumer, list[TopicPartition]], None]:
        """Keep an exception for `raise_failure`: raised here it would destroy polled records."""

        def call(_: Consumer, partitions: list[TopicPartition]) -> None:
            try:
                callback(sorted(each.partition for each in partitions))
            except Exception as error:  # noqa: BLE001 - raised again outside the callback
                self._failure = self._failure or error

        return call

    def _assigned(self, numbers: list[int]) -> None:
        self._consumer.incremental_assign([])  # nothing is fetched before it is claimed
        self._desk.assign(numbers)
        self._metrics.rebalances.inc()
        _log.info("partitions_assigned", partitions=numbers)

    def _revoked(self, numbers: list[int]) -> None:
        self._give_up(numbers, self._drain_seconds, "partitions_revoked")

    def _lost(self, numbers: list[int]) -> None:
        self._give_up(numbers, 0.0, "partitions_lost")

    def _give_up(self, numbers: list[int], wait_seconds: float, event: str) -> None:
        written, in_hand = self._desk.withdraw(numbers, wait_seconds)
        if wait_seconds:
            self.commit(written)
        fetched = [number for number in numbers if self.readings.pop(number, None)]
        self._consumer.incremental_unassign(self._partitions(fetched))
        for number in numbers:
            self._committed.pop(number, None)
        self._metrics.rebalances.inc()
        _log.info(event, partitions=numbers, unfinished=in_hand)

    def _at(self, number: int, position: Position) -> TopicPartition:
        """Where to read: from the last record known, if there is one to compare with the log's.

        The client compares epochs only when a leader changes while it reads, not where it begins.
        """
        epoch, offset = position.leader_epoch, position.next_offset
        if epoch is None:
            return TopicPartition(self._topic, number, offset, leader_epoch=_NO_EPOCH)
        return TopicPartition(self._topic, number, offset - 1, leader_epoch=epoch)

    def _partitions(self, numbers: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, number) for number in numbers]
