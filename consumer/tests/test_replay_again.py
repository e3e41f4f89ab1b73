"""What becomes of replayed records: stored where they are good now, dead letters again if not."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg

from consumer.tests.replaying import Replaying, finish
from consumer.tests.support import Replica, Stream, eventually
from tests.oracle import read_topic
from tests.oracle.traffic import Hospital, Message, Mix
from vitalstream_devstack.databases import Database
from vitalstream_devstack.pytest_plugin import KafkaHandle

GOOD = Mix(0, 0, 0, 0, 0)
FAR = {"CONSUMER_MAX_AHEAD_SECONDS": "86400"}


def ahead() -> tuple[Message, datetime]:
    """A record observed in an hour, which is refused by default, and when that is."""
    (message,) = Hospital(seed=41, admissions=1, mix=GOOD).messages(1)
    observed = datetime.now(UTC) + timedelta(hours=1)
    assert message.payload is not None
    fields = json.loads(message.payload) | {"timestamp": observed.isoformat()}
    return message._replace(payload=json.dumps(fields).encode()), observed


def test_a_record_that_is_good_by_now_is_stored(
    stream: Stream, replicas: Callable[..., Replica], replay: Replaying
) -> None:
    """Refused as too far ahead: once that is allowed a replay stores it."""
    refusing = replicas().start()
    message, observed = ahead()
    stream.send([message], partition=1)
    eventually(lambda: stream.count("dead_letters") == 1, "it is a dead letter")
    assert stream.count("observations") == 0
    assert refusing.stop() == 0
    replicas(**FAR).start()
    replay("--reason=timestamp_out_of_range", "--yes").check(0)
    eventually(lambda: stream.count("observations") == 1, "it is stored")
    rows = stream.query(
        "SELECT observed_at, kafka_partition, kafka_offset, timestamp AT TIME ZONE 'UTC'"
        " FROM observations JOIN patient_records USING (admission_id)"
    )
    assert rows == [(observed, 1, 1, observed)]
    ((replayed, letters),) = stream.query("SELECT count(replayed_at), count(*) FROM dead_letters")
    assert (replayed, letters) == (1, 1)


def test_bad_ones_come_back_as_new_dead_letters(
    stream: Stream, replicas: Callable[..., Replica], replay: Replaying
) -> None:
    """A replay under a running consumer sends each once, though all come back; its end is sure."""
    replicas(CONSUMER_BATCH_RECORDS="20").start()
    hospital = Hospital(seed=42, admissions=10, mix=Mix(0, 0, 0, 0, poison=1))
    stream.send(hospital.messages(350))
    stream.wait_until_stored()
    before = stream.query('SELECT reason, field, payload, key FROM dead_letters ORDER BY "offset"')
    assert len(before) == 350
    done = replay("--all", "--yes")
    done.check(0)
    assert done.lines[-1] == "replayed 350 of 350"
    stream.wait_until_stored()
    kinds = "SELECT reason, field, payload, key, count(replayed_at), count(*) FROM dead_letters"
    groups = stream.query(f"{kinds} GROUP BY 1, 2, 3, 4")
    assert sum(group[5] for group in groups) == 700
    assert all(2 * replayed == letters for *_, replayed, letters in groups)
    origins = stream.query(
        "SELECT convert_from(decode(header ->> 1, 'base64'), 'utf8') AS origin"
        " FROM dead_letters, json_array_elements(headers) AS header"
        " WHERE replayed_at IS NULL AND header ->> 0 = 'replayed-from' ORDER BY origin"
    )
    places = stream.query(
        "SELECT concat_ws('/', topic_id, partition, \"offset\") AS place"
        " FROM dead_letters WHERE replayed_at IS NOT NULL ORDER BY place"
    )
    assert origins == places


def test_a_second_copy_after_a_crash_does_no_harm(
    stream: Stream,
    replicas: Callable[..., Replica],
    replay: Replaying,
    database: Database,
    kafka: KafkaHandle,
) -> None:
    """Sent twice, as a replay died before its mark: a good one is a duplicate, a bad one dead."""
    replica = replicas().start()
    message, _ = ahead()
    stream.send([message, Message(b"k", b"not json")], partition=0)
    eventually(lambda: stream.count("dead_letters") == 2, "both are dead letters")
    assert replica.stop() == 0
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("LOCK TABLE dead_letter_counts IN EXCLUSIVE MODE")
        process = replay.start("--all", "--yes")
        eventually(lambda: len(read_topic(kafka.bootstrap_servers, stream.topic)) == 4, "sent")
        process.kill()
        finish(process)
    held = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vitalstream-replay'"
        " AND datname = current_database()"
    )
    eventually(lambda: stream.query(held) == [(0,)], "the server has noticed")
    replay("--all", "--yes").check(0)
    assert len(read_topic(kafka.bootstrap_servers, stream.topic)) == 6
    replicas(**FAR).start()
    stream.wait_until_stored()
    verdicts = "SELECT stored, duplicates, dead FROM stream_offsets WHERE partition = 0"
    assert stream.query(verdicts) == [(1, 1, 4)]
    assert stream.count("observations") == 1
    reasons = 'SELECT reason, replayed_at IS NOT NULL FROM dead_letters ORDER BY "offset"'
    assert stream.query(reasons) == [
        ("timestamp_out_of_range", True),
        ("not_json", True),
        ("not_json", False),
        ("not_json", False),
    ]
