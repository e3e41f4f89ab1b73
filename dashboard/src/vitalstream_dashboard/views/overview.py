"""The live page: key figures, vital signs, four charts and the newest records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import plotly.graph_objects as go
import streamlit as st

from vitalstream_dashboard import charts, status, table, theme, words
from vitalstream_dashboard.download import to_csv
from vitalstream_dashboard.freshness import Freshness, judge
from vitalstream_dashboard.service import Service, service
from vitalstream_dashboard.settings import RECORD_LIMIT, REFRESH_SECONDS, DashboardSettings
from vitalstream_dashboard.source import Answer, timed
from vitalstream_dashboard.views.parts import guarded, say, style
from vitalstream_storage import reader
from vitalstream_storage.pool import Connection

ALL = "All"
Card = tuple[str, str, str, str]
"""Label, attribute of the answer, unit of a mean, meaning."""

KPIS: tuple[Card, ...] = (
    ("Unique patients", "unique_patients", "", "Patients, each counted once."),
    ("Admissions", "admissions", "", "Every admission ever received."),
    ("▲ High-risk patients", "high_risk_patients", "", "Patients whose newest record is High."),
    ("Average age", "average_age", "years", "Mean age of the patients, each counted once."),
    (
        "Critical SpO₂ < 90 %",
        "critical_oxygen",
        "",
        "Patients whose newest record has an oxygen saturation below 90 %.",
    ),
)
_MEAN = "Mean over the newest record of each admission."
VITALS: tuple[Card, ...] = (
    ("Average heart rate", "heart_rate", "/min", _MEAN),
    ("Average temperature", "temperature_celsius", "°C", _MEAN),
    ("Average SpO₂", "oxygen_saturation", "%", _MEAN),
    ("Average resp. rate", "respiratory_rate", "/min", _MEAN),
)
CHARTS: tuple[tuple[str, str, Callable[[charts.Counts, theme.Palette], go.Figure]], ...] = (
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
        identified: whether the downloaded table has names, ids, dates and places.
    """

    risk: str | None
    refresh: int
    limit: int
    identified: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the page shows, of one moment."""

    kpis: reader.Kpis
    vitals: reader.VitalAverages
    breakdown: reader.Breakdown
    records: Sequence[reader.RecentRecord]
    freshness: Freshness


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
        identified = settings.identified_downloads and st.toggle(
            "Download with identity",
            key="identified",
            help="Names, ids, dates and places in the downloaded table. Without them ages above "
            "89 are one group and dates become the hours since the admission.",
        )
    return Choice(risk, refresh, limit, identified)


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
        now = datetime.now(UTC)
        _head(choice, answer, now, shared)
        with st.container(key="kpis"):
            _cards(KPIS, answer.value and answer.value.kpis)
        with st.container(key="vitals"):
            _cards(VITALS, answer.value and answer.value.vitals)
        if answer.value is not None and answer.value.records:
            _charts(answer.value.breakdown)
        _records(choice, answer.value, now, shared)


def _reading(choice: Choice) -> Callable[[Connection], Overview]:
    shared = service()

    def work(connection: Connection) -> Overview:
        ledger = timed(reader.ledger, connection)
        return Overview(
            kpis=timed(reader.kpis, connection, choice.risk),
            vitals=timed(reader.vital_averages, connection, choice.risk),
            breakdown=timed(reader.breakdown, connection, choice.risk),
            records=timed(reader.recent_records, connection, choice.risk, choice.limit),
            freshness=judge(ledger.positions, ledger.now, shared.limits, shared.settings.zone),
        )

    return work


def _head(choice: Choice, answer: Answer[Overview], now: datetime, shared: Service) -> None:
    zone = shared.settings.zone
    shown = "all records" if choice.risk is None else f"only {theme.risk_label(choice.risk)} risk"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title("Patient monitor", anchor=False, width="content")
        st.markdown(
            f":gray[{shown} · {words.second(now, zone)} · every {choice.refresh} s]",
            width="content",
        )
    if answer.trouble is not None:
        say(status.stale(answer.trouble, answer.read_at, now, zone))
    elif answer.value is not None:
        say(status.fresh(answer.value.freshness))


def _cards(cards: Sequence[Card], figures: object | None) -> None:
    """A row of cards, always all: without an answer a dash keeps each one's place."""
    for label, name, unit, meaning in cards:
        figure = None if figures is None else getattr(figures, name)
        shown = f"{figure:.1f} {unit}" if isinstance(figure, float) else words.count(figure)
        st.metric(label, shown, border=True, help=meaning)


def _charts(breakdown: reader.Breakdown) -> None:
    palette = theme.palette(st.context.theme.type)
    with st.container(key="charts"):
        for title, name, build in CHARTS:
            counts = getattr(breakdown, name)
            with st.container(border=True):
                st.markdown(f"**{title}**")
                st.plotly_chart(
                    build(counts, palette),
                    key=f"chart-{name}",
                    config=charts.CONFIG,
                    alt=charts.alt(title, counts),
                )


def _download(choice: Choice, shown: Overview, now: datetime) -> None:
    """The file is made when it is asked for, of the rows that are shown at that moment."""

    def content() -> bytes:
        return to_csv(shown.records, identified=choice.identified)

    st.download_button(
        "CSV" if choice.identified else "CSV without identity",
        content,
        file_name=f"vitalstream-{now:%Y%m%dT%H%M%SZ}.csv",
        mime="text/csv",
        key="download",
        on_click="ignore",
        icon=":material/download:",
    )


def _records(choice: Choice, shown: Overview | None, now: datetime, shared: Service) -> None:
    if shown is None:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=True):
        st.subheader("Recent records", anchor=False, width="stretch")
        if shown.records:
            _download(choice, shown, now)
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
