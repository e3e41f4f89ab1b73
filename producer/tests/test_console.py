"""The lines a person sees."""

import pytest
import structlog
from structlog.testing import capture_logs

from vitalstream_producer.console import Console

RECORD = (
    b'{"patient_id":"abc123def456","primary_diagnosis":"Hypertension","risk_level":"Medium",'
    b'"department":"Emergency","age":40}'
)


def test_a_record_is_the_seeds_line(capsys: pytest.CaptureFixture[str]) -> None:
    """To the letter."""
    Console(plain=True).sent(1, RECORD)
    assert capsys.readouterr().out == (
        "[Producer] Sent record #1: Patient abc123def456 | Hypertension | Risk: Medium | "
        "Dept: Emergency\n"
    )


def test_high_rates_are_sampled_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Four lines a second at most; a line tells how many records went by without one."""
    now = 0.0
    console = Console(plain=True, clock=lambda: now)
    for number in range(1, 1_001):
        console.sent(number, RECORD)
        now += 0.001
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].endswith("Dept: Emergency")
    numbers = [int(line.split("#")[1].split(":")[0]) for line in lines]
    for earlier, later, line in zip(numbers, numbers[1:], lines[1:], strict=False):
        assert line.endswith(f"(and {later - earlier - 1} more not shown)")


def test_without_a_terminal_the_line_is_an_event() -> None:
    """Named record_sent, the line in a field of its own."""
    structlog.reset_defaults()
    with capture_logs() as events:
        Console(plain=False).sent(3, RECORD)
    assert events[0]["event"] == "record_sent"
    assert events[0]["line"].startswith("Sent record #3: Patient abc123def456 | Hypertension")
