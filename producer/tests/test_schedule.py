"""When records are due, with the time passed in."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalstream_producer.schedule import FullSpeed, RandomDelays, SteadyRate
from vitalstream_producer.service import make_schedule
from vitalstream_producer.settings import ProducerSettings


def test_delays_are_drawn_between_the_bounds() -> None:
    """One record at a time, the next after 0.5 to 2.0 s, evenly spread."""
    schedule = RandomDelays(0.5, 2.0, random.Random(1), now=100.0)
    now, waits = 100.0, []
    for _ in range(2_000):
        assert schedule.due(now) == 1
        schedule.sent(1)
        assert schedule.due(now) == 0
        waits.append(schedule.wait(now))
        now += waits[-1]
    assert 0.5 <= min(waits) < 0.51
    assert 1.99 < max(waits) <= 2.0
    assert sum(waits) / len(waits) == pytest.approx(1.25, abs=0.03)


def test_a_late_look_does_not_make_up_for_missed_records() -> None:
    """After a minute's stall one record is due, and the next delay starts then."""
    schedule = RandomDelays(0.5, 2.0, random.Random(1), now=0.0)
    assert schedule.due(60.0) == 1
    schedule.sent(1)
    assert 0.5 <= schedule.wait(60.0) <= 2.0


@given(
    rate=st.floats(0.01, 100_000),
    steps=st.lists(st.floats(0, 0.5), min_size=1, max_size=200),
)
def test_a_steady_rate_never_drifts(rate: float, steps: list[float]) -> None:
    """However uneven the looks at the clock, the total is the rate times the time, plus one."""
    schedule = SteadyRate(rate, burst=1_000_000, now=10.0)
    now, total = 10.0, 0
    for step in steps:
        now += step
        due = schedule.due(now)
        schedule.sent(due)
        total += due
    assert total == int((now - 10.0) * rate) + 1


@given(rate=st.floats(0.01, 100_000), looks=st.integers(1, 50))
def test_waiting_as_told_gives_one_record_each_time(rate: float, looks: int) -> None:
    """After the wait a record is due, and not two."""
    schedule = SteadyRate(rate, burst=10, now=0.0)
    now = 0.0
    for _ in range(looks):
        assert schedule.due(now + 1e-9 / rate) == 1
        schedule.sent(1)
        now += schedule.wait(now)


def test_a_stall_is_made_up_for_only_up_to_the_burst() -> None:
    """An hour's stall makes the burst due, then the rate goes on as before."""
    schedule = SteadyRate(100.0, burst=50, now=0.0)
    schedule.sent(schedule.due(0.0))
    assert schedule.due(3600.0) == 50
    schedule.sent(50)
    assert schedule.due(3600.0) == 0
    assert schedule.wait(3600.0) == pytest.approx(0.01)
    assert schedule.due(3601.0) == 50
    schedule.sent(20)
    assert schedule.due(3601.0) == 30


def test_what_was_not_sent_stays_due() -> None:
    """A full buffer takes fewer than were due; the rest is due at the next look."""
    schedule = SteadyRate(10.0, burst=100, now=0.0)
    assert schedule.due(1.0) == 11
    schedule.sent(4)
    assert schedule.due(1.0) == 7


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, RandomDelays),
        ({"rate": 5.0}, SteadyRate),
        ({"rate": "max"}, FullSpeed),
        ({"min_delay_seconds": 0.0, "max_delay_seconds": 0.0}, FullSpeed),
    ],
)
def test_the_settings_choose_the_schedule(given: dict[str, object], kind: type) -> None:
    """Delays unless a rate is set; no delay at all means full speed."""
    settings = ProducerSettings.model_validate(given)
    schedule = make_schedule(settings, seed=1, now=0.0)
    assert isinstance(schedule, kind)
    assert schedule.due(0.0) >= 1


def test_full_speed_is_always_due() -> None:
    """In portions, without a wait."""
    schedule = FullSpeed(500)
    schedule.sent(500)
    assert (schedule.due(0.0), schedule.wait(0.0)) == (500, 0.0)


def test_a_seed_repeats_the_delays() -> None:
    """Same seed, same delays."""

    def waits(seed: int) -> list[float]:
        schedule = make_schedule(ProducerSettings(), seed, now=0.0)
        drawn = []
        for _ in range(20):
            schedule.due(0.0)
            schedule.sent(1)
            drawn.append(schedule.wait(0.0))
        return drawn

    assert waits(4) == waits(4) != waits(5)
