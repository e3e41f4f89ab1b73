"""The polling thread: reads what is claimed and brings it to the desk, round after round."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, cast

import structlog
from confluent_kafka import Consumer, KafkaError, Message

from vitalstream_consumer.dead_letters import Delivered
from vitalstream_consumer.desk import Desk
from vitalstream_consumer.intake import Cut, Intake
from vitalstream_consumer.membership import Membership
from vitalstream_consumer.metrics import Metrics
from vitalstream_runtime.errors import KafkaStartupError
from vitalstream_runtime.kafka import TopicNotAuthorizedError
from vitalstream_runtime.ops import Heartbeat
from vitalstream_runtime.shutdown import Shutdown

_log = structlog.get_logger(__name__)
_POLL_SECONDS: Final = 0.1
_STALL_SECONDS: Final = 2.0
_REPORT_SECONDS: Final = 1.0
_MOST_MESSAGES: Final = 2_000

_TRUNCATION: Final = KafkaError(KafkaError._LOG_TRUNCATION)  # noqa: SLF001 - public all the same
_OUT_OF_RANGE: Final = (
    KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001
    KafkaError.OFFSET_OUT_OF_RANGE,
    _TRUNCATION.code(),
)
_UNAUTHORIZED: Final = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "Read on the topic (KAFKA_TOPIC)",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "Read on the group (KAFKA_GROUP_ID)",
}


class Loop:
    """Polls for ever.

    Args:
        consumer: The client.
        membership: Its place in the group.
        desk: Where chunks go.
        intake: Makes them.
        metrics: Lag, backlog and pauses.
    """

    def __init__(
        self,
        consumer: Consumer,
        membership: Membership,
        desk: Desk,
        intake: Intake,
        metrics: Metrics,
    ) -> None:
        self._consumer = consumer
        self._membership = membership
        self._desk = desk
        self._intake = intake
        self._metrics = metrics
        self._next_report = 0.0
        self._shown: set[int] = set()

    def run(self, shutdown: Shutdown, heartbeat: Heartbeat) -> None:
        """Go round until asked to stop.

        Raises:
            StartupError: What trying again will not mend, as one line for a person.
            Exception: What a lane or a callback could not go on after.
        """
        self._membership.join()
        while not shutdown.requested:
            heartbeat.beat()
            self._desk.raise_failure()
            self._membership.raise_failure()
            self._membership.follow_claims()
            self._membership.pause(paused=not self._desk.wait_for_room(_STALL_SECONDS))
            self._read()
            self._report(time.monotonic())

    def _read(self) -> None:
        # consume alone would wait for as many records as are asked for, or the timeout.
        first = self._consumer.poll(_POLL_SECONDS)
        if first is None:
            return
        messages = [first, *self._consumer.consume(_MOST_MESSAGES - 1, 0)]
        records = cast("list[Delivered]", [each for each in messages if each.error() is None])
        ends = self._without_record(messages) if len(records) < len(messages) else {}
        self._hand_over(records, ends)

    def _without_record(self, messages: Iterable[Message]) -> dict[int, int]:
        """Take in what is no record; of each partition that was read to its end, that end."""
        ends: dict[int, int] = {}
        for message in messages:
            error = message.error()
            if error is None:
                continue
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - public all the same
                ends[cast("int", message.partition())] = cast("int", message.offset())
            else:
                self._take(error, message.partition())
        return ends

    def _hand_over(self, records: list[Delivered], ends: dict[int, int]) -> None:
        """Bring to the desk what was read, and where the client came to the end of a log."""
        readings, desk = self._membership.readings, self._desk
        for made in self._intake.chunks(records, readings, desk.limits, datetime.now(UTC)):
            if isinstance(made, Cut):
                _log.warning("log_cut", partition=made.partition)
                desk.unreadable(made.partition, made.generation, truncated=True)
            else:
                desk.put(made)
        for partition, end in ends.items():
            reading = readings.get(partition)
            if reading is not None and end > reading.next_offset:
                desk.passed(partition, reading.generation, reading.next_offset, end)

    def _take(self, error: KafkaError, partition: int | None) -> None:
        """Take in what the client says instead of a record."""
        if error.code() in _OUT_OF_RANGE:
            # With auto.offset.reset=error the client names the truncation in the text alone.
            truncated = error.code() == _TRUNCATION.code() or _TRUNCATION.str() in error.str()
            _log.warning(
                "position_unreadable",
                partition=partition,
                code=error.name(),
                truncated=truncated,
            )
            reading = self._membership.readings.get(-1 if partition is None else partition)
            if reading is not None:
                self._desk.unreadable(reading.partition, reading.generation, truncated=truncated)
        elif error.code() in _UNAUTHORIZED:
            raise TopicNotAuthorizedError(f"{error.str()}; grant {_UNAUTHORIZED[error.code()]}")
        elif error.fatal():
            raise KafkaStartupError(f"the Kafka client cannot go on: {error.str()}")
        else:
            _log.warning("kafka_error", code=error.name(), reason=error.str())

    def _report(self, now: float) -> None:
        """Bring the gauges and the group's offsets up to date, now and then."""
        self._metrics.backlog.set(self._desk.backlog_records)
        if now < self._next_report:
            return
        self._next_report = now + _REPORT_SECONDS
        progress = self._desk.progress()
        self._metrics.assigned.set(len(progress))
        self._metrics.paused.set(
            sum(self._membership.paused or not each.claimed for each in progress.values())
        )
        for partition in self._shown - progress.keys():
            self._metrics.lag.remove(str(partition))
            self._metrics.next_offset.remove(str(partition))
        self._shown &= progress.keys()
        for partition, each in progress.items():
            if each.written_to is not None and each.log_end is not None:
                self._metrics.lag.labels(str(partition)).set(max(0, each.log_end - each.written_to))
                self._metrics.next_offset.labels(str(partition)).set(each.written_to)
                self._shown.add(partition)
        self._membership.commit(
            {
                partition: each.passed_to
                for partition, each in progress.items()
                if each.claimed and each.passed_to is not None
            }
        )
