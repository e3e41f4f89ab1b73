"""The net below the rule that no log line tells who a patient is or what they have.

Whoever logs is expected to leave such fields out; these processors make sure of it. Only an
event of level DEBUG passes unchanged.
"""

import sys
import traceback
from collections.abc import Mapping
from datetime import date, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from structlog.typing import EventDict, WrappedLogger

WITHHELD = "[withheld]"
PERSONAL = frozenset(
    {
        "admission_id",
        "attending_physician",
        "diagnosis",
        "insurance_provider",
        "patient",
        "patient_id",
        "patient_name",
        "payload",
        "physician",
        "primary_diagnosis",
        "raw_payload",
    }
)
# These may as well be a count; only as a number do they pass.
_AMBIGUOUS = frozenset(
    {"headers", "key", "name", "patients", "raw", "record", "records", "row", "rows", "value"}
)
_OWN = frozenset({"event", "exc_info", "stack_info", "_record", "_from_structlog"})
_PLAIN = (str, int, float, bool, type(None), date, timedelta, UUID, PurePath, Enum)


def withhold(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Processor: replaces what may identify a patient, unless the event's level is DEBUG.

    By name (`PERSONAL`, at any depth), and by type: bytes and all objects but plain values.
    """
    if _is_debug(method, event):
        return event
    return {name: value if name in _OWN else _safe(name, value) for name, value in event.items()}


def _is_debug(method: str, event: EventDict) -> bool:
    return bool(event.get("level", method) == "debug")


def _safe(name: object, value: Any) -> Any:
    lower = str(name).lower()
    if lower in PERSONAL:
        return WITHHELD
    if lower in _AMBIGUOUS and not isinstance(value, int | float | None):
        return WITHHELD
    if isinstance(value, Mapping):
        return {inner: _safe(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(None, item) for item in value]
    return value if isinstance(value, _PLAIN) else f"[withheld {type(value).__name__}]"


def render_exception(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Processor: ``exc_info`` becomes the text field ``exception``, without local variables.

    An exception's own text can quote a record (a failed COPY, a failed conversion). So it is shown
    only where it is ours, Kafka's or the operating system's, or the event's level is DEBUG.
    """
    info = event.pop("exc_info", None)
    if not info:
        return event
    error = info if isinstance(info, BaseException) else _current(info)
    if error is not None:
        event["exception"] = render(error, texts=_is_debug(method, event))
    return event


def render(error: BaseException, *, texts: bool = False) -> str:
    """A traceback with its causes, frames and types; the exceptions' texts where asked for."""
    if texts:
        return "".join(traceback.format_exception(error)).rstrip()
    lines: list[str] = []
    for link in _chain(error):
        lines += traceback.format_tb(link.__traceback__)
        text = f": {link}" if _is_telling(link) else ""
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}{text}\n")
    return "".join(lines).rstrip()


def _is_telling(error: BaseException) -> bool:
    """Whether its text is never taken from a record."""
    home = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError | ImportError) or home.startswith(("vitalstream_", "cimpl"))


def _chain(error: BaseException) -> list[BaseException]:
    """The error's causes, oldest first, and itself."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.insert(0, link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return chain


def _current(info: Any) -> BaseException | None:
    """The exception that ``exc_info`` (True, or a triple) is about."""
    found = info[1] if isinstance(info, tuple) else sys.exc_info()[1]
    return found if isinstance(found, BaseException) else None
