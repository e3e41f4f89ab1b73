"""What a person says on the command line."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from vitalstream_schema.codec import Reason
from vitalstream_storage.replay import Wanted

# Numbers that PostgreSQL's integer and bigint hold.
_PLACE = re.compile(
    r"(?:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/)?(\d{1,9})/(\d{1,18})",
    re.ASCII | re.IGNORECASE,
)
_DESCRIPTION = """\
Send dead letters to their topic again, with their original key, payload and headers, and mark
them once the broker has them. Without --yes it only says what it would do."""
_EPILOG = """\
A letter is chosen if all conditions given fit it. KAFKA_* say which broker, topic and user (who
needs the right Write), DATABASE_URL or PG* which database and login (an operator's)."""


@dataclass(frozen=True, slots=True)
class Order:
    """The command line.

    Attributes:
        reasons: Any of these; None: whatever the reason.
        seen_from: First seen then or later.
        seen_before: First seen before.
        wanted: These letters alone; None: wherever they were.
        limit: Not more than so many.
        again: Also what was replayed before.
        yes: Do it, not only say it.
    """

    reasons: list[str] | None
    seen_from: datetime | None
    seen_before: datetime | None
    wanted: list[Wanted] | None
    limit: int | None
    again: bool
    yes: bool


def parse(arguments: Sequence[str]) -> Order:
    """Read the command line; what is wrong with it exits with 2, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="vitalstream-consumer replay", description=_DESCRIPTION, epilog=_EPILOG
    )
    add = parser.add_argument
    reasons = [str(reason) for reason in Reason]
    add("--reason", action="append", choices=reasons, metavar="REASON", help=", ".join(reasons))
    add("--from", dest="seen_from", type=_time, metavar="TIME", help="first seen then or later")
    add("--until", dest="seen_before", type=_time, metavar="TIME", help="first seen before then")
    add(
        "--id",
        action="append",
        type=_wanted,
        metavar="[TOPIC_ID/]PARTITION/OFFSET",
        help="this letter; may be repeated, as may --reason",
    )
    add("--limit", type=_count, metavar="N", help="the first N, by topic id, partition, offset")
    add("--all", action="store_true", help="whatever the reason, time and place")
    add("--again", action="store_true", help="also those that were replayed before")
    add("--yes", action="store_true", help="do it")
    given = parser.parse_args(arguments)
    narrowed = (given.reason, given.seen_from, given.seen_before, given.id, given.limit)
    if given.all and any(narrowed[:4]):
        parser.error("--all goes with no other choice than --limit")
    if not given.all and not any(narrowed):
        parser.error("say which: --reason, --from, --until, --id, --limit, or --all")
    return Order(
        given.reason,
        given.seen_from,
        given.seen_before,
        given.id,
        given.limit,
        given.again,
        given.yes,
    )


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no ISO 8601 time, such as 2026-03-01T12:00:00Z"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9]\d{0,17}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _wanted(text: str) -> Wanted:
    found = _PLACE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not partition/offset or topic_id/partition/offset"
        )
    topic_id, partition, offset = found.groups()
    return Wanted(UUID(topic_id) if topic_id else None, int(partition), int(offset))
