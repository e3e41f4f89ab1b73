"""Traffic: what a producer was told the broker has, or what the broker gives back."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

_LINE = re.compile(rb'\{"partition":(\d+),"offset":(\d+),"record":(.*)\}\n', re.DOTALL)
_KEY = re.compile(rb'"patient_id": ?"([^"\\]*)"')
_PRODUCERS_HEADERS = (("schema-version", b"1"),)
_READ_SECONDS = 60.0


class Sent(NamedTuple):
    """One record of the topic, as it was sent."""

    partition: int
    offset: int
    payload: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class LineError(ValueError):
    """A line of the log of acknowledged records that is not whole."""


def read_ack_log(path: Path) -> Iterator[Sent]:
    """The records that the producer's PRODUCER_ACK_LOG says the broker has.

    Raises:
        LineError: A line is not one acknowledged record.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise LineError(f"line {number} of {path.name} is no acknowledged record")
            partition, offset, payload = match.groups()
            key = _KEY.search(payload)
            yield Sent(
                int(partition),
                int(offset),
                payload,
                key[1] if key else None,
                _PRODUCERS_HEADERS,
            )


def read_topic(bootstrap_servers: str, topic: str, isolation: str = "read_committed") -> list[Sent]:
    """Everything the broker has of a topic, by partition and offset.

    Raises:
        TimeoutError: It could not all be read in a minute.
    """
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "the-oracle-commits-nothing",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": isolation,
        }
    )
    try:
        return sorted(_read_all(reader, topic), key=lambda sent: sent[:2])
    finally:
        reader.close()


def _read_all(reader: Consumer, topic: str) -> Iterator[Sent]:
    partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
    reader.assign([TopicPartition(topic, number, 0) for number in partitions])
    unfinished = set(partitions)
    deadline = time.monotonic() + _READ_SECONDS
    while unfinished:
        messages = reader.consume(10_000, 0.1)  # it waits for as many, or for so long
        if time.monotonic() > deadline:
            raise TimeoutError(f"partitions {sorted(unfinished)} of the topic were not read whole")
        for message in messages:
            error = message.error()
            if error is None:
                place = (message.partition(), message.offset())
                headers = tuple(message.headers() or ())
                yield Sent(*place, message.value(), message.key(), headers)  # type: ignore[arg-type]
            elif error.name() == "_PARTITION_EOF":
                unfinished.discard(message.partition())
            else:
                raise RuntimeError(error.str())
