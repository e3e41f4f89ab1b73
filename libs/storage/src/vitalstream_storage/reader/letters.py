"""Dead letters: how many for each reason, and what one of them is; for operators."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vitalstream_storage.pool import Connection
from vitalstream_storage.reader.rows import rows


@dataclass(frozen=True, slots=True)
class Reason:
    """Dead letters of one reason; any viewer may know how many.

    Attributes:
        waiting: Not yet replayed.
        replayed: Sent to the topic again.
        last_seen: When the newest came.
    """

    reason: str
    waiting: int
    replayed: int
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of one dead letter besides its content.

    Attributes:
        payload_bytes: Length; None where the record had no payload.
    """

    topic: str
    topic_id: UUID
    partition: int
    offset: int
    field: str | None
    error: str
    appended_at: datetime | None
    first_seen: datetime
    replayed_at: datetime | None
    payload_bytes: int | None


@dataclass(frozen=True, slots=True)
class Content:
    """What a dead letter holds, as it came.

    Attributes:
        headers: [name, base64 of the value or None], in their order.
    """

    key: bytes | None
    payload: bytes | None
    headers: list[list[str | None]]


_REASONS = """
SELECT reason, sum(waiting)::bigint AS waiting, sum(replayed)::bigint AS replayed,
       max(last_seen) AS last_seen
  FROM dead_letter_counts GROUP BY reason HAVING sum(waiting) + sum(replayed) > 0
 ORDER BY waiting DESC, reason"""

_SAMPLES = """
SELECT topic, topic_id, partition, "offset", field, error, appended_at, first_seen, replayed_at,
       length(payload) AS payload_bytes
  FROM dead_letters WHERE reason = %(reason)s ORDER BY first_seen DESC LIMIT %(limit)s"""

_CONTENT = """
SELECT key, payload, headers FROM dead_letters
 WHERE topic_id = %(topic_id)s AND partition = %(partition)s AND "offset" = %(offset)s"""


def dead_letter_reasons(connection: Connection) -> list[Reason]:
    """How many there are for each reason, the most frequent first."""
    return rows(connection, Reason, _REASONS, {})


def dead_letter_samples(connection: Connection, reason: str, limit: int = 1) -> list[Sample]:
    """The newest of one reason, without what they hold; an operator's login may."""
    return rows(connection, Sample, _SAMPLES, {"reason": reason, "limit": limit})


def dead_letter_content(
    connection: Connection, topic_id: UUID, partition: int, offset: int
) -> Content | None:
    """What one of them holds; an operator's login may."""
    place = {"topic_id": topic_id, "partition": partition, "offset": offset}
    found = rows(connection, Content, _CONTENT, place)
    return found[0] if found else None
