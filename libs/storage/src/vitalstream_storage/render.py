"""Rows in a form of COPY that msgspec writes: its JSON arrays, as CSV."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import astuple

from vitalstream_storage.batch import Accepted

__all__ = [
    "FORMAT",
    "OBSERVATION_COLUMNS",
    "STAGE_COLUMNS",
    "STATE_COLUMNS",
    "observations",
    "stage",
    "states",
]

# The record's fields in its order, and what is computed from it.
STATE_COLUMNS = (
    "patient_id, admission_id, timestamp, admission_timestamp, patient_name, age, gender, "
    "department, primary_diagnosis, admission_type, status, insurance_provider, heart_rate, "
    "blood_pressure, temperature_celsius, oxygen_saturation, respiratory_rate, risk_score, "
    "risk_level, attending_physician, hospital_location, supplemental_oxygen, consciousness, "
    "spo2_scale, news2, news2_complete"
)
# observed_at is not among them: the staging table has it as `timestamp`.
OBSERVATION_COLUMNS = (
    "admission_id, patient_id, department, heart_rate, systolic, diastolic, "
    "temperature_celsius, oxygen_saturation, respiratory_rate, supplemental_oxygen, "
    "consciousness, spo2_scale, risk_score, news2, news2_complete, kafka_partition, kafka_offset"
)
STAGE_COLUMNS = (
    f"{STATE_COLUMNS}, systolic, diastolic, kafka_partition, kafka_offset, position, is_newest"
)
FORMAT: Final = r"FORMAT csv, ESCAPE '\', NULL 'null'"
"""Of all lines: a JSON array without its brackets, where strings, and no null, are in quotes."""

_T = TypeVar("_T")
_PIECE: Final = 500
"""Lines of a piece."""
_ADMISSION_ID: Final = attrgetter("decoded.record.admission_id")
_OF_RECORD: Final = attrgetter(
    "timestamp", "admission_id", "patient_id", "department", "heart_rate"
)
_SIGNS: Final = attrgetter(
    "temperature_celsius",
    "oxygen_saturation",
    "respiratory_rate",
    "supplemental_oxygen",
    "consciousness",
    "spo2_scale",
    "risk_score",
)
_encode_lines: Final = msgspec.json.Encoder().encode_lines
_ESCAPE: Final = re.compile(rb"\\(?:u00([01][0-9a-f])|([bfnrt])|.)")
_CONTROLS: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def stage(rows: Sequence[Accepted], newest: Collection[int]) -> Iterator[bytes]:
    """COPY lines of `STAGE_COLUMNS`, in the order of the admissions' keys.

    That order keeps the indexes' pages at hand, and two writers that meet from locking rows in
    opposite orders. They come in pieces that a processor's cache holds, so that PostgreSQL works
    on one while the next is made.

    Args:
        rows: What to stage.
        newest: Positions in `rows` of those that are their admission's newest.
    """
    in_order = sorted(range(len(rows)), key=[*map(_ADMISSION_ID, rows)].__getitem__)
    return _pieces(
        in_order,
        lambda piece: [
            (
                *astuple(decoded.record),
                decoded.news2,
                decoded.news2_complete,
                decoded.systolic,
                decoded.diastolic,
                partition,
                offset,
                position,
                position in newest,
            )
            for position in piece
            for decoded, partition, offset, _ in [rows[position]]
        ],
    )


def states(rows: Sequence[Accepted], newest: Collection[int]) -> Iterator[bytes]:
    """COPY lines of `STATE_COLUMNS` and seen_about for these positions (one or more)."""
    chosen = sorted([rows[position] for position in newest], key=_ADMISSION_ID)
    stamps = [decoded.record.timestamp for decoded, *_ in chosen]
    first, last = seen_about(min(stamps)), seen_about(max(stamps))
    return _pieces(
        chosen,
        lambda piece: [
            (
                *astuple(decoded.record),
                decoded.news2,
                decoded.news2_complete,
                # Nearly always the same for all.
                first if first == last else seen_about(decoded.record.timestamp),
            )
            for decoded, *_ in piece
        ],
    )


def observations(rows: Sequence[Accepted]) -> Iterator[bytes]:
    """COPY lines of observed_at and `OBSERVATION_COLUMNS`; as `stage`."""
    return _pieces(
        sorted(rows, key=_ADMISSION_ID),
        lambda piece: [
            (
                *_OF_RECORD(decoded.record),
                decoded.systolic,
                decoded.diastolic,
                *_SIGNS(decoded.record),
                decoded.news2,
                decoded.news2_complete,
                partition,
                offset,
            )
            for decoded, partition, offset, _ in piece
        ],
    )


def seen_about(timestamp: datetime) -> datetime:
    """The quarter of a day, in UTC, that a timestamp lies in (0007_watch.sql)."""
    return timestamp.replace(hour=timestamp.hour // 6 * 6, minute=0, second=0, microsecond=0)


def _pieces(
    in_order: Sequence[_T], lines: Callable[[Sequence[_T]], Sequence[tuple[Any, ...]]]
) -> Iterator[bytes]:
    """What `lines` makes of so many at a time (a generator of lines takes a tenth longer)."""
    for start in range(0, len(in_order), _PIECE):
        # JSON has no bare line break, so that a line begins only where an array does.
        text = _encode_lines(lines(in_order[start : start + _PIECE]))[1:-2]
        text = text.replace(b"]\n[", b"\n") + b"\n"
        yield _ESCAPE.sub(_unescaped, text) if b"\\" in text else text


def _unescaped(found: re.Match[bytes]) -> bytes:
    """What JSON escapes and CSV has as it is; both escape the quote and the escape itself."""
    code, letter = found.groups()
    if code is not None:
        return bytes.fromhex(code.decode())
    return found[0] if letter is None else _CONTROLS[letter]
