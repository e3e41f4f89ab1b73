"""One patient: found by id or name, and what was observed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from vitalstream_storage.pool import Connection
from vitalstream_storage.reader.rows import rows, within_snapshot

SHORTEST: Final = 2
"""Letters that a search needs, so that it does not go through half the house."""

_LAST: Final = "\U0010ffff"
_AMONG: Final = 200
_MOST_HERE: Final = 10_000
"""Of the current patients, so many are looked at one by one; the index of names knows all."""


@dataclass(frozen=True, slots=True)
class Found:
    """A patient in a list: the newest admission's state; clocks are UTC.

    Attributes:
        link: Names the patient in addresses.
    """

    link: UUID
    patient_id: str
    patient_name: str
    age: int
    gender: str
    department: str
    status: str
    risk_level: str
    news2: int | None
    news2_complete: bool
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class Admission:
    """An admission's latest state, with all that is known; clocks are UTC.

    Attributes:
        observe_within: Minutes within which NEWS2 asks for the next observation; None once the
            stay is over.
    """

    patient_id: str
    admission_id: str
    timestamp: datetime
    admission_timestamp: datetime
    patient_name: str
    age: int
    gender: str
    department: str
    primary_diagnosis: str
    admission_type: str
    status: str
    insurance_provider: str
    heart_rate: int
    blood_pressure: str
    temperature_celsius: float
    oxygen_saturation: int
    respiratory_rate: int
    risk_score: int
    risk_level: str
    attending_physician: str
    hospital_location: str
    supplemental_oxygen: bool | None
    consciousness: str | None
    spo2_scale: int
    news2: int | None
    news2_complete: bool
    newest: bool
    observe_within: int | None


@dataclass(frozen=True, slots=True)
class Observation:
    """One record of an admission: vital signs and scores."""

    observed_at: datetime
    department: str
    heart_rate: int
    systolic: int
    diastolic: int
    temperature_celsius: float
    oxygen_saturation: int
    respiratory_rate: int
    supplemental_oxygen: bool | None
    consciousness: str | None
    spo2_scale: int
    risk_score: int
    news2: int | None
    news2_complete: bool


_FOUND = """
SELECT n.link, r.patient_id, r.patient_name, r.age, r.gender, r.department, r.status,
       r.risk_level, r.news2, r.news2_complete, r.timestamp"""

# Whose name fits is one condition; a cheaper one goes before it where rows are looked at.
_FITS = "to_tsvector('simple', patient_name) @@ to_tsquery('simple', %(words)s)"
_HERE = f"""
SELECT admission_id
  FROM (SELECT admission_id, patient_name FROM patient_records
         WHERE newest AND NOT stay_is_over(status)
         ORDER BY seen_about DESC LIMIT {_MOST_HERE}) AS here
 WHERE strpos(lower(patient_name), lower(%(longest)s)) > 0 AND {_FITS} LIMIT {_AMONG}"""  # noqa: S608 - constants
_ANYWHERE = f"""
SELECT admission_id FROM patient_records WHERE {_FITS} AND newest LIMIT {_AMONG}"""  # noqa: S608 - constants

_OF_HITS = """
 CROSS JOIN LATERAL (
       SELECT * FROM patient_records WHERE admission_id = hit.admission_id LIMIT 1) AS r
 CROSS JOIN LATERAL (
       SELECT link FROM newest_admissions WHERE patient_id = r.patient_id LIMIT 1) AS n
 ORDER BY r.patient_name, r.patient_id LIMIT %(limit)s"""
_BY_NAME_HERE = f"{_FOUND} FROM ({_HERE}) AS hit {_OF_HITS}"
_BY_NAME = f"{_FOUND} FROM ({_ANYWHERE}) AS hit {_OF_HITS}"

_BY_ID = f"""{_FOUND}
  FROM (SELECT patient_id FROM (
               SELECT patient_id FROM newest_admissions
                WHERE patient_id >= %(text)s AND patient_id < %(end)s
                ORDER BY patient_id LIMIT %(limit)s) AS by_patient
         UNION
        SELECT patient_id FROM (
               SELECT patient_id FROM patient_records
                WHERE admission_id >= %(text)s AND admission_id < %(end)s
                ORDER BY admission_id LIMIT %(limit)s) AS by_admission) AS hit
 CROSS JOIN LATERAL (
       SELECT link, admission_id FROM newest_admissions
        WHERE patient_id = hit.patient_id LIMIT 1) AS n
 CROSS JOIN LATERAL (
       SELECT * FROM patient_records WHERE admission_id = n.admission_id LIMIT 1) AS r
 ORDER BY r.patient_id LIMIT %(limit)s"""  # noqa: S608 - constants

_LINKS = """
SELECT n.patient_id, n.link
  FROM unnest(%(ids)s::varchar[]) AS wanted (id)
 CROSS JOIN LATERAL (
       SELECT * FROM newest_admissions WHERE patient_id = wanted.id LIMIT 1) AS n"""

_KEPT = [
    name for name in Admission.__slots__ if name not in ("temperature_celsius", "observe_within")
]
_ADMISSIONS = f"""
SELECT {", ".join(f"r.{name}" for name in _KEPT)},
       r.temperature_celsius::float8 AS temperature_celsius,
       CASE WHEN r.newest AND NOT stay_is_over(r.status) THEN observe_within(r) END
       AS observe_within
  FROM newest_admissions n JOIN patient_records r ON r.patient_id = n.patient_id
 WHERE n.link = %(link)s
 ORDER BY r.newest DESC, r.timestamp DESC, r.admission_id DESC LIMIT %(limit)s"""  # noqa: S608 - constants

_TIMELINE = f"""
SELECT {", ".join(name for name in Observation.__slots__ if name != "temperature_celsius")},
       temperature_celsius::float8 AS temperature_celsius
  FROM observations
 WHERE admission_id = %(admission)s AND observed_at >= %(since)s AND observed_at <= %(until)s
 ORDER BY observed_at DESC LIMIT %(limit)s"""  # noqa: S608 - constants


def find_patients(connection: Connection, text: str, limit: int = 20) -> list[Found]:
    """Patients whose id, an admission's id, or name begins with this.

    Of a name each word counts: "jo sm" finds John Smith and Smith, Jo. By name, the first are by
    alphabet among 200 that fit. Who is here comes before who has left, and those are only looked
    for if there is room: a name that thousands had takes no longer than another.

    Args:
        connection: To read on.
        text: What was typed; nothing is found by fewer than two letters.
        limit: Not more than so many, those found by id first.
    """
    text = text.strip().replace("\0", "")
    words = re.findall(r"[^\W_]+", text)
    if len(text) < SHORTEST or not words:
        return []
    parameters = {
        "text": text,
        "end": text + _LAST,
        "words": " & ".join(f"{word}:*" for word in words),
        "longest": max(words, key=len),
        "limit": limit,
    }
    found: dict[UUID, Found] = {}
    with within_snapshot(connection):
        # A LIMIT makes looking through the whole table seem cheap; where nobody fits it is not.
        connection.execute("SELECT set_config('enable_seqscan', 'off', true)")
        for query in (_BY_ID, _BY_NAME_HERE, _BY_NAME):
            if len(found) < limit:
                found |= {one.link: one for one in rows(connection, Found, query, parameters)}
    return list(found.values())[:limit]


def admissions(connection: Connection, link: UUID, limit: int = 50) -> list[Admission]:
    """A patient's admissions, the newest first; empty if the link names nobody."""
    return rows(connection, Admission, _ADMISSIONS, {"link": link, "limit": limit})


def timeline(
    connection: Connection, admission_id: str, since: datetime, until: datetime, limit: int = 3_000
) -> list[Observation]:
    """What was observed of an admission, the oldest first.

    Args:
        connection: To read on.
        admission_id: Whose.
        since: From then on; aware.
        until: To then; aware.
        limit: The newest of them, if there are more.
    """
    parameters = {"admission": admission_id, "since": since, "until": until, "limit": limit}
    return rows(connection, Observation, _TIMELINE, parameters)[::-1]


def links(connection: Connection, patient_ids: Sequence[str]) -> dict[str, UUID]:
    """What names these patients in addresses, by their ids."""
    found = rows(connection, _Link, _LINKS, {"ids": list(patient_ids)})
    return {one.patient_id: one.link for one in found}


@dataclass(frozen=True, slots=True)
class _Link:
    patient_id: str
    link: UUID
