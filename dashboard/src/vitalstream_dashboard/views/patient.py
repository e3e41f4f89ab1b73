"""One patient: found by id or name, the admission, its course, earlier admissions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal
from uuid import UUID

import streamlit as st

from vitalstream_dashboard import lists, theme, timeline, vitals, words
from vitalstream_dashboard.plot import plot
from vitalstream_dashboard.service import Service, service
from vitalstream_dashboard.source import timed
from vitalstream_dashboard.views.parts import guarded, head, line, risk_badge, stream, style
from vitalstream_storage import reader
from vitalstream_storage.pool import Connection

LINK: Final = "p"
SEARCH: Final = "find"
CURRENT: Final = ""
"""Stands for the newest admission, whichever that is by then."""
_FOUND: Final = 12
RANGES: Final = {
    "6 h": timedelta(hours=6),
    "24 h": timedelta(hours=24),
    "3 d": timedelta(days=3),
    "7 d": timedelta(days=7),
    "All": timedelta(days=3_660),
}
_LONGEST: Final = 3_000
_POINT_COLOURS: Final[tuple[Literal["off", "blue", "orange", "red"], ...]] = (
    "off",
    "blue",
    "orange",
    "red",
)
"""As the course has them: of risk levels, for none, one, two and three points."""


@dataclass(frozen=True, slots=True)
class Patient:
    """Everything the page shows, of one moment.

    Attributes:
        stays: All admissions, the newest first.
        shown: The one of them whose course is shown.
        seen: Its course.
    """

    stays: Sequence[reader.Admission]
    shown: reader.Admission
    seen: Sequence[reader.Observation]


def page() -> None:
    """Draw the page; the patient's part redraws itself."""
    style()
    shared = service()
    zone = shared.settings.zone
    head("Patient", f"times in {datetime.now(zone):%Z}")
    text = st.text_input(
        "Find a patient",
        key=SEARCH,
        placeholder="Beginning of a name, patient id or admission id",
        icon=":material/search:",
        autocomplete="off",
        max_chars=100,
    )
    if text:
        with guarded("search"):
            _results(text, shared)
        return
    linked = _link()
    if linked is not None:
        st.fragment(live, run_every=shared.settings.refresh_seconds)(linked)
        return
    stream()
    if LINK in st.query_params:
        st.warning("This link leads to no patient.", icon=":material/link_off:")
    else:
        st.info("Type two letters or more, or open a patient from the overview.")


def _link() -> UUID | None:
    try:
        return UUID(st.query_params.get(LINK, ""))
    except ValueError:
        return None


def _open(link: UUID) -> None:
    st.query_params[LINK] = str(link)
    st.session_state[SEARCH] = ""


def _results(text: str, shared: Service) -> None:
    def work(connection: Connection) -> list[reader.Found]:
        return timed(reader.find_patients, connection, text, _FOUND + 1)

    answer = shared.source.read(("find", text), work)
    now = datetime.now(UTC)
    line(answer)
    if answer.value is None:
        return
    if not answer.value:
        st.info("Nobody is found: two letters or more of an id, or of each word of the name.")
        return
    with st.container(key="found"):
        for one in answer.value[:_FOUND]:
            _result(one, now)
    if len(answer.value) > _FOUND:
        st.info(f"The first {_FOUND} are shown; more letters narrow it down.")


def _result(one: reader.Found, now: datetime) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            st.text(words.named(one.patient_name))
            seen = words.span(now.replace(tzinfo=None) - one.timestamp)
            facts = (
                words.isolated(one.patient_id),
                words.together(f"{one.age} years"),
                words.isolated(one.gender),
                words.isolated(words.named(one.department)),
                words.isolated(words.named(one.status)),
                words.together(f"NEWS2 {lists.score(one)}"),
                words.together(f"seen {seen} ago"),
            )
            with st.container(key=f"about-{one.link}"):
                st.text("\N{NO-BREAK SPACE}· ".join(facts))
        risk_badge(one.risk_level)
        st.button("Open", key=f"open-{one.link}", on_click=_open, args=(one.link,))


def live(link: UUID) -> None:
    """Read and draw everything that changes."""
    with guarded("patient"):
        shared = service()
        chosen = st.session_state.get(_stay_key(link)) or CURRENT
        span = RANGES[st.session_state.get("course-range") or "24 h"]
        answer = shared.source.read(("patient", link, chosen, span), _reading(link, chosen, span))
        now = datetime.now(UTC)
        line(answer)
        if answer.value is None:
            if answer.trouble is None:
                st.warning("This link leads to no patient.", icon=":material/link_off:")
            return
        _who(answer.value.shown, now, shared)
        _state(answer.value, now, shared.settings.time_scale)
        _course(answer.value, link, shared)
        _stays(answer.value, link, now, shared)


def _reading(link: UUID, chosen: str, span: timedelta) -> Callable[[Connection], Patient | None]:
    def work(connection: Connection) -> Patient | None:
        stays = timed(reader.admissions, connection, link)
        if not stays:
            return None
        shown = next((stay for stay in stays if stay.admission_id == chosen), stays[0])
        until = shown.timestamp.replace(tzinfo=UTC)
        seen = timed(
            reader.timeline,
            connection,
            shown.admission_id,
            max(until - span, datetime(2000, 1, 1, tzinfo=UTC)),
            until,
            _LONGEST,
        )
        return Patient(stays, shown, seen)

    return work


def _stay_key(link: UUID) -> str:
    return f"stay-{link}"


def _who(shown: reader.Admission, now: datetime, shared: Service) -> None:
    zone = shared.settings.zone
    with st.container(horizontal=True, vertical_alignment="center", key="who"):
        st.text(words.named(shown.patient_name))
        risk_badge(shown.risk_level)
        if not shown.newest:
            st.badge("earlier admission", color="gray", icon=":material/history:")
    facts = {
        "Patient": shown.patient_id,
        "Age": f"{shown.age} years, {shown.gender}",
        "Department": shown.department,
        "Diagnosis": shown.primary_diagnosis,
        "Status": shown.status,
        "Physician": shown.attending_physician,
        "Admitted": lists.moment(shown.admission_timestamp, zone, now),
        "Admission": shown.admission_type,
        "Place": shown.hospital_location,
        "Seen": f"{words.span(now.replace(tzinfo=None) - shown.timestamp)} ago",
    }
    with st.container(key="facts"):
        for label, value in facts.items():
            with st.container(gap=None):
                st.caption(label)
                st.text(words.named(value))


def _state(patient: Patient, now: datetime, scale: float) -> None:
    """A card for each vital sign and score, with what NEWS2 gives for it, and what it asks for."""
    shown = patient.shown
    systolic = vitals.systolic(shown.blood_pressure)
    parts = vitals.points(systolic, shown)
    with st.container(key="state"):
        for vital in vitals.VITALS:
            pressure = vital.name == "systolic"
            value = (
                vitals.pressure(shown.blood_pressure) if pressure else getattr(shown, vital.name)
            )
            points = parts.get(vital.part)
            _card(vital.label, f"{value} {vital.unit}", points, _normal(vital, shown))
        oxygen = {True: "given", False: "room air", None: "unknown"}[shown.supplemental_oxygen]
        _card("Oxygen", oxygen, parts.get("supplemental_oxygen"))
        conscious = vitals.CONSCIOUSNESS.get(shown.consciousness or "", "unknown")
        _card("Consciousness", conscious, parts.get("consciousness"))
        bound = "" if shown.news2_complete or shown.news2 is None else "at least: not all is known"
        _card("NEWS2", lists.score(shown), note=bound or f"SpO₂ scale {shown.spo2_scale}")
        _card("Risk score", f"{shown.risk_score} of 6", note=theme.risk_label(shown.risk_level))
        _card("Next observation", *_next(shown, now, scale))


def _normal(vital: vitals.Vital, shown: reader.Admission) -> str:
    low, high = vitals.band(vital.part, shown.spo2_scale, shown.supplemental_oxygen)
    write = vitals.number(vital)
    return f"normal {write(low)}\N{EN DASH}{write(high)}"


def _next(shown: reader.Admission, now: datetime, scale: float) -> tuple[str, None, str]:
    """When it is due, and by which interval, in the hospital's own time."""
    if shown.observe_within is None:
        return "none", None, "the stay is over"
    within = timedelta(minutes=shown.observe_within)
    left = shown.timestamp + within / scale - now.replace(tzinfo=None)
    asked = f"every {words.span(within)}"
    if left < timedelta(0):
        return f"▲ {words.span(-left)} late", None, asked
    return f"in {words.span(left)}", None, asked


def _card(label: str, value: str, points: int | None = None, note: str = "") -> None:
    """A figure, NEWS2's points for it in their colour, and a note."""
    if points is None:
        st.metric(
            label,
            value,
            note or None,
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
        )
        return
    st.metric(
        label,
        value,
        f"{points} point" + ("" if points == 1 else "s"),
        delta_color=_POINT_COLOURS[points],
        delta_arrow="off",
        delta_description=note or None,
        border=True,
        height="stretch",
    )


def _course(patient: Patient, link: UUID, shared: Service) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="course-head"):
        st.subheader("Course", anchor=False, width="stretch")
        chosen = st.segmented_control(
            "Range",
            list(RANGES),
            default="24 h",
            required=True,
            key="course-range",
            label_visibility="collapsed",
        )
    if not patient.seen:
        st.info("No observation of this admission in this range.")
        return
    palette = theme.palette(st.context.theme.type)
    revision = f"{link}-{patient.shown.admission_id}-{chosen}"
    figure = timeline.course(patient.seen, palette, shared.settings.zone, revision)
    plot(figure, key="course", alt=timeline.alt(patient.seen))
    cut = f" The newest {_LONGEST:,} observations." if len(patient.seen) == _LONGEST else ""
    st.caption(timeline.LEGEND + cut)


def _stays(patient: Patient, link: UUID, now: datetime, shared: Service) -> None:
    zone = shared.settings.zone
    with st.container(horizontal=True, vertical_alignment="bottom", key="stays-head"):
        st.subheader("Admissions", anchor=False, width="stretch")
        earlier = {stay.admission_id: stay for stay in patient.stays if not stay.newest}
        if earlier:
            st.selectbox(
                "Admission shown",
                [CURRENT, *earlier],
                format_func=lambda one: (
                    _stay(earlier[one], zone, now) if one else "The current one"
                ),
                key=_stay_key(link),
                width=420,
            )
    table, columns = lists.stays(patient.stays, zone, now)
    st.dataframe(
        table,
        key="stays",
        hide_index=True,
        row_height=lists.ROW_PIXELS,
        column_config=columns,
        alt="Admissions of this patient, the newest first",
    )


def _stay(stay: reader.Admission, zone: tzinfo, now: datetime) -> str:
    since = lists.moment(stay.admission_timestamp, zone, now)
    what = (words.isolated(words.named(one)) for one in (stay.department, stay.primary_diagnosis))
    return " · ".join((since, *what))
