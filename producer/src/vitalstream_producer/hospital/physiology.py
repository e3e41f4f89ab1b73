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

# Shares of the variance, in the order of VITAL_SIGNS; they add up to about 1.
_BETWEEN: Final = np.array([0.28, 0.14, 0.20, 0.04, 0.28, 0.30])
_WITHIN: Final = np.array([0.48, 0.28, 0.30, 0.16, 0.60, 0.30])
_NOISE: Final = np.array([0.24, 0.58, 0.50, 0.80, 0.10, 0.40])
_HOURS: Final = np.array([6.0, 4.0, 4.0, 3.0, 30.0, 4.0])
"""In so many hours the process forgets: its correlation falls by e."""
_EPISODE: Final = np.array([0.7, -0.6, -0.5, 0.8, 0.3, -0.7])
"""What a severity of 1 does."""
_ELDERLY: Final = np.array([-0.06, 0.10, -0.05, 0.02, -0.08, -0.06])
"""What ten years more do."""
_CORRELATIONS: Final = {
    (HEART_RATE, RESPIRATORY_RATE): 0.45,
    (HEART_RATE, TEMPERATURE): 0.30,
    (SYSTOLIC, DIASTOLIC): 0.75,
    (RESPIRATORY_RATE, OXYGEN_SATURATION): -0.35,
    (HEART_RATE, OXYGEN_SATURATION): -0.10,
    (RESPIRATORY_RATE, TEMPERATURE): 0.15,
}
_CUFF: Final = 0.30  # both pressures come from one inflation

_OXYGEN_BELOW: Final = np.array([-0.7, -1.5])  # by SpO2 scale
_OXYGEN_UNTIL: Final = np.array([0.0, -0.9])
_OXYGEN_LIFTS: Final = np.array([0.8, 0.4])
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


_TIMES: Final = ("moved", "onset", "rise", "hold", "fall", "peak", "drowsiness")


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
        medians: (patients, vital signs): a child's own; 1 for adults.
        profile: By which the state becomes vital signs.
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
        for each in fields(self):
            array = getattr(self, each.name)
            array[target] = array[source]

    def severity(self, who: Ints, at: Floats) -> Floats:
        """The truth: how ill these patients are by their episode."""
        since = at - self.onset[who]
        rise, after = self.rise[who], since - self.rise[who] - self.hold[who]
        rising = np.clip(since / rise, 0.0, 1.0)
        falling = np.exp(-np.maximum(after, 0.0) / self.fall[who])
        severity: Floats = self.peak[who] * rising * falling
        return severity

    def over(self, who: Ints, at: Floats) -> Bools:
        """Whether their episode has passed."""
        since = at - self.onset[who]
        over: Bools = since > self.rise[who] + self.hold[who] + 4 * self.fall[who]
        return over


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

    def baselines(self, ages: Floats, effects: Floats) -> Floats:
        """Baselines of new patients.

        Args:
            ages: In years.
            effects: (patients, vital signs): of their diagnoses.
        """
        person = self._rng.standard_normal(effects.shape) @ _ROOT.T * np.sqrt(_BETWEEN)
        baselines: Floats = person + effects + (ages[:, None] - 62.0) / 10 * _ELDERLY
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
        latent, oxygen = self._latent(states, who, severity)
        noise = rng.standard_normal(latent.shape) @ _NOISE_ROOT.T * np.sqrt(_NOISE)
        values = measured(latent + noise, states.profile[who], states.medians[who])
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
        kept = np.exp(-(at - states.moved[who])[:, None] / _HOURS)
        drawn = self._rng.standard_normal(kept.shape) @ _ROOT.T
        fresh = drawn * np.sqrt(_WITHIN * (1 - kept**2))
        states.process[who] = states.process[who] * kept + fresh
        states.moved[who] = at

    @staticmethod
    def _latent(states: States, who: Ints, severity: Floats) -> tuple[Floats, Bools]:
        """The state without noise, and who is given oxygen, which lifts the saturation."""
        latent: Floats = states.baseline[who] + states.process[who] + severity[:, None] * _EPISODE
        scale = states.scale_2[who].astype(np.int64)
        latent[:, OXYGEN_SATURATION] += scale * _SCALE_2_SHIFT
        air = latent[:, OXYGEN_SATURATION]
        oxygen = np.where(
            states.oxygen[who], air < _OXYGEN_UNTIL[scale], air < _OXYGEN_BELOW[scale]
        )
        states.oxygen[who] = oxygen
        latent[:, OXYGEN_SATURATION] = air + oxygen * _OXYGEN_LIFTS[scale]
        return latent, oxygen
