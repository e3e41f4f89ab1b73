"""The key figures over the last hour, from what they are and how they changed (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vitalstream_storage.reader import Change, Kpis

MINUTES: Final = 60


@dataclass(frozen=True, slots=True)
class Course:
    """Each key figure at the end of every minute, an hour ago first and now last."""

    unique_patients: list[int]
    admissions: list[int]
    high_risk_patients: list[int]
    average_age: list[float]
    critical_oxygen: list[int]


def course(now: Kpis, changes: Sequence[Change]) -> Course:
    """Go back from the figures of now, minute by minute.

    Args:
        now: The figures, of the same moment as the changes.
        changes: Of the last hour's minutes, by the filter that the figures have.
    """
    by_minute = {change.minutes_ago: change for change in changes}
    patients, admissions = [now.unique_patients], [now.admissions]
    high, oxygen = [now.high_risk_patients], [now.critical_oxygen]
    age = round((now.average_age or 0.0) * now.unique_patients)
    ages = [now.average_age or 0.0]
    for minute in range(MINUTES):
        change = by_minute.get(minute)
        patients.append(patients[-1] - (change.patients if change else 0))
        admissions.append(admissions[-1] - (change.admissions if change else 0))
        high.append(high[-1] - (change.high_risk if change else 0))
        oxygen.append(oxygen[-1] - (change.critical_oxygen if change else 0))
        age -= change.age if change else 0
        ages.append(age / patients[-1] if patients[-1] else ages[-1])
    return Course(patients[::-1], admissions[::-1], high[::-1], ages[::-1], oxygen[::-1])
