"""Stopping when asked."""

import contextlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import pytest

from vitalstream_runtime.shutdown import Shutdown


def test_wait_times_out() -> None:
    """Nobody asked: the full time passes and the answer is no."""
    shutdown = Shutdown()
    began = time.monotonic()
    assert not shutdown.wait(0.05)
    assert time.monotonic() - began >= 0.05
    assert not shutdown.requested


def test_wait_returns_early_on_request() -> None:
    """A request from another thread ends a long wait, and every later one."""
    shutdown = Shutdown()
    threading.Timer(0.05, shutdown.request).start()
    assert shutdown.wait(3600)
    assert shutdown.requested
    assert shutdown.wait(3600)
    assert shutdown.signal is None


def test_negative_wait_does_not_wait() -> None:
    """A deadline that has passed is no endless wait."""
    assert not Shutdown().wait(-1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_is_a_request(number: signal.Signals) -> None:
    """SIGTERM and SIGINT ask to stop, interrupting a wait, without an exception."""
    before = signal.getsignal(number)
    with Shutdown() as shutdown:
        threading.Timer(0.05, signal.raise_signal, [number]).start()
        asked = shutdown.wait(3600)
    assert asked
    assert shutdown.signal is number
    assert signal.getsignal(number) is before


def test_many_waits_and_signals_do_not_deadlock() -> None:
    """A signal at any moment of a wait is a request (a threading.Event would hang here)."""
    with running(
        """
        import threading, os, time
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            with Shutdown() as shutdown:
                threading.Timer(0.0005, os.kill, [os.getpid(), signal.SIGTERM]).start()
                while not shutdown.wait(0.00001):
                    pass
        print("done")
        """
    ) as child:
        assert child.wait(60) == 0


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [(signal.SIGINT, signal.SIGINT, 130), (signal.SIGINT, signal.SIGTERM, 143)],
)
def test_second_signal_exits_at_once(
    first: signal.Signals, second: signal.Signals, code: int
) -> None:
    """Who asks twice does not wait for the drain."""
    with running(
        """
        with Shutdown() as shutdown:
            print("ready", flush=True)
            shutdown.wait(60)
            print("draining", flush=True)
            time.sleep(60)
        """
    ) as child:
        assert read(child) == "ready"
        child.send_signal(first)
        assert read(child) == "draining"
        child.send_signal(second)
        assert child.wait(30) == code


@pytest.mark.parametrize("call", ["poll(0.2)", "consume(100, 0.2)"])
def test_kafka_poll_loop_ends(call: str) -> None:
    """A loop around the client's poll sees the request after the poll it is in."""
    with running(
        f"""
        from confluent_kafka import Consumer
        consumer = Consumer({{"bootstrap.servers": "127.0.0.1:1", "group.id": "g",
                             "error_cb": lambda error: None, "log_level": 0}})
        consumer.subscribe(["t"])
        with Shutdown() as shutdown:
            print("ready", flush=True)
            while not shutdown.requested:
                consumer.{call}
        consumer.close()
        print(shutdown.signal.name, flush=True)
        """
    ) as child:
        assert read(child) == "ready"
        time.sleep(0.3)  # well inside a poll
        child.send_signal(signal.SIGTERM)
        assert read(child) == "SIGTERM"
        assert child.wait(30) == 0


@contextlib.contextmanager
def running(code: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that runs the code; it does not outlive the test."""
    header = "import signal, time\nfrom vitalstream_runtime.shutdown import Shutdown\n"
    with subprocess.Popen(
        [sys.executable, "-c", header + textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def read(child: subprocess.Popen[str]) -> str:
    """The child's next line."""
    assert child.stdout is not None
    return child.stdout.readline().strip()
