"""Waiting for a dependency, the same way everywhere: unready, alive, and saying why."""

import time
from dataclasses import dataclass, field

import structlog

from vitalstream_runtime.ops import Heartbeat, Readiness
from vitalstream_runtime.shutdown import Shutdown

_log = structlog.get_logger(__name__)
_LINE_SECONDS = 5.0


@dataclass(slots=True)
class Waiting:
    """One wait: ``while waiting.goes_on(): if done: waiting.over() ... else waiting.because(why)``.

    Attributes:
        name: what is waited for: the readiness's name; the log's event is ``<name>_waiting``.
        shutdown: ends the wait.
        readiness: is told the reason.
        heartbeat: beaten in every round.
        give_up_after: seconds until `expired`; None: never.
        pause_seconds: between two rounds.
    """

    name: str
    shutdown: Shutdown | None = None
    readiness: Readiness | None = None
    heartbeat: Heartbeat | None = None
    give_up_after: float | None = None
    pause_seconds: float = 0.25
    _began: float = field(default_factory=time.monotonic)
    _next_line: float = 0.0

    def goes_on(self) -> bool:
        """Whether nobody has asked to stop; beats the heart."""
        if self.heartbeat is not None:
            self.heartbeat.beat()
        return self.shutdown is None or not self.shutdown.requested

    @property
    def expired(self) -> bool:
        """Whether it has taken ``give_up_after`` seconds."""
        return (
            self.give_up_after is not None and time.monotonic() - self._began >= self.give_up_after
        )

    def because(self, reason: str) -> None:
        """State the reason, in the log every few seconds only, and pause."""
        if self.readiness is not None:
            self.readiness.set(self.name, reason)
        now = time.monotonic()
        if now >= self._next_line:
            self._next_line = now + _LINE_SECONDS
            _log.warning(f"{self.name}_waiting", reason=reason, seconds=round(now - self._began))
        (time.sleep if self.shutdown is None else self.shutdown.wait)(self.pause_seconds)

    def over(self) -> None:
        """What was waited for is there."""
        if self.readiness is not None:
            self.readiness.set(self.name, None)
