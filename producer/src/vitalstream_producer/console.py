"""What a person sees: the seed's lines on a terminal, the same as structured events elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from vitalstream_runtime.tracing import trace_id_in

_log = structlog.get_logger(__name__)
_LINES_PER_SECOND: Final = 4.0
_MOST_LINES_AT_ONCE: Final = 20.0


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
        self._looked = clock()
        self._allowed = _MOST_LINES_AT_ONCE
        self._shown = 0

    def say(self, event: str, line: str, **fields: str) -> None:
        """Say one line.

        Args:
            event: Its name where it is logged.
            line: The text.
            fields: Further fields where it is logged.
        """
        if self._plain:
            sys.stdout.write(f"[Producer] {line}\n")
            sys.stdout.flush()
        else:
            _log.info(event, line=line, **fields)

    def sent(self, number: int, payload: bytes, traceparent: str) -> None:
        """Say that a record was acknowledged, unless there are too many of them.

        Four lines a second are said for long, twenty at once; a line tells how many records went
        by without one.

        Args:
            number: How many were acknowledged with this one.
            payload: The record as sent.
            traceparent: Its header; the trace id goes where lines are logged.
        """
        now = self._clock()
        refill = (now - self._looked) * _LINES_PER_SECOND
        self._looked, self._allowed = now, min(_MOST_LINES_AT_ONCE, self._allowed + refill)
        if self._allowed < 1:
            return
        self._allowed -= 1
        left_out, self._shown = number - self._shown - 1, number
        record = _decoder.decode(payload)
        line = (
            f"Sent record #{number}: Patient {record.patient_id} | {record.primary_diagnosis} | "
            f"Risk: {record.risk_level} | Dept: {record.department}"
        )
        if left_out:
            line = f"{line} (and {left_out:,} more not shown)"
        self.say("record_sent", line, trace_id=trace_id_in(traceparent))
