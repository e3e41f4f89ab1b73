"""Whatever a client sends ends as a row or as a dead letter, and holds up nothing behind it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.tests.odd_client import send_with_header
from consumer.tests.support import Replica, Stream, eventually
from tests.oracle.poison import POISONS
from tests.oracle.traffic import Hospital, Message, Mix
from vitalstream_devstack.pytest_plugin import KafkaHandle

VERSION = (("schema-version", b"1"),)
PLAIN = Mix(0, 0, 0, 0, 0)


def record(admission: str = "a-1", **changed: Any) -> dict[str, Any]:
    """The fields of a good record, some of them changed."""
    (message,) = Hospital(seed=61, admissions=1, mix=PLAIN).messages(1)
    fields: dict[str, Any] = json.loads(message.payload or b"")
    return fields | {"admission_id": admission, "patient_id": "p-1"} | changed


def message(fields: dict[str, Any]) -> Message:
    """A record as a client of ours sends it."""
    return Message(b"p-1", json.dumps(fields).encode(), VERSION)


def dead_letters(stream: Stream) -> list[tuple[str, str | None]]:
    """Reason and field of each, in order."""
    rows = stream.query('SELECT reason, field FROM dead_letters ORDER BY partition, "offset"')
    return [(reason, field) for reason, field in rows]


def test_each_bad_record_is_buried_with_its_reason(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """Of every kind one, a good record behind each: all named, none is in the way."""
    replica = replicas().start()
    for number, poison in enumerate(POISONS):
        bad = Message(b"p-1", poison.payload, poison.headers)
        stream.send([bad, message(record(f"good-{number}"))], partition=0)
    stream.wait_until_stored()
    rows = stream.query('SELECT "offset", reason, field FROM dead_letters')
    found = {POISONS[offset // 2].name: (reason, field) for offset, reason, field in rows}
    assert found == {poison.name: (poison.reason, poison.field) for poison in POISONS}
    assert stream.count("observations") == len(POISONS)
    stream.check()
    assert replica.running


@pytest.mark.parametrize(
    ("ahead", "outcome"),
    [
        (timedelta(hours=1), [("timestamp_out_of_range", "timestamp")]),
        (timedelta(days=400), [("timestamp_out_of_range", "timestamp")]),
        (timedelta(minutes=1), []),
    ],
    ids=["an hour", "a year", "a minute, which clocks may differ by"],
)
def test_a_time_to_come_is_refused(
    stream: Stream,
    replicas: Callable[..., Replica],
    ahead: timedelta,
    outcome: list[tuple[str, str]],
) -> None:
    """A device's fast clock does not keep an admission's latest state for ever."""
    replicas().start()
    observed = datetime.now(UTC) + ahead
    stream.send([message(record(timestamp=observed.isoformat()))])
    stream.wait_until_stored()
    assert dead_letters(stream) == outcome
    assert stream.count("observations") == 1 - len(outcome)


def test_text_that_copy_would_read_otherwise_is_stored_to_the_letter(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    r"""Tabs, newlines, backslashes, \N and \. are text like any other, in every text field."""
    texts = [
        "\t",
        "a\nb",
        "\r\n",
        "\\",
        "\\N",
        "\\.",
        "N\\\tN",
        "\\\\.",
        '"',
        "''",
        "\u2028",
        "\x7f",
    ]
    names = ("patient_name", "department", "primary_diagnosis", "status", "gender")
    replicas().start()
    for number, text in enumerate(texts):
        stream.send([message(record(f"a{text}{number}", **dict.fromkeys(names, text)))], 0)
    stream.wait_until_stored()
    rows = stream.query(
        f"SELECT admission_id, {', '.join(names)} FROM patient_records"  # noqa: S608 - ours
    )
    expected = {(f"a{text}{number}", *[text] * len(names)) for number, text in enumerate(texts)}
    assert set(rows) == expected
    stream.check()


def test_odd_but_good_records_are_stored(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """No key, no headers, a field twice, a megabyte, a clock without a zone: rows all the same."""
    twice = json.dumps(record("twice")).replace('"heart_rate"', '"heart_rate": 299, "heart_rate"')
    huge = record("huge", padding="")
    huge["padding"] = "x" * (1_000_000 - len(json.dumps(huge)))
    messages = [
        message(record("no key"))._replace(key=None),
        message(record("no headers"))._replace(headers=()),
        message(record("empty key"))._replace(key=b""),
        Message(b"p-1", twice.encode(), VERSION),
        message(huge),
        message(record("naive", timestamp="2026-03-01T12:00:00")),
        message(record("half an hour", timestamp="2026-03-01T17:30:00+05:30")),
    ]
    assert len(messages[4].payload or b"") == 1_000_000
    replicas().start()
    stream.send(messages, partition=1)
    stream.wait_until_stored()
    stream.check()
    rows = stream.query("SELECT admission_id, heart_rate, timestamp::text FROM patient_records")
    found = {admission: (rate, clock) for admission, rate, clock in rows}
    assert found.keys() == {
        "no key", "no headers", "empty key", "twice", "huge", "naive", "half an hour"
    }  # fmt: skip
    assert found["twice"][0] == record()["heart_rate"] != 299
    assert found["naive"][1] == found["half an hour"][1] == "2026-03-01 12:00:00"


def test_a_batch_of_nothing_is_a_batch(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """Records that have neither key nor payload nor headers, and no other beside them."""
    replicas().start()
    stream.send([Message(None, None, ())] * 5, partition=0)
    stream.wait_until_stored()
    assert dead_letters(stream) == [("tombstone", None)] * 5
    stream.check()


@pytest.mark.parametrize("where", ["key", "header"])
def test_what_is_large_beside_the_payload_fills_the_backlog_too(
    stream: Stream, replicas: Callable[..., Replica], where: str
) -> None:
    """Memory is bounded whatever a client puts where: reading pauses long before all is read."""
    large = b"x" * 500_000
    headers = (*VERSION, ("large", large)) if where == "header" else VERSION
    key = large if where == "key" else b"p-1"
    fields = [record(f"a-{number}") for number in range(40)]
    stream.send([Message(key, json.dumps(each).encode(), headers) for each in fields], partition=0)
    replica = replicas(CONSUMER_BATCH_BYTES="4000000", CONSUMER_FETCH_QUEUE_KILOBYTES="1024")
    with stream.writers_blocked():
        replica.start()
        stream.wait_for_blocked_writers()
        eventually(lambda: replica.events("reading_paused"), "there is no more room")
        assert (replica.metric("backlog_records") or 0) < 20
    stream.wait_until_stored()
    assert stream.count("observations") == 40


def test_the_first_of_two_is_kept(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """Said twice it is counted; said otherwise of the same moment it is buried, with the reason."""
    noon, later = "2026-03-01T12:00:00Z", "2026-03-01T12:05:00Z"
    first = record(timestamp=noon, heart_rate=70)
    messages = [
        message(first),
        message(first),
        message(first | {"timestamp": later, "heart_rate": 75}),
        message(first | {"heart_rate": 90}),
        message(first | {"timestamp": "2026-03-01T11:55:00Z", "heart_rate": 65}),
        message(first | {"patient_id": "p-2", "timestamp": "2026-03-01T12:10:00Z"}),
    ]
    replicas(CONSUMER_BATCH_RECORDS="1").start()
    stream.send(messages, partition=2)
    stream.wait_until_stored()
    assert dead_letters(stream) == [
        ("conflict", "timestamp"),
        ("admission_conflict", "admission_id"),
    ]
    rates = stream.query("SELECT heart_rate FROM observations ORDER BY observed_at")
    assert rates == [(65,), (70,), (75,)]
    latest = stream.query("SELECT patient_id, heart_rate FROM patient_records")
    assert latest == [("p-1", 75)]  # the older one that came after it has not won
    verdicts = "SELECT stored, duplicates, dead FROM stream_offsets WHERE partition = 2"
    assert stream.query(verdicts) == [(3, 1, 2)]
    stream.check()


def test_a_header_named_in_no_text_is_buried(
    stream: Stream, replicas: Callable[..., Replica], kafka: KafkaHandle
) -> None:
    """A client in C can name one by any bytes, which ours cannot read: the record is kept."""
    payload = json.dumps(record()).encode()
    send_with_header(kafka.bootstrap_servers, stream.topic, 0, payload, b"\xff")
    stream.send([message(record("next"))], partition=0)
    replica = replicas().start()
    eventually(lambda: stream.positions().get(0) == 2, "both are judged")
    assert stream.query("SELECT reason, field, payload FROM dead_letters") == [
        ("not_utf8", None, payload)
    ]
    assert stream.query("SELECT admission_id FROM patient_records") == [("next",)]
    assert replica.running


def test_one_record_that_postgresql_refuses_takes_no_other_along(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """A batch that is refused for its data is searched for the record, and only that is buried."""
    stream.query("ALTER TABLE observations ADD CONSTRAINT no_299 CHECK (heart_rate <> 299)")
    records = [record(f"a-{number}") for number in range(500)]
    records[217]["heart_rate"] = 299
    stream.send(map(message, records), partition=0)
    replicas().start()
    stream.wait_until_stored()
    rows = stream.query('SELECT "offset", reason, error FROM dead_letters')
    assert [row[:2] for row in rows] == [(217, "rejected_by_database")]
    assert "no_299" in rows[0][2]
    assert stream.count("patient_records") == stream.count("observations") == 499
