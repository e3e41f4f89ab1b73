"""When the next record is due: pure, the time is passed in (seconds of a monotonic clock)."""

import random
from typing import Protocol


class Schedule(Protocol):
    """Says how many records are due, and how long to wait for the next."""

    def due(self, now: float) -> int:
        """Say how many records may be sent now."""

    def sent(self, count: int) -> None:
        """Note that so many of the due records were sent."""

    def wait(self, now: float) -> float:
        """Say in how many seconds the next record is due; 0 if one is."""


class RandomDelays:
    """One record at a time, each after a delay drawn evenly between two bounds, as in the seed.

    Args:
        shortest: Least delay, seconds.
        longest: Greatest delay, seconds.
        rng: Source of the delays.
        now: The first record is due at this time.
    """

    def __init__(self, shortest: float, longest: float, rng: random.Random, now: float) -> None:
        self._bounds = (shortest, longest)
        self._rng = rng
        self._next = now
        self._now = now

    def due(self, now: float) -> int:
        """One when the delay is over, else none: what was missed is not made up for."""
        self._now = now
        return int(now >= self._next)

    def sent(self, count: int) -> None:
        """Draw the next delay, counted from the last look at the clock."""
        if count:
            self._next = self._now + self._rng.uniform(*self._bounds)

    def wait(self, now: float) -> float:
        """Say in how many seconds the delay is over."""
        return max(0.0, self._next - now)


class SteadyRate:
    """So many records a second, counted from one origin so that no rounding ever adds up.

    After a stall the missed records are sent at once, but never more than `burst` of them: the
    origin moves instead.

    Args:
        rate: Records per second.
        burst: The most records that are ever due together.
        now: The first record is due at this time.
    """

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._origin = now
        self._sent = 0

    def due(self, now: float) -> int:
        """Say how many records the clock is ahead of what was sent, up to the burst."""
        owed = int((now - self._origin) * self._rate) + 1 - self._sent
        if owed > self._burst:
            self._origin, self._sent = now, 1 - self._burst
            owed = self._burst
        return max(0, owed)

    def sent(self, count: int) -> None:
        """Note that so many of the due records were sent."""
        self._sent += count

    def wait(self, now: float) -> float:
        """Say in how many seconds the next record is due."""
        return max(0.0, self._origin + self._sent / self._rate - now)


class FullSpeed:
    """Always due, in portions.

    Args:
        portion: So many records between two looks at anything else.
    """

    def __init__(self, portion: int) -> None:
        self._portion = portion

    def due(self, now: float) -> int:
        """Say one portion."""
        del now
        return self._portion

    def sent(self, count: int) -> None:
        """Note nothing: there is always more to do."""

    def wait(self, now: float) -> float:
        """Never wait."""
        del now
        return 0.0
