"""The trace of each record: an id always, a span of some where spans are exported."""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from vitalstream_runtime.tracing import unsampled

if TYPE_CHECKING:
    from vitalstream_runtime.tracing.spans import Span, Spans


class Traces:
    """Gives each record its traceparent, and follows some of them to the broker.

    Attributes:
        begin: Makes the next record's traceparent.
        open: The spans that are under way, by traceparent.

    Args:
        spans: Makes spans; None: there are none.
        topic: Where records go.
        per_second: So many records a second have a span; as many at once, one at least; 0: none.
        clock: Monotonic seconds.
        random: Gives so many random bytes.
    """

    def __init__(
        self,
        spans: "Spans | None" = None,
        topic: str = "",
        per_second: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._topic = topic
        self._per_second = per_second
        self._clock = clock
        self._looked = clock()
        self._most = max(1.0, per_second) if per_second else 0.0
        self._allowed = self._most
        self._unsampled = unsampled(random).__next__
        self.begin = self._unsampled if spans is None else partial(self._begin, spans)
        self.open: dict[str, Span] = {}

    def _begin(self, spans: "Spans") -> str:
        now = self._clock()
        refill = (now - self._looked) * self._per_second
        self._looked, self._allowed = now, min(self._most, self._allowed + refill)
        if self._allowed < 1:
            return self._unsampled()
        self._allowed -= 1
        span = spans.begin(
            f"send {self._topic}",
            "producer",
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "send",
                "messaging.operation.name": "send",
                "messaging.destination.name": self._topic,
            },
        )
        if span.place is None:
            return self._unsampled()
        traceparent = str(span.place)
        self.open[traceparent] = span
        return traceparent

    def acknowledged(self, traceparent: str, partition: int, offset: int) -> None:
        """The broker has the record."""
        span = self.open.pop(traceparent, None)
        if span is not None:
            span.end(
                {
                    "messaging.destination.partition.id": str(partition),
                    "messaging.kafka.offset": offset,
                }
            )

    def lost(self, traceparent: str, reason: str) -> None:
        """The record is given up."""
        span = self.open.pop(traceparent, None)
        if span is not None:
            span.fail(reason)

    def close(self) -> None:
        """All that the broker has not acknowledged by now is lost."""
        for traceparent in list(self.open):
            self.lost(traceparent, "not_acknowledged")
