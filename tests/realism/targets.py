"""What was measured in intensive care (PhysioNet/CinC Challenge 2012, set A), and on wards."""

from typing import Final, NamedTuple


class Target(NamedTuple):
    """One vital sign, over all hours of all patients.

    Attributes:
        name: With its unit.
        mean: Over all.
        deviation: Standard deviation.
        quantiles: At `LEVELS`.
        lag: Correlation with the value an hour later; None where it is not known.
        step: What a device rounds to.
    """

    name: str
    mean: float
    deviation: float
    quantiles: tuple[float, ...]
    lag: float | None
    step: float


LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
TARGETS: Final = (
    Target("Heart rate /min", 87.5, 18.4, (60, 75, 86, 99, 120), 0.71, 1),
    Target("Systolic mmHg", 118.8, 22.7, (87, 102, 116, 133, 159), 0.46, 1),
    Target("Diastolic mmHg", 58.0, 15.4, (35, 48, 56, 67, 86), None, 1),
    Target("Respiratory rate /min", 19.7, 5.5, (12, 16, 19, 23, 30), 0.26, 1),
    Target("Temperature °C", 37.07, 0.87, (35.6, 36.6, 37.1, 37.6, 38.4), 0.89, 0.1),
    Target("SpO₂ %", 96.7, 2.9, (92, 96, 97, 98, 99), None, 1),
)
CORRELATIONS: Final = {(0, 3): 0.28, (0, 4): 0.27, (1, 2): 0.51, (3, 5): -0.18}
WARD_RANGES: Final = {
    0: (50, 99), 1: (100, 179), 3: (10, 19), 4: (36.0, 37.4), 5: (95, None)
}  # fmt: skip
"""Normal ranges on the medical wards of a London hospital (Critical Care 2005, 9 (Suppl 1): P249),
by vital sign."""
MEANS_WITHIN: Final = 0.05
SPREAD_WITHIN: Final = 0.10
CORRELATIONS_WITHIN: Final = 0.1
