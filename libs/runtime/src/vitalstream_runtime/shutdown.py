"""Stopping when asked: SIGTERM and SIGINT."""

import os
import select
import signal
import weakref
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Shutdown:
    """A request to stop, made by SIGTERM, by SIGINT, or by `request`.

    As a context manager it installs the handlers and puts the old ones back. The first signal
    only asks: loops look at `requested`, or sleep in `wait`. The second one ends the process at
    once with 128 + its number. Signals reach Python between two bytecodes of the main thread, so
    a loop there must not stay in one C call (``poll``, ``consume``) for longer than it may take
    to react.

    Attributes:
        signal: the signal that asked, None if none did.
    """

    def __init__(self) -> None:
        # A threading.Event deadlocks when its own handler interrupts its wait; a pipe does not.
        self._reader, self._writer = os.pipe()
        weakref.finalize(self, _close, self._reader, self._writer)
        self._previous: dict[signal.Signals, Any] = {}
        self._requested = False
        self.signal: signal.Signals | None = None

    @property
    def requested(self) -> bool:
        """Whether to stop."""
        return self._requested

    def request(self) -> None:
        """Ask to stop; any thread may."""
        if not self._requested:
            self._requested = True
            os.write(self._writer, b"\0")

    def wait(self, seconds: float) -> bool:
        """Sleep for some seconds, less if asked to stop; returns whether to stop."""
        waiting = select.poll()
        waiting.register(self._reader, select.POLLIN)
        waiting.poll(max(0.0, seconds) * 1000)
        return self._requested

    def __enter__(self) -> Self:
        """Install the handlers."""
        for number in _SIGNALS:
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put the old handlers back."""
        while self._previous:
            signal.signal(*self._previous.popitem())

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            os._exit(128 + number)
        self.signal = signal.Signals(number)
        self.request()


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
