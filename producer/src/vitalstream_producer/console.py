"""What a person sees: the seed's lines on a terminal, the same as structured events elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

_log = structlog.get_logger(__name__)
_BETWEEN_LINES: Final = 0.25


class _Shown(msgspec.Struct):
    """What a line shows of a record."""

    patient_id: str
    primary_diagnosis: str
    risk_level: str
    department: str


_decoder = msgspec.json.Decoder(_Shown)


class Console:
    """Says what the producer does. Its patients are invented, so it may name them.

    Args:
        plain: Print the seed's lines; else log them, so that every line of output is JSON.
        clock: Monotonic seconds.
    """

    def __init__(self, *, plain: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._plain = plain
        self._clock = clock
        self._next = clock()
        self._shown = 0

    def say(self, event: str, line: str) -> None:
        """Say one line.

        Args:
            event: Its name where it is logged.
            line: The text.
        """
        if self._plain:
            sys.stdout.write(f"[Producer] {line}\n")
            sys.stdout.flush()
        else:
            _log.info(event, line=line)

    def sent(self, number: int, payload: bytes) -> None:
        """Say that a record was acknowledged; at most four lines a second, which the line tells.

        Args:
            number: How many were acknowledged with this one.
            payload: The record as sent.
        """
        now = self._clock()
        if now < self._next:
            return
        self._next = now + _BETWEEN_LINES
        left_out, self._shown = number - self._shown - 1, number
        record = _decoder.decode(payload)
        line = (
            f"Sent record #{number}: Patient {record.patient_id} | {record.primary_diagnosis} | "
            f"Risk: {record.risk_level} | Dept: {record.department}"
        )
        self.say("record_sent", f"{line} (and {left_out:,} more not shown)" if left_out else line)
