"""A record as it came, kept for what cannot be stored: nothing is skipped, all can be replayed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import methodcaller
from typing import Final, Protocol

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE

from vitalstream_schema.codec import Reason, RecordError
from vitalstream_storage.batch import Accepted, DeadLetter, Raw

Headers = Sequence[tuple[str, bytes | None]]
_headers: Final = methodcaller("headers")


class Delivered(Protocol):
    """A `confluent_kafka.Message` that holds a record, no error: what may then not be None."""

    def partition(self) -> int:
        """Partition it came from."""

    def offset(self) -> int:
        """Its place there."""

    def leader_epoch(self) -> int | None:
        """Epoch of the partition's leader that took it, where the broker says so."""

    def timestamp(self) -> tuple[int, int]:
        """Kind (``TIMESTAMP_...``) and Unix milliseconds."""

    def key(self) -> bytes | None:
        """Key, as it came."""

    def value(self) -> bytes | None:
        """Payload, as it came."""

    def headers(self) -> Headers | None:
        """Headers, as they came; use `all_headers`."""


class HeadersError(RecordError):
    """The client cannot give a record's headers; asked a second time it would crash."""

    def __init__(self) -> None:
        super().__init__(Reason.NOT_UTF8, detail="the name of a header")


def all_headers(messages: Sequence[Delivered]) -> list[Headers | HeadersError | None]:
    """The headers of each, as they came; the error where a name in them is no UTF-8."""
    found: list[Headers | HeadersError | None] = []
    rest = iter(messages)
    while len(found) < len(messages):
        try:
            found.extend(map(_headers, rest))  # which keeps those before the one that raises
        except (SystemError, UnicodeDecodeError):
            found.append(HeadersError())
    return found


def dead_letter(message: Delivered, error: RecordError) -> DeadLetter:
    """What goes to the table of dead letters instead of a row.

    Args:
        message: The record; a replay sends its key, payload and headers again.
        error: Why it is refused; its text holds nothing of the payload.
    """
    came = _raw(message, None if isinstance(error, HeadersError) else message.headers())
    return DeadLetter(
        partition=message.partition(),
        offset=message.offset(),
        key=came.key,
        payload=came.payload,
        headers=came.headers,
        appended_at=came.appended_at,
        reason=str(error.reason),
        field=error.field,
        error=str(error),
    )


def raw(accepted: Accepted) -> Raw:
    """An accepted record as it came, for the writer to keep where it conflicts with another."""
    return _raw(accepted.message, accepted.message.headers())


def _raw(message: Delivered, headers: Headers | None) -> Raw:
    kind, milliseconds = message.timestamp()
    return Raw(
        key=message.key(),
        payload=message.value(),
        headers=headers or [],
        appended_at=None if kind == TIMESTAMP_NOT_AVAILABLE else time_of(milliseconds),
    )


def time_of(milliseconds: int) -> datetime | None:
    """The clock time of a Kafka timestamp; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
