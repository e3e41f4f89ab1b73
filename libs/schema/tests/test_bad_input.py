"""What is not in the contract is refused with a reason and, where there is one, the field."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from vitalstream_schema.codec import Decoder, Reason, RecordError
from vitalstream_schema.record import SEED_FIELDS

Refused = Callable[..., RecordError]
Literally = Callable[..., bytes]
WIDTHS = {
    "patient_id": 50,
    "admission_id": 50,
    "patient_name": 200,
    "gender": 20,
    "department": 100,
    "primary_diagnosis": 200,
    "status": 50,
    "insurance_provider": 100,
    "attending_physician": 200,
    "hospital_location": 200,
}
RANGES = {
    "age": (0, 130),
    "heart_rate": (0, 300),
    "oxygen_saturation": (0, 100),
    "respiratory_rate": (0, 70),
    "temperature_celsius": (10, 50),
    "risk_score": (-(2**31), 2**31 - 1),
}
CODES = ("admission_type", "risk_level", "consciousness", "spo2_scale")
TIMESTAMPS = ("timestamp", "admission_timestamp")


def verdict(error: RecordError) -> tuple[Reason, str | None]:
    """Reason and field of an error."""
    return error.reason, error.field


def test_a_tombstone_is_no_record(now: datetime) -> None:
    """A null value has a reason of its own."""
    with pytest.raises(RecordError) as caught:
        Decoder().decode(None, None, now)
    assert verdict(caught.value) == (Reason.TOMBSTONE, None)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b" ", Reason.NOT_JSON),
        (b"hello", Reason.NOT_JSON),
        (b"{", Reason.NOT_JSON),
        (b"{'age': 4}", Reason.NOT_JSON),
        (b'{"age": 44,}', Reason.NOT_JSON),
        (b'{"age": 044}', Reason.NOT_JSON),
        (b'{"patient_name": "a\tb"}', Reason.NOT_JSON),
        (b'{"patient_name": "a\x00b"}', Reason.NOT_JSON),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", Reason.NOT_JSON),
        (b"\x00\x00\x00\x00\x01\x18abc", Reason.NOT_JSON),
        ("{}".encode("utf-16"), Reason.NOT_UTF8),
        (b"\xff", Reason.NOT_UTF8),
        (b'["\xff"]', Reason.NOT_UTF8),
        (b"[]", Reason.NOT_AN_OBJECT),
        (b"null", Reason.NOT_AN_OBJECT),
        (b'"text"', Reason.NOT_AN_OBJECT),
        (b"12", Reason.NOT_AN_OBJECT),
        (b"[" * 100_000, Reason.TOO_DEEP),
        (b"[" * 100_000 + b"]" * 100_000, Reason.TOO_DEEP),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, Reason.TOO_DEEP),
        (b'{"a":"\\"' * 500 + b"]" * 500, Reason.NOT_JSON),
    ],
)
def test_a_payload_that_is_no_object(refused: Refused, payload: bytes, reason: Reason) -> None:
    """Not text, not JSON, not an object, a bomb of brackets: the payload as a whole is at fault."""
    assert verdict(refused(payload)) == (reason, None)


def test_text_after_the_object(refused: Refused, literally: Literally) -> None:
    """A second document behind the first makes the payload no JSON."""
    assert verdict(refused(literally() + b"{}")) == (Reason.NOT_JSON, None)


@pytest.mark.parametrize(("depth", "fine"), [(62, True), (63, True), (64, False)])
def test_depth_is_a_number_and_not_a_stack(
    decode: Callable[..., Any],
    refused: Refused,
    literally: Literally,
    depth: int,
    fine: bool,  # noqa: FBT001
) -> None:
    """64 levels, the object itself included, for any field; brackets in texts do not count."""
    bomb = f'{"[" * depth}"{"[{" * 99}"{"]" * depth}'
    payload = literally(extra=bomb)
    if fine:
        assert decode(payload).unknown_fields == 1
    else:
        assert verdict(refused(payload)) == (Reason.TOO_DEEP, None)


@pytest.mark.parametrize("field", SEED_FIELDS)
def test_each_of_the_21_fields_is_required(refused: Refused, field: str) -> None:
    """A field left out is named."""
    assert verdict(refused(**{field: ...})) == (Reason.MISSING_FIELD, field)


NO_TEXT: tuple[object, ...] = (None, True, 1, 36.6, [], {})
NO_INTEGER: tuple[object, ...] = (None, True, "1", "", [], {}, 36.6)
WRONG_TYPES: dict[str, tuple[object, ...]] = {
    **dict.fromkeys((*WIDTHS, *TIMESTAMPS, "blood_pressure"), NO_TEXT),
    **dict.fromkeys(("admission_type", "risk_level"), NO_TEXT),
    **dict.fromkeys((*RANGES, "spo2_scale"), NO_INTEGER),
    "temperature_celsius": (None, True, "37.0", [], {}),
    "supplemental_oxygen": (0, 1, "true", [], {}),
    "consciousness": (True, 1, [], {}),
}


@pytest.mark.parametrize("field", WRONG_TYPES)
def test_a_wrong_type_is_named(refused: Refused, field: str) -> None:
    """Every field refuses what is of another JSON type; a boolean is no number, "1" is no 1."""
    for value in WRONG_TYPES[field]:
        assert verdict(refused(**{field: value})) == (Reason.WRONG_TYPE, field), value


@pytest.mark.parametrize("field", RANGES)
def test_numbers_out_of_the_contract_are_named(
    decode: Callable[..., Any], refused: Refused, literally: Literally, field: str
) -> None:
    """The ends of a range are in it, the next step is not, nor is anything absurd."""
    least, most = RANGES[field]
    step = 0.01 if field == "temperature_celsius" else 1
    for end in (least, most):
        decode(**{field: end})
    for value in (least - step, most + step):
        assert verdict(refused(**{field: value})) == (Reason.OUT_OF_RANGE, field)
    for literal in ("1e400", "-1e400", "9" * 19, "-" + "9" * 5000, "1e999999999", "1" + "0" * 400):
        error = refused(literally(**{field: literal}))
        assert verdict(error) == (Reason.OUT_OF_RANGE, field), literal


@pytest.mark.parametrize("literal", ["1e-400", "72.5", "7205e-2", "1e99999999999999999999"])
@pytest.mark.parametrize("field", [f for f in RANGES if f != "temperature_celsius"])
def test_a_fraction_is_no_integer(
    refused: Refused, literally: Literally, field: str, literal: str
) -> None:
    """A number that is not whole, or past any reading, is of the wrong type."""
    assert verdict(refused(literally(**{field: literal}))) == (Reason.WRONG_TYPE, field)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("field", ["heart_rate", "temperature_celsius", "patient_name"])
def test_what_is_not_finite_is_named(
    refused: Refused, literally: Literally, field: str, literal: str
) -> None:
    """NaN and the infinities, which are no JSON, still tell the field they stand in."""
    assert verdict(refused(literally(**{field: literal}))) == (Reason.NOT_FINITE, field)


def test_what_is_not_finite_elsewhere(refused: Refused, literally: Literally) -> None:
    """In an unknown field it still makes the payload no JSON; a foreign name is not repeated."""
    assert verdict(refused(literally(lactate="[NaN]"))) == (Reason.NOT_FINITE, None)


@pytest.mark.parametrize("field", WIDTHS)
def test_text_longer_than_its_column_is_named(
    decode: Callable[..., Any], refused: Refused, field: str
) -> None:
    """The column's width fits, one character more does not, nor a megabyte."""
    width = WIDTHS[field]
    decode(**{field: "é" * width})
    for length in (width + 1, 1_000_000):
        assert verdict(refused(**{field: "é" * length})) == (Reason.TOO_LONG, field)


@pytest.mark.parametrize("field", ["patient_id", "admission_id"])
def test_an_empty_id_is_named(refused: Refused, field: str) -> None:
    """Without an id there is no patient and no admission."""
    assert verdict(refused(**{field: ""})) == (Reason.EMPTY, field)


HIGH, LOW = chr(0xD83D), chr(0xDE00)


@pytest.mark.parametrize(
    "text", ["\x00", "a\x00b", HIGH, f"a{LOW}b", LOW + HIGH, HIGH + HIGH + LOW, chr(0xDC80)]
)
@pytest.mark.parametrize("field", WIDTHS)
def test_text_that_cannot_be_stored_is_named(refused: Refused, field: str, text: str) -> None:
    """NUL and lone surrogates are legal JSON and impossible in PostgreSQL."""
    assert verdict(refused(**{field: text})) == (Reason.BAD_TEXT, field)


@pytest.mark.parametrize("wrong", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"])
@pytest.mark.parametrize("field", ["patient_name", "hospital_location", "timestamp"])
def test_invalid_utf8_is_named(
    refused: Refused, literally: Literally, field: str, wrong: bytes
) -> None:
    """Bytes that are no UTF-8 (overlong forms and surrogates included) tell their field."""
    payload = literally(**{field: '"MARK"'}).replace(b"MARK", b"Jos" + wrong)
    assert verdict(refused(payload)) == (Reason.NOT_UTF8, field)


def test_invalid_utf8_elsewhere(refused: Refused, literally: Literally) -> None:
    """In an unknown field or in a name it is refused too: the event is UTF-8."""
    for extra in (b'{"ward":"\xe9",', b'{"\xe9":1,'):
        payload = literally().replace(b"{", extra, 1)
        assert verdict(refused(payload)) == (Reason.NOT_UTF8, None)


@pytest.mark.parametrize("field", CODES)
def test_an_unknown_code_is_named(refused: Refused, field: str) -> None:
    """A value that is not on the list is neither stored nor guessed at."""
    for value in (0, 3, -1) if field == "spo2_scale" else ("", "X", "low", "emergency", "AC"):
        assert verdict(refused(**{field: value})) == (Reason.UNKNOWN_VALUE, field)


def test_a_megabyte_that_is_ignored_is_no_obstacle(decode: Callable[..., Any]) -> None:
    """A large unknown field is skipped, a large known one was refused above."""
    assert decode(attachment="x" * 1_000_000).unknown_fields == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"patient_name": "SECRET" * 60},
        {"admission_type": "SECRET"},
        {"admission_type": "SECRET", "age": ...},
        {"consciousness": "SECRET"},
        {"timestamp": "SECRET"},
        {"blood_pressure": "SECRET"},
        {"heart_rate": "SECRET"},
        {"heart_rate": ["SECRET"]},
        {"SECRET": "\udc80", "age": -1},
        {"patient_id": "SECRET\x00"},
    ],
)
def test_an_error_never_repeats_the_record(refused: Refused, changes: dict[str, Any]) -> None:
    """Its one line is made of the contract's own words, and no other exception is chained."""
    error = refused(**changes)
    assert "SECRET" not in f"{error} {error.args} {vars(error)}"
    assert "\n" not in str(error)
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize("payload", [b'{"patient_name": "SECRET"', b'{"patient_name": "\xff"}'])
def test_what_cannot_be_parsed_is_not_repeated_either(refused: Refused, payload: bytes) -> None:
    """The errors of the parsers carry the document, so they are not chained."""
    error = refused(payload)
    assert "SECRET" not in str(error)
    assert error.__cause__ is error.__context__ is None


def test_reasons_are_plain_words() -> None:
    """They are stored and used as labels: lower case, unique, stable."""
    assert [reason.value for reason in Reason] == [reason.name.lower() for reason in Reason]
