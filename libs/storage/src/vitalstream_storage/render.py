"""Rows in a form of COPY that msgspec writes: its JSON arrays, as CSV."""

import re
from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Final

import msgspec
from msgspec.structs import astuple

from vitalstream_storage.batch import Accepted

__all__ = ["FORMAT", "OBSERVATION_COLUMNS", "STAGE_COLUMNS", "STATE_COLUMNS", "stage"]

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
"""Of `stage`: a JSON array without its brackets, where strings, and no null, are in quotes."""

_ADMISSION_ID: Final = itemgetter(1)
_encode_lines: Final = msgspec.json.Encoder().encode_lines
_ESCAPE: Final = re.compile(rb"\\(?:u00([01][0-9a-f])|([bfnrt])|.)")
_CONTROLS: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def stage(rows: Sequence[Accepted], newest: Collection[int]) -> bytes:
    """COPY lines of `STAGE_COLUMNS`, in the order of the admissions' keys.

    That order keeps the indexes' pages at hand, and two writers that meet from locking rows in
    opposite orders.

    Args:
        rows: What to stage.
        newest: Positions in `rows` of those that are their admission's newest.
    """
    lines = [
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
        for position, (decoded, partition, offset, _) in enumerate(rows)
    ]
    lines.sort(key=_ADMISSION_ID)
    # JSON has no bare line break, so that a line begins only where an array does.
    text = _encode_lines(lines)[1:-2].replace(b"]\n[", b"\n")
    return _ESCAPE.sub(_unescaped, text) if b"\\" in text else text


def _unescaped(found: re.Match[bytes]) -> bytes:
    """What JSON escapes and CSV has as it is; both escape the quote and the escape itself."""
    code, letter = found.groups()
    if code is not None:
        return bytes.fromhex(code.decode())
    return found[0] if letter is None else _CONTROLS[letter]
