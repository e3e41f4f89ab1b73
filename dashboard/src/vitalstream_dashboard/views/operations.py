"""The stream seen from its ledger: how far behind, how fast, what became of the records."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pandas as pd
import streamlit as st

from vitalstream_dashboard import status, words
from vitalstream_dashboard.freshness import Freshness, judge, waiting
from vitalstream_dashboard.service import Service, service
from vitalstream_dashboard.source import timed
from vitalstream_dashboard.views import letters
from vitalstream_dashboard.views.parts import guarded, head, style
from vitalstream_storage import reader
from vitalstream_storage.migrate import current_version
from vitalstream_storage.pool import Connection

_BEFORE: Final = "operations-before"
_WIDTH, _NUMBER_WIDTH = 100, 85


@dataclass(frozen=True, slots=True)
class Operations:
    """Everything the page shows, of one moment."""

    ledger: reader.Ledger
    gaps: Sequence[reader.Gap]
    reasons: Sequence[reader.Reason]
    version: int
    freshness: Freshness


def page() -> None:
    """Draw the page; the live part redraws itself."""
    style()
    st.fragment(live, run_every=service().settings.refresh_seconds)()


def live() -> None:
    """Read and draw everything that changes."""
    with guarded("operations"):
        shared = service()
        answer = shared.source.read("operations", _read)
        now, zone = datetime.now(UTC), shared.settings.zone
        version = "—" if answer.value is None else answer.value.version
        note = None
        if answer.trouble is not None:
            note = status.stale(answer.trouble, answer.read_at, now, zone)
        elif answer.value is not None:
            note = status.fresh(answer.value.freshness)
        head("Operations", words.second(now, zone), f"tables at version {version}", note=note)
        if answer.value is not None:
            with st.container(key="kpis"):
                _figures(answer.value.ledger)
            _partitions(answer.value.ledger, now, shared)
            letters.draw(answer.value.reasons, now)
            _gaps(answer.value.gaps, now, shared)


def _read(connection: Connection) -> Operations:
    shared = service()
    ledger = timed(reader.ledger, connection)
    return Operations(
        ledger=ledger,
        gaps=timed(reader.gaps, connection),
        reasons=timed(reader.dead_letter_reasons, connection),
        version=timed(current_version, connection),
        freshness=judge(ledger.positions, ledger.now, shared.limits, shared.settings.zone),
    )


def _figures(ledger: reader.Ledger) -> None:
    positions = ledger.positions
    lags = [waiting(position) for position in positions]
    lag = None if not lags or None in lags else sum(one or 0 for one in lags)
    newest = max((p.last_append_at for p in positions if p.last_append_at), default=None)
    rate = _rate(ledger)
    cards = (
        ("Records waiting", words.count(lag), "In the topic and not yet in the tables."),
        (
            "Newest record",
            "—" if newest is None else f"{words.span(ledger.now - newest)} old",
            "Since the newest record in the tables was produced.",
        ),
        (
            "Throughput",
            "—" if rate is None else f"{rate:,.0f} /s",
            "Records dealt with a second, since the refresh before.",
        ),
        ("Stored", words.count(sum(p.stored for p in positions)), "Records in the tables."),
        (
            "Dead letters",
            words.count(sum(p.dead for p in positions)),
            "Records that could not be stored, kept as they came.",
        ),
    )
    for label, shown, meaning in cards:
        st.metric(label, shown, border=True, help=meaning)


def _rate(ledger: reader.Ledger) -> float | None:
    """Records a second between this viewer's last two readings; None at the first."""
    total = sum(position.next_offset for position in ledger.positions)
    before: tuple[datetime, int, float | None] | None = st.session_state.get(_BEFORE)
    if before is not None and before[0] == ledger.now:
        return before[2]  # another session's reading, shown once more
    rate = None
    if before is not None and total >= before[1]:
        rate = (total - before[1]) / (ledger.now - before[0]).total_seconds()
    st.session_state[_BEFORE] = (ledger.now, total, rate)
    return rate


def _partitions(ledger: reader.Ledger, now: datetime, shared: Service) -> None:
    st.subheader("Partitions", anchor=False)
    rows = [
        {
            "Partition": p.partition,
            "Next offset": p.next_offset,
            "Waiting": waiting(p),
            "Log end seen": _ago(p.log_end_at, ledger.now),
            "Last commit": _ago(p.last_commit_at, ledger.now),
            "Stored": p.stored,
            "Duplicates": p.duplicates,
            "Stale": p.stale,
            "Dead": p.dead,
            "Claimed": _at(p.claimed_at, now, shared),
        }
        for p in ledger.positions
    ]
    _table(rows, "partitions", "No consumer has claimed a partition yet.")


def _gaps(gaps: Sequence[reader.Gap], now: datetime, shared: Service) -> None:
    st.subheader("Gaps", anchor=False)
    rows = [
        {
            "Seen": _at(gap.seen_at, now, shared),
            "Topic": gap.topic,
            "Partition": gap.partition,
            "From": gap.first_offset,
            "To": gap.next_offset,
            "Kind": gap.kind,
        }
        for gap in gaps
    ]
    _table(rows, "gaps", "None: the broker has had every record that was asked for.")


def _table(rows: list[dict[str, Any]], key: str, nothing: str) -> None:
    if not rows:
        st.info(nothing)
        return
    st.dataframe(
        pd.DataFrame(rows),
        key=key,
        hide_index=True,
        column_config={name: _column(value) for name, value in rows[0].items()},
        placeholder="unknown",
        alt=f"The stream's {key}",
    )


def _column(value: Any) -> Any:
    if isinstance(value, int):
        return st.column_config.NumberColumn(format="localized", width=_NUMBER_WIDTH)
    return st.column_config.Column(width=_WIDTH)


def _ago(moment: datetime | None, now: datetime) -> str | None:
    return None if moment is None else f"{words.span(now - moment)} ago"


def _at(moment: datetime | None, now: datetime, shared: Service) -> str | None:
    return None if moment is None else words.clock(moment, now, shared.settings.zone)
