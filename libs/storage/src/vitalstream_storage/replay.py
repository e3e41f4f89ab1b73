"""Dead letters to be sent again: chosen, taken one run at a time, and marked.

A run takes letters by locking their rows, and passes over rows that another run holds: that needs
no lock of the session's, so it works through a transaction-mode pooler, lets two runs share the
work, and ends with the connection of a run that died.
"""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg import errors as pg

from vitalstream_storage.errors import DatabaseUnreachableError, describe, is_retryable
from vitalstream_storage.pool import Connection, missing_rights

__all__ = [
    "FIRST",
    "Choice",
    "Group",
    "Letter",
    "Place",
    "Plan",
    "Wanted",
    "explained",
    "find",
    "mark",
    "plan",
    "take",
]


class Place(NamedTuple):
    """Where a letter was on its topic: what names it."""

    topic_id: UUID
    partition: int
    offset: int

    def __str__(self) -> str:
        """The form in which a person names a letter."""
        return f"{self.topic_id}/{self.partition}/{self.offset}"


class Wanted(NamedTuple):
    """A place as a person gives it: without the topic's id where that is clear."""

    topic_id: UUID | None
    partition: int
    offset: int

    def __str__(self) -> str:
        """As it was given."""
        return "/".join(str(part) for part in self if part is not None)


FIRST = Place(UUID(int=0), -1, -1)
"""Before every letter."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters; a letter is chosen if all that is said here fits it.

    Attributes:
        topic: Name of their topic.
        reasons: Any of these.
        seen_from: First seen at this time or later.
        seen_before: First seen before this time.
        places: Any of these.
        again: Also those that were replayed before.
        limit: Not more than so many, in the order of their places.
    """

    topic: str
    reasons: Sequence[str] | None = None
    seen_from: datetime | None = None
    seen_before: datetime | None = None
    places: Sequence[Place] | None = None
    again: bool = False
    limit: int | None = None


class Group(NamedTuple):
    """Chosen letters of one reason and field, and when the first and the last were first seen."""

    reason: str
    field: str | None
    letters: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What a choice comes to.

    Attributes:
        began: The database's clock. What is seen or replayed from then on belongs to no run that
            follows this plan: not what comes back from it, nor what another run replays meanwhile.
        groups: The chosen letters, the most frequent first.
        left_out: How many fit, but were replayed before.
    """

    began: datetime
    groups: Sequence[Group]
    left_out: int

    @property
    def letters(self) -> int:
        """How many are chosen."""
        return sum(group.letters for group in self.groups)


class Letter(NamedTuple):
    """A dead letter as it came."""

    place: Place
    key: bytes | None
    payload: bytes | None
    headers: list[tuple[str, bytes | None]]


_FITTING = """
  FROM dead_letters
 WHERE topic = %(topic)s AND first_seen < %(began)s
   AND (%(reasons)s::text[] IS NULL OR reason = ANY(%(reasons)s::text[]))
   AND (%(seen_from)s::timestamptz IS NULL OR first_seen >= %(seen_from)s::timestamptz)
   AND (%(seen_before)s::timestamptz IS NULL OR first_seen < %(seen_before)s::timestamptz)
   AND (%(partitions)s::int[] IS NULL OR (topic_id, partition, "offset") IN (
        SELECT * FROM unnest(%(topic_ids)s::uuid[], %(partitions)s::int[], %(offsets)s::bigint[])))
"""

_WAITING = (
    _FITTING + "AND (replayed_at IS NULL OR (%(again)s AND replayed_at < %(began)s::timestamptz))"
)

_GROUPS = f"""
SELECT reason, field, count(*), min(first_seen), max(first_seen)
  FROM (SELECT reason, field, first_seen {_WAITING}
         ORDER BY topic_id, partition, "offset" LIMIT %(limit)s) AS chosen
 GROUP BY reason, field ORDER BY count(*) DESC, reason, field"""  # noqa: S608 - our own text

_LEFT_OUT = "SELECT count(*)" + _FITTING + "AND replayed_at IS NOT NULL AND NOT %(again)s"

_TAKE = f"""
SELECT topic_id, partition, "offset", key, payload, headers {_WAITING}
   AND (topic_id, partition, "offset") > (%(after_id)s, %(after_partition)s, %(after_offset)s)
 ORDER BY topic_id, partition, "offset" LIMIT %(count)s
   FOR UPDATE SKIP LOCKED"""

_FIND = """
SELECT w.number, d.topic_id
  FROM unnest(%s::uuid[], %s::int[], %s::bigint[]) WITH ORDINALITY
       AS w (topic_id, partition, "offset", number)
  JOIN dead_letters d ON d.topic = %s AND d.partition = w.partition AND d."offset" = w."offset"
                     AND (w.topic_id IS NULL OR d.topic_id = w.topic_id)
 ORDER BY w.number, d.topic_id"""

_MARK = """
UPDATE dead_letters d SET replayed_at = clock_timestamp()
  FROM unnest(%s::uuid[], %s::int[], %s::bigint[]) AS s (topic_id, partition, "offset")
 WHERE (d.topic_id, d.partition, d."offset") = (s.topic_id, s.partition, s."offset")"""


def find(connection: Connection, topic: str, wanted: Sequence[Wanted]) -> list[list[Place]]:
    """For each wanted place the letters that are there: none, one, or one of each topic id.

    Raises:
        StorageError: As `explained`.
    """
    found: list[list[Place]] = [[] for _ in wanted]
    with explained(connection), connection.transaction():
        rows = connection.execute(_FIND, [*_columns(wanted), topic]).fetchall()
    for number, topic_id in rows:
        one = wanted[number - 1]
        found[number - 1].append(Place(topic_id, one.partition, one.offset))
    return found


def plan(connection: Connection, choice: Choice) -> Plan:
    """Count what a choice comes to; reads nothing of any letter's content.

    Raises:
        StorageError: As `explained`.
    """
    with explained(connection), connection.transaction():
        (began,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
        assert isinstance(began, datetime)  # noqa: S101 - a SELECT of one row
        bound = _bound(choice, began) | {"limit": choice.limit}
        groups = [Group(*row) for row in connection.execute(_GROUPS, bound)]
        (left_out,) = connection.execute(_LEFT_OUT, bound).fetchone() or (0,)
    return Plan(began, groups, left_out)


def take(
    connection: Connection, choice: Choice, began: datetime, after: Place, count: int
) -> list[Letter]:
    """Lock and read the next letters of a choice that no other run holds or has replayed.

    Args:
        connection: Inside the transaction that will `mark` them: they are locked till it ends.
        choice: Its limit is the caller's to keep.
        began: The plan's.
        after: Where the last call left off, `FIRST` at first.
        count: Most letters; fewer only where there are no more.
    """
    rows = connection.execute(
        _TAKE,
        _bound(choice, began)
        | {
            "after_id": after.topic_id,
            "after_partition": after.partition,
            "after_offset": after.offset,
            "count": count,
        },
    )
    return [
        Letter(Place(*place), key, payload, [_header(*header) for header in headers])
        for *place, key, payload, headers in rows
    ]


def mark(connection: Connection, places: Sequence[Place]) -> None:
    """Note that the broker has these letters again, as of now."""
    connection.execute(_MARK, _columns(places))


@contextmanager
def explained(connection: Connection) -> Iterator[None]:
    """Turn what a person can mend into one line.

    Raises:
        MissingRightsError: The login is none of an operator.
        DatabaseUnreachableError: The transaction failed and the same may succeed later.
    """
    try:
        yield
    except pg.InsufficientPrivilege as error:
        remedy = "replay with a login of the role vitalstream_operator"
        raise missing_rights(connection, error, remedy) from None
    except psycopg.Error as error:
        if not is_retryable(error):
            raise
        named = ", ".join(f"{name} {value}" for name, value in describe(error).items())
        raise DatabaseUnreachableError(f"PostgreSQL gave up the transaction: {named}") from None


def _bound(choice: Choice, began: datetime) -> dict[str, object]:
    ids, partitions, offsets = (
        (None, None, None) if choice.places is None else _columns(choice.places)
    )
    return {
        "topic": choice.topic,
        "began": began,
        "reasons": None if choice.reasons is None else list(choice.reasons),
        "seen_from": choice.seen_from,
        "seen_before": choice.seen_before,
        "topic_ids": ids,
        "partitions": partitions,
        "offsets": offsets,
        "again": choice.again,
    }


def _columns(places: Sequence[Place | Wanted]) -> list[list[object]]:
    """The places' topic ids, partitions and offsets, as three arrays."""
    return [[place[column] for place in places] for column in range(3)]


def _header(name: str, value: str | None) -> tuple[str, bytes | None]:
    return name, None if value is None else base64.b64decode(value)
