"""The scores of many observations at once, against those of one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitalstream_producer.hospital.physiology import ALERTNESS
from vitalstream_producer.hospital.scoring import (
    RISK_LEVELS,
    hours_until_next,
    news2_totals,
    risk_scores,
)
from vitalstream_schema import news2, risk

ONE = st.tuples(
    st.integers(20, 250),
    st.integers(40, 280),
    st.integers(3, 70),
    st.integers(300, 430),
    st.integers(50, 100),
    st.booleans(),
    st.integers(0, 4),
    st.booleans(),
)


@given(st.lists(ONE, min_size=1, max_size=50))
def test_the_scores_are_the_schemas(
    many: list[tuple[int, int, int, int, int, bool, int, bool]],
) -> None:
    """Totals, the interval until the next observation and the risk are what one by one gives."""
    values = np.array(
        [[hr, sys, 60.0, rr, round(tenths / 10, 1), spo2] for hr, sys, rr, tenths, spo2, *_ in many]
    )
    oxygen, mind, scale_2 = (np.array([each[n] for each in many]) for n in (5, 6, 7))
    totals, most = news2_totals(values, oxygen, mind, scale_2=scale_2)
    hours, risks = hours_until_next(totals, most), risk_scores(values)
    for n, (heart, systolic, breaths, tenths, saturation, air, letter, two) in enumerate(many):
        one = news2.score(
            breaths, saturation, systolic, heart, tenths / 10, air, ALERTNESS[letter], 1 + two
        )
        assert totals[n] == one.total
        assert hours[n] * 3600 == one.observe_within.total_seconds()
        points = risk.score(heart, systolic, tenths / 10, saturation, breaths)
        assert (risks[n], RISK_LEVELS[risks[n]]) == (points, risk.level(points))
