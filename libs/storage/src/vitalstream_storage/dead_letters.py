"""dead_letters: what could not be stored, kept as it came."""

import base64
from collections.abc import Sequence
from hashlib import sha256

from psycopg.types.json import Json

from vitalstream_storage.batch import Batch, DeadLetter, Raw
from vitalstream_storage.pool import Connection, Rows

__all__ = ["insert", "known", "look_up"]

_KNOWN = """
SELECT d.partition, d."offset"
  FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS s (partition, first, next)
  JOIN (SELECT topic_id, partition, "offset" FROM dead_letters
        UNION ALL SELECT topic_id, partition, "offset" FROM erased_letters) d
    ON d.topic_id = %s AND d.partition = s.partition
   AND d."offset" >= s.first AND d."offset" < s.next"""

_INSERT = """
INSERT INTO dead_letters (topic_id, topic, partition, "offset", key, payload, headers,
                          appended_at, reason, field, error)
SELECT %s, %s, * FROM unnest(%s::int[], %s::bigint[], %b::bytea[], %b::bytea[], %s::json[],
                             %s::timestamptz[], %s::text[], %s::text[], %s::text[])
ON CONFLICT DO NOTHING"""


def look_up(connection: Connection, batch: Batch) -> Rows:
    """Ask for those in the batch's spans that are dead letters, or erased ones; see `known`."""
    return connection.execute(
        _KNOWN,
        [
            [span.partition for span in batch.spans],
            [span.expected_offset for span in batch.spans],
            [span.next_offset for span in batch.spans],
            batch.topic_id,
        ],
    )


def known(connection: Connection, batch: Batch, found: Rows) -> set[tuple[int, int]]:
    """Of the partitions and offsets that `look_up` found, those whose record is still the same.

    The letters of the others, whose log was cut and has grown again, are set aside.
    """
    places = {(row[0], row[1]) for row in found}
    if not places:
        return places
    there = {(one.partition, one.offset): one for one in batch.dead_letters} | {
        (row.partition, row.offset): batch.raw(row)
        for row in batch.accepted
        if (row.partition, row.offset) in places
    }
    judged = sorted(places & there.keys())
    moved = connection.execute(
        "SELECT * FROM set_letters_aside(%s, %s::int[], %s::bigint[], %b::bytea[])",
        [
            batch.topic_id,
            [partition for partition, _ in judged],
            [offset for _, offset in judged],
            [_hash(there[place]) for place in judged],
        ],
    )
    return places - {(row[0], row[1]) for row in moved}


def insert(connection: Connection, batch: Batch, letters: Sequence[DeadLetter]) -> None:
    """Add dead letters; one that is there already stays as it is."""
    if not letters:
        return
    connection.execute(
        _INSERT,
        [
            batch.topic_id,
            batch.topic,
            [letter.partition for letter in letters],
            [letter.offset for letter in letters],
            [letter.key for letter in letters],
            [letter.payload for letter in letters],
            [Json(_headers(letter)) for letter in letters],
            [letter.appended_at for letter in letters],
            [storable(letter.reason) for letter in letters],
            [None if letter.field is None else storable(letter.field) for letter in letters],
            [storable(letter.error) for letter in letters],
        ],
    )


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot hold: NUL and lone surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _hash(record: Raw | DeadLetter) -> bytes:
    return sha256((record.key or b"") + b"\0" + (record.payload or b"")).digest()


def _headers(letter: DeadLetter) -> list[tuple[str, str | None]]:
    return [
        (name, None if value is None else base64.b64encode(value).decode())
        for name, value in letter.headers
    ]
