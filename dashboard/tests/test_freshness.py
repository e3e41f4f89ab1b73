"""Freshness judged from the ledger."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vitalstream_dashboard.freshness import Limits, State, judge, waiting

NOW = datetime(2026, 3, 4, 10, 45, tzinfo=UTC)
LIMITS = Limits(behind=timedelta(seconds=10), silent=timedelta(seconds=30))


def ago(seconds: float) -> datetime:
    """A moment so many seconds before now."""
    return NOW - timedelta(seconds=seconds)


COMMITTED, APPENDED = ago(1.5), ago(1.9)


@dataclass(frozen=True)
class Stand:
    """One partition that is caught up and live."""

    next_offset: int = 100
    log_end_offset: int | None = 100
    log_end_at: datetime | None = COMMITTED
    last_append_at: datetime | None = APPENDED
    last_commit_at: datetime | None = COMMITTED


def verdict(*stands: Stand) -> tuple[State, str]:
    """State and sentence of partitions."""
    judged = judge(stands, NOW, LIMITS, UTC)
    return judged.state, judged.sentence


def test_live() -> None:
    """A caught-up stream is live, behind by the newest record's way into the tables."""
    assert verdict(Stand(), Stand(last_append_at=ago(9), last_commit_at=ago(2))) == (
        State.LIVE,
        "Live, 0.4 s behind",
    )


def test_silent() -> None:
    """Caught up, the consumer at work, and nothing new: nothing is being produced."""
    quiet = Stand(last_append_at=ago(200), last_commit_at=ago(199.5))
    assert verdict(quiet) == (State.SILENT, "No new records for 3 min")
    assert verdict(quiet, Stand())[0] is State.LIVE


def test_behind_while_it_catches_up() -> None:
    """Committing old records with more of them waiting is behind, since the newest one stored."""
    late = Stand(next_offset=100, log_end_offset=12_445, last_append_at=ago(180))
    assert verdict(Stand(), late) == (
        State.BEHIND,
        "Consumer behind since 10:42, 12,345 records waiting",
    )


def test_behind_though_the_log_s_end_is_an_old_one() -> None:
    """Past the last known end, with old records: behind by a number that nobody knows."""
    late = Stand(log_end_at=ago(5), last_append_at=ago(180), last_commit_at=ago(1))
    assert verdict(late) == (State.BEHIND, "Consumer behind since 10:42")


def test_behind_when_it_is_stuck() -> None:
    """Records wait and none has been committed for longer than the limit."""
    stuck = Stand(log_end_offset=103, last_append_at=ago(20), last_commit_at=ago(19.8))
    assert verdict(stuck)[0] is State.BEHIND
    moment = Stand(log_end_offset=103, last_append_at=ago(2), last_commit_at=ago(1.8))
    assert verdict(moment)[0] is State.LIVE


def test_absent() -> None:
    """Neither a commit nor a look at the log's end: the consumer is not there."""
    gone = Stand(log_end_at=ago(180), last_append_at=ago(200), last_commit_at=ago(199))
    assert verdict(gone, gone) == (State.ABSENT, "No sign of the consumer since 10:42")
    assert verdict(gone, Stand(), Stand()) == (
        State.ABSENT,
        "1 of 3 partitions not consumed since 10:42",
    )


def test_empty() -> None:
    """Nothing consumed yet is said as such, whether or not the consumer has come."""
    nothing: dict[str, Any] = {"last_append_at": None, "last_commit_at": None, "next_offset": 0}
    empty = (State.EMPTY, "Waiting for the first record of the stream")
    assert verdict() == empty
    assert verdict(Stand(**nothing, log_end_offset=0)) == empty
    assert verdict(Stand(**nothing, log_end_offset=None, log_end_at=None)) == empty


@pytest.mark.parametrize(
    ("stand", "lag"),
    [
        (Stand(log_end_offset=130), 30),
        (Stand(log_end_offset=90), 0),
        (Stand(log_end_offset=None), None),
        (Stand(log_end_offset=130, log_end_at=ago(9)), 30),
        (Stand(log_end_offset=100, log_end_at=ago(9)), None),
        (Stand(log_end_offset=130, last_commit_at=None), 30),
    ],
)
def test_waiting(stand: Stand, lag: int | None) -> None:
    """Lag is never negative, and unknown once the tables have passed the last known end."""
    assert waiting(stand) == lag
