"""How long the consumer waits before it tries again."""

from vitalstream_consumer.backoff import Backoff


def test_the_bound_doubles_and_is_capped() -> None:
    """Each failure in a row doubles the delay, up to the longest, however many there are."""
    backoff = Backoff(first_seconds=0.1, longest_seconds=5.0, jitter=lambda: 1.0)
    assert [backoff.delay(n) for n in (1, 2, 3, 4)] == [0.1, 0.2, 0.4, 0.8]
    assert backoff.delay(7) == 5.0
    assert backoff.delay(100_000) == 5.0


def test_jitter_spreads_the_upper_half() -> None:
    """A delay is never at once, and two replicas rarely choose the same one."""
    low = Backoff(1.0, 1.0, jitter=lambda: 0.0)
    assert low.delay(1) == 0.5
    delays = {Backoff(1.0, 1.0).delay(1) for _ in range(100)}
    assert len(delays) > 90
    assert all(0.5 <= delay <= 1.0 for delay in delays)
