"""What every page is made of: the status bar, and the guard around each part."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit as st
import structlog

from vitalstream_dashboard import access, metrics, status, theme
from vitalstream_dashboard.service import service
from vitalstream_dashboard.source import Answer
from vitalstream_dashboard.status import Note

_log = structlog.get_logger(__name__)
_STYLE = Path(__file__).parent.parent / "style.css"


def style() -> None:
    """Load the style sheet; once a page."""
    st.html(_STYLE)


def head(title: str, *facts: str, note: Note | None = None) -> None:
    """A page's title, with a few facts beside it; the last tells if nobody needs to sign in.

    Args:
        title: Our own words.
        facts: Our own words too: they are read as markdown.
        note: A bar below it, or beside it where the screen is wide.
    """
    said = list(facts) if service().sign_in.enabled else [*facts, access.NO_SIGN_IN]
    with st.container(key="top"):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="head"):
            st.title(title, anchor=False, width="content")
            st.markdown(f":gray[{' · '.join(said)}]", width="content")
        if note is not None:
            say(note)


def say(note: Note) -> None:
    """Show a note as a bar over the whole width."""
    bars = {"success": st.success, "info": st.info, "warning": st.warning, "error": st.error}
    bars[note.level](note.text, icon=note.icon)


def risk_badge(level: str) -> None:
    """A risk level as colour, symbol and word."""
    colour = {"High": "red", "Medium": "orange", "Low": "blue"}.get(level, "gray")
    said = theme.risk_label(level) if level in theme.RISK_LEVELS else "? Unknown"
    st.badge(said, color=colour)  # type: ignore[arg-type]  # one of Streamlit's names


def line(answer: Answer[Any] | None = None) -> None:
    """The status bar: how fresh the stream is or, of an old answer, why and how old.

    Args:
        answer: What the page shows, if it has asked for anything.
    """
    shared, now = service(), datetime.now(UTC)
    trouble = None if answer is None else answer.trouble
    stream = shared.freshness() if trouble is None else None
    if stream is not None and stream.trouble is None and stream.value is not None:
        say(status.fresh(stream.value))
    elif trouble := trouble or (stream.trouble if stream else None):
        read_at = None if answer is None else answer.read_at
        say(status.stale(trouble, read_at, now, shared.settings.zone))


def stream() -> None:
    """The status bar of a page that has nothing else to refresh."""
    st.fragment(line, run_every=service().settings.refresh_seconds)()


@contextmanager
def guarded(part: metrics.Part) -> Iterator[None]:
    """Whatever fails inside is logged and counted; the viewer gets a sentence, no traceback.

    Args:
        part: names what is drawn, for the log and the metric.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a viewer never sees a traceback
        _log.exception("render_failed", part=part, error=type(error).__name__)
        metrics.RENDER_ERRORS.labels(part).inc()
        st.error(
            "This part of the page could not be drawn; the dashboard's log says why. "
            "The next refresh tries again.",
            icon=":material/report:",
        )
