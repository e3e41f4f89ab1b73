"""Rows in the text form of COPY, rendered as fast as plain Python can."""

import re
from collections.abc import Iterable

from vitalstream_storage.batch import Accepted

__all__ = ["OBSERVATION_COLUMNS", "STATE_COLUMNS", "observations", "states"]

OBSERVATION_COLUMNS = (
    "admission_id, patient_id, observed_at, department, heart_rate, systolic, diastolic, "
    "temperature_celsius, oxygen_saturation, respiratory_rate, supplemental_oxygen, "
    "consciousness, spo2_scale, risk_score, news2, news2_complete, kafka_partition, kafka_offset"
)
STATE_COLUMNS = (
    "patient_id, admission_id, timestamp, admission_timestamp, patient_name, age, gender, "
    "department, primary_diagnosis, admission_type, status, insurance_provider, heart_rate, "
    "blood_pressure, temperature_celsius, oxygen_saturation, respiratory_rate, risk_score, "
    "risk_level, attending_physician, hospital_location, supplemental_oxygen, consciousness, "
    "spo2_scale, news2, news2_complete"
)

_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_NULL = "\\N"
_BOOLEAN = {None: _NULL, True: "t", False: "f"}


def _text(value: str) -> str:
    if _SPECIAL.search(value) is None:
        return value
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], value)


def observations(rows: Iterable[Accepted]) -> bytes:
    """COPY lines of `OBSERVATION_COLUMNS`."""
    return "".join(map(observation, rows)).encode()


def states(rows: Iterable[Accepted]) -> bytes:
    """COPY lines of `STATE_COLUMNS`."""
    return "".join(map(_state, rows)).encode()


def observation(row: Accepted) -> str:
    """One COPY line of `OBSERVATION_COLUMNS`."""
    d = row.decoded
    r = d.record
    return (
        f"{_text(r.admission_id)}\t{_text(r.patient_id)}\t{r.timestamp}\t{_text(r.department)}\t"
        f"{r.heart_rate}\t{d.systolic}\t{d.diastolic}\t{r.temperature_celsius}\t"
        f"{r.oxygen_saturation}\t{r.respiratory_rate}\t{_BOOLEAN[r.supplemental_oxygen]}\t"
        f"{r.consciousness or _NULL}\t{r.spo2_scale}\t{r.risk_score}\t"
        f"{_NULL if d.news2 is None else d.news2}\t{_BOOLEAN[d.news2_complete]}\t"
        f"{row.partition}\t{row.offset}\n"
    )


def _state(row: Accepted) -> str:
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
        f"{_NULL if d.news2 is None else d.news2}\t{_BOOLEAN[d.news2_complete]}\n"
    )
