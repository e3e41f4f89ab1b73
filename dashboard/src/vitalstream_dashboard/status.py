"""The status bar: one line that says how far the page can be trusted (pure)."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from vitalstream_dashboard import words
from vitalstream_dashboard.freshness import Freshness, State
from vitalstream_dashboard.source import Kind, Trouble

Level = Literal["success", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Note:
    """A line with its colour and symbol.

    Attributes:
        level: names the colour.
        icon: the symbol, so that the colour is never alone.
        text: plain words.
    """

    level: Level
    icon: str
    text: str


_FRESH: dict[State, tuple[Level, str]] = {
    State.LIVE: ("success", ":material/sensors:"),
    State.SILENT: ("warning", ":material/hourglass_empty:"),
    State.BEHIND: ("warning", ":material/history:"),
    State.ABSENT: ("error", ":material/sensors_off:"),
    State.EMPTY: ("info", ":material/hourglass_empty:"),
}
_TROUBLES: dict[Kind, tuple[Level, str, str]] = {
    Kind.AWAY: ("error", ":material/cloud_off:", "Database away since {since}"),
    Kind.PENDING: ("info", ":material/build:", "The database is being prepared: {detail}"),
    Kind.REFUSED: (
        "error",
        ":material/lock:",
        "The database has refused the dashboard since {since}; its log says why",
    ),
    Kind.SLOW: ("warning", ":material/timer:", "The database has been too slow since {since}"),
    Kind.FAULT: (
        "error",
        ":material/report:",
        "The page cannot be read from the database since {since}; the dashboard's log says why",
    ),
}


def fresh(freshness: Freshness) -> Note:
    """The note while the database answers."""
    level, icon = _FRESH[freshness.state]
    return Note(level, icon, freshness.sentence)


def stale(trouble: Trouble, read_at: datetime | None, now: datetime, zone: tzinfo) -> Note:
    """The note while there is no new answer, with the age of what is shown instead, if anything."""
    level, icon, sentence = _TROUBLES[trouble.kind]
    text = sentence.format(since=words.clock(trouble.since, now, zone), detail=trouble.detail)
    if read_at is not None:
        age = words.span(now - read_at)
        text += f" \N{EM DASH} this page is of {words.second(read_at, zone)}, {age} ago"
    return Note(level, icon, text)
