"""Timestamps and blood pressures that cannot be read, or cannot be true."""

from collections.abc import Callable

import pytest

from vitalstream_schema.codec import Reason, RecordError

Refused = Callable[..., RecordError]
TIMESTAMPS = ("timestamp", "admission_timestamp")


def verdict(error: RecordError) -> tuple[Reason, str | None]:
    """Reason and field of an error."""
    return error.reason, error.field


@pytest.mark.parametrize("field", TIMESTAMPS)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1772366399",
        "2026-03-01",
        "2026-03-01T10:00",
        "2026-03-01T10",
        "20260301T100000Z",
        "2026-W09-7T10:00:00Z",
        "2026-02-29T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "2026-03-01T24:00:00Z",
        "2016-12-31T23:59:60Z",
        "2026-03-01T10:00:00+05",
        "2026-03-01T10:00:00+24:00",
        "2026-03-01T10:00:00,5Z",
        "2026-03-01T10:00:00.Z",
        " 2026-03-01T10:00:00Z",
        "2026-03-01T10:00:00Z ",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "٢٠٢٦-03-01T10:00:00Z",
    ],
)
def test_a_timestamp_that_cannot_be_read_is_named(refused: Refused, field: str, text: str) -> None:
    """Not a date with a time, no such day, no such second (a leap second included)."""
    assert verdict(refused(**{field: text})) == (Reason.BAD_TIMESTAMP, field)


@pytest.mark.parametrize("field", TIMESTAMPS)
@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00+05:00",
        "1970-01-01T00:00:00Z",
        "1999-12-31T23:59:59.999999999Z",
        "2000-01-01T00:00:00+00:01",
        "2026-03-01T12:05:00.000001Z",
        "2026-03-01T12:05:00-00:01",
        "2038-01-19T03:14:07Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-05:00",
        "9999-12-31T23:59:59.9999999Z",
    ],
)
def test_an_absurd_or_future_timestamp_is_named(refused: Refused, field: str, text: str) -> None:
    """Before 2000, or more than five minutes ahead of the consumer's clock."""
    assert verdict(refused(**{field: text})) == (Reason.TIMESTAMP_OUT_OF_RANGE, field)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("120", Reason.BAD_BLOOD_PRESSURE),
        ("abc/80", Reason.BAD_BLOOD_PRESSURE),
        ("80/120", Reason.BAD_BLOOD_PRESSURE),
        ("", Reason.BAD_BLOOD_PRESSURE),
        ("/", Reason.BAD_BLOOD_PRESSURE),
        ("120/", Reason.BAD_BLOOD_PRESSURE),
        ("120/80/60", Reason.BAD_BLOOD_PRESSURE),
        ("120 / 80", Reason.BAD_BLOOD_PRESSURE),
        ("120/80\n", Reason.BAD_BLOOD_PRESSURE),
        ("-120/80", Reason.BAD_BLOOD_PRESSURE),
        ("120.5/80", Reason.BAD_BLOOD_PRESSURE),
        ("1200/80", Reason.BAD_BLOOD_PRESSURE),
        ("١٢٠/٨٠", Reason.BAD_BLOOD_PRESSURE),
        ("401/80", Reason.OUT_OF_RANGE),
        ("350/301", Reason.OUT_OF_RANGE),
        ("120/80" + " " * 15, Reason.TOO_LONG),
        ("120/80\x00", Reason.BAD_TEXT),
    ],
)
def test_a_blood_pressure_that_is_none_is_named(
    refused: Refused, text: str, reason: Reason
) -> None:
    """Two whole numbers in their ranges, the systolic not below the diastolic."""
    assert verdict(refused(blood_pressure=text)) == (reason, "blood_pressure")
