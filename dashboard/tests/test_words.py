"""Numbers and times in words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from vitalstream_dashboard import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (185, "3 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (7_500, "2 h 5 min"),
        (86_400, "1 d"),
        (276_000, "3 d 4 h"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    """A length of time has at most two units and is never negative."""
    assert words.span(timedelta(seconds=seconds)) == text


def test_clock_has_a_date_only_where_it_is_not_today() -> None:
    """Today's moment is hours and minutes, another day's has its date, in the viewer's zone."""
    now = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
    assert words.clock(datetime(2026, 3, 4, 10, 42, tzinfo=UTC), now, UTC) == "10:42"
    assert words.clock(datetime(2026, 3, 3, 10, 42, tzinfo=UTC), now, UTC) == "3 Mar 10:42"
    assert words.clock(datetime(2025, 3, 3, 10, 42, tzinfo=UTC), now, UTC) == "3 Mar 2025 10:42"
    berlin = ZoneInfo("Europe/Berlin")
    assert words.clock(datetime(2026, 3, 4, 22, 59, tzinfo=UTC), now, berlin) == "4 Mar 23:59"
    assert words.clock(datetime(2026, 3, 4, 23, 1, tzinfo=UTC), now, berlin) == "00:01"


def test_second_names_its_zone() -> None:
    """A time to the second says which zone it is in."""
    moment = datetime(2026, 3, 4, 23, 30, 5, tzinfo=UTC)
    assert words.second(moment, ZoneInfo("Europe/Berlin")) == "00:30:05 CET"


def test_count() -> None:
    """Thousands are separated; nothing known is a dash, not a zero."""
    assert (words.count(1_234_567), words.count(0), words.count(None)) == ("1,234,567", "0", "—")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Zoë O'Brien", "Zoë O'Brien"),
        ("王小明", "王小明"),
        ("مريم", "\N{FIRST STRONG ISOLATE}مريم\N{POP DIRECTIONAL ISOLATE}"),
        (
            "\N{RIGHT-TO-LEFT OVERRIDE}live",
            "\N{FIRST STRONG ISOLATE}\N{RIGHT-TO-LEFT OVERRIDE}live\N{POP DIRECTIONAL ISOLATE}",
        ),
    ],
)
def test_a_name_keeps_its_direction_to_itself(name: str, shown: str) -> None:
    """What is written from right to left is held apart from what stands beside it."""
    assert words.isolated(name) == shown


def test_a_name_that_nobody_can_see_is_said_to_be_none() -> None:
    """Blank names are allowed by the contract."""
    assert [words.named(name) for name in ("", " \t", " x ")] == ["(none)", "(none)", " x "]
