"""The downloaded table."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalstream_dashboard.download import to_csv, without_identity
from vitalstream_storage.reader import RecentRecord

MOMENT = datetime(2026, 3, 4, 10, 42)  # noqa: DTZ001 - the table's clocks are UTC without a zone


def record(**changes: Any) -> RecentRecord:
    """A record whose identifying values are all recognisable."""
    values: dict[str, Any] = {
        "patient_id": "ID-patient",
        "admission_id": "ID-admission",
        "timestamp": MOMENT,
        "admission_timestamp": MOMENT - timedelta(hours=30),
        "patient_name": "ID-name",
        "age": 70,
        "gender": "Other",
        "department": "ICU",
        "primary_diagnosis": "Sepsis",
        "admission_type": "Urgent",
        "status": "Stable",
        "insurance_provider": "Mutual",
        "heart_rate": 80,
        "blood_pressure": "120/80",
        "temperature_celsius": 37.2,
        "oxygen_saturation": 97,
        "respiratory_rate": 14,
        "risk_score": 0,
        "risk_level": "Low",
        "attending_physician": "ID-physician",
        "hospital_location": "ID-city",
        "news2": None,
        "news2_complete": False,
        "link": "ID-link",
    }
    return RecentRecord(**{**values, **changes})


def rows(content: bytes) -> list[dict[str, str]]:
    """The CSV read back."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_without_identity_nothing_tells_who() -> None:
    """No name, id, date or place is left, in whatever column."""
    content = to_csv([record()], identified=False)
    assert b"ID-" not in content
    assert b"2026" not in content
    (row,) = rows(content)
    assert row["hours_since_admission"] == "30.0"
    assert (row["department"], row["temperature_celsius"]) == ("ICU", "37.2")


@pytest.mark.parametrize(("age", "shown"), [(18, 18), (89, 89), (90, "90+"), (130, "90+")])
def test_the_oldest_are_one_group(age: int, shown: Any) -> None:
    """Ages up to 89 are kept, all above are one group."""
    assert without_identity(record(age=age))["age"] == shown


def test_identified_has_every_column() -> None:
    """With identity the CSV has all the columns as they are."""
    (row,) = rows(to_csv([record(age=95)], identified=True))
    assert list(row) == list(RecentRecord.__slots__)
    assert (row["patient_name"], row["age"]) == ("ID-name", "95")
    assert row["timestamp"] == "2026-03-04 10:42:00"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_text_survives(name: str) -> None:
    """Any name is read back unchanged, but for the quote before what would be a formula."""
    (row,) = rows(to_csv([record(patient_name=name)], identified=True))
    assert row["patient_name"] in (name, f"'{name}")
    assert not row["patient_name"].startswith(("=", "+", "-", "@"))


def test_no_rows_is_an_empty_file() -> None:
    """Nothing to download is no error."""
    assert rows(to_csv([], identified=False)) == []
