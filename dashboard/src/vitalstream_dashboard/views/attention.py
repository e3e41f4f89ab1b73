"""Where help is needed: who has got worse, who is silent, which departments are worst off."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import streamlit as st

from vitalstream_dashboard import lists, theme, words
from vitalstream_dashboard.service import service
from vitalstream_dashboard.source import timed
from vitalstream_dashboard.views.parts import risk_badge
from vitalstream_storage import reader
from vitalstream_storage.pool import Connection

_SHOWN: Final = 8
"""Patients in each list."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Of one moment.

    Attributes:
        departments: By share at risk.
        worsened: The highest NEWS2 first.
        silence: At the hospital's own pace.
        links: To the silent ones, by patient.
        stays: Current and discharged patients by department.
    """

    departments: Sequence[reader.Department]
    worsened: Sequence[reader.Worsened]
    silence: reader.Silence
    links: Mapping[str, UUID]
    stays: Sequence[reader.Stays]


def read(connection: Connection, risk: str | None) -> Attention:
    """Ask for all of it, of one risk level or of all."""
    scale = service().settings.time_scale
    silence = timed(reader.silence, connection, scale, _SHOWN, risk)
    who = [one.patient_id for one in silence.patients]
    return Attention(
        departments=timed(reader.departments, connection, risk),
        worsened=timed(reader.worsened, connection, risk, _SHOWN),
        silence=silence,
        links=timed(reader.links, connection, who),
        stays=timed(reader.stays, connection, risk),
    )


def draw(shown: Attention | None, risk: str | None, now: datetime) -> None:
    """Three panels; each keeps its place and size whatever it holds."""
    with st.container(key="attention"):
        worst = risk or "High"
        _panel("Worse than an hour ago", "worsened", lambda: _worsened(shown, worst), worst)
        _panel(_silent_title(shown), "silent", lambda: _silent(shown, now))
        _panel(_needs_title(shown), "needs", lambda: _needs(shown, risk))


def _panel(title: str, key: str, content: Callable[[], None], level: str | None = None) -> None:
    """A panel; if everybody in it is at one risk level, that is beside its title."""
    with st.container(border=True, key=f"panel-{key}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{title}**", width="content")
            if level is not None:
                risk_badge(level)
        content()


def _silent_title(shown: Attention | None) -> str:
    if shown is None:
        return "Silent"
    more = "" if shown.silence.complete else "at least "
    return f"Silent: {more}{words.count(shown.silence.total)} overdue for observation"


def _needs_title(shown: Attention | None) -> str:
    title = "Departments by need"
    if shown is None or not shown.stays:
        return title
    current = sum(each.current for each in shown.stays)
    discharged = sum(each.discharged for each in shown.stays)
    return f"{title}: {words.count(current)} patients here, {words.count(discharged)} discharged"


def _worsened(shown: Attention | None, level: str) -> None:
    if shown is None:
        return
    if not shown.worsened:
        st.info(f"Nobody at {theme.risk_label(level)} risk is worse than an hour ago.")
        return
    _table(*lists.worse(shown.worsened), key="worsened", alt="Who has got worse")


def _silent(shown: Attention | None, now: datetime) -> None:
    if shown is None:
        return
    if not shown.silence.patients:
        st.info("Everybody has been observed in time.")
        return
    table, columns = lists.silence(shown.silence.patients, shown.links, now)
    _table(table, columns, key="silent", alt="Who has gone silent, the most urgent first")


def _needs(shown: Attention | None, risk: str | None) -> None:
    if shown is None:
        return
    if not shown.departments:
        st.info("No patients yet.")
        return
    table, columns = lists.needs(shown.departments, shown.silence.departments, risk or "High")
    _table(table, columns, key="needs", alt="Departments, the one in most need first")


def _table(table: Any, columns: dict[str, Any], *, key: str, alt: str) -> None:
    st.dataframe(
        table,
        key=key,
        height=lists.height(_SHOWN),
        row_height=lists.ROW_PIXELS,
        hide_index=True,
        column_config=columns,
        alt=alt,
    )
