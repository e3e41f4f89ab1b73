"""The beds: who lies where, and what is planned for each patient."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from vitalstream_producer.hospital.departments import ACUTE, DEPARTMENTS
from vitalstream_producer.hospital.people import Person
from vitalstream_producer.hospital.physiology import Bools, Ints, States
from vitalstream_producer.hospital.profiles import Floats, Profile
from vitalstream_schema.record import AdmissionType

NOBODY: Final = np.inf
HOME: Final = -1


@dataclass(slots=True)
class Stay:
    """One admission of one person.

    Attributes:
        admitted: When, in the hospital's own hours; negative before it opened.
        admitted_at: The same as its records say it, once there is one.
    """

    person: Person
    admission_id: str
    admitted: float
    admission_type: AdmissionType
    physician: str
    admitted_at: datetime | None = None


class Beds:
    """So many beds, dealt to the departments by their shares.

    Attributes:
        stays: By bed, None where it is empty.
        department: By bed.
        acute: Whether that is emergency or intensive care.
        states: The patients', by bed.
        due: When the next observation is due; `NOBODY` where the bed is empty.
        leaves: When the patient is to leave the department.
        goes_to: The department that the patient is for afterwards, or `HOME`.
        new: Whether the patient has not been observed yet.
        alarm: Whether the last observation was one of somebody in danger.
        noted: Whether the episode that has begun is in the log of the truth.
    """

    def __init__(self, count: int) -> None:
        shares = np.cumsum([each.beds for each in DEPARTMENTS])
        ends = np.rint(shares / shares[-1] * count).astype(np.int64)
        self.department: Ints = np.searchsorted(ends, np.arange(count), side="right")
        self.stays: list[Stay | None] = [None] * count
        self.states = States.of(count)
        self.due: Floats = np.full(count, NOBODY)
        self.leaves: Floats = np.full(count, NOBODY)
        self.goes_to: Ints = np.full(count, HOME)
        self.new: Bools = np.zeros(count, bool)
        self.alarm: Bools = np.zeros(count, bool)
        self.noted: Bools = np.zeros(count, bool)
        self.acute: Bools = np.isin(self.department, ACUTE)
        self._free: list[list[int]] = [[] for _ in DEPARTMENTS]
        for bed in reversed(range(count)):
            self._free[self.department[bed]].append(bed)

    def free(self, department: int) -> int:
        """How many beds are free there."""
        return len(self._free[department])

    @property
    def taken(self) -> Ints:
        """The beds that somebody lies in."""
        return np.flatnonzero(self.due != NOBODY)

    def take(self, department: int, stay: Stay) -> int:
        """Put somebody in a free bed.

        Raises:
            IndexError: There is none.
        """
        bed = self._free[department].pop()
        self.stays[bed] = stay
        self.new[bed] = True
        return bed

    def leave(self, bed: int) -> Stay:
        """Empty a bed; returns who lay in it."""
        stay = self.stay(bed)
        self.stays[bed] = None
        self.due[bed] = self.leaves[bed] = NOBODY
        self.alarm[bed] = False
        self._free[int(self.department[bed])].append(bed)
        return stay

    def stay(self, bed: int) -> Stay:
        """Who lies in a bed that is taken.

        Raises:
            LookupError: Nobody does.
        """
        stay = self.stays[bed]
        if stay is None:
            raise LookupError(f"nobody lies in bed {bed}")
        return stay

    def move(self, bed: int, department: int) -> int:
        """Bring somebody to a free bed of another department; returns that bed."""
        target = self.take(department, self.stay(bed))
        self.states.move(bed, target)
        self.new[target], self.noted[target] = self.new[bed], self.noted[bed]
        self.due[target], self.goes_to[target] = self.due[bed], self.goes_to[bed]
        if self.states.profile[target] != Profile.CHILDREN:
            self.states.profile[target] = DEPARTMENTS[department].profile
        self.leave(bed)
        return target
