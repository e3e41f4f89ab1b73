"""Who comes, who is moved, and who is to leave when."""

from typing import Final

import numpy as np

from vitalstream_producer.hospital.arrivals import OCCUPANCY, OPENS_AT, Arrivals, Newcomer
from vitalstream_producer.hospital.beds import HOME, Beds, Stay
from vitalstream_producer.hospital.conditions import CONDITIONS
from vitalstream_producer.hospital.departments import (
    ACUTE,
    DEPARTMENTS,
    EMERGENCY,
    INTENSIVE_CARE,
    PLACES,
)
from vitalstream_producer.hospital.people import People
from vitalstream_producer.hospital.physiology import IN_DANGER, Ints, Physiology
from vitalstream_producer.hospital.profiles import (
    ACUITY,
    CHILDREN,
    OLDEST_CHILD,
    Floats,
    child_medians,
)
from vitalstream_producer.hospital.truth import TruthLog

TICK: Final = 0.2
"""Hours; less than the shortest interval between two observations of a patient."""

CALM: Final = 0.5
"""Below this severity nobody is kept for it."""

_STAY_SPREAD: Final = 0.6
_ROUNDS_BEGIN, _ROUNDS_END = 10.0, 18.0  # who is well goes home in the daytime
_EPISODES: Final = np.array([each.episodes_per_day for each in DEPARTMENTS])


class Flow:
    """Brings patients to their beds.

    Args:
        rng: Its chance.
        beds: Where they lie.
        people: Who they are.
        physiology: What they are like.
        truth: Where admissions and transfers are noted.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        beds: Beds,
        people: People,
        physiology: Physiology,
        truth: TruthLog,
    ) -> None:
        self._rng, self._beds, self._people = rng, beds, people
        self._physiology, self._truth = physiology, truth
        self._arrivals = Arrivals(rng, np.bincount(beds.department, minlength=len(DEPARTMENTS)))

    def arrive(self, hour: float) -> None:
        """Admit who comes within a tick, as far as there are beds; the others go elsewhere."""
        self._note(self.admit(self._arrivals.draw(hour, TICK), hour))

    def plan(self, who: Ints, after: Floats) -> None:
        """Draw when some patients fall ill next; after an hour each."""
        frailty = np.array(
            [CONDITIONS[self._beds.stay(bed).person.condition].frailty for bed in who.tolist()]
        )
        per_day = _EPISODES[self._beds.department[who]] * frailty
        self._physiology.plan_episodes(self._beds.states, who, after, per_day)
        self._beds.noted[who] = False

    def transfer(self, hour: float) -> None:
        """To intensive care who was seen in danger, to the wards who may leave it or emergency."""
        beds = self._beds
        who = np.flatnonzero(beds.alarm | (beds.acute & (hour >= beds.leaves)))
        place, ready = beds.department[who], hour >= beds.leaves[who]
        severity = beds.states.severity(who, hour)
        adult = beds.states.profile[who] != CHILDREN
        worse = adult & (place != INTENSIVE_CARE) & (severity > IN_DANGER) & beds.alarm[who]
        better = (place == INTENSIVE_CARE) & ready & (severity < CALM)
        kept = (place == EMERGENCY) & ready & (beds.goes_to[who] != HOME) & ~worse
        for bed in who[worse].tolist():
            self._move(bed, INTENSIVE_CARE, hour)
        for bed in who[better].tolist():
            ward = CONDITIONS[beds.stay(bed).person.condition].department
            self._move(bed, PLACES[ward], hour)
        for bed in who[kept].tolist():
            self._move(bed, int(beds.goes_to[bed]), hour)

    def _move(self, bed: int, department: int, hour: float) -> None:
        beds = self._beds
        if not beds.free(department):
            return
        target = beds.move(bed, department)
        beds.due[target] = min(beds.due[target], hour + TICK * self._rng.random())
        beds.leaves[target] = self._leaving(department, hour)
        # Nobody goes home from intensive care.
        beds.goes_to[target] = department if department == INTENSIVE_CARE else HOME
        stay = beds.stay(target)
        stay.physician = self._people.physician(department)
        self._truth.add("transferred", stay.admission_id, hour, to=DEPARTMENTS[department].name)

    def _leaving(self, department: int, since: float) -> float:
        """When somebody is to leave; from a ward in the daytime."""
        mean = DEPARTMENTS[department].stay_hours
        spread = self._rng.lognormal(-(_STAY_SPREAD**2) / 2, _STAY_SPREAD)
        leaves = float(since + mean * spread)
        if department in ACUTE:
            return leaves
        clock = (OPENS_AT + leaves) % 24
        if _ROUNDS_BEGIN <= clock < _ROUNDS_END:
            return leaves
        later = _ROUNDS_BEGIN + (_ROUNDS_END - _ROUNDS_BEGIN) * self._rng.random() - clock
        return leaves + later % 24

    def admit(self, newcomers: list[Newcomer], hour: float) -> list[int]:
        """Give each a bed, as far as there are any; returns those beds."""
        admitted = [
            (self._take(each, hour), each) for each in newcomers if self._beds.free(each.department)
        ]
        if not admitted:
            return []
        who = np.array([bed for bed, _ in admitted])
        self._beds.due[who] = hour + TICK * self._rng.random(len(who))
        self._describe(who, [each for _, each in admitted], hour)
        return [bed for bed, _ in admitted]

    def _note(self, admitted: list[int]) -> None:
        """Put admissions into the truth's log."""
        for bed in admitted:
            stay, place = self._beds.stay(bed), DEPARTMENTS[self._beds.department[bed]].name
            self._truth.add("admitted", stay.admission_id, stay.admitted, to=place)

    def _take(self, newcomer: Newcomer, hour: float) -> int:
        """Give somebody one of the free beds."""
        stay = Stay(
            self._people.arrive(newcomer.condition, hour, child=newcomer.child),
            self._people.admission_id(),
            hour,
            newcomer.admission_type,
            self._people.physician(newcomer.department),
        )
        bed = self._beds.take(newcomer.department, stay)
        self._beds.leaves[bed] = self._leaving(newcomer.department, hour)
        self._beds.goes_to[bed] = (
            INTENSIVE_CARE if newcomer.department == INTENSIVE_CARE else newcomer.goes_to
        )
        return bed

    def _describe(self, who: Ints, newcomers: list[Newcomer], hour: float) -> None:
        """Draw what the newcomers are like."""
        states, stays = self._beds.states, [self._beds.stay(bed) for bed in who.tolist()]
        ages = np.array([float(stay.person.age) for stay in stays])
        conditions = [CONDITIONS[each.condition] for each in newcomers]
        child = ages <= OLDEST_CHILD
        effects = np.array([each.effect for each in conditions])
        natures = self._physiology.natures(len(who))
        for place, stay in enumerate(stays):
            if stay.person.nature is None:
                stay.person = stay.person._replace(nature=tuple(natures[place].tolist()))
            else:
                natures[place] = stay.person.nature
        states.baseline[who] = self._physiology.baselines(
            natures, np.where(child, 40.0, ages), effects
        )
        states.process[who] = self._physiology.processes(len(who))
        states.moved[who] = hour
        states.drowsiness[who] = [each.drowsiness for each in conditions]
        wards = [DEPARTMENTS[each.department].profile for each in newcomers]
        states.profile[who] = np.where(child, CHILDREN, wards)
        states.acuity[who] = ACUITY[states.profile[who]]
        states.medians[who] = [
            child_medians(stay.person.age) if stay.person.age <= OLDEST_CHILD else [1.0] * 6
            for stay in stays
        ]
        states.scale_2[who] = [stay.person.on_scale_2 for stay in stays]
        states.oxygen[who] = False
        # Who comes to emergency or intensive care may be deteriorating already.
        acute = np.array([each.department in ACUTE for each in newcomers])
        self.plan(who, hour - 24.0 * acute * self._rng.random(len(who)))

    def fill(self) -> None:
        """Open with patients who came in the days before."""
        newcomers = [
            self._arrivals.one(department, planned=self._rng.random() < each.elective)
            for department, each in enumerate(DEPARTMENTS)
            for _ in range(round(OCCUPANCY * self._beds.free(department)))
        ]
        admitted = self.admit(newcomers, 0.0)
        taken = self._beds.taken
        gone = self._rng.random(len(taken)) * self._beds.leaves[taken]
        self._beds.leaves[taken] -= gone
        for bed, hours in zip(taken.tolist(), gone.tolist(), strict=True):
            self._beds.stay(bed).admitted = -hours
        self._note(admitted)
