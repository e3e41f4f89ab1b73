"""How vital signs are distributed: in intensive care, on a ward, in emergency, in children.

A profile gives, for each vital sign, the values at nine quantiles. The patients' latent state,
whose quantiles are `LATENT`, is mapped onto them, so that a profile's figures come out whatever
the patients are made of (`make realism ARGS=--latent` prints `LATENT` anew). An adult is anywhere
between ward and intensive care, by acuity: nobody's heart leaps because the bed is another one.

Sources:
    intensive care: PhysioNet/Computing in Cardiology Challenge 2012, set A (5 to 95 %).
    ward: the normal ranges by which observations on the medical wards of a London hospital were
        audited (Critical Care 2005, 9 (Suppl 1): P249) are taken as 5 and 95 %; medians and
        diastolic pressure, which it does not give, are ours.
    emergency: half-way between the two, ours.
    children: medians of heart and respiratory rate by Fleming et al., Lancet 2011, 377: 1011-1018,
        in its bands of age; systolic pressure 90 + 2 x age, the median of Pediatric Advanced Life
        Support (American Heart Association); an infant's, diastolic pressure and spread ours.
    Everywhere the outermost 1 % on each side is ours.
"""

from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

VITAL_SIGNS: Final = (
    "heart_rate", "systolic", "diastolic", "respiratory_rate", "temperature", "oxygen_saturation",
)  # fmt: skip
HEART_RATE, SYSTOLIC, DIASTOLIC, RESPIRATORY_RATE, TEMPERATURE, OXYGEN_SATURATION = range(6)
LEVELS: Final = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
"""The quantiles that profiles and `LATENT` are given at."""


class Profile(IntEnum):
    """Which distribution a bed's patients have."""

    INTENSIVE_CARE = 0
    WARD = 1
    EMERGENCY = 2
    CHILDREN = 3


CHILDREN: Final = int(Profile.CHILDREN)  # NumPy compares with it in a third of the time


_INTENSIVE_CARE: Final = [
    [40, 50, 60, 75, 86, 99, 120, 136, 160],
    [60, 73, 87, 102, 116, 133, 159, 180, 205],
    [20, 27, 35, 48, 56, 67, 86, 101, 120],
    [6, 9, 12, 16, 19, 23, 30, 36, 46],
    [33.6, 34.7, 35.6, 36.6, 37.1, 37.6, 38.4, 39.1, 40.2],
    [72, 86, 92, 96, 97, 98, 99.4, 100, 100],
]
_WARD: Final = [
    [38, 44, 50, 66, 75, 84, 99, 114, 135],
    [78, 90, 100, 118, 131, 146, 179, 195, 215],
    [38, 46, 54, 65, 73, 80, 94, 104, 116],
    [7, 8, 10, 14, 16, 17, 19, 24, 32],
    [34.8, 35.4, 36.0, 36.4, 36.7, 37.0, 37.4, 38.3, 39.3],
    [82, 90, 95, 96, 97, 98, 99.2, 100, 100],
]
# Parts of the median for the child's age; temperature and saturation as they are.
_CHILD: Final = [
    [0.6, 0.68, 0.78, 0.91, 1, 1.1, 1.28, 1.45, 1.65],
    [0.74, 0.81, 0.87, 0.95, 1, 1.06, 1.15, 1.22, 1.35],
    [0.6, 0.7, 0.79, 0.91, 1, 1.09, 1.23, 1.33, 1.5],
    [0.55, 0.65, 0.76, 0.91, 1, 1.12, 1.35, 1.6, 2],
    [35.2, 35.8, 36.2, 36.6, 36.9, 37.2, 38.1, 39.1, 40.1],
    [84, 91, 95, 97, 98, 99, 100, 100, 100],
]
ACUITY: Final[Floats] = np.array([1.0, 0.0, 0.5, 0.0])
"""By profile: how far its patients are from the ward's figures to those of intensive care."""

_STEPS: Final = 64
_CHILDREN: Final = _STEPS + 1
VALUES: Final[Floats] = np.array(
    [
        *(
            (1 - acuity) * np.array(_WARD) + acuity * np.array(_INTENSIVE_CARE)
            for acuity in np.linspace(0, 1, _STEPS + 1)
        ),
        _CHILD,
    ]
)
"""By acuity in so many steps, children last; by vital sign and level; /min, mmHg, degrees Celsius,
per cent."""

LATENT: Final[Floats] = np.array(
    [
        [-2.699, -1.856, -1.119, -0.054, 0.714, 1.499, 2.678, 3.547, 4.494],
        [-4.304, -3.313, -2.494, -1.337, -0.542, 0.238, 1.358, 2.130, 3.010],
        [-4.042, -3.159, -2.365, -1.248, -0.485, 0.269, 1.336, 2.077, 2.856],
        [-2.845, -1.976, -1.185, -0.053, 0.746, 1.563, 2.812, 3.698, 4.706],
        [-2.895, -2.136, -1.394, -0.363, 0.344, 1.073, 2.135, 2.895, 3.752],
        [-2.154, -1.636, -1.147, -0.447, 0.045, 0.557, 1.339, 1.942, 2.688],
    ]
)
"""The latent state's own quantiles in intensive care, noise included, by vital sign and level."""

# Medians by year of age, from 0 to 15; of bands shorter than a year the mean.
_CHILD_HEART_RATE: Final = (
    136, 120, 110, 104, 98, 98, 91, 91, 84, 84, 84, 84, 78, 78, 78, 73,
)  # fmt: skip
_CHILD_RESPIRATORY_RATE: Final = (
    40, 33, 28, 25, 23, 23, 21, 21, 19, 19, 19, 19, 18, 18, 18, 16,
)  # fmt: skip
OLDEST_CHILD: Final = 15


def child_medians(age: int) -> list[float]:
    """What a child's profile is multiplied by, in the order of `VITAL_SIGNS`.

    Args:
        age: In years, 0 to 15.
    """
    systolic = 70 if age == 0 else 90 + 2 * age
    return [
        _CHILD_HEART_RATE[age], systolic, 0.62 * systolic, _CHILD_RESPIRATORY_RATE[age], 1, 1,
    ]  # fmt: skip


def measured(
    latent: Floats, acuity: Floats, profiles: npt.NDArray[np.int64], medians: Floats
) -> Floats:
    """Vital signs as they are, neither rounded nor disturbed.

    Args:
        latent: (patients, vital signs).
        acuity: Of each patient, 0 (as on a ward) to 1 (as in intensive care).
        profiles: Of each patient; only a child's matters.
        medians: (patients, vital signs): what a profile is multiplied by; 1 for adults.
    """
    steps = np.rint(acuity * _STEPS).astype(np.int64)
    rows = np.where(profiles == CHILDREN, _CHILDREN, steps)
    place = (latent[:, :, None] >= LATENT[None, :, 1:-1]).sum(axis=2)
    sign = np.arange(len(VITAL_SIGNS))[None, :]
    low, high = LATENT[sign, place], LATENT[sign, place + 1]
    bottom = VALUES[rows[:, None], sign, place]
    top = VALUES[rows[:, None], sign, place + 1]
    values: Floats = (bottom + (top - bottom) * (latent - low) / (high - low)) * medians
    return values
