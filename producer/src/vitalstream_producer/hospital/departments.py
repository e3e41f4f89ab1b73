"""The hospital's departments: how many beds, who comes, how long they stay, how often it goes ill.

Shares, stays and rates are ours, in the order of magnitude of a general hospital.
"""

from dataclasses import dataclass
from typing import Final

from vitalstream_producer.hospital.profiles import Profile


@dataclass(frozen=True, slots=True)
class Department:
    """One department.

    Attributes:
        name: As in the records.
        beds: Share of the hospital's beds.
        profile: How its patients' vital signs are distributed.
        stay_hours: Mean stay.
        episodes_per_day: How often a patient deteriorates.
        elective: Share of its direct arrivals that were planned, and come in the morning.
        longest_interval: Observed at least every so many hours, whatever NEWS2 allows.
    """

    name: str
    beds: float
    profile: Profile = Profile.WARD
    stay_hours: float = 90.0
    episodes_per_day: float = 0.12
    elective: float = 0.4
    longest_interval: float = 12.0


DEPARTMENTS: Final = (
    Department("Emergency", 0.06, Profile.EMERGENCY, 5.0, 0.3, 0.0, 1.0),
    Department("ICU", 0.08, Profile.INTENSIVE_CARE, 72.0, 0.6, 0.1, 1.0),
    Department("Cardiology", 0.10, stay_hours=84, episodes_per_day=0.15),
    Department("Neurology", 0.07, stay_hours=96),
    Department("Oncology", 0.07, stay_hours=110, episodes_per_day=0.15, elective=0.7),
    Department("Orthopedics", 0.09, episodes_per_day=0.06, elective=0.7),
    Department("Pulmonology", 0.08, stay_hours=96, episodes_per_day=0.2, elective=0.2),
    Department("Gastroenterology", 0.07, stay_hours=80),
    Department("Nephrology", 0.05, stay_hours=96),
    Department("Endocrinology", 0.04, stay_hours=72, episodes_per_day=0.06, elective=0.6),
    Department("General Medicine", 0.13, elective=0.1),
    Department("Surgery", 0.10, stay_hours=80, elective=0.7),
    Department("Pediatrics", 0.06, Profile.CHILDREN, 60.0, 0.08, 0.3, 4.0),
)
EMERGENCY, INTENSIVE_CARE = ACUTE = 0, 1
PEDIATRICS: Final = len(DEPARTMENTS) - 1
PLACES: Final = {each.name: number for number, each in enumerate(DEPARTMENTS)}

# Arrivals in emergency by hour of the day, and planned ones; the mean is 1.
_BY_HOUR: Final = (
    0.5, 0.4, 0.35, 0.3, 0.3, 0.35, 0.5, 0.8, 1.1, 1.4, 1.5, 1.5,
    1.4, 1.35, 1.3, 1.3, 1.3, 1.3, 1.35, 1.35, 1.3, 1.1, 0.9, 0.7,
)  # fmt: skip
_PLANNED: Final = (7, 12)


def arrivals_factor(hour: float, *, planned: bool) -> float:
    """By how much arrivals at an hour of the day (0 to 24) differ from the day's mean."""
    if planned:
        first, last = _PLANNED
        return 24 / (last - first) if first <= hour % 24 < last else 0.0
    return _BY_HOUR[int(hour % 24)] * 24 / sum(_BY_HOUR)
