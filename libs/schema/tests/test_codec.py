"""What the codec writes, and what it makes of records in the contract."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from vitalstream_schema import codec
from vitalstream_schema.codec import Decoded, Decoder, Reason, RecordError
from vitalstream_schema.record import SEED_FIELDS, Record

Decode = Callable[..., Decoded]


def test_the_record_has_the_specified_fields_in_order(good: dict[str, Any]) -> None:
    """The first 21 fields are the first specification's, in its order; three more are optional."""
    assert tuple(good) == SEED_FIELDS
    assert Record.__struct_fields__[21:] == ("supplemental_oxygen", "consciousness", "spo2_scale")


def test_encode_writes_the_fields_any_consumer_knows(
    decode: Decode, good: dict[str, Any], now: datetime
) -> None:
    """Compact JSON of the 21 fields; UTC with Z; what is optional and unknown is left out."""
    written = codec.encode(decode().record)
    assert json.loads(written) == good
    assert b": " not in written
    assert Decoder().decode(written, codec.HEADERS, now) == decode()


def test_encode_writes_optional_fields_that_are_known(decode: Decode) -> None:
    """Oxygen, consciousness and scale 2 travel with the record."""
    fields = {"supplemental_oxygen": False, "consciousness": "V", "spo2_scale": 2}
    written = json.loads(codec.encode(decode(**fields).record))
    assert {name: written[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
        ("2026-03-01t10:00:00z", "2026-03-01T10:00:00Z"),
        ("2026-03-01T10:00:00", "2026-03-01T10:00:00Z"),
        ("2026-03-01 10:00:00", "2026-03-01T10:00:00Z"),
        ("2026-03-01T15:30:00+05:30", "2026-03-01T10:00:00Z"),
        ("2026-03-01T15:30:00+0530", "2026-03-01T10:00:00Z"),
        ("2026-02-28T23:00:00-11:00", "2026-03-01T10:00:00Z"),
        ("2026-03-01T10:00:00.5Z", "2026-03-01T10:00:00.500000Z"),
        ("2026-03-01T10:00:00.123456789Z", "2026-03-01T10:00:00.123456Z"),
        ("2026-03-01T10:00:00.9999999", "2026-03-01T10:00:00.999999Z"),
        ("2026-03-01T15:29:59.99999999999999+05:30", "2026-03-01T09:59:59.999999Z"),
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00Z"),
        ("2000-01-01T02:00:00+02:00", "2000-01-01T00:00:00Z"),
        ("2026-03-01T12:05:00Z", "2026-03-01T12:05:00Z"),
    ],
)
@pytest.mark.parametrize("field", ["timestamp", "admission_timestamp"])
def test_timestamps_become_utc_microseconds(
    decode: Decode, field: str, sent: str, stored: str
) -> None:
    """No offset is UTC; offsets are converted; past microseconds is cut off, never rounded."""
    value = getattr(decode(**{field: sent}).record, field)
    assert value == datetime.fromisoformat(stored)
    assert value.tzinfo is UTC


def test_escaped_digits_are_cut_off_too(decode: Decode, literally: Callable[..., bytes]) -> None:
    """A timestamp written with JSON escapes is read like any other."""
    payload = literally(timestamp='"2026-03-01T10:00:00\\u002e123456\\u0039Z"')
    assert decode(payload).record.timestamp.microsecond == 123456


@pytest.mark.parametrize(
    ("literal", "stored"),
    [
        ("37.25", 37.3),
        ("37.05", 37.1),
        ("36.95", 37.0),
        ("37.249999", 37.2),
        ("37.24999999999999999999", 37.2),
        ("37.25000000000000000001", 37.3),
        ("37.2", 37.2),
        ("37.29999999999999999999", 37.3),
        ("37", 37.0),
        ("3.725e1", 37.3),
        ("3725E-2", 37.3),
        ("10", 10.0),
        ("50.0", 50.0),
        ("49.96", 50.0),
    ],
)
def test_temperature_is_rounded_half_up_in_decimal(
    decode: Decode, literally: Callable[..., bytes], literal: str, stored: float
) -> None:
    """The literal's own decimal value counts, not its nearest binary float."""
    assert decode(literally(temperature_celsius=literal)).record.temperature_celsius == stored


@pytest.mark.parametrize(("literal", "score"), [("38.04", 0), ("38.05", 1), ("36.45", 0)])
def test_what_is_stored_is_what_is_scored(
    decode: Decode, literally: Callable[..., bytes], literal: str, score: int
) -> None:
    """The temperature is rounded before the risk score looks at it."""
    assert decode(literally(temperature_celsius=literal)).record.risk_score == score


@pytest.mark.parametrize(
    ("sent", "mismatch"),
    [
        ({}, False),
        ({"risk_score": 1}, True),
        ({"risk_level": "Medium"}, True),
        ({"risk_score": -1}, True),
        ({"risk_score": 2**31 - 1}, True),
        ({"heart_rate": 101, "risk_score": 1}, False),
        ({"heart_rate": 101}, True),
    ],
)
def test_risk_is_computed_again(decode: Decode, sent: dict[str, Any], mismatch: bool) -> None:  # noqa: FBT001
    """The stored risk is ours; another one from the sender is told, and drops nothing."""
    decoded = decode(**sent)
    assert decoded.risk_mismatch == mismatch
    assert decoded.record.risk_score == (1 if "heart_rate" in sent else 0)
    assert decoded.record.risk_level == "Low"


@pytest.mark.parametrize(
    ("sent", "total", "complete"),
    [
        ({}, 0, False),
        ({"supplemental_oxygen": True}, 2, False),
        ({"consciousness": "C"}, 3, False),
        ({"supplemental_oxygen": False, "consciousness": "A"}, 0, True),
        ({"supplemental_oxygen": True, "consciousness": "U", "heart_rate": 131}, 8, True),
        ({"supplemental_oxygen": True, "consciousness": "A", "spo2_scale": 2}, 5, True),
        ({"supplemental_oxygen": None, "consciousness": None, "spo2_scale": 1}, 0, False),
        ({"age": 16}, 0, False),
        ({"age": 15, "consciousness": "U", "supplemental_oxygen": True}, None, False),
    ],
)
def test_news2_comes_with_the_record(
    decode: Decode,
    sent: dict[str, Any],
    total: int | None,
    complete: bool,  # noqa: FBT001
) -> None:
    """Total and completeness by the chart; none under 16 years, to whom it does not apply."""
    decoded = decode(**sent)
    assert (decoded.news2, decoded.news2_complete) == (total, complete)


@pytest.mark.parametrize(
    ("sent", "pressures"),
    [("120/80", (120, 80)), ("0/0", (0, 0)), ("400/300", (400, 300)), ("098/065", (98, 65))],
)
def test_blood_pressure_is_taken_apart(
    decode: Decode, sent: str, pressures: tuple[int, int]
) -> None:
    """Systolic and diastolic are numbers; the text is kept as it was sent."""
    decoded = decode(blood_pressure=sent)
    assert (decoded.systolic, decoded.diastolic) == pressures
    assert decoded.record.blood_pressure == sent


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({}, 0),
        ({"supplemental_oxygen": None, "consciousness": None, "spo2_scale": 1}, 0),
        ({"ward": "7"}, 1),
        ({"ward": {"name": "7", "beds": [1, 2]}, "nurse": 'a "quoted" name'}, 2),
        ({"patient_name": 'Ann "Annie" Li'}, 0),
        ({"patient_name": 'Ann ":" Li', "ward": None}, 1),
    ],
)
def test_unknown_fields_are_ignored_and_counted(
    decode: Decode, changes: dict[str, Any], unknown: int
) -> None:
    """The count is exact whatever quotes and colons the texts hold."""
    assert decode(**changes).unknown_fields == unknown


def test_white_space_does_not_change_the_count(decode: Decode, good: dict[str, Any]) -> None:
    """A pretty-printed record with a spaced colon is the same record."""
    payload = json.dumps(good, indent=2, separators=(" ,", " : ")).encode()
    assert decode(payload) == decode()
    payload = json.dumps(good | {"ward": 7}, separators=(",\n", "\t:\n")).encode()
    assert decode(payload) == msgspec.structs.replace(decode(), unknown_fields=1)


def test_of_duplicate_keys_the_last_wins(decode: Decode, literally: Callable[..., bytes]) -> None:
    """Even where an earlier one alone would be refused."""
    payload = literally()
    for earlier in (b'{"age":45,', b'{"age":"old",', b'{"age":999,', b'{"\\u0061ge":null,'):
        assert decode(payload.replace(b"{", earlier, 1)) == decode()


@pytest.mark.parametrize("literal", ["88.0", "8.8e1", "880E-1", "88.000000000000000000000"])
def test_a_whole_number_may_be_written_with_a_point(
    decode: Decode, literally: Callable[..., bytes], literal: str
) -> None:
    """72.0 is an integer, as JSON Schema has it."""
    assert decode(literally(heart_rate=literal)) == decode()


def test_a_byte_order_mark_is_read_over(decode: Decode, literally: Callable[..., bytes]) -> None:
    """A UTF-8 BOM before the object changes nothing."""
    assert decode(b"\xef\xbb\xbf" + literally()) == decode()


def test_text_at_the_width_of_its_column_is_kept(decode: Decode) -> None:
    """Lengths are counted in characters, as PostgreSQL counts them."""
    name = "😀" * 200
    assert decode(patient_name=name).record.patient_name == name


@pytest.mark.parametrize(
    "text", ["\t", "\n", "\\", "\\N", "\\.", "a\tb\\nc\r\n", "", "\x7f", "'--"]
)
def test_text_that_means_something_to_copy_is_only_text(decode: Decode, text: str) -> None:
    """Tab, newline, backslash and the like arrive as they were sent."""
    assert decode(attending_physician=text).record.attending_physician == text


def test_a_lone_surrogate_in_an_unknown_field_is_ignored_with_it(decode: Decode) -> None:
    """What nobody stores cannot make a record unstorable."""
    assert decode(ward="\ud800") == msgspec.structs.replace(decode(), unknown_fields=1)


@pytest.mark.parametrize(
    "headers",
    [
        None,
        [],
        codec.HEADERS,
        [("traceparent", b"00-4bf9"), ("schema-version", b"1")],
        [("schema-version", b"2"), ("schema-version", b"1")],
        [("other", None)],
    ],
)
def test_headers_that_are_fine(
    good: dict[str, Any], now: datetime, headers: Sequence[tuple[str, bytes | None]] | None
) -> None:
    """None at all, others, ours; of a repeated one the last counts."""
    assert Decoder().decode(json.dumps(good).encode(), headers, now).systolic == 120


@pytest.mark.parametrize("version", [b"2", b"", b"one", b"\xff", b"1.0", b" 1", None])
def test_another_schema_version_is_refused(
    good: dict[str, Any], now: datetime, version: bytes | None
) -> None:
    """A version that is not 1, or cannot be read, is not guessed at."""
    headers = [("schema-version", b"1"), ("schema-version", version)]
    with pytest.raises(RecordError) as caught:
        Decoder().decode(json.dumps(good).encode(), headers, now)
    assert (caught.value.reason, caught.value.field) == (Reason.UNKNOWN_SCHEMA_VERSION, None)


def test_how_far_ahead_is_a_setting(good: dict[str, Any], now: datetime) -> None:
    """The bound is the consumer's clock plus what it was told to allow."""
    payload = json.dumps(good | {"timestamp": "2026-03-01T12:00:30Z"}).encode()
    assert Decoder(timedelta(seconds=30)).decode(payload, None, now).record.timestamp > now
    with pytest.raises(RecordError, match="timestamp_out_of_range"):
        Decoder(timedelta(seconds=29)).decode(payload, None, now)
