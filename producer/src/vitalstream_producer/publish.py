"""Getting records to the broker, each acknowledged, none dropped on the way.

What the Kafka client retries by itself it retries; what it gives up on is handed to it again, after
a pause, until the broker has it or the producer is stopped. A record that timed out may have been
written all the same, so it can be on the topic twice (consumers count the second one as a
duplicate), and records of one patient can then change places; a consumer goes by their timestamps.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from vitalstream_producer.errors import UndeliverableError
from vitalstream_producer.failures import Failure, reason_of
from vitalstream_producer.metrics import Metrics
from vitalstream_producer.settings import ProducerSettings
from vitalstream_producer.tracing import Traces
from vitalstream_runtime import tracing
from vitalstream_runtime.errors import StartupError, TopicNotAuthorizedError
from vitalstream_runtime.kafka import client_options
from vitalstream_runtime.limiter import Limiter
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_schema.codec import HEADERS

_log = structlog.get_logger(__name__)
_SHORTEST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_MOST_REFUSALS: Final = 100
_REPEAT_SECONDS: Final = 10.0
_VERSION: Final = HEADERS[0]
_Outgoing = tuple[bytes, bytes, str]
"""A record's key, payload and traceparent."""


def producer_options(kafka: KafkaSettings, settings: ProducerSettings) -> dict[str, Any]:
    """Options of the Kafka client that make a send safe, and fast."""
    return client_options(kafka, "vitalstream-producer") | {
        "enable.idempotence": True,
        "acks": "all",
        "queue.buffering.max.messages": settings.buffer_records,
        "queue.buffering.max.kbytes": settings.buffer_kilobytes,
        "batch.size": settings.batch_bytes,
        "linger.ms": settings.linger_ms,
        "compression.type": settings.compression,
        "delivery.timeout.ms": int(settings.delivery_timeout_seconds * 1000),
    }


class Publisher:
    """Sends records and keeps each until it is acknowledged.

    Nothing here waits but `poll`. While `blocked` is true something is still to be handed to the
    client: invent no records then, only poll, so that never more than one buffer is kept.

    Args:
        options: Of the Kafka client.
        topic: Where records go.
        metrics: Errors, losses and latencies are counted there.
        acknowledged: Called with partition, offset, payload and traceparent of each record that
            the broker has; must not raise.
        clock: Monotonic seconds.
        traces: Gives each record its traceparent.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - clock and traces are given by tests and by main
        self,
        options: Mapping[str, Any],
        topic: str,
        metrics: Metrics,
        acknowledged: Callable[[int, int, bytes, str], None],
        clock: Callable[[], float] = time.monotonic,
        traces: Traces | None = None,
    ) -> None:
        self._options = dict(options)
        self._topic = topic
        self._metrics = metrics
        self._acknowledged = acknowledged
        self._clock = clock
        self._traces = traces or Traces()
        self._refused_lines = Limiter(_REPEAT_SECONDS, clock)
        self._waiting: deque[_Outgoing] = deque()
        self._to_send_alone: deque[_Outgoing] = deque()
        self._alone = False
        self._in_client = 0  # the client's own count includes events that are no records
        self._broken: str | None = None
        self._hopeless: StartupError | None = None
        self._failures: Counter[Failure] = Counter()
        self._refusals = 0
        self._not_before = 0.0
        self._pause = _SHORTEST_PAUSE
        self.sent = 0
        self.lost = 0
        self._producer = Producer(self._options)

    @property
    def blocked(self) -> bool:
        """Whether records wait to be handed to the client."""
        return bool(self._waiting or self._to_send_alone)

    @property
    def outstanding(self) -> int:
        """How many records are neither acknowledged nor lost."""
        return self._in_client + len(self._waiting) + len(self._to_send_alone)

    def send(self, key: bytes, payload: bytes) -> None:
        """Take a record; it leaves at once, or with one of the next calls of `poll`."""
        traceparent = self._traces.begin()
        if self._waiting:
            self._waiting.append((key, payload, traceparent))
        else:
            self._hand_over(key, payload, traceparent)

    def poll(self, seconds: float) -> None:
        """Take in what the broker says, for so long at most, and hand over again what failed.

        Raises:
            UndeliverableError: The broker refused many records in a row.
            TopicNotAuthorizedError: The Kafka user may not write to the topic.
        """
        self._serve(seconds)
        if self._failures:
            self._report()
        if self._hopeless:
            raise self._hopeless
        if self._broken:
            self._renew()
        if self.blocked and self._clock() >= self._not_before:
            self._resend()

    def drain(self, seconds: float, tick: Callable[[float], None]) -> None:
        """Poll until everything is acknowledged, or the time is over.

        Args:
            seconds: The time.
            tick: Called with the monotonic time between two polls.

        Raises:
            StartupError: As by `poll`.
        """
        deadline = self._clock() + seconds
        while self.outstanding and (now := self._clock()) < deadline:
            tick(now)
            self.poll(min(0.1, deadline - now))

    def close(self) -> int:
        """Give up what is not acknowledged; returns how many records were lost in all."""
        left = self.outstanding
        self.lost += left
        self._metrics.records_lost.inc(left)
        self._waiting.clear()
        self._to_send_alone.clear()
        self._traces.close()
        self._producer.purge()
        return self.lost

    def _serve(self, seconds: float) -> None:
        """Let the client call back; it raises what is fatal to itself, once."""
        try:
            self._producer.poll(seconds)
        except KafkaException as raised:
            error = raised.args[0]
            if not error.fatal():
                raise
            self._judge(error, reason_of(error))

    def _hand_over(self, key: bytes, payload: bytes, traceparent: str) -> bool:
        """Give a record to the client; false if it has no room or refuses: it is kept then."""
        try:
            self._producer.produce(
                self._topic,
                payload,
                key,
                headers=[_VERSION, (tracing.HEADER, traceparent)],
                on_delivery=partial(self._delivered, traceparent),
            )
        except BufferError:
            self._waiting.appendleft((key, payload, traceparent))
            return False
        except KafkaException as error:
            self._failed(error.args[0], key, payload, traceparent)
            return False
        self._in_client += 1
        return True

    def _resend(self) -> None:
        if not self._to_send_alone:
            while self._waiting and self._hand_over(*self._waiting.popleft()):
                pass
        elif not self._in_client:
            self._alone = True
            self._hand_over(*self._to_send_alone.popleft())

    def _delivered(self, traceparent: str, error: KafkaError | None, message: Message) -> None:
        self._in_client -= 1
        key, payload = message.key(), message.value()
        if key is None or payload is None:
            raise AssertionError("a delivery report without what was sent")
        if error is not None:
            self._failed(error, key, payload, traceparent)
            return
        self.sent += 1
        self._alone = False
        self._refusals = 0
        self._pause = _SHORTEST_PAUSE
        self._metrics.send_seconds.observe(message.latency() or 0.0)
        # An acknowledged message has both.
        partition: int = message.partition()  # type: ignore[assignment]
        offset: int = message.offset()  # type: ignore[assignment]
        if self._traces.open:
            self._traces.acknowledged(traceparent, partition, offset)
        self._acknowledged(partition, offset, payload, traceparent)

    def _failed(self, error: KafkaError, key: bytes, payload: bytes, traceparent: str) -> None:
        reason = reason_of(error)
        self._failures[reason] += 1
        alone, self._alone = self._alone, False
        if reason in (Failure.TOO_LARGE, Failure.REJECTED):
            # A batch is refused as a whole: only what is refused alone is at fault itself.
            if alone:
                self._give_up(error, reason, traceparent)
            else:
                self._to_send_alone.append((key, payload, traceparent))
        else:
            self._waiting.append((key, payload, traceparent))
            self._pause_retries()
            self._judge(error, reason)

    def _judge(self, error: KafkaError, reason: Failure) -> None:
        """Note what an error says of all that is sent, not of one record."""
        if reason is Failure.NOT_AUTHORIZED:
            self._hopeless = TopicNotAuthorizedError(
                f"KAFKA_TOPIC={self._topic}: the Kafka user may not write to it: {error.str()}; "
                "grant Write on the topic"
            )
        elif error.fatal() or reason is Failure.CLIENT_BROKEN:
            self._broken = self._broken or error.str()

    def _give_up(self, error: KafkaError, reason: Failure, traceparent: str) -> None:
        self._traces.lost(traceparent, reason)
        suppressed = self._refused_lines.admit(reason)
        if suppressed is not None:
            trace_id = tracing.trace_id_in(traceparent)
            _log.error("record_lost", reason=reason, trace_id=trace_id, suppressed=suppressed)
        self.lost += 1
        self._metrics.records_lost.inc()
        self._refusals += 1
        if self._refusals >= _MOST_REFUSALS:
            self._hopeless = UndeliverableError(
                f"KAFKA_TOPIC={self._topic} refused {self._refusals} records in a row: "
                f"{error.str()}; check the topic's configuration (max.message.bytes)"
            )

    def _pause_retries(self) -> None:
        """Wait before the next retry, twice as long each time until something is acknowledged."""
        now = self._clock()
        if now >= self._not_before:
            self._not_before = now + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _report(self) -> None:
        for reason, count in self._failures.items():
            self._metrics.delivery_errors.labels(reason).inc(count)
            _log.warning("delivery_failed", reason=reason.value, records=count)
        self._failures.clear()

    def _renew(self) -> None:
        """Replace a client that cannot go on, taking back what it had not delivered."""
        _log.warning("kafka_client_restarted", reason=self._broken)
        self._metrics.client_restarts.inc()
        self._producer.purge()
        while self._in_client:
            self._serve(0.1)
        self._producer = Producer(self._options)
        self._broken = None
