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

from vitalstream_runtime.errors import StartupError

WITHHELD = "[withheld]"
PERSONAL = frozenset(
    {
        "admission_id",
        "attending_physician",
        "diagnosis",
        "headers",
        "insurance_provider",
        "key",
        "name",
        "patient",
        "patient_id",
        "patient_name",
        "payload",
        "physician",
        "primary_diagnosis",
        "raw",
        "raw_payload",
        "record",
        "records",
        "row",
        "rows",
        "value",
    }
)
# Their text is written by us or by the operating system, never taken from a record.
_TELLING = (StartupError, OSError, KeyboardInterrupt, ImportError)
_PLAIN = (str, int, float, bool, type(None), date, timedelta, UUID, PurePath, Enum)


def withhold(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Processor: replaces what may identify a patient, unless the event's level is DEBUG.

    By name (`PERSONAL`), and by type: bytes and objects other than plain values.
    """
    if method == "debug" or event.get("level") == "debug":
        return event
    return {name: value if name in _OWN else _safe(name, value) for name, value in event.items()}


_OWN = frozenset({"event", "exc_info", "stack_info", "_record", "_from_structlog"})


def _safe(name: object, value: Any) -> Any:
    if str(name).lower() in PERSONAL:
        return WITHHELD
    if isinstance(value, Mapping):
        return {inner: _safe(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(None, item) for item in value]
    return value if isinstance(value, _PLAIN) else f"{WITHHELD[:-1]} {type(value).__name__}]"


def render_exception(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Processor: ``exc_info`` becomes the text field ``exception``, without local variables.

    The exceptions' own texts can quote a record (a failed COPY, a failed conversion), so only
    those of `StartupError` and OSError are shown, unless the event's level is DEBUG.
    """
    info = event.pop("exc_info", None)
    if not info:
        return event
    error = info if isinstance(info, BaseException) else _current(info)
    if error is not None:
        debug = method == "debug" or event.get("level") == "debug"
        event["exception"] = render(error, texts=debug)
    return event


def render(error: BaseException, *, texts: bool = False) -> str:
    """A traceback with its causes, frames and types; the exceptions' texts where asked for."""
    if texts:
        return "".join(traceback.format_exception(error)).rstrip()
    lines: list[str] = []
    for link in _chain(error):
        lines += traceback.format_tb(link.__traceback__)
        text = f": {link}" if isinstance(link, _TELLING) else ""
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}{text}\n")
    return "".join(lines).rstrip()


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
