"""What every page is made of: the status bar, and the guard around each part."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st
import structlog

from vitalstream_dashboard import access, metrics
from vitalstream_dashboard.service import service
from vitalstream_dashboard.status import Note

_log = structlog.get_logger(__name__)
_STYLE = Path(__file__).parent.parent / "style.css"


def style() -> None:
    """Load the style sheet; once a page."""
    st.html(_STYLE)


def head(title: str, *facts: str) -> None:
    """A page's title, with a few facts beside it; the last tells if nobody needs to sign in.

    Args:
        title: Our own words.
        facts: Our own words too: they are read as markdown.
    """
    said = list(facts) if service().sign_in.enabled else [*facts, access.NO_SIGN_IN]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="head"):
        st.title(title, anchor=False, width="content")
        st.markdown(f":gray[{' · '.join(said)}]", width="content")


def say(note: Note) -> None:
    """Show a note as a bar over the whole width."""
    bars = {"success": st.success, "info": st.info, "warning": st.warning, "error": st.error}
    bars[note.level](note.text, icon=note.icon)


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
