"""Numbers and times as a person reads them."""

import re
import unicodedata
from datetime import datetime, timedelta, tzinfo

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_DIRECTED = frozenset({"R", "AL", "AN", "LRE", "LRO", "RLE", "RLO", "LRI", "RLI", "FSI"})


def span(duration: timedelta) -> str:
    """A length of time in at most two units: "0.4 s", "12 s", "3 min", "2 h 5 min", "3 d 4 h".

    Never negative: two clocks may disagree by a little.
    """
    seconds = max(0.0, duration.total_seconds())
    if round(seconds, 1) < 10:  # noqa: PLR2004 - below ten seconds a tenth still says something
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    large, small, names = (_HOUR, _MINUTE, ("h", "min")) if whole < _DAY else (_DAY, _HOUR, "dh")
    rest = whole % large // small
    return f"{whole // large} {names[0]}" + (f" {rest} {names[1]}" if rest else "")


def clock(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """A moment as "10:42", with its date where that is not today: "22 Nov 10:42"."""
    there, today = moment.astimezone(zone), now.astimezone(zone)
    if there.date() == today.date():
        return f"{there:%H:%M}"
    year = "" if there.year == today.year else f" {there.year}"
    return f"{there.day} {there:%b}{year} {there:%H:%M}"


def second(moment: datetime, zone: tzinfo) -> str:
    """A moment to the second, with its zone: "10:42:07 UTC"."""
    return f"{moment.astimezone(zone):%H:%M:%S %Z}"


def count(number: int | None) -> str:
    """A count with separators; an em dash where there is none."""
    return "\N{EM DASH}" if number is None else f"{number:,}"


def together(text: str) -> str:
    """Words that stay in one line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def named(text: str) -> str:
    """A name that somebody else gave; one that nobody can see is said to be none."""
    return text if text.strip() else "(none)"


def isolated(text: str) -> str:
    """Text of others within a line: what it says of direction ends with it (Unicode's annex 9)."""
    if any(unicodedata.bidirectional(sign) in _DIRECTED for sign in text):
        return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"
    return text


def literal(text: str) -> str:
    """Text of others for a place that reads Markdown: it shows there as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
