"""What is kept of a record that cannot be stored: all of it."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE, Message

from vitalstream_consumer.dead_letters import Delivered, dead_letter, time_of
from vitalstream_schema.codec import Reason, RecordError


def delivered(**given: Any) -> Delivered:
    """A message as the client gives it."""
    return cast("Delivered", Message(topic="records", partition=2, offset=9, **given))


def test_the_record_is_kept_as_it_came() -> None:
    """Key, payload and headers to the byte, with their order, and why it was refused."""
    headers = [("b", b"\xff"), ("a", None), ("b", b"")]
    message = delivered(
        key=b"\x00", value=b"\xfe", headers=headers, timestamp=(TIMESTAMP_CREATE_TIME, 1_500)
    )
    letter = dead_letter(message, RecordError(Reason.OUT_OF_RANGE, "age", "at most 130"))
    assert (letter.partition, letter.offset) == (2, 9)
    assert (letter.key, letter.payload, letter.headers) == (b"\x00", b"\xfe", headers)
    assert letter.appended_at == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
    assert (letter.reason, letter.field) == ("out_of_range", "age")
    assert letter.error == "age: out_of_range (at most 130)"


def test_what_is_not_there_stays_away() -> None:
    """No key, no payload, no headers, no time: none is made up."""
    message = delivered(timestamp=(TIMESTAMP_NOT_AVAILABLE, 0))
    letter = dead_letter(message, RecordError(Reason.TOMBSTONE))
    assert (letter.key, letter.payload, letter.headers, letter.appended_at) == (
        None,
        None,
        [],
        None,
    )
    assert (letter.field, letter.error) == (None, "tombstone")


@pytest.mark.parametrize("milliseconds", [2**62, -(2**62), 253_402_300_800_000])
def test_a_time_that_no_calendar_has_is_none(milliseconds: int) -> None:
    """A client may claim any 64 bits as its clock."""
    assert time_of(milliseconds) is None
