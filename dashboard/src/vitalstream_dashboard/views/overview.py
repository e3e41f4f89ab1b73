"""The live page: key figures, vital signs, four charts and the newest records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from vitalstream_dashboard import access, charts, status, table, theme, words
from vitalstream_dashboard.canvas import Figure
from vitalstream_dashboard.course import Course, course
from vitalstream_dashboard.download import to_csv
from vitalstream_dashboard.freshness import Freshness, judge
from vitalstream_dashboard.plot import plot
from vitalstream_dashboard.service import Service, service
from vitalstream_dashboard.settings import RECORD_LIMIT, REFRESH_SECONDS, DashboardSettings
from vitalstream_dashboard.source import Answer, timed
from vitalstream_dashboard.views import attention
from vitalstream_dashboard.views.parts import guarded, head, style
from vitalstream_storage import reader
from vitalstream_storage.pool import Connection

ALL = "All"
_TABLE = "table-shown"


@dataclass(frozen=True, slots=True)
class Card:
    """A figure on a card.

    Attributes:
        label: What it is, with a symbol where it is bad news.
        name: Of the answer's attribute.
        meaning: What is counted.
        unit: Of a mean.
        bad: Whether more of it is bad news.
    """

    label: str
    name: str
    meaning: str
    unit: str = ""
    bad: bool = False


KPIS: tuple[Card, ...] = (
    Card("Unique patients", "unique_patients", "Patients, each counted once."),
    Card("Admissions", "admissions", "Every admission ever received."),
    Card(
        "▲ High-risk patients",
        "high_risk_patients",
        "Patients whose newest record is High.",
        bad=True,
    ),
    Card("Average age", "average_age", "Mean age of the patients, each counted once.", "years"),
    Card(
        "Critical SpO₂ < 90 %",
        "critical_oxygen",
        "Patients whose newest record has an oxygen saturation below 90 %.",
        bad=True,
    ),
)
_MEAN = "Mean over the newest record of each admission."
VITALS: tuple[Card, ...] = (
    Card("Average heart rate", "heart_rate", _MEAN, "/min"),
    Card("Average temperature", "temperature_celsius", _MEAN, "°C"),
    Card("Average SpO₂", "oxygen_saturation", _MEAN, "%"),
    Card("Average resp. rate", "respiratory_rate", _MEAN, "/min"),
)
CHARTS: tuple[tuple[str, str, Callable[[charts.Counts, theme.Palette], Figure]], ...] = (
    ("Admissions by department", "departments", charts.departments),
    ("Risk levels", "risk_levels", charts.risks),
    ("Top diagnoses", "diagnoses", charts.diagnoses),
    ("Admission types", "admission_types", charts.admission_types),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the viewer has chosen in the sidebar.

    Attributes:
        risk: the one risk level that counts, None for all.
        refresh: seconds between two refreshes.
        limit: most rows of the table.
    """

    risk: str | None
    refresh: int
    limit: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the page shows, of one moment."""

    kpis: reader.Kpis
    vitals: reader.VitalAverages
    breakdown: reader.Breakdown
    records: Sequence[reader.RecentRecord]
    freshness: Freshness
    course: Course
    attention: attention.Attention


def page() -> None:
    """Draw the page; the live part redraws itself."""
    style()
    choice = controls(service().settings)
    st.fragment(live, run_every=choice.refresh)(choice)


def controls(settings: DashboardSettings) -> Choice:
    """The sidebar; what is chosen stays in the address, so that a screen can be set up by it."""
    with st.sidebar:
        risk = _risk_filter()
        refresh = st.slider(
            "Refresh every",
            *REFRESH_SECONDS,
            value=settings.refresh_seconds,
            format="%d s",
            key="refresh",
            bind="query-params",
        )
        limit = st.slider(
            "Records in the table",
            *RECORD_LIMIT,
            value=settings.record_limit,
            step=10,
            key="records",
            bind="query-params",
            help="20 are visible; the rest is there to scroll.",
        )
        offered = settings.identified_downloads and access.is_operator()
        identified = offered and st.toggle(
            "Download with identity",
            key="identified",
            help="Names, ids, dates and places in the downloaded table. Without them ages above "
            "89 are one group and dates become the hours since the admission.",
        )
        _download(identified)
    return Choice(risk, refresh, limit)


def _risk_filter() -> str | None:
    """The chosen level, None for all. Bound by hand: the address has the word, not the symbol."""
    levels = [ALL, *theme.RISK_LEVELS]
    linked = st.query_params.get("risk", ALL)
    chosen = st.radio(
        "Risk level",
        levels,
        index=levels.index(linked) if linked in levels else 0,
        format_func=lambda level: level if level == ALL else theme.risk_label(level),
        key="risk",
    )
    if chosen in theme.RISK_LEVELS:
        st.query_params["risk"] = chosen
        return chosen
    st.query_params.pop("risk", None)
    return None


def live(choice: Choice) -> None:
    """Read and draw everything that changes."""
    with guarded("overview"):
        shared = service()
        answer = shared.source.read(("overview", choice.risk, choice.limit), _reading(choice))
        now, shown = datetime.now(UTC), answer.value
        _head(choice, answer, now, shared)
        with st.container(key="kpis"):
            _kpis(shown)
        attention.draw(shown.attention if shown else None, choice.risk, now)
        with st.container(key="vitals"):
            _means(shown.vitals if shown else None)
        if answer.value is not None and answer.value.records:
            _charts(answer.value.breakdown)
        _records(choice, answer.value, now, shared)


def _reading(choice: Choice) -> Callable[[Connection], Overview]:
    shared = service()

    def work(connection: Connection) -> Overview:
        ledger = timed(reader.ledger, connection)
        kpis = timed(reader.kpis, connection, choice.risk)
        return Overview(
            kpis=kpis,
            course=course(kpis, timed(reader.changes, connection, choice.risk)),
            attention=attention.read(connection, choice.risk),
            vitals=timed(reader.vital_averages, connection, choice.risk),
            breakdown=timed(reader.breakdown, connection, choice.risk),
            records=timed(reader.recent_records, connection, choice.risk, choice.limit),
            freshness=judge(ledger.positions, ledger.now, shared.limits, shared.settings.zone),
        )

    return work


def _head(choice: Choice, answer: Answer[Overview], now: datetime, shared: Service) -> None:
    zone = shared.settings.zone
    shown = "all records" if choice.risk is None else f"only {theme.risk_label(choice.risk)} risk"
    note = None
    if answer.trouble is not None:
        note = status.stale(answer.trouble, answer.read_at, now, zone)
    elif answer.value is not None:
        note = status.fresh(answer.value.freshness)
    facts = (shown, words.second(now, zone), f"every {choice.refresh} s")
    head("Patient monitor", *facts, note=note)


def _kpis(shown: Overview | None) -> None:
    """A row of cards, always all: without an answer a dash keeps each one's place."""
    for card in KPIS:
        if shown is None:
            st.metric(card.label, words.count(None), border=True, help=card.meaning)
            continue
        series = getattr(shown.course, card.name)
        st.metric(
            card.label,
            _number(getattr(shown.kpis, card.name), card.unit),
            _delta(series),
            delta_color="inverse" if card.bad else "off",
            delta_description="last hour",
            border=True,
            help=card.meaning,
            chart_data=series,
            chart_type="area",
        )


def _delta(series: Sequence[Any]) -> str | int:
    """The change over the hour; Streamlit draws no arrow for the number 0 alone."""
    change = round(series[-1] - series[0], 1)
    return f"{change:,}" if change else 0


def _number(figure: Any, unit: str) -> str:
    return f"{figure:.1f} {unit}" if isinstance(figure, float) else words.count(figure)


def _means(figures: reader.VitalAverages | None) -> None:
    for card in VITALS:
        figure = None if figures is None else getattr(figures, card.name)
        st.metric(card.label, _number(figure, card.unit), border=True, help=card.meaning)


def _charts(breakdown: reader.Breakdown) -> None:
    palette = theme.palette(st.context.theme.type)
    with st.container(key="charts"):
        for title, name, build in CHARTS:
            counts = getattr(breakdown, name)
            with st.container(border=True):
                st.markdown(f"**{title}**")
                plot(build(counts, palette), key=f"chart-{name}", alt=charts.alt(title, counts))


@dataclass(slots=True)
class Table:
    """The rows that a session's table shows at this moment."""

    records: Sequence[reader.RecentRecord] = ()


def _download(identified: bool) -> None:  # noqa: FBT001 - what the switch above says
    """The file is made when it is asked for, of the rows that are shown at that moment.

    The button is no part of what redraws itself: a redraw between the click and the file would
    leave the click without one.
    """
    table_shown: Table = st.session_state.setdefault(_TABLE, Table())
    st.download_button(
        "Download CSV" if identified else "Download CSV without identity",
        lambda: to_csv(table_shown.records, identified=identified),
        file_name=f"vitalstream-records-{'with' if identified else 'without'}-identity.csv",
        mime="text/csv",
        key="download",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )


def _records(choice: Choice, shown: Overview | None, now: datetime, shared: Service) -> None:
    if shown is None:
        return
    st.session_state.setdefault(_TABLE, Table()).records = shown.records
    st.subheader("Recent records", anchor=False)
    if not shown.records:
        if choice.risk is None:
            st.info("No records yet; they appear here as soon as the first one is stored.")
        else:
            st.info(f"Nobody is at {theme.risk_label(choice.risk)} risk.")
        return
    zone = shared.settings.zone
    st.dataframe(
        table.frame(shown.records, zone),
        key="recent",
        height=table.HEIGHT,
        row_height=table.ROW_PIXELS,
        hide_index=True,
        column_config=table.columns(zone, now),
        alt="The newest records, newest first",
    )
