"""Stopping when asked: SIGTERM and SIGINT."""

import contextlib
import os
import select
import signal
import threading
import time
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
        # A threading.Event deadlocks when a handler interrupts its wait; a pipe does not.
        self._asked, self._ask = os.pipe()  # once readable, it stays so, for every waiting thread
        self._woken, self._wake = os.pipe()
        for descriptor in (self._asked, self._ask, self._woken, self._wake):
            os.set_blocking(descriptor, False)
            weakref.finalize(self, os.close, descriptor)
        self._previous: dict[signal.Signals, Any] = {}
        self._previous_wakeup = -1
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
            os.write(self._ask, b"\0")

    def wait(self, seconds: float) -> bool:
        """Sleep for some seconds, less if asked to stop; returns whether to stop."""
        deadline = time.monotonic() + seconds
        waiting = select.poll()
        waiting.register(self._asked, select.POLLIN)
        if threading.current_thread() is threading.main_thread():
            waiting.register(self._woken, select.POLLIN)
        while not self._requested:
            left = max(0.0, deadline - time.monotonic())
            if not waiting.poll(left * 1000):
                break
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken, 4096)  # its handler has run by now, ours or another's
        return self._requested

    def __enter__(self) -> Self:
        """Install the handlers."""
        for number in _SIGNALS:
            self._previous[number] = signal.signal(number, self._handle)
        # The kernel may give a signal to any thread; this wakes the one that runs the handlers.
        self._previous_wakeup = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put the old handlers back."""
        signal.set_wakeup_fd(self._previous_wakeup)
        while self._previous:
            signal.signal(*self._previous.popitem())

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            os._exit(128 + number)
        self.signal = signal.Signals(number)
        self.request()
