"""The patients' latent state: what they are, how they are now, and what a device makes of it.

For each of six vital signs the state is the sum of four parts, in about standard deviations:
the patient's own baseline (person, age, diagnosis), a process that forgets (Ornstein-Uhlenbeck),
what an episode of deterioration does, and the noise of a measurement. Baseline and process are
correlated between the vital signs.
"""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from vitalstream_producer.hospital.device import disturbed, shown
from vitalstream_producer.hospital.profiles import (
    ACUITY,
    DIASTOLIC,
    HEART_RATE,
    OXYGEN_SATURATION,
    RESPIRATORY_RATE,
    SYSTOLIC,
    TEMPERATURE,
    VITAL_SIGNS,
    Floats,
    measured,
)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Variances in intensive care, in the order of VITAL_SIGNS.
_BETWEEN: Final = np.array([0.28, 0.14, 0.20, 0.04, 0.28, 0.30])
_WITHIN: Final = np.array([0.48, 0.28, 0.30, 0.16, 0.60, 0.30])
_NOISE: Final = np.array([0.26, 0.62, 0.54, 0.95, 0.11, 0.40])
_HOURS: Final = np.array([6.0, 4.0, 4.0, 3.0, 30.0, 4.0])
"""In so many hours the process forgets: its correlation falls by e."""
# On a ward less of what is measured is noise and more is the patient, at about the same variance.
_WARD_NOISE: Final = np.array([0.9, 0.6, 0.7, 0.75, 1.0, 0.85])
_WARD_OWN: Final = np.array([1.05, 1.4, 1.25, 1.75, 1.0, 1.1])
_EPISODE: Final = np.array([0.65, -0.55, -0.5, 0.65, 0.25, -0.7])
"""What a severity of 1 does."""
_ELDERLY: Final = np.array([-0.06, 0.10, -0.05, 0.02, -0.08, -0.06])
"""What ten years more do."""
_CORRELATIONS: Final = {
    (HEART_RATE, RESPIRATORY_RATE): 0.35,
    (HEART_RATE, TEMPERATURE): 0.30,
    (SYSTOLIC, DIASTOLIC): 0.70,
    (RESPIRATORY_RATE, OXYGEN_SATURATION): -0.60,
    (HEART_RATE, OXYGEN_SATURATION): -0.10,
    (RESPIRATORY_RATE, TEMPERATURE): 0.15,
}
_CUFF: Final = 0.30  # both pressures come from one inflation

IN_DANGER: Final = 1.7
"""From this severity on a patient is as ill as anybody in intensive care, and belongs there."""

_SETTLES: Final = 8.0
"""In so many hours a patient who was moved becomes like the others of the department."""

# By SpO2 scale; on a ward with scale 1, oxygen is given later than in intensive care.
_OXYGEN_BELOW: Final = np.array([-0.7, -1.5])
_OXYGEN_UNTIL: Final = np.array([0.0, -0.9])
_OXYGEN_LIFTS: Final = np.array([0.8, 0.4])
_WARD_WAITS: Final = np.array([0.5, 0.0])
_OXYGEN_TITRATED: Final = 0.7  # of what is still lacking
_SCALE_2_SHIFT: Final = -0.6  # a chronic hypercapnia, beside what its COPD does

ALERTNESS: Final = "ACVPU"
_LESS_THAN_ALERT: Final = np.array([1.5, 1.9, 2.5, 3.1])
_DROWSINESS_OF_SEVERITY: Final = 0.8
_DROWSINESS_VARIES: Final = 0.3


def _root(correlations: dict[tuple[int, int], float]) -> Floats:
    matrix = np.eye(len(VITAL_SIGNS))
    for (one, other), value in correlations.items():
        matrix[one, other] = matrix[other, one] = value
    return np.linalg.cholesky(matrix).astype(np.float64)


_ROOT: Final = _root(_CORRELATIONS)
_NOISE_ROOT: Final = _root({(SYSTOLIC, DIASTOLIC): _CUFF})


_TIMES: Final = ("moved", "onset", "rise", "hold", "fall", "peak", "drowsiness", "acuity")


@dataclass(slots=True)
class States:
    """What is known of so many patients, an array each; times in hours of the hospital.

    Attributes:
        baseline: (patients, vital signs), with age and diagnosis.
        process: (patients, vital signs), as it was at `moved`.
        moved: When the process was last moved on.
        onset: When the next or present episode begins.
        rise: In so many hours an episode comes to its peak.
        hold: For so many hours it stays there.
        fall: In so many hours it falls by e afterwards.
        peak: Its severity; 1 is a patient who is seen to be ill, 2 one in danger.
        drowsiness: What the diagnosis adds to what makes a patient less than alert.
        acuity: How far from the ward's figures to those of intensive care, but for an episode.
        medians: (patients, vital signs): a child's own; 1 for adults.
        profile: Of the department, or a child's; by which the state becomes vital signs.
        scale_2: Whether a clinician has decided for NEWS2's SpO2 scale 2.
        oxygen: Whether oxygen is given.
    """

    baseline: Floats
    process: Floats
    moved: Floats
    onset: Floats
    rise: Floats
    hold: Floats
    fall: Floats
    peak: Floats
    drowsiness: Floats
    acuity: Floats
    medians: Floats
    profile: Ints
    scale_2: Bools
    oxygen: Bools

    @classmethod
    def of(cls, patients: int) -> Self:
        """Room for so many patients."""
        wide, long = (patients, len(VITAL_SIGNS)), np.zeros(patients)
        return cls(
            baseline=np.zeros(wide),
            process=np.zeros(wide),
            medians=np.ones(wide),
            profile=np.zeros(patients, np.int64),
            scale_2=np.zeros(patients, bool),
            oxygen=np.zeros(patients, bool),
            **{name: long.copy() for name in _TIMES},
        )

    def move(self, source: int, target: int) -> None:
        """Put one patient in another one's place."""
        for name in _ARRAYS:
            array = getattr(self, name)
            array[target] = array[source]

    def severity(self, who: Ints, at: Floats | float) -> Floats:
        """The truth: how ill these patients are by their episode."""
        since = at - self.onset[who]
        rise, after = self.rise[who], since - self.rise[who] - self.hold[who]
        rising = np.clip(since / rise, 0.0, 1.0)
        falling = np.exp(-np.maximum(after, 0.0) / self.fall[who])
        severity: Floats = self.peak[who] * rising * falling
        return severity

    def over(self, at: Floats | float) -> Bools:
        """Whether everybody's episode has passed."""
        over: Bools = at - self.onset > self.rise + self.hold + 4 * self.fall
        return over


_ARRAYS: Final = tuple(each.name for each in fields(States))


@dataclass(frozen=True, slots=True)
class Observations:
    """What was measured of some patients, as a device shows it, and what is known to the truth.

    Attributes:
        values: (patients, vital signs): rounded; whole numbers but for tenths of a degree.
        oxygen: Whether oxygen is given.
        consciousness: Index into `ALERTNESS`.
        severity: The truth.
        artefact: The truth: whether something was measured wrong.
    """

    values: Floats
    oxygen: Bools
    consciousness: Ints
    severity: Floats
    artefact: Bools


class Physiology:
    """Draws patients, moves them through time, and measures them.

    Args:
        rng: All its chance.
        artefact_rate: Share of the observations with something measured wrong.
    """

    def __init__(self, rng: np.random.Generator, artefact_rate: float) -> None:
        self._rng = rng
        self._artefact_rate = artefact_rate

    def natures(self, patients: int) -> Floats:
        """What is people's own in their baselines, whatever they are admitted with."""
        drawn = self._rng.standard_normal((patients, len(VITAL_SIGNS)))
        natures: Floats = drawn @ _ROOT.T * np.sqrt(_BETWEEN)
        return natures

    @staticmethod
    def baselines(natures: Floats, ages: Floats, effects: Floats) -> Floats:
        """Baselines of an admission.

        Args:
            natures: Of the people who are admitted.
            ages: In years.
            effects: (patients, vital signs): of their diagnoses.
        """
        baselines: Floats = natures + effects + (ages[:, None] - 62.0) / 10 * _ELDERLY
        return baselines

    def processes(self, patients: int) -> Floats:
        """The forgetting process of new patients."""
        drawn = self._rng.standard_normal((patients, len(VITAL_SIGNS)))
        processes: Floats = drawn @ _ROOT.T * np.sqrt(_WITHIN)
        return processes

    def plan_episodes(self, states: States, who: Ints, after: Floats, per_day: Floats) -> None:
        """Draw the next episode of some patients.

        Args:
            states: Where it goes.
            who: Which patients.
            after: It begins after this hour.
            per_day: How often such patients deteriorate.
        """
        rng, count = self._rng, len(who)
        states.onset[who] = after + rng.exponential(24.0, count) / np.maximum(per_day, 1e-6)
        states.rise[who] = rng.uniform(1.5, 8.0, count)
        states.hold[who] = rng.uniform(2.0, 14.0, count)
        states.fall[who] = rng.uniform(4.0, 14.0, count)
        states.peak[who] = np.minimum(rng.lognormal(0.1, 0.5, count), 3.5)

    def observe(self, states: States, who: Ints, at: Floats) -> Observations:
        """Move patients to a moment each and measure them.

        Args:
            states: Of all patients; the process and the oxygen given change.
            who: Which patients, none twice.
            at: When, in hours; not before the last time.
        """
        rng = self._rng
        self._move(states, who, at)
        severity = states.severity(who, at)
        acuity = np.maximum(states.acuity[who], np.minimum(severity / IN_DANGER, 1.0))
        latent, oxygen = self._latent(states, who, severity, acuity)
        noise = rng.standard_normal(latent.shape) @ _NOISE_ROOT.T * np.sqrt(_NOISE)
        noise *= 1 - (1 - acuity[:, None]) * (1 - _WARD_NOISE)
        values = measured(latent + noise, acuity, states.profile[who], states.medians[who])
        artefact = rng.random(len(who)) < self._artefact_rate
        if artefact.any():
            values[artefact] = disturbed(values[artefact], rng)
        drowsy = (
            severity * _DROWSINESS_OF_SEVERITY
            + states.drowsiness[who]
            + rng.standard_normal(len(who)) * _DROWSINESS_VARIES
        )
        return Observations(
            values=shown(values, states.profile[who]),
            oxygen=oxygen,
            consciousness=np.searchsorted(_LESS_THAN_ALERT, drowsy),
            severity=severity,
            artefact=artefact,
        )

    def _move(self, states: States, who: Ints, at: Floats) -> None:
        since = at - states.moved[who]
        kept = np.exp(-since[:, None] / _HOURS)
        drawn = self._rng.standard_normal(kept.shape) @ _ROOT.T
        fresh = drawn * np.sqrt(_WITHIN * (1 - kept**2))
        states.process[who] = states.process[who] * kept + fresh
        settled = ACUITY[states.profile[who]]
        states.acuity[who] = settled + (states.acuity[who] - settled) * np.exp(-since / _SETTLES)
        states.moved[who] = at

    @staticmethod
    def _latent(
        states: States, who: Ints, severity: Floats, acuity: Floats
    ) -> tuple[Floats, Bools]:
        """The state without noise, and who is given oxygen, which lifts the saturation."""
        own = 1 + (1 - acuity[:, None]) * (_WARD_OWN - 1)
        patient = states.baseline[who] + states.process[who]
        latent: Floats = patient * own + severity[:, None] * _EPISODE
        scale = states.scale_2[who].astype(np.int64)
        latent[:, OXYGEN_SATURATION] += scale * _SCALE_2_SHIFT
        air = latent[:, OXYGEN_SATURATION]
        waits = _WARD_WAITS[scale] * (1 - acuity)
        below, until = _OXYGEN_BELOW[scale] - waits, _OXYGEN_UNTIL[scale] - waits
        oxygen = np.where(states.oxygen[who], air < until, air < below)
        states.oxygen[who] = oxygen
        lifts = _OXYGEN_LIFTS[scale] + _OXYGEN_TITRATED * np.maximum(below - air, 0.0)
        latent[:, OXYGEN_SATURATION] = air + oxygen * lifts
        return latent, oxygen
