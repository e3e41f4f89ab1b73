"""How fresh the data is, in words, judged from the ledger alone (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from vitalstream_dashboard import words


class Position(Protocol):
    """What the ledger says of one partition; the reader's rows have these."""

    @property
    def next_offset(self) -> int:
        """First offset that is not yet in the tables."""

    @property
    def log_end_offset(self) -> int | None:
        """First offset that the broker had not yet given out, at `log_end_at`."""

    @property
    def log_end_at(self) -> datetime | None:
        """When the consumer last asked for the log's end."""

    @property
    def last_append_at(self) -> datetime | None:
        """When the newest record in the tables was produced."""

    @property
    def last_commit_at(self) -> datetime | None:
        """When the newest record in the tables got there."""


WAITING = "Waiting for the first record of the stream"


class State(StrEnum):
    """The five things that freshness can be."""

    LIVE = "live"
    SILENT = "silent"
    BEHIND = "behind"
    ABSENT = "absent"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on data is late.

    Attributes:
        behind: delay from produced to stored from which the consumer counts as behind.
        silent: time without a record, or without a sign of the consumer, that is worth saying.
    """

    behind: timedelta
    silent: timedelta


@dataclass(frozen=True, slots=True)
class Freshness:
    """The verdict.

    Attributes:
        state: which of the five.
        sentence: the whole of it in words, without a full stop.
        newest: when the newest record in the tables was produced.
    """

    state: State
    sentence: str
    newest: datetime | None


def judge(positions: Sequence[Position], now: datetime, limits: Limits, zone: tzinfo) -> Freshness:
    """Tell a live stream from a silent one, and both from a consumer that is behind or away.

    Args:
        positions: the partitions of one topic.
        now: the database's clock, which also wrote the ledger's times.
        limits: from when on data is late.
        zone: of the times in the sentence.
    """
    newest = max((p.last_append_at for p in positions if p.last_append_at), default=None)
    signs = [sign for p in positions if (sign := _last_sign(p))]
    lost = [sign for sign in signs if now - sign > limits.silent]
    if lost:
        return Freshness(State.ABSENT, _absent(lost, len(signs), now, zone), newest)
    late = [p for p in positions if _is_behind(p, now, limits)]
    if late:
        return Freshness(State.BEHIND, _behind(late, now, zone), newest)
    if newest is None:
        return Freshness(State.EMPTY, WAITING, newest)
    if now - newest > limits.silent:
        return Freshness(State.SILENT, f"No new records for {words.span(now - newest)}", newest)
    last = max(positions, key=lambda p: p.last_append_at or datetime.min.replace(tzinfo=now.tzinfo))
    return Freshness(State.LIVE, f"Live, {words.span(_delay(last))} behind", newest)


def waiting(position: Position) -> int | None:
    """Records that the broker has and the tables have not; None where that is not known.

    The log's end is asked for now and then only: once the tables have passed what it was, nobody
    knows how far it is by now.
    """
    if position.log_end_offset is None or position.log_end_at is None:
        return None
    lag = position.log_end_offset - position.next_offset
    asked_since = position.last_commit_at is None or position.log_end_at >= position.last_commit_at
    return max(lag, 0) if asked_since or lag > 0 else None


def _is_behind(position: Position, now: datetime, limits: Limits) -> bool:
    lag = waiting(position)
    if lag == 0:
        return False
    if _delay(position) > limits.behind:
        return True
    reached = position.last_commit_at or position.log_end_at
    return lag is not None and reached is not None and now - reached > limits.behind


def _absent(lost: Sequence[datetime], of: int, now: datetime, zone: tzinfo) -> str:
    if len(lost) == of:
        return f"No sign of the consumer since {words.clock(max(lost), now, zone)}"
    since = words.clock(min(lost), now, zone)
    return f"{len(lost)} of {of} partitions not consumed since {since}"


def _behind(late: Sequence[Position], now: datetime, zone: tzinfo) -> str:
    reached = [moment for p in late if (moment := p.last_append_at or p.log_end_at)]
    known = [lag for p in late if (lag := waiting(p)) is not None]
    tail = f", {words.count(sum(known))} records waiting" if known else ""
    return f"Consumer behind since {words.clock(min(reached, default=now), now, zone)}{tail}"


def _last_sign(position: Position) -> datetime | None:
    return max(
        (moment for moment in (position.log_end_at, position.last_commit_at) if moment),
        default=None,
    )


def _delay(position: Position) -> timedelta:
    if position.last_append_at is None or position.last_commit_at is None:
        return timedelta(0)
    return position.last_commit_at - position.last_append_at
