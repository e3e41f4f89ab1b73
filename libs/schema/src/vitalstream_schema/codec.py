"""Bytes of the topic to records and back."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from vitalstream_schema import exact, news2, risk
from vitalstream_schema.errors import Reason, RecordError
from vitalstream_schema.record import DIASTOLIC_RANGE, SYSTOLIC_RANGE, Record

__all__ = ["HEADERS", "SCHEMA_VERSION", "Decoded", "Decoder", "Reason", "RecordError", "encode"]

SCHEMA_VERSION: Final = 1
VERSION_HEADER: Final = "schema-version"
HEADERS: Final[list[tuple[str, bytes]]] = [(VERSION_HEADER, str(SCHEMA_VERSION).encode())]
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)

_encode = msgspec.json.Encoder().encode


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """An accepted record, normalised, with what was computed from it.

    Attributes:
        record: As it is stored: UTC, microseconds, temperature in tenths, risk computed again.
        systolic: mmHg.
        diastolic: mmHg.
        news2: The NEWS2 total; None under 16 years, to whom NEWS2 does not apply.
        news2_complete: False where the total is a lower bound, or there is none.
        unknown_fields: How many fields the contract does not know.
        risk_mismatch: Whether the sender's risk score or level was another one.
    """

    record: Record
    systolic: int
    diastolic: int
    news2: int | None
    news2_complete: bool
    unknown_fields: int
    risk_mismatch: bool


def encode(record: Record) -> bytes:
    """Write a record as compact JSON; optional fields that have their default are left out.

    What is in the record is not checked again: its timestamps are aware and in UTC.
    """
    return _encode(record)


class Decoder:
    """Decodes and judges what arrives.

    Args:
        max_ahead: How far a record's timestamps may be ahead of the clock.
    """

    def __init__(self, max_ahead: timedelta = timedelta(minutes=5)) -> None:
        self._max_ahead = max_ahead

    def latest(self, now: datetime) -> datetime:
        """The last instant that a timestamp may say at that time of the consumer's clock."""
        return now + self._max_ahead

    def decode(
        self,
        payload: bytes | None,
        headers: Sequence[tuple[str, bytes | None]] | None,
        now: datetime,
    ) -> Decoded:
        """Decode one record and compute its scores.

        Args:
            payload: The Kafka record's value.
            headers: Its headers; of a repeated one the last counts, none at all is fine.
            now: The consumer's clock, with an offset.

        Raises:
            RecordError: The record is not in the contract.
        """
        if payload is None:
            raise RecordError(Reason.TOMBSTONE)
        if headers:
            _check_version(headers)
        record, unknown_fields = _read(payload)
        latest = self.latest(now)
        timestamp = _utc("timestamp", record.timestamp, latest)
        admitted = _utc("admission_timestamp", record.admission_timestamp, latest)
        systolic, diastolic = pressures(record.blood_pressure)
        score = risk.score(
            record.heart_rate,
            systolic,
            record.temperature_celsius,
            record.oxygen_saturation,
            record.respiratory_rate,
        )
        level = risk.level(score)
        mismatch = score != record.risk_score or level != record.risk_level
        if (
            mismatch
            or timestamp is not record.timestamp
            or admitted is not record.admission_timestamp
        ):
            record = msgspec.structs.replace(
                record,
                timestamp=timestamp,
                admission_timestamp=admitted,
                risk_score=score,
                risk_level=level,
            )
        total, complete = _news2(record, systolic)
        return Decoded(record, systolic, diastolic, total, complete, unknown_fields, mismatch)


decode_record = msgspec.json.Decoder(Record).decode
_decode_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_timestamp = msgspec.json.Decoder(datetime).decode
PAST_MICROSECONDS = re.compile(rb"(\.[0-9]{6})[0-9]+")
ESCAPED_NUL_POINT_OR_DIGIT = re.compile(rb"\\u00(?:00|2[eE]|3[0-9])")
_BACKSLASH = ord("\\")
QUOTES_OF_REQUIRED_FIELDS = 72  # two for each of 21 names and 15 strings


def _read(payload: bytes) -> tuple[Record, int]:
    """Decode with msgspec what it reads as the contract has it, and the rest exactly.

    msgspec admits NUL, rounds past microseconds and keeps every digit of a temperature.
    """
    exact.check_depth(payload)
    try:
        if not payload.isascii():
            payload.decode()
        record = decode_record(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        record = None
    # Out of the handler, since those exceptions quote the payload and would be chained.
    if record is None or (_BACKSLASH in payload and ESCAPED_NUL_POINT_OR_DIGIT.search(payload)):
        return exact.read(payload)
    temperature = record.temperature_celsius
    if (
        payload.count(b'"') != quotes(record)
        or PAST_MICROSECONDS.search(payload)
        or round(temperature * 10) / 10 != temperature
    ):
        return _refined(payload, record)
    return record, 0


def _refined(payload: bytes, record: Record) -> tuple[Record, int]:
    """Take from the text what msgspec's record has lost of it; and count the unknown fields."""
    raw = _decode_raw(payload)
    record = msgspec.structs.replace(
        record,
        timestamp=_truncated(raw["timestamp"]),
        admission_timestamp=_truncated(raw["admission_timestamp"]),
        temperature_celsius=exact.tenths(Decimal(str(raw["temperature_celsius"], "ascii"))),
    )
    return record, len(raw.keys() - exact.NAMES)


def _truncated(literal: msgspec.Raw) -> datetime:
    return _decode_timestamp(PAST_MICROSECONDS.sub(rb"\1", bytes(literal)))


def quotes(record: Record) -> int:
    """Count the quotes of a payload that has the contract's fields, each once, and no others.

    Every other key, and every escaped quote, makes it more.
    """
    quotes = QUOTES_OF_REQUIRED_FIELDS
    if record.supplemental_oxygen is not None:
        quotes += 2
    if record.consciousness is not None:
        quotes += 4
    if record.spo2_scale != 1:
        quotes += 2
    return quotes


def _check_version(headers: Sequence[tuple[str, bytes | None]]) -> None:
    version: bytes | None = HEADERS[0][1]
    for name, value in headers:
        if name == VERSION_HEADER:
            version = value
    if version != HEADERS[0][1]:
        raise RecordError(Reason.UNKNOWN_SCHEMA_VERSION)


def _utc(field: str, value: datetime, latest: datetime) -> datetime:
    """Convert to UTC what lies between the year 2000 and ``latest``."""
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    # Compared first: the conversion of year 1 or 9999 may leave what datetime can hold.
    if not EARLIEST <= value <= latest:
        raise RecordError(
            Reason.TIMESTAMP_OUT_OF_RANGE, field, "before 2000 or ahead of the consumer's clock"
        )
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def pressures(text: str) -> tuple[int, int]:
    """Split "systolic/diastolic", whose form the record has checked."""
    first, _, second = text.partition("/")
    systolic, diastolic = int(first), int(second)
    if systolic > SYSTOLIC_RANGE[1] or diastolic > DIASTOLIC_RANGE[1]:
        raise RecordError(Reason.OUT_OF_RANGE, "blood_pressure", "0-400 over 0-300")
    if systolic < diastolic:
        raise RecordError(Reason.BAD_BLOOD_PRESSURE, "blood_pressure", "systolic below diastolic")
    return systolic, diastolic


def _news2(record: Record, systolic: int) -> tuple[int | None, bool]:
    if record.age < news2.MINIMUM_AGE:
        return None, False
    total = news2.total(
        record.respiratory_rate,
        record.oxygen_saturation,
        systolic,
        record.heart_rate,
        record.temperature_celsius,
        record.supplemental_oxygen,
        record.consciousness,
        record.spo2_scale,
    )
    return total, record.supplemental_oxygen is not None and record.consciousness is not None
