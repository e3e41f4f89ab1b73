"""What the broker has acknowledged, one JSON line a record: the oracle of tests and the demo."""

from pathlib import Path

from vitalstream_producer.errors import AckLogError

_FLUSH_SECONDS = 1.0
_FLUSH_BYTES = 1 << 20


class AckLog:
    """Appends `{"partition":0,"offset":42,"record":{...}}` for each acknowledged record.

    The record is the payload, byte for byte. Lines reach the file at least once a second, as long
    as `tick` is called, and when it is closed.

    Args:
        path: Appended to; made if missing.

    Raises:
        AckLogError: The file cannot be opened (by the other methods: be written).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise self._failure(error) from error
        self._lines: list[bytes] = []
        self._bytes = 0
        self._flushed = 0.0

    def add(self, partition: int, offset: int, payload: bytes) -> None:
        """Note one record; touches no file, so it is safe in a delivery callback."""
        line = b'{"partition":%d,"offset":%d,"record":%b}\n' % (partition, offset, payload)
        self._lines.append(line)
        self._bytes += len(line)

    def tick(self, now: float) -> None:
        """Write what was noted, if a second has passed or a megabyte has gathered.

        Args:
            now: Seconds of a monotonic clock.
        """
        if self._bytes >= _FLUSH_BYTES or now - self._flushed >= _FLUSH_SECONDS:
            self._flushed = now
            self._write()

    def close(self) -> None:
        """Write the rest and close the file."""
        try:
            self._write()
        finally:
            self._file.close()

    def _write(self) -> None:
        pending = memoryview(b"".join(self._lines))
        self._lines.clear()
        self._bytes = 0
        try:
            while pending:
                pending = pending[self._file.write(pending) :]
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> AckLogError:
        return AckLogError(f"PRODUCER_ACK_LOG={self._path} cannot be written: {error.strerror}")
