"""The outermost layer of every ``python -m vitalstream_...``: exceptions become exit codes."""

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import structlog

from vitalstream_runtime import privacy
from vitalstream_runtime.errors import StartupError

_log = structlog.get_logger(__name__)
EXIT_UNEXPECTED = 70
EXIT_INTERRUPTED = 130


def run(main: Callable[[], int | None]) -> NoReturn:
    """Call a program's main function and exit with its result.

    A `StartupError` is one line on stderr and the error's own exit code. Anything else is a
    fault of ours: its traceback without texts that may quote a record, exit code 70 (the texts are
    logged where LOG_LEVEL=DEBUG). KeyboardInterrupt exits with 130, quietly.
    """
    try:
        code = main() or 0
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except StartupError as error:
        _say(f"{type(error).__name__}: {error}")
        _note("start_failed", error=type(error).__name__, reason=str(error))
        code = error.exit_code
    except Exception as error:  # noqa: BLE001 - the last one to see it
        _say(privacy.render(error))
        _note("unexpected_error", error=type(error).__qualname__, exc_info=error)
        _log.debug("unexpected_error", exc_info=error)
        code = EXIT_UNEXPECTED
    sys.exit(code)


def _note(event: str, **fields: Any) -> None:
    """The same for machines; a person at a terminal has read it on stderr."""
    if structlog.is_configured() and not sys.stdout.isatty():
        _log.critical(event, **fields)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
