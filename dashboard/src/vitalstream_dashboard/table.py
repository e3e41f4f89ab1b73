"""The table of recent records: its columns, their units and their order (pure)."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

import pandas as pd
import streamlit as st

from vitalstream_dashboard.lists import address, link_column, risk_column, score
from vitalstream_storage.reader import RecentRecord

VISIBLE_ROWS: Final = 20
ROW_PIXELS: Final = 35
HEIGHT: Final = (VISIBLE_ROWS + 1) * ROW_PIXELS + 3
"""Twenty rows, the heading and the borders."""

_COLUMNS: Final[dict[str, tuple[str, int]]] = {
    "risk_level": ("Risk", 105),
    "link": ("", 60),
    "patient_name": ("Patient", 150),
    "risk_score": ("Score", 60),
    "news2": ("NEWS2", 65),
    "age": ("Age", 50),
    "department": ("Department", 125),
    "primary_diagnosis": ("Diagnosis", 170),
    "heart_rate": ("HR /min", 75),
    "blood_pressure": ("BP mmHg", 85),
    "temperature_celsius": ("Temp °C", 75),
    "oxygen_saturation": ("SpO₂ %", 70),
    "respiratory_rate": ("RR /min", 75),
    "timestamp": ("Time", 130),
    "admission_type": ("Admission", 100),
    "status": ("Status", 140),
    "patient_id": ("Patient ID", 130),
    "gender": ("Gender", 75),
    "attending_physician": ("Physician", 150),
    "hospital_location": ("Location", 130),
}
"""Heading and width in pixels: widths that follow the content would jump at each refresh."""


def frame(records: Sequence[RecentRecord], zone: tzinfo) -> pd.DataFrame:
    """The records as the table shows them, newest first.

    Args:
        records: as read; their clocks are UTC without saying so.
        zone: of the times shown.
    """
    rows = [tuple(getattr(record, name) for name in _COLUMNS) for record in records]
    table = pd.DataFrame.from_records(rows, columns=list(_COLUMNS))
    table["link"] = [address(record.link) for record in records]
    table["news2"] = [score(record) for record in records]
    table["risk_level"] = [[level] for level in table["risk_level"]]
    table["temperature_celsius"] = table["temperature_celsius"].astype(float)
    moments = pd.to_datetime(table["timestamp"]).dt.tz_localize("UTC")
    table["timestamp"] = moments.dt.tz_convert(str(zone)).dt.tz_localize(None)
    return table


def columns(zone: tzinfo, now: datetime) -> dict[str, Any]:
    """Streamlit's configuration of each column: heading with unit, format, width."""
    config: dict[str, Any] = {
        name: st.column_config.Column(heading, width=width)
        for name, (heading, width) in _COLUMNS.items()
    }
    heading, width = _COLUMNS["news2"]
    config["news2"] = st.column_config.TextColumn(heading, width=width, alignment="right")
    config["risk_level"] = {**risk_column(), "pinned": True}
    config["link"] = link_column()
    heading, width = _COLUMNS["temperature_celsius"]
    config["temperature_celsius"] = st.column_config.NumberColumn(
        heading, format="%.1f", width=width
    )
    heading, width = _COLUMNS["timestamp"]
    config["timestamp"] = st.column_config.DatetimeColumn(
        f"{heading} {now.astimezone(zone):%Z}", format="D MMM HH:mm:ss", width=width
    )
    return config
