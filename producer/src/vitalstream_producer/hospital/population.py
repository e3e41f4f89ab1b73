"""Patients of one profile observed hour by hour, outside of any hospital: what realism measures."""

import numpy as np

from vitalstream_producer.hospital.conditions import CONDITIONS
from vitalstream_producer.hospital.departments import DEPARTMENTS, INTENSIVE_CARE
from vitalstream_producer.hospital.physiology import (
    IN_DANGER,
    Ints,
    Observations,
    Physiology,
    States,
)
from vitalstream_producer.hospital.profiles import ACUITY, Floats, Profile

_HOURS_BEFORE = 24.0
_FROM_WARDS = 0.6  # of the patients, as in the hospital; they come because they are in danger


def intensive_care(
    patients: int, hours: int, seed: int, artefact_rate: float
) -> tuple[States, list[Observations]]:
    """The first hours of adults in intensive care, charted once an hour.

    Args:
        patients: How many.
        hours: For how long.
        seed: The same seed gives the same patients.
        artefact_rate: Share of the observations with something measured wrong.

    Returns:
        The patients, and what was observed at each hour.
    """
    rng = np.random.default_rng(seed)
    physiology = Physiology(rng, artefact_rate)
    weights = np.array([each.intensive for each in CONDITIONS])
    drawn = rng.choice(len(CONDITIONS), patients, p=weights / weights.sum())
    ages = np.clip(rng.normal(64, 17, patients), 18, 95)
    states, everybody = States.of(patients), np.arange(patients)
    states.baseline = physiology.baselines(
        physiology.natures(patients), ages, np.array([CONDITIONS[n].effect for n in drawn])
    )
    states.process = physiology.processes(patients)
    states.drowsiness = np.array([CONDITIONS[n].drowsiness for n in drawn])
    states.profile[:] = Profile.INTENSIVE_CARE
    states.acuity[:] = ACUITY[Profile.INTENSIVE_CARE]
    per_day = DEPARTMENTS[INTENSIVE_CARE].episodes_per_day * np.array(
        [CONDITIONS[n].frailty for n in drawn]
    )
    physiology.plan_episodes(states, everybody, np.full(patients, -_HOURS_BEFORE), per_day)
    _endanger(physiology, states, everybody[rng.random(patients) < _FROM_WARDS], per_day)
    charted = []
    for hour in range(hours):
        at = np.full(patients, float(hour))
        charted.append(physiology.observe(states, everybody, at))
        ended = np.flatnonzero(states.over(at))
        physiology.plan_episodes(states, ended, at[ended], per_day[ended])
    return states, charted


def _endanger(physiology: Physiology, states: States, who: Ints, per_day: Floats) -> None:
    """Put patients into an episode that has just become dangerous at hour 0."""
    mild = who
    while len(mild):
        physiology.plan_episodes(states, mild, np.zeros(len(mild)), per_day[mild])
        mild = who[states.peak[who] <= IN_DANGER]
    states.onset[who] = -states.rise[who] * IN_DANGER / states.peak[who]
