"""The header that says which trace a record belongs to, as W3C's Trace Context has it.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, Self

HEADER: Final = "traceparent"
_FORM: Final = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})"
    rb"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?",
    re.DOTALL,
)
_FIRST_VERSION: Final = b"00"
_SAMPLED: Final = 1
_ODD_DIGITS: Final = b"13579bdf"
_ID_BYTES: Final = 24  # 16 of the trace, 8 of the span
_AT_ONCE: Final = 512


class TraceParent(NamedTuple):
    """A place in a trace.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        sampled: Whether its sender has recorded it.
    """

    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    def parse(cls, value: bytes | None) -> Self | None:
        """Read a header's value; None for what is no traceparent, since anybody may send one."""
        found = _FORM.fullmatch(value or b"")
        if found is None or (found["version"] == _FIRST_VERSION and found["more"]):
            return None
        trace_id, span_id = found["trace"].decode(), found["span"].decode()
        if not int(trace_id, 16) or not int(span_id, 16):
            return None
        return cls(trace_id, span_id, bool(int(found["flags"], 16) & _SAMPLED))

    def __str__(self) -> str:
        """As a header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{_SAMPLED if self.sampled else 0:02x}"


def header_of(headers: Iterable[tuple[str, bytes | None]] | None) -> bytes | None:
    """A record's traceparent as it came, None if it has none; of a repeated one the last counts."""
    found: bytes | None = None
    for name, value in headers or ():
        if name == HEADER:
            found = value
    return found


def trace_id_of(headers: Iterable[tuple[str, bytes | None]] | None) -> str | None:
    """A record's trace id for a log line, None if it has none."""
    parent = TraceParent.parse(header_of(headers))
    return None if parent is None else parent.trace_id


def trace_id_in(traceparent: str) -> str:
    """The trace id in one that is of our own making."""
    return traceparent[3:35]


def seems_sampled(value: bytes) -> bool:
    """Whether the last digit says so: fast, and right where the value is of the first version."""
    return value[-1] in _ODD_DIGITS


def unsampled(random: Callable[[int], bytes] = os.urandom) -> Iterator[str]:
    """New traceparents for ever, 0.2 us each: of traces of which nothing is recorded yet.

    Args:
        random: Gives so many random bytes; hundreds of ids are cut from each block.
    """
    while True:
        digits = random(_AT_ONCE * _ID_BYTES).hex()
        for start in range(0, len(digits), 2 * _ID_BYTES):
            span = start + 32
            yield f"00-{digits[start:span]}-{digits[span : span + 16]}-00"
