"""Trends: each department in each hour, over an hour to 30 days, from the rollups alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import streamlit as st

from vitalstream_dashboard import rollups, theme, words
from vitalstream_dashboard.plot import plot
from vitalstream_dashboard.rollups import HOUR, QUANTITIES, Quantity, Trends
from vitalstream_dashboard.service import Service, service
from vitalstream_dashboard.source import timed
from vitalstream_dashboard.views.parts import guarded, head, line, style
from vitalstream_storage import reader
from vitalstream_storage.pool import Connection

LONGEST: Final = timedelta(days=30)
CUSTOM: Final = "Custom"
RANGES: Final = {
    "1 h": HOUR,
    "6 h": 6 * HOUR,
    "24 h": 24 * HOUR,
    "3 d": timedelta(days=3),
    "7 d": timedelta(days=7),
    "30 d": LONGEST,
}
_SLOWEST: Final = 20


def page() -> None:
    """Draw the page; the charts redraw themselves."""
    style()
    shared = service()
    zone = shared.settings.zone
    head("Trends", f"means over each hour's observations, times in {datetime.now(zone):%Z}")
    with st.container(horizontal=True, vertical_alignment="bottom", key="trend-controls"):
        titles = [quantity.title for quantity in QUANTITIES]
        chosen = st.selectbox(
            "What", titles, key="what", bind="query-params", width=260, filter_mode=None
        )
        span = st.segmented_control(
            "Range", [*RANGES, CUSTOM], default="24 h", required=True, key="range",
            bind="query-params",
        )  # fmt: skip
        bounds = _custom(shared) if span == CUSTOM else None
    quantity = QUANTITIES[titles.index(chosen)]
    if bounds is not None and not timedelta(0) < bounds[1] - bounds[0] <= LONGEST:
        st.warning("The end has to come after the start, by no more than 30 days.")
        return
    every = max(shared.settings.refresh_seconds, _SLOWEST)
    length = RANGES.get(span or "", 24 * HOUR)
    st.fragment(live, run_every=every)(quantity, bounds, length)


def _custom(shared: Service) -> tuple[datetime, datetime]:
    zone = shared.settings.zone
    now = datetime.now(zone).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    start = st.datetime_input(
        "From", now - 24 * HOUR, key="from", step=HOUR, required=True, width=220
    )
    end = st.datetime_input("To", now + HOUR, key="to", step=HOUR, required=True, width=220)
    return start.replace(tzinfo=zone).astimezone(UTC), end.replace(tzinfo=zone).astimezone(UTC)


def live(quantity: Quantity, bounds: tuple[datetime, datetime] | None, length: timedelta) -> None:
    """Read and draw both charts."""
    with guarded("trends"):
        shared = service()
        now = datetime.now(UTC)
        since, until = bounds or window(now, length)
        work = _reading(quantity, since, until)
        answer = shared.source.read(("trends", quantity.measure, since, until), work)
        zone = shared.settings.zone
        line(answer)
        if answer.value is None:
            return
        if not answer.value:
            st.info("Nothing was observed in this range.")
            return
        palette = theme.palette(st.context.theme.type)
        hours = rollups.starts(since, until)
        drawing = Trends(answer.value, quantity, hours, palette, zone)
        said = rollups.alt(quantity, answer.value)
        with st.container(border=True):
            st.markdown(f"**{quantity.title} by department, {quantity.unit}**")
            plot(drawing.map(), key="map", alt=said)
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{quantity.title}, {quantity.unit}**", width="stretch")
                compared = st.multiselect(
                    "Compare",
                    [row.department for row in answer.value],
                    key="compare",
                    max_selections=rollups.MOST_LINES,
                    placeholder=f"Compare up to {rollups.MOST_LINES} departments",
                    label_visibility="collapsed",
                    width=420,
                )
            plot(drawing.lines(compared), key="lines", alt=said)
        count = sum(sum(row.observations) for row in answer.value)
        st.caption(
            f"{words.count(count)} observations. The hour that has begun changes until it is "
            "over. Drag to zoom in time, double-click to see all."
        )


def window(now: datetime, length: timedelta) -> tuple[datetime, datetime]:
    """The hours that the last so many hours lie in, the one that has begun included."""
    this = now.replace(minute=0, second=0, microsecond=0)
    return this - length, this + HOUR


def _reading(
    quantity: Quantity, since: datetime, until: datetime
) -> Callable[[Connection], list[reader.Hours]]:
    def work(connection: Connection) -> list[reader.Hours]:
        return timed(reader.hourly, connection, quantity.measure, since, until)

    return work
