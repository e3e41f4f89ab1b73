"""Dead letters in the log: one of each reason now and then, with its place and its trace."""

from collections.abc import Iterable
from typing import Final

import structlog

from vitalstream_runtime.limiter import Limiter
from vitalstream_runtime.tracing import trace_id_of
from vitalstream_storage.batch import DeadLetter

_log = structlog.get_logger(__name__)
_REPEAT_SECONDS: Final = 10.0


class LetterLog:
    """Says what could not be stored; all of it is in the table, so that some will do here."""

    def __init__(self) -> None:
        self._limiter = Limiter(_REPEAT_SECONDS)

    def note(self, letters: Iterable[DeadLetter]) -> None:
        """Take in what a committed batch has put into the table of dead letters."""
        for letter in letters:
            suppressed = self._limiter.admit(letter.reason)
            if suppressed is not None:
                _log.warning(
                    "dead_letter",
                    partition=letter.partition,
                    offset=letter.offset,
                    reason=letter.reason,
                    field=letter.field,
                    trace_id=trace_id_of(letter.headers),
                    suppressed=suppressed,
                )
