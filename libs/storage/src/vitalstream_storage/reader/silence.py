"""Who has gone silent: current patients whose next observation is overdue by NEWS2's interval."""

from dataclasses import dataclass
from datetime import datetime

from vitalstream_storage.pool import Connection
from vitalstream_storage.reader.rows import rows

MOST_COUNTED = 10_000
"""Of those not seen for over half a day, so many at most are counted."""


@dataclass(frozen=True, slots=True)
class SilentPatient:
    """A current patient who should have been observed again; clocks are UTC.

    Attributes:
        timestamp: Of the last observation.
        due_at: When the next one was due, by the last one's NEWS2 and the time scale.
        observe_within: NEWS2's interval in minutes, before it is scaled: 15, 60, 240 or 720.
        news2: The last total; a lower bound unless complete; None where there is no NEWS2.
    """

    patient_id: str
    admission_id: str
    patient_name: str
    age: int
    department: str
    attending_physician: str
    status: str
    timestamp: datetime
    due_at: datetime
    observe_within: int
    news2: int | None
    news2_complete: bool
    risk_level: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Who has gone silent, at one moment.

    Attributes:
        departments: How many in each department that has any, by name.
        patients: The most urgent first: by the shortest interval, then the longest overdue.
        complete: False if there are more than are counted here (`MOST_COUNTED`).
    """

    departments: dict[str, int]
    patients: list[SilentPatient]
    complete: bool

    @property
    def total(self) -> int:
        """All that are counted."""
        return sum(self.departments.values())


_SHOWN = ", ".join(name for name in SilentPatient.__slots__ if name != "due_at")

# Who was last seen before the earliest quarter of a day that may still be in time is silent at any
# interval; of the others each is looked at.
_SILENT = f"""
WITH clock AS (
    SELECT now, date_bin('6 hours', now - interval '12 hours' / %(scale)s, '2000-01-01') AS since
      FROM timezone('UTC', statement_timestamp()) AS now),
watched AS (
    SELECT r.*, observe_within(r) AS observe_within
      FROM patient_records r
     WHERE newest AND NOT stay_is_over(status)
       AND seen_about >= (SELECT since FROM clock)
       AND timestamp < (SELECT now - interval '15 minutes' / %(scale)s FROM clock)
     UNION ALL
    (SELECT r.*, observe_within(r)
       FROM patient_records r
      WHERE newest AND NOT stay_is_over(status) AND seen_about < (SELECT since FROM clock)
      ORDER BY seen_about DESC LIMIT %(most)s)),
silent AS (
    SELECT *, timestamp + make_interval(mins => observe_within) / %(scale)s AS due_at FROM watched),
overdue AS (
    SELECT *, count(*) FILTER (WHERE seen_about < (SELECT since FROM clock)) OVER () < %(most)s
           AS complete
      FROM silent WHERE due_at < (SELECT now FROM clock)),
ranked AS (
    SELECT {_SHOWN}, due_at, complete,
           row_number() OVER (ORDER BY observe_within, due_at, admission_id) AS place,
           row_number() OVER (PARTITION BY department) AS place_in_department,
           count(*) OVER (PARTITION BY department) AS in_department
      FROM overdue WHERE %(risk)s::text IS NULL OR risk_level = %(risk)s)
SELECT * FROM ranked WHERE place <= %(limit)s OR place_in_department = 1 ORDER BY place"""  # noqa: S608 - column names of ours


def silence(
    connection: Connection, time_scale: float = 1.0, limit: int = 20, risk: str | None = None
) -> Silence:
    """Current patients whose next observation is overdue.

    Discharged patients and earlier admissions of a patient are not waited for. It takes time in
    the current patients of the last 18 hours, however many admissions there have been.

    Args:
        connection: To read on.
        time_scale: By how much time runs faster than the clock: intervals are divided by it.
        limit: The most patients that are named; all are counted.
        risk: Only those who were last seen at this level.
    """
    found = rows(
        connection,
        _Ranked,
        _SILENT,
        {"scale": float(time_scale), "limit": limit, "most": MOST_COUNTED, "risk": risk},
    )
    return Silence(
        departments=dict(sorted((each.department, each.in_department) for each in found)),
        patients=[each.patient() for each in found if each.place <= limit],
        complete=all(each.complete for each in found),
    )


@dataclass(frozen=True, slots=True)
class _Ranked(SilentPatient):
    place: int
    place_in_department: int
    in_department: int
    complete: bool

    def patient(self) -> SilentPatient:
        return SilentPatient(*(getattr(self, name) for name in SilentPatient.__slots__))
