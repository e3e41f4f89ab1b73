"""Traffic that flows while things break, and remembers what the broker acknowledged."""

import functools
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tests.oracle import Sent, traffic

_FLUSH_SECONDS = 120.0


class Feed(threading.Thread):
    """Sends records at a steady rate, each of them until the broker has it.

    Args:
        bootstrap_servers: The broker.
        topic: Where to.
        messages: What to send, in this order.
        rate: Records a second.

    Attributes:
        sent: What is acknowledged.
        ends: Of it by partition, the offset after the last one.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str,
        messages: Iterable[traffic.Message],
        rate: float,
    ) -> None:
        super().__init__(name="feed", daemon=True)
        self.sent: list[Sent] = []
        self.ends: dict[int, int] = {}
        self._topic = topic
        self._messages = messages
        self._rate = rate
        self._failure: Exception | None = None
        self._stopping = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.max.bytes": 1_000_000,
                "reconnect.backoff.max.ms": 1_000,
                "log_level": 0,
            }
        )

    def __enter__(self) -> Self:
        """Begin."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send the rest, unless the scenario has failed, and wait for all acknowledgements."""
        if kind is not None:
            self._stopping.set()
        self.join()
        if kind is None and self._failure is not None:
            raise self._failure

    @property
    def flowing(self) -> bool:
        """Whether there is more to come."""
        return self.is_alive()

    def run(self) -> None:
        """Send everything."""
        try:
            self._send()
            if self._producer.flush(_FLUSH_SECONDS):
                raise TimeoutError("the broker did not acknowledge everything")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 - raised again where the feed is joined
            self._failure = self._failure or error

    def _send(self) -> None:
        began = time.monotonic()
        for number, message in enumerate(self._messages):
            while (ahead := number / self._rate - (time.monotonic() - began)) > 0:
                self._producer.poll(min(ahead, 0.1))
            if self._stopping.is_set():
                return
            self._hand_over(message)
            self._producer.poll(0)

    def _hand_over(self, message: traffic.Message) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    message.payload,
                    message.key,
                    headers=list(message.headers),
                    on_delivery=functools.partial(self._delivered, message),
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _delivered(
        self, message: traffic.Message, error: KafkaError | None, report: Message
    ) -> None:
        if error is not None:
            self._failure = KafkaException(error)
            return
        place = (report.partition(), report.offset())
        sent = Sent(*place, message.payload, message.key, message.headers)  # type: ignore[arg-type]
        self.sent.append(sent)
        self.ends[sent.partition] = max(self.ends.get(sent.partition, 0), sent.offset + 1)
