"""`make demo`: start everything in order, watch it, stop it in order, say what became of it."""

import sys
import time
from contextlib import ExitStack

import structlog

from vitalstream_devstack.demo.folder import claimed
from vitalstream_devstack.demo.ports import choose
from vitalstream_devstack.demo.settings import DemoSettings, ReusedSettings
from vitalstream_devstack.demo.stack import Stack
from vitalstream_devstack.demo.steps import say
from vitalstream_devstack.errors import CancelledError, DevstackError
from vitalstream_runtime.settings import load
from vitalstream_runtime.shutdown import Shutdown

_DRAIN_SECONDS = 60.0
_HASTY_DRAIN_SECONDS = 5.0
_LAST_LINES = 10


def main() -> int:
    """Run the demo.

    Returns:
        0; 1 if a part of it died or a record was lost or counted twice; 130 if it was asked to
        stop before everything ran.

    Raises:
        StartupError: What keeps it from starting, as one line.
    """
    settings, reused = load(DemoSettings), load(ReusedSettings)
    with (
        Shutdown() as shutdown,
        claimed(settings.dir, fresh=settings.fresh) as folder,
        ExitStack() as ends,
    ):
        # Our own events belong beside the services' logs; open until the process ends.
        log = (folder / "logs" / "demo.log").open("w")
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(log))
        stack = Stack(settings, reused, choose(settings, reused), folder, shutdown)
        ends.callback(stack.stop)
        say(f"Vitalstream demo, data in {folder}")
        try:
            stack.start()
        except DevstackError:
            # The terminal's Ctrl-C can end a child of ours before it has a session of its own.
            if not shutdown.requested:
                raise
            say("asked to stop before everything ran")
            return CancelledError.exit_code
        say(stack.directions())
        dead = _watch(stack, shutdown, settings.seconds)
        return _finish(stack, shutdown, settings, dead)


def _watch(stack: Stack, shutdown: Shutdown, seconds: float | None) -> str | None:
    """Show the producer's lines until it is time; returns the name of what died, if any."""
    until = float("inf") if seconds is None else time.monotonic() + seconds
    while not shutdown.requested and time.monotonic() < until:
        stack.echo_producer()
        dead = stack.find_dead()
        if dead is not None:
            return dead
        shutdown.wait(min(0.2, max(0.0, until - time.monotonic())))
    return None


def _finish(stack: Stack, shutdown: Shutdown, settings: DemoSettings, dead: str | None) -> int:
    started = time.monotonic()
    say("stopping ...")
    if dead is not None:
        lines = "".join(f"\n  | {line}" for line in stack.last_lines(dead, _LAST_LINES))
        sys.stderr.write(f"the {dead} died; its last lines:{lines or ' (none)'}\n")
    stack.stop_producer()
    good = dead is None
    if settings.seconds is not None and dead not in ("Kafka", "PostgreSQL"):
        patience = _HASTY_DRAIN_SECONDS if shutdown.requested else _DRAIN_SECONDS
        verdict = stack.judge(patience)
        say(str(verdict))
        if not verdict.partitions:
            sys.stderr.write("nothing was produced, so nothing was proven\n")
        good = good and verdict.good and bool(verdict.partitions)
    stack.stop()
    say(f"stopped in {time.monotonic() - started:.1f} s")
    return 0 if good else 1
