"""The outermost layer of every ``python -m vitalstream_...``: exceptions become exit codes."""

import sys
from collections.abc import Callable
from typing import NoReturn

import structlog

from vitalstream_runtime import privacy
from vitalstream_runtime.errors import StartupError

_log = structlog.get_logger(__name__)
EXIT_UNEXPECTED = 70
EXIT_INTERRUPTED = 130


def run(main: Callable[[], int | None]) -> NoReturn:
    """Call a program's main function and exit with its result.

    A `StartupError` is one line on stderr and the error's own exit code. Anything else is a
    fault of ours: its traceback without values that may come from a record, exit code 70.
    KeyboardInterrupt exits with 130, quietly.
    """
    try:
        code = main() or 0
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except StartupError as error:
        _say(f"{type(error).__name__}: {error}")
        code = error.exit_code
    except Exception as error:  # noqa: BLE001 - the last one to see it
        _say(privacy.render(error))
        _log.debug("unexpected_error", exc_info=True)
        code = EXIT_UNEXPECTED
    sys.exit(code)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
