"""The demo's progress: one line a step, with its time."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_WIDTH = 14


class Step:
    """The step under way.

    Attributes:
        result: Shown behind the time when the step is done.
    """

    def __init__(self, name: str) -> None:
        self.result = ""
        self._name = name

    def progress(self, done: int, total: int) -> None:
        """Show on a terminal how far the step is."""
        if sys.stdout.isatty():
            say(f"\r  {self._name:{_WIDTH}} {done} of {total} ", end="")


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Show a step's name while it runs, and its time when it is done."""
    started = time.monotonic()
    now = Step(name)
    say(f"  {name:{_WIDTH}} ", end="")
    try:
        yield now
    except BaseException:
        say("did not start")
        raise
    again = f"\r  {name:{_WIDTH}} " if sys.stdout.isatty() else ""
    say(f"{again}{time.monotonic() - started:5.1f} s   {now.result}".rstrip())


def say(text: str, end: str = "\n") -> None:
    """Print at once, even into a pipe; nobody who reads any more is no reason to fail."""
    try:
        sys.stdout.write(text + end)
        sys.stdout.flush()
    except BrokenPipeError:
        return
