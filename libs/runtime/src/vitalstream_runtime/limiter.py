"""Repeated log lines: one now and then, with a count of those between."""

import time
from collections.abc import Callable


class Limiter:
    """Lets each kind of line through once in so many seconds, and counts the others.

    Args:
        seconds: From one line of a kind to the next.
        clock: Monotonic seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next: dict[object, float] = {}
        self._suppressed: dict[object, int] = {}

    def admit(self, kind: object) -> int | None:
        """How many lines of this kind were held back since the last; None: hold this one back."""
        now = self._clock()
        if now < self._next.get(kind, now):
            self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
            return None
        self._next[kind] = now + self._seconds
        return self._suppressed.pop(kind, 0)
