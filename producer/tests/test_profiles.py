"""Profiles against the sources they name."""

import pytest

from vitalstream_producer.hospital.profiles import (
    HEART_RATE,
    OLDEST_CHILD,
    RESPIRATORY_RATE,
    SYSTOLIC,
    child_medians,
)

# From an age in years to the next, the medians of heart and respiratory rate: Fleming et al.,
# Lancet 2011, 377: 1011-1018.
BANDS = (
    (0.0, 143, 43),
    (0.25, 140, 41),
    (0.5, 134, 39),
    (0.75, 128, 37),
    (1.0, 123, 35),
    (1.5, 116, 31),
    (2.0, 110, 28),
    (3.0, 104, 25),
    (4.0, 98, 23),
    (6.0, 91, 21),
    (8.0, 84, 19),
    (12.0, 78, 18),
    (15.0, 73, 16),
)


@pytest.mark.parametrize("age", range(OLDEST_CHILD + 1))
def test_a_childs_medians_are_the_sources(age: int) -> None:
    """Of its year's bands the mean, for both rates; the pressure is 90 + 2 x age from one year."""
    quarters = [age + n / 4 for n in range(4)]
    bands = [max(band for band in BANDS if band[0] <= quarter) for quarter in quarters]
    medians = child_medians(age)
    assert medians[HEART_RATE] == pytest.approx(sum(band[1] for band in bands) / 4, abs=0.5)
    assert medians[RESPIRATORY_RATE] == pytest.approx(sum(band[2] for band in bands) / 4, abs=0.5)
    assert medians[SYSTOLIC] == (90 + 2 * age if age else 70)
