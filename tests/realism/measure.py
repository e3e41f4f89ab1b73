"""The generator's figures, and how they compare."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tests.realism.targets import (
    CORRELATIONS,
    CORRELATIONS_WITHIN,
    LEVELS,
    MEANS_WITHIN,
    SPREAD_WITHIN,
    TARGETS,
)
from vitalstream_producer.hospital.population import intensive_care

HOURS: Final = 48
"""As long as the challenge's patients were observed."""
ARTEFACT_RATE: Final = 0.005
"""PRODUCER_ARTEFACT_RATE's default: what is measured is what is sent."""

_NARROW: Final = (TARGETS[4].name, TARGETS[5].name)

Floats = npt.NDArray[np.float64]


class Figure(NamedTuple):
    """One figure beside its target.

    Attributes:
        of: Which vital sign, or which two.
        what: Which figure.
        target: What was measured.
        found: What the generator has.
        within: How far they may be apart.
    """

    of: str
    what: str
    target: float
    found: float
    within: float

    @property
    def holds(self) -> bool:
        """Whether it is near enough."""
        return abs(self.found - self.target) <= self.within + 1e-9


def generate(patients: int, seed: int) -> Floats:
    """(hours, patients, vital signs) of the intensive-care profile, charted every hour."""
    _, charted = intensive_care(patients, HOURS, seed, ARTEFACT_RATE)
    return np.stack([hour.values for hour in charted])


def compare(values: Floats) -> Iterator[Figure]:
    """Every figure that there is a target for.

    Args:
        values: (hours, patients, vital signs); NaN where somebody was not there.
    """
    for number, target in enumerate(TARGETS):
        one = values[:, :, number]
        yield Figure(
            target.name,
            "mean",
            target.mean,
            float(np.nanmean(one)),
            MEANS_WITHIN * abs(target.mean),
        )
        yield spread(target.name, "SD", target.deviation, float(np.nanstd(one)), target.step)
        for level, wanted, found in zip(
            LEVELS, target.quantiles, np.nanquantile(one, LEVELS), strict=True
        ):
            yield spread(target.name, f"{level:.0%}", wanted, float(found), target.step)
        if target.lag is not None:
            yield Figure(
                target.name, "lag 1 h", target.lag, _correlation(one[:-1], one[1:]),
                CORRELATIONS_WITHIN,
            )  # fmt: skip
    for (one_n, other_n), wanted in CORRELATIONS.items():
        names = " - ".join(TARGETS[n].name.rsplit(" ", 1)[0] for n in (one_n, other_n))
        found = _correlation(values[:, :, one_n], values[:, :, other_n])
        yield Figure(names, "correlation", wanted, found, CORRELATIONS_WITHIN)


def spread(of: str, what: str, target: float, found: float, step: float) -> Figure:
    """Within 10 %, or one step of the device's rounding where that is more.

    A tenth of a temperature or a saturation holds nothing, so their quantiles are held to the step.
    """
    near = what != "SD" and of in _NARROW
    within = step if near else max(SPREAD_WITHIN * target, step)
    return Figure(of, what, target, found, within)


def _correlation(one: Floats, other: Floats) -> float:
    both = ~(np.isnan(one) | np.isnan(other))
    return float(np.corrcoef(one[both], other[both])[0, 1])
