"""A log that was cut and has grown again has other records at offsets that it had before."""

import pytest

from libs.storage.tests.stream import START, Stream, record, rows
from vitalstream_storage import writer
from vitalstream_storage.batch import DeadLetter, Gap
from vitalstream_storage.pool import Connection

ADMISSIONS = "SELECT admission_id FROM patient_records ORDER BY 1"
VERDICTS = "SELECT sum(stored), sum(duplicates), sum(dead) FROM stream_offsets"


def junk(payload: bytes) -> DeadLetter:
    """What decoding makes of it."""
    return DeadLetter(0, 0, b"k", payload, [], START, "not_json", None, "no JSON")


@pytest.fixture
def stream(connection: Connection, way: str) -> Stream:
    """A partition of three records, the second one junk, whose log was then cut."""
    stream = Stream(connection, way=way)
    stream.write(record("a1"), junk(b"lost"), record("a2"))
    gap = Gap(0, 1, 3, "truncated")
    writer.record_gap(
        connection, stream.topic_id, "vitals", stream.token, gap, expected_offset=3, resume_at=0
    )
    stream.claim()
    return stream


def letters(operator: Connection, stream: Stream) -> list[tuple[object, ...]]:
    """Of each letter whether it is under the topic's id, its offset and payload."""
    return rows(
        operator,
        f"SELECT topic_id = '{stream.topic_id}', \"offset\", payload FROM dead_letters"  # noqa: S608
        " ORDER BY 1, 2",
    )


def test_a_good_record_in_a_lost_letters_place_is_stored(
    stream: Stream, operator: Connection
) -> None:
    """It does not inherit the verdict of the record that was there; whose letter stays."""
    stream.write(record("a1"), record("a3"), record("a2"))
    assert rows(operator, ADMISSIONS) == [("a1",), ("a2",), ("a3",)]
    assert letters(operator, stream) == [(False, 1, b"lost")]
    assert rows(operator, VERDICTS) == [(3, 2, 1)]
    assert rows(operator, "SELECT waiting FROM dead_letter_counts") == [(1,)]


def test_a_bad_record_in_a_lost_letters_place_has_its_own(
    stream: Stream, operator: Connection
) -> None:
    """Both are there to be replayed, and a third one as well."""
    stream.write(record("a1"), junk(b"new"))
    assert letters(operator, stream) == [(False, 1, b"lost"), (True, 1, b"new")]
    stream.connection.execute("UPDATE stream_offsets SET next_offset = 0")
    stream.connection.commit()
    stream.claim()
    stream.write(record("a1"), junk(b"newest"))
    found = letters(operator, stream)
    assert sorted(found[:2]) == [(False, 1, b"lost"), (False, 1, b"new")]
    assert found[2:] == [(True, 1, b"newest")]
    counted = "SELECT sum(waiting) FROM dead_letter_counts"
    assert rows(operator, counted) == [(3,)]


def test_the_same_record_keeps_its_verdict(stream: Stream, operator: Connection) -> None:
    """What the cut did not reach is read again, and is the same letter."""
    stream.write(record("a1"), junk(b"lost"), record("a2"))
    assert letters(operator, stream) == [(True, 1, b"lost")]
    assert rows(operator, VERDICTS) == [(2, 2, 2)]


def test_an_erased_letter_stays_erased(stream: Stream, operator: Connection) -> None:
    """Nothing is left to compare with, so its place keeps its verdict."""
    place = f"'{stream.topic_id}'::uuid"
    rows(
        operator,
        f"SELECT erase_patient('p9', '{{}}', ARRAY[{place}], ARRAY[0], ARRAY[1::bigint])",
    )
    stream.write(record("a1"), junk(b"lost"))
    assert letters(operator, stream) == []
