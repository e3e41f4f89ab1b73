"""What ends a replay with one line."""

from typing import ClassVar

from vitalstream_runtime.errors import StartupError


class LetterNotFoundError(StartupError):
    """An --id names no dead letter of the topic, or several (EX_USAGE)."""

    exit_code: ClassVar[int] = 64


class LettersRefusedError(StartupError):
    """The broker refused some letters for what they are; they stay unmarked (EX_DATAERR)."""

    exit_code: ClassVar[int] = 65


class ReplayUnfinishedError(StartupError):
    """A replay did not come to all it chose; the same command goes on (EX_TEMPFAIL)."""

    exit_code: ClassVar[int] = 75
