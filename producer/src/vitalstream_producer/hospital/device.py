"""What a device makes of a vital sign: rounding, and now and then something else altogether."""

from typing import Final

import numpy as np
import numpy.typing as npt

from vitalstream_producer.hospital.profiles import (
    DIASTOLIC,
    HEART_RATE,
    OXYGEN_SATURATION,
    RESPIRATORY_RATE,
    SYSTOLIC,
    TEMPERATURE,
    Floats,
    Profile,
)

_BY_MONITOR: Final = int(Profile.INTENSIVE_CARE)
_LEAST: Final = np.array([20.0, 40.0, 15.0, 3.0, 30.0, 50.0])
_MOST: Final = np.array([250.0, 280.0, 180.0, 70.0, 43.0, 100.0])


def disturbed(values: Floats, rng: np.random.Generator) -> Floats:
    """Each with one of four faults: probe moved, cuff too loose or tight, lead, cold probe."""
    count = len(values)
    kind, how = rng.integers(0, 4, count), rng.random(count)
    values[:, OXYGEN_SATURATION] -= (kind == 0) * (4 + 14 * how)
    cuff = (kind == 1) * np.where(how < 0.5, -1, 1) * (15 + 20 * how)  # noqa: PLR2004
    values[:, SYSTOLIC] += cuff
    values[:, DIASTOLIC] += cuff * 0.6
    values[:, HEART_RATE] *= np.where(kind == 2, np.where(how < 0.5, 0.6, 1.4), 1.0)  # noqa: PLR2004
    values[:, TEMPERATURE] -= (kind == 3) * (0.8 + 1.2 * how)  # noqa: PLR2004
    return values


def shown(values: Floats, profiles: npt.NDArray[np.int64]) -> Floats:
    """As a device shows them: whole numbers, tenths of a degree, breaths counted for half a minute.

    Only a monitor in intensive care counts breaths for longer.
    """
    values = np.clip(values, _LEAST, _MOST)
    display = np.rint(values)
    display[:, TEMPERATURE] = np.rint(values[:, TEMPERATURE] * 10) / 10
    counted = np.rint(values[:, RESPIRATORY_RATE] / 2) * 2
    by_hand = profiles != _BY_MONITOR
    display[:, RESPIRATORY_RATE] = np.where(by_hand, counted, display[:, RESPIRATORY_RATE])
    display[:, DIASTOLIC] = np.minimum(display[:, DIASTOLIC], display[:, SYSTOLIC] - 8)
    return display
