"""How long to wait before trying again."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with full jitter, so that replicas do not come back in step.

    Attributes:
        first_seconds: Upper bound of the first delay.
        longest_seconds: Upper bound of every delay.
        jitter: Returns a number in [0, 1).
    """

    first_seconds: float = 0.1
    longest_seconds: float = 5.0
    jitter: Callable[[], float] = field(default=random.random)

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row (from 1).

        Between half the bound and the bound: never at once, never all at the same time.
        """
        doublings = min(failures - 1, 30)  # 2.0**30 s is past any bound and far from overflow
        bound = min(self.longest_seconds, self.first_seconds * 2.0**doublings)
        return bound * (0.5 + self.jitter() / 2)
