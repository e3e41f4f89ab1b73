"""What really happened, kept beside the records for whoever evaluates what is made of them."""

from pathlib import Path
from typing import Any, Final

import msgspec

from vitalstream_producer.errors import TruthLogError

_FLUSH_LINES: Final = 200


class TruthLog:
    """Appends one JSON line for each event of a stay that no record tells.

    `admitted` and `transferred` say where to; `deteriorates` gives the episode: how high it will be
    (1 is seen to be ill, 2 is in danger) and how many hours it rises, stays and falls by e;
    `artefact` is an observation with something measured wrong, `missed` one that was not made.

    Args:
        path: Appended to; None keeps nothing.

    Raises:
        TruthLogError: The file cannot be opened (by the other methods: be written).
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lines: list[bytes] = []
        try:
            self._file = path.open("ab", buffering=0) if path else None
        except OSError as error:
            raise self._failure(error) from error

    @property
    def kept(self) -> bool:
        """Whether there is a file."""
        return self._file is not None

    def add(self, event: str, admission_id: str, hour: float, **more: Any) -> None:
        """Note one event.

        Args:
            event: Its name.
            admission_id: Of the stay.
            hour: Of the hospital's own time, from its opening on; before that it is negative.
            more: What else is known.
        """
        if self._file is None:
            return
        line = {"event": event, "admission_id": admission_id, "hour": round(float(hour), 3)}
        line |= {k: round(float(v), 2) if isinstance(v, float) else v for k, v in more.items()}
        self._lines.append(msgspec.json.encode(line))
        if len(self._lines) >= _FLUSH_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what was noted."""
        if self._file is None or not self._lines:
            return
        try:
            self._file.write(b"".join(line + b"\n" for line in self._lines))
        except OSError as error:
            raise self._failure(error) from error
        self._lines.clear()

    def close(self) -> None:
        """Write the rest and close the file."""
        if self._file is not None:
            try:
                self.flush()
            finally:
                self._file.close()

    def _failure(self, error: OSError) -> TruthLogError:
        return TruthLogError(f"PRODUCER_TRUTH_LOG={self._path} cannot be written: {error.strerror}")
