"""Short tables of patients and departments: their columns, units and words (pure)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final, Protocol
from uuid import UUID

import pandas as pd
import streamlit as st

from vitalstream_dashboard import words
from vitalstream_dashboard.theme import RISK_FILLS, RISK_LEVELS, risk_label
from vitalstream_dashboard.vitals import total
from vitalstream_storage.reader import Admission, Department, SilentPatient, Worsened

ROW_PIXELS: Final = 32
_OPEN: Final = "Open"


class Scored(Protocol):
    """A row with both scores; the reader's rows have these."""

    @property
    def risk_level(self) -> str:
        """Low, Medium or High."""

    @property
    def news2(self) -> int | None:
        """The total."""

    @property
    def news2_complete(self) -> bool:
        """Whether it is more than a lower bound."""


def height(rows: int) -> int:
    """Pixels of a table with so many rows, its heading and borders included."""
    return (rows + 1) * ROW_PIXELS + 3


def address(link: UUID | None) -> str | None:
    """The page of a patient, seen from any other page."""
    return None if link is None else f"patient?p={link}"


def link_column(heading: str = "") -> Any:
    """A column that leads to the patient's page, in a new tab."""
    return st.column_config.LinkColumn(heading, display_text=_OPEN, width=50)


def risk_column(width: int = 105) -> Any:
    """A column of risk levels: colour, symbol and word."""
    return st.column_config.MultiselectColumn(
        "Risk",
        options=RISK_LEVELS,
        color=[RISK_FILLS[level] for level in RISK_LEVELS],
        format_func=risk_label,
        width=width,
    )


def needs(
    departments: Sequence[Department], silent: Mapping[str, int], now_at: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Departments by need, and how their columns are shown.

    Args:
        departments: By share at risk.
        silent: How many are silent in each department that has any.
        now_at: The risk level that counts.
    """
    order = sorted(
        departments,
        key=lambda d: (-d.at_risk / d.patients, -silent.get(d.department, 0), d.department),
    )
    table = pd.DataFrame(
        {
            "department": [words.named(d.department) for d in order],
            "share": [round(100 * d.at_risk / d.patients, 1) for d in order],
            "at_risk": [d.at_risk for d in order],
            "change": [change(d.change) for d in order],
            "silent": [silent.get(d.department, 0) for d in order],
            "patients": [d.patients for d in order],
        }
    )
    config = st.column_config
    return table, {
        "department": config.TextColumn("Department", width=120),
        "share": config.ProgressColumn(
            f"{now_at} risk", format="%.0f %%", min_value=0, max_value=100, width=100
        ),
        "at_risk": config.NumberColumn("Number", width=60, format="localized"),
        "change": config.TextColumn("Last hour", width=65),
        "silent": config.NumberColumn("Silent", width=50, format="localized"),
        "patients": config.NumberColumn("Patients", width=60, format="localized"),
    }


def worse(patients: Sequence[Worsened]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Who has got worse, and how the columns are shown."""
    table = pd.DataFrame(
        {
            "open": [address(one.link) for one in patients],
            "patient": [words.named(one.patient_name) for one in patients],
            "score": [_rise(one) for one in patients],
            "department": [words.named(one.department) for one in patients],
        }
    )
    text = st.column_config.TextColumn
    return table, {
        "open": link_column(),
        "patient": text("Patient", width=140),
        "score": text("NEWS2", width=95),
        "department": text("Department", width=135),
    }


def silence(
    patients: Sequence[SilentPatient], links: Mapping[str, UUID], now: datetime
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Who has gone silent, and how the columns are shown."""
    table = pd.DataFrame(
        {
            "open": [address(links.get(one.patient_id)) for one in patients],
            "patient": [words.named(one.patient_name) for one in patients],
            "overdue": [words.span(now.replace(tzinfo=None) - one.due_at) for one in patients],
            "news2": [score(one) for one in patients],
            "department": [words.named(one.department) for one in patients],
        }
    )
    text = st.column_config.TextColumn
    return table, {
        "open": link_column(),
        "patient": text("Patient", width=103),
        "overdue": text("Overdue by", width=85),
        "news2": text("NEWS2", width=60),
        "department": text("Department", width=122),
    }


def stays(
    admissions: Sequence[Admission], zone: tzinfo, now: datetime
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Admissions of one patient, and how the columns are shown."""
    table = pd.DataFrame(
        {
            "admitted": [moment(one.admission_timestamp, zone, now) for one in admissions],
            "seen": [moment(one.timestamp, zone, now) for one in admissions],
            "department": [one.department for one in admissions],
            "diagnosis": [one.primary_diagnosis for one in admissions],
            "status": [one.status for one in admissions],
            "risk": [[one.risk_level] for one in admissions],
            "news2": [score(one) for one in admissions],
            "physician": [one.attending_physician for one in admissions],
        }
    )
    text = st.column_config.TextColumn
    return table, {
        "admitted": text(f"Admitted, {now.astimezone(zone):%Z}", width=120),
        "seen": text("Last seen", width=120),
        "department": text("Department", width=120),
        "diagnosis": text("Diagnosis", width=160),
        "status": text("Status", width=130),
        "risk": risk_column(100),
        "news2": text("NEWS2", width=60),
        "physician": text("Physician", width=140),
    }


def moment(stamp: datetime, zone: tzinfo, now: datetime) -> str:
    """A clock of the tables, which is UTC without saying so, where the viewer is."""
    return words.clock(stamp.replace(tzinfo=now.tzinfo), now, zone)


def score(one: Scored) -> str:
    """NEWS2 with its bound."""
    return total(one.news2, complete=one.news2_complete)


def change(number: int) -> str:
    """A change with its sign, and an arrow for who sees no colour; nothing for none."""
    return "" if not number else f"{'▲' if number > 0 else '▼'} {number:+,}"


def _rise(one: Worsened) -> str:
    """The score of an hour ago and of now; NEWS2, or the risk score where NEWS2 is not known."""
    if one.news2 is not None and one.news2_before is not None:
        return f"{one.news2_before} \N{RIGHTWARDS ARROW} {score(one)}"
    if one.score_before is None:
        return "new" if one.news2 is None else f"new \N{RIGHTWARDS ARROW} {score(one)}"
    return f"risk {one.score_before} \N{RIGHTWARDS ARROW} {one.risk_score}"
