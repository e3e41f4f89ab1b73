"""The lines a person sees."""

import pytest
import structlog
from structlog.testing import capture_logs

from vitalstream_producer.console import Console

RECORD = (
    b'{"patient_id":"abc123def456","primary_diagnosis":"Hypertension","risk_level":"Medium",'
    b'"department":"Emergency","age":40}'
)
TRACEPARENT = f"00-{'4b' * 16}-{'a1' * 8}-00"


def test_a_record_is_the_seeds_line(capsys: pytest.CaptureFixture[str]) -> None:
    """To the letter."""
    Console(plain=True).sent(1, RECORD, TRACEPARENT)
    assert capsys.readouterr().out == (
        "[Producer] Sent record #1: Patient abc123def456 | Hypertension | Risk: Medium | "
        "Dept: Emergency\n"
    )


def test_high_rates_are_sampled_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty lines at once, then four a second; a line tells how many records had none."""
    now = 0.0
    console = Console(plain=True, clock=lambda: now)
    for number in range(1, 10_001):
        console.sent(number, RECORD, TRACEPARENT)
        now += 0.001
    lines = capsys.readouterr().out.splitlines()
    assert 20 + 4 * 10 - 2 <= len(lines) <= 20 + 4 * 10
    assert all(line.endswith("Dept: Emergency") for line in lines[:20])
    numbers = [int(line.split("#")[1].split(":")[0]) for line in lines]
    for earlier, later, line in zip(numbers[19:], numbers[20:], lines[20:], strict=False):
        assert line.endswith(f"(and {later - earlier - 1} more not shown)")


def test_the_seeds_pace_is_never_sampled(capsys: pytest.CaptureFixture[str]) -> None:
    """A record every half second has its line, ten that arrive together after a stall too."""
    now = 0.0
    console = Console(plain=True, clock=lambda: now)
    for number in range(1, 101):
        now += 0.5 if number < 90 else 0.0
        console.sent(number, RECORD, TRACEPARENT)
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split("#")[1].split(":")[0]) for line in lines] == list(range(1, 101))


def test_without_a_terminal_the_line_is_an_event() -> None:
    """Named record_sent, the line in a field of its own, and the record's trace."""
    structlog.reset_defaults()
    with capture_logs() as events:
        Console(plain=False).sent(3, RECORD, TRACEPARENT)
    assert events[0]["event"] == "record_sent"
    assert events[0]["line"].startswith("Sent record #3: Patient abc123def456 | Hypertension")
    assert events[0]["trace_id"] == "4b" * 16
