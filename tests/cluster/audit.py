"""Runs inside the cluster: is what the topic holds what the tables hold? Prints one JSON line.

Every record of the topic, by (patient, admission, time), against observations and dead letters, as
sets and as counts. It reads the topic with the consumer's user, without joining its group, and the
tables with the operator's login.
"""

import json
import sys
from collections import Counter
from datetime import UTC, datetime

from confluent_kafka import Consumer, TopicPartition

from vitalstream_runtime.kafka import client_options
from vitalstream_runtime.settings import KafkaSettings, load
from vitalstream_storage.pool import connect
from vitalstream_storage.settings import DatabaseSettings

Key = tuple[str, str, datetime]


def produced(kafka: KafkaSettings) -> tuple[Counter[Key], dict[int, int]]:
    """What the topic holds now, and each partition's end."""
    options = client_options(kafka, "vitalstream-audit")
    options |= {"group.id": kafka.group_id, "enable.auto.commit": False}
    reader = Consumer(options)
    topic = reader.list_topics(kafka.topic, timeout=30).topics[kafka.topic]
    ends = {
        partition: reader.get_watermark_offsets(TopicPartition(kafka.topic, partition), 30)[1]
        for partition in topic.partitions
    }
    reader.assign([TopicPartition(kafka.topic, partition, 0) for partition in ends])
    left, found = {each for each, end in ends.items() if end}, Counter[Key]()
    while left:
        for message in reader.consume(5000, timeout=5):
            if message.error():
                raise SystemExit(str(message.error()))
            partition, offset = message.partition() or 0, message.offset() or 0
            if offset < ends[partition]:
                found[key(json.loads(message.value() or b"{}"))] += 1
            if offset >= ends[partition] - 1:
                left.discard(partition)
    reader.close()
    return found, ends


def key(record: dict[str, str]) -> Key:
    """A record's identity; without an offset its time is UTC."""
    moment = datetime.fromisoformat(record["timestamp"])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return record["patient_id"], record["admission_id"], moment.astimezone(UTC)


def main() -> None:
    """Compare, and print the counts; it ends well whatever they are."""
    found, ends = produced(load(KafkaSettings))
    with connect(load(DatabaseSettings), "vitalstream-audit") as connection:
        rows = connection.execute("SELECT patient_id, admission_id, observed_at FROM observations")
        stored = Counter[Key]((one[0], one[1], one[2].astimezone(UTC)) for one in rows)
        dead = connection.execute("SELECT payload FROM dead_letters").fetchall()
        stored.update(key(json.loads(bytes(one[0]))) for one in dead)
        ledger = connection.execute("SELECT partition, next_offset FROM stream_offsets").fetchall()
        offsets: dict[int, int] = dict(ledger)
    report = {
        "produced": found.total(),
        "stored": stored.total() - len(dead),
        "dead": len(dead),
        "missing": len(found.keys() - stored.keys()),
        "unknown": len(stored.keys() - found.keys()),
        "doubled": sum(count - 1 for count in stored.values()),
        "behind": sum(end - offsets.get(each, 0) for each, end in ends.items()),
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
