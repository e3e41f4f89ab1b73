"""Rows in the text form of COPY, rendered as fast as plain Python can."""

import re
from collections.abc import Sequence
from operator import itemgetter

from vitalstream_storage.batch import Accepted

__all__ = ["OBSERVATION_COLUMNS", "STAGE_COLUMNS", "STATE_COLUMNS", "stage"]

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

_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_NULL = "\\N"
_BOOLEAN = {None: _NULL, True: "t", False: "f"}


def stage(rows: Sequence[Accepted], newest: frozenset[int] | set[int]) -> bytes:
    """COPY lines of `STAGE_COLUMNS`, in the order of the admissions' keys.

    That order keeps the indexes' pages at hand, and two writers that meet from locking rows in
    opposite orders.

    Args:
        rows: What to stage.
        newest: Positions in `rows` of those that are their admission's newest.
    """
    lines = [
        (row.decoded.record.admission_id, _line(row, position, position in newest))
        for position, row in enumerate(rows)
    ]
    lines.sort(key=itemgetter(0))
    return "".join([line for _, line in lines]).encode()


def _text(value: str) -> str:
    if _SPECIAL.search(value) is None:
        return value
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], value)


def _line(row: Accepted, position: int, is_newest: bool) -> str:  # noqa: FBT001 - a column's value
    d = row.decoded
    r = d.record
    return (
        f"{_text(r.patient_id)}\t{_text(r.admission_id)}\t{r.timestamp}\t"
        f"{r.admission_timestamp}\t{_text(r.patient_name)}\t{r.age}\t{_text(r.gender)}\t"
        f"{_text(r.department)}\t{_text(r.primary_diagnosis)}\t{r.admission_type}\t"
        f"{_text(r.status)}\t{_text(r.insurance_provider)}\t{r.heart_rate}\t{r.blood_pressure}\t"
        f"{r.temperature_celsius}\t{r.oxygen_saturation}\t{r.respiratory_rate}\t{r.risk_score}\t"
        f"{r.risk_level}\t{_text(r.attending_physician)}\t{_text(r.hospital_location)}\t"
        f"{_BOOLEAN[r.supplemental_oxygen]}\t{r.consciousness or _NULL}\t{r.spo2_scale}\t"
        f"{_NULL if d.news2 is None else d.news2}\t{_BOOLEAN[d.news2_complete]}\t"
        f"{d.systolic}\t{d.diastolic}\t{row.partition}\t{row.offset}\t{position}\t"
        f"{_BOOLEAN[is_newest]}\n"
    )
