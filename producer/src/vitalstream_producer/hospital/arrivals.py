"""Who comes, where to and when."""

from bisect import bisect_right
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np

from vitalstream_producer.hospital.beds import HOME
from vitalstream_producer.hospital.conditions import CONDITIONS
from vitalstream_producer.hospital.departments import (
    DEPARTMENTS,
    EMERGENCY,
    INTENSIVE_CARE,
    PEDIATRICS,
    PLACES,
    arrivals_factor,
)
from vitalstream_producer.hospital.physiology import Ints
from vitalstream_schema.record import AdmissionType

OCCUPANCY: Final = 0.85
OPENS_AT: Final = 8.0
"""The hospital's hour 0 is eight in the morning."""

_KEPT: Final = 0.35  # of those who come to emergency
_CHILDREN: Final = 0.12
_URGENT: Final = 0.2
_FOR_OBSERVATION: Final = 0.08


class Newcomer(NamedTuple):
    """Somebody at the door."""

    department: int
    condition: int
    child: bool
    admission_type: AdmissionType
    goes_to: int


def _sums(department: int, *, child: bool) -> list[float]:
    """Shares of the conditions that a department's newcomers have, each with those before it."""
    if department == INTENSIVE_CARE:
        weights = [each.intensive for each in CONDITIONS]
    elif child:
        weights = [each.share * each.of_children for each in CONDITIONS]
    else:
        weights = [
            each.share * (department in {EMERGENCY, PLACES[each.department]}) for each in CONDITIONS
        ]
    return list(accumulate(weights))


_ADULTS: Final = [_sums(n, child=False) for n in range(len(DEPARTMENTS))]
_OF_CHILDREN: Final = [_sums(n, child=True) for n in range(len(DEPARTMENTS))]


class Arrivals:
    """Draws newcomers so that the departments are about as full as `OCCUPANCY`.

    Args:
        rng: All its chance.
        beds: How many each department has.
    """

    def __init__(self, rng: np.random.Generator, beds: Ints) -> None:
        self._rng = rng
        wanted = OCCUPANCY * beds / np.array([each.stay_hours for each in DEPARTMENTS])
        shares = np.array([each.share for each in CONDITIONS])
        sent = np.zeros(len(DEPARTMENTS))
        adults = wanted[EMERGENCY] * _KEPT * (1 - _CHILDREN)
        for each in CONDITIONS:
            sent[PLACES[each.department]] += adults * each.share / shares.sum()
        sent[PEDIATRICS] += wanted[EMERGENCY] * _KEPT * _CHILDREN
        direct = np.maximum(wanted - sent, 0.1 * wanted)
        direct[INTENSIVE_CARE] = 0.3 * wanted[INTENSIVE_CARE]  # the others come from the wards
        planned = np.array([each.elective for each in DEPARTMENTS])
        self._planned, self._unplanned = direct * planned, direct * (1 - planned)

    def draw(self, hour: float, hours: float) -> list[Newcomer]:
        """Who comes within some time.

        Args:
            hour: The hospital's, when it begins.
            hours: How long it is.
        """
        newcomers: list[Newcomer] = []
        clock = OPENS_AT + hour
        for rates, planned in ((self._unplanned, False), (self._planned, True)):
            factor = arrivals_factor(clock, planned=planned)
            if not factor:
                continue
            counts = self._rng.poisson(rates * hours * factor)
            for department in np.flatnonzero(counts).tolist():
                newcomers.extend(
                    self.one(department, planned=planned) for _ in range(counts[department])
                )
        return newcomers

    def one(self, department: int, *, planned: bool) -> Newcomer:
        """Somebody for one department."""
        chance = self._rng.random(4).tolist()
        child = department == PEDIATRICS or (department == EMERGENCY and chance[0] < _CHILDREN)
        condition = self._condition(department, child=child, chance=chance[1])
        goes_to = HOME
        if department == EMERGENCY and chance[2] < _KEPT:
            goes_to = PEDIATRICS if child else PLACES[CONDITIONS[condition].department]
        return Newcomer(department, condition, child, _type(chance[3], planned=planned), goes_to)

    @staticmethod
    def _condition(department: int, *, child: bool, chance: float) -> int:
        sums = (_OF_CHILDREN if child else _ADULTS)[department]
        return bisect_right(sums, chance * sums[-1])


def _type(chance: float, *, planned: bool) -> AdmissionType:
    if planned:
        return "Elective"
    if chance < _FOR_OBSERVATION:
        return "Observation"
    return "Urgent" if chance < _FOR_OBSERVATION + _URGENT else "Emergency"
