"""The hospital, a fifth of an hour at a time: who comes, moves, is observed, goes home."""

from typing import Final, NamedTuple

import numpy as np

from vitalstream_producer.hospital.beds import HOME, Beds, Stay
from vitalstream_producer.hospital.departments import DEPARTMENTS
from vitalstream_producer.hospital.flow import CALM, TICK, Flow
from vitalstream_producer.hospital.people import People
from vitalstream_producer.hospital.physiology import (
    ALERTNESS,
    Bools,
    Ints,
    Observations,
    Physiology,
)
from vitalstream_producer.hospital.profiles import CHILDREN, Floats
from vitalstream_producer.hospital.scoring import hours_until_next, news2_totals, risk_scores
from vitalstream_producer.hospital.truth import TruthLog

UNKNOWN: Final = len(ALERTNESS)
ADMITTED, IN_TREATMENT, UNDER_OBSERVATION, STABLE, CRITICAL, DISCHARGED = range(6)

_EARLY: Final = (0.85, 0.97)
"""An observation is made when so much of NEWS2's interval is over, so that it is not overdue."""
_UNRECORDED: Final = 0.02
_WELL: Final = 0.3
_ILL_CHILD, _CHILD_IN_DANGER = 0.8, 1.5
_CHILD_HOURS, _ILL_CHILD_HOURS = 4.0, 1.0
_CRITICAL, _WATCHED, _FEW = 7, 5, 2


class Seen(NamedTuple):
    """One observation, as it is recorded.

    Attributes:
        hour: The hospital's own.
        status: Index into the statuses of the catalogue.
        values: In the order of `VITAL_SIGNS`.
        consciousness: Index into `ALERTNESS`, or `UNKNOWN`.
    """

    hour: float
    stay: Stay
    department: int
    status: int
    values: list[float]
    risk: int
    oxygen: bool | None
    consciousness: int
    scale_2: bool


class Hospital:
    """A hospital and all its patients.

    Args:
        beds: How many it has.
        seed: The same seed gives the same patients, observations and truth.
        artefact_rate: Share of the observations with something measured wrong.
        dropout_rate: Share of the observations that are never made.
        truth: Where what really happens is noted.
    """

    def __init__(
        self, beds: int, seed: int, artefact_rate: float, dropout_rate: float, truth: TruthLog
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._physiology = Physiology(self._rng, artefact_rate)
        self._people = People(seed)
        self._dropout_rate = dropout_rate
        self._closing = False
        self._truth = truth
        self._beds = Beds(beds)
        self._flow = Flow(self._rng, self._beds, self._people, self._physiology, truth)
        self.city = self._people.city
        self.hour = 0.0
        self._flow.fill()

    def tick(self) -> list[Seen]:
        """Live on for `TICK` hours; returns what was observed, in the order of its hours."""
        self._flow.transfer(self.hour)
        self._flow.arrive(self.hour)
        self.hour += TICK
        beds = self._beds
        who = np.flatnonzero(beds.due < self.hour)
        who = who[np.argsort(beds.due[who], kind="stable")]
        seen = self._observe(who) if len(who) else []
        self._plan_episodes()
        return seen

    def close(self) -> list[Seen]:
        """Send everybody home, each observed a last time, so that nobody is waited for."""
        self._closing = True
        beds = self._beds
        who = beds.taken[~beds.new[beds.taken]]
        beds.due[who] = self.hour
        return self._observe(who) if len(who) else []

    def _observe(self, who: Ints) -> list[Seen]:
        beds, rng, count = self._beds, self._rng, len(who)
        at = beds.due[who].copy()
        found = self._physiology.observe(beds.states, who, at)
        knows_oxygen, knows_mind = rng.random((2, count)) >= _UNRECORDED
        consciousness = np.where(knows_mind, found.consciousness, 0)
        totals, most = news2_totals(
            found.values,
            found.oxygen & knows_oxygen,
            consciousness,
            scale_2=beds.states.scale_2[who],
        )
        leaving = (beds.goes_to[who] == HOME) & (at >= beds.leaves[who]) & (found.severity < CALM)
        leaving |= self._closing
        status = self._status(who, found, totals, most, leaving)
        made = (rng.random(count) >= self._dropout_rate) | leaving
        hours = self._hours_until_next(who, found.severity, totals, most)
        beds.due[who] = at + hours * rng.uniform(*_EARLY, count)
        risks = risk_scores(found.values)
        values, scale_2 = found.values.tolist(), beds.states.scale_2[who].tolist()
        seen = [
            Seen(
                hour, beds.stay(bed), department, state, signs, risk,
                oxygen if knows_o else None, mind if knows_m else UNKNOWN, on_scale_2,
            )
            for hour, bed, department, state, signs, risk, oxygen, knows_o, mind, knows_m,
                on_scale_2, is_made
            in zip(
                at.tolist(), who.tolist(), beds.department[who].tolist(), status.tolist(), values,
                risks, found.oxygen.tolist(), knows_oxygen.tolist(), consciousness.tolist(),
                knows_mind.tolist(), scale_2, made.tolist(), strict=True,
            )
            if is_made
        ]  # fmt: skip
        if self._truth.kept:
            self._note_faults(who, at, made, found.artefact)
        beds.new[who[made]] = False
        beds.alarm[who[made]] = totals[made] >= _CRITICAL
        for bed, hour in zip(who[leaving].tolist(), at[leaving].tolist(), strict=True):
            stay = beds.leave(bed)
            self._people.leave(stay.person, hour)
            self._truth.add("discharged", stay.admission_id, hour)
        return seen

    def _note_faults(self, who: Ints, at: Floats, made: Bools, artefact: Bools) -> None:
        """What was measured wrong, and what was not measured though it was due."""
        for event, which in (("artefact", made & artefact), ("missed", ~made)):
            for bed, hour in zip(who[which].tolist(), at[which].tolist(), strict=True):
                self._truth.add(event, self._beds.stay(bed).admission_id, hour)

    def _status(
        self, who: Ints, found: Observations, totals: Ints, most: Ints, leaving: Bools
    ) -> Ints:
        child = self._beds.states.profile[who] == CHILDREN
        watched = np.where(child, found.severity > _ILL_CHILD, (totals >= _WATCHED) | (most == 3))  # noqa: PLR2004
        critical = np.where(child, found.severity > _CHILD_IN_DANGER, totals >= _CRITICAL)
        stable = (found.severity < _WELL) & (child | (totals <= _FEW))
        status = np.where(stable, STABLE, IN_TREATMENT)
        status = np.where(watched, UNDER_OBSERVATION, status)
        status = np.where(critical, CRITICAL, status)
        status = np.where(self._beds.new[who], ADMITTED, status)
        return np.where(leaving, DISCHARGED, status)

    def _hours_until_next(self, who: Ints, severity: Floats, totals: Ints, most: Ints) -> Floats:
        """NEWS2's interval, or the department's where that is shorter; a child has no NEWS2."""
        child = self._beds.states.profile[who] == CHILDREN
        childs = np.where(severity > _ILL_CHILD, _ILL_CHILD_HOURS, _CHILD_HOURS)
        hours = np.where(child, childs, hours_until_next(totals, most))
        least: Floats = np.minimum(hours, _LONGEST[self._beds.department[who]])
        return least

    def _plan_episodes(self) -> None:
        """Who has recovered, or is new, will fall ill again; who falls ill now is noted."""
        beds, states = self._beds, self._beds.states
        taken = beds.taken
        over = taken[states.over(self.hour)[taken]]
        if len(over):
            self._flow.plan(over, np.full(len(over), self.hour))
        if self._truth.kept:
            begun = taken[(states.onset[taken] < self.hour) & ~beds.noted[taken]]
            beds.noted[begun] = True
            for bed in begun.tolist():
                self._truth.add(
                    "deteriorates", beds.stay(bed).admission_id, states.onset[bed],
                    peak=states.peak[bed], rise_hours=states.rise[bed],
                    hold_hours=states.hold[bed], fall_hours=states.fall[bed],
                )  # fmt: skip


_LONGEST: Final = np.array([each.longest_interval for each in DEPARTMENTS])
