"""Runs inside the cluster: is what the topic holds what the tables hold? Prints one JSON line.

Waits until the ledger has reached the topic's end; then every record of the topic, by (patient,
admission, time), against observations and waiting dead letters, as sets and as counts. It reads the
topic with the consumer's user, without joining its group, and the tables with the operator's login.
It shares no line with codec and writer. Argument: the ends that the audit before gave, as JSON; the
rate is that of what came since.
"""

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
from confluent_kafka import Consumer, TopicPartition

from vitalstream_runtime.kafka import client_options
from vitalstream_runtime.settings import KafkaSettings, load
from vitalstream_storage.pool import Connection, connect
from vitalstream_storage.settings import DatabaseSettings

PATIENCE = 300.0
# A record found in the tables adds this, one of the topic adds 1: both counts in one number.
STORED = 1 << 32

Key = tuple[str, str, int]


class Identity(msgspec.Struct):
    """What makes a record itself."""

    patient_id: str
    admission_id: str
    timestamp: datetime


_decoder = msgspec.json.Decoder(Identity)


def key(payload: bytes) -> Key:
    """A record's identity; without an offset its time is UTC."""
    record = _decoder.decode(payload)
    moment = record.timestamp
    return record.patient_id, record.admission_id, instant(moment)


def instant(moment: datetime) -> int:
    """Microseconds since the epoch."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6)


def produced(
    reader: Consumer, topic: str, ends: dict[int, int], since: dict[str, int]
) -> tuple[dict[Key, int], list[int]]:
    """How often the topic holds each key, and when each record since was sent, in milliseconds."""
    reader.assign([TopicPartition(topic, partition, 0) for partition in ends])
    left, found = {each for each, end in ends.items() if end}, dict[Key, int]()
    sent: list[int] = []
    while left:
        for message in reader.consume(10_000, timeout=5):
            if message.error():
                raise SystemExit(str(message.error()))
            partition, offset = message.partition() or 0, message.offset() or 0
            if offset < ends[partition]:
                identity = key(message.value() or b"{}")
                found[identity] = found.get(identity, 0) + 1
                if offset >= since.get(str(partition), 0):
                    sent.append(message.timestamp()[1])
            if offset >= ends[partition] - 1:
                left.discard(partition)
    return found, sent


def caught_up(connection: Connection, ends: dict[int, int]) -> int:
    """Wait for the ledger; returns how many records it is behind even then."""
    deadline = time.monotonic() + PATIENCE
    while True:
        rows = connection.execute("SELECT partition, next_offset FROM stream_offsets").fetchall()
        ledger: dict[int, int] = dict(rows)
        behind = sum(max(0, end - ledger.get(each, 0)) for each, end in ends.items())
        if not behind or time.monotonic() > deadline:
            return behind
        time.sleep(0.5)


def add_stored(connection: Connection, found: dict[Key, int]) -> tuple[int, int]:
    """Add what the tables hold to what the topic holds; returns how many rows and letters."""
    rows = 0
    with connection.transaction(), connection.cursor("audit") as cursor:
        cursor.itersize = 20_000
        cursor.execute("SELECT patient_id, admission_id, observed_at FROM observations")
        for patient, admission, moment in cursor:
            identity = (patient, admission, instant(moment))
            found[identity] = found.get(identity, 0) + STORED
            rows += 1
    letters = connection.execute(
        "SELECT payload FROM dead_letters WHERE replayed_at IS NULL"
    ).fetchall()
    for (payload,) in letters:
        identity = key(bytes(payload))
        found[identity] = found.get(identity, 0) + STORED
    return rows, len(letters)


def load_of(sent: list[int]) -> dict[str, float]:
    """Records/s since the audit before, on the whole and in the slowest full ten seconds."""
    first, last = min(sent, default=0), max(sent, default=0)
    seconds = (last - first) / 1000
    tens = [0] * int(seconds // 10)
    for moment in sent:
        if (at := (moment - first) // 10_000) < len(tens):
            tens[at] += 1
    return {
        "seconds": round(seconds, 1),
        "rate": round(len(sent) / seconds, 1) if seconds else 0.0,
        "slowest_ten_seconds": min(tens, default=0) / 10,
    }


def main() -> None:
    """Compare, and print the counts; it ends well whatever they are."""
    kafka = load(KafkaSettings)
    options = client_options(kafka, "vitalstream-audit")
    reader = Consumer(options | {"group.id": kafka.group_id, "enable.auto.commit": False})
    topic = reader.list_topics(kafka.topic, timeout=30).topics[kafka.topic]
    ends = {
        partition: reader.get_watermark_offsets(TopicPartition(kafka.topic, partition), 30)[1]
        for partition in topic.partitions
    }
    with connect(load(DatabaseSettings), "vitalstream-audit", autocommit=True) as connection:
        behind = caught_up(connection, ends)
        found, sent = produced(reader, kafka.topic, ends, json.loads(sys.argv[1]))
        total = sum(found.values())
        rows, dead = add_stored(connection, found)
    reader.close()
    report: dict[str, Any] = {
        "produced": total,
        "stored": rows,
        "dead": dead,
        "missing": sum(count < STORED for count in found.values()),
        "unknown": sum(not count % STORED for count in found.values()),
        "doubled": sum(max(0, count // STORED - 1) for count in found.values()),
        "behind": behind,
        **load_of(sent),
        "ends": ends,
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
