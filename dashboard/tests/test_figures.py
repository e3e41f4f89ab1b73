"""What the metrics say of the wards and of the connections."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from vitalstream_dashboard import figures, metrics
from vitalstream_dashboard.figures import (
    MOST_DEPARTMENTS,
    NAMELESS,
    OTHERS,
    Wards,
    bounded,
    count_pool,
)
from vitalstream_dashboard.service import service
from vitalstream_devstack.databases import Database


@pytest.fixture
def wards(database: Database, monkeypatch: pytest.MonkeyPatch) -> Wards:
    """The wards of the test's database, read as the viewer."""
    monkeypatch.setenv("DATABASE_URL", database.url("viewer"))
    return Wards(service())


def _shown(what: str, department: str) -> float | None:
    return REGISTRY.get_sample_value(f"vitalstream_dashboard_{what}", {"department": department})


def test_patients_are_counted_where_they_are_now(wards: Wards, ward: Any) -> None:
    """Of a patient's admissions the newest counts, the discharged do not, nor do lower risks."""
    ward.admit(
        ward.row(1, patient_id="moved", department="ICU", risk_level="High"),
        ward.row(0, patient_id="moved", department="Cardiology", risk_level="High"),
        ward.row(2, department="Cardiology", risk_level="Low"),
        ward.row(3, department="Cardiology", risk_level="High", status="Discharged"),
    )
    wards.count()
    assert _shown("current_patients", "Cardiology") == 2
    assert _shown("high_risk_patients", "Cardiology") == 1
    assert not _shown("current_patients", "ICU")


def test_a_department_that_has_emptied_is_no_longer_shown(
    wards: Wards, ward: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last figures would stand for ever."""
    monkeypatch.setattr(wards._service.source, "_share", 0.0)
    ward.admit(ward.row(0, department="ICU"))
    wards.count()
    assert _shown("current_patients", "ICU") == 1
    ward.run("UPDATE patient_records SET department = 'Neurology'")
    wards.count()
    assert _shown("current_patients", "Neurology") == 1
    assert _shown("current_patients", "ICU") is None
    assert _shown("silent_patients", "ICU") is None


def test_the_last_hour_is_this_one_and_a_share_of_the_one_before(
    wards: Wards, ward: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter past, three quarters of the hour before still count."""
    now = datetime(2026, 3, 4, 10, 15, tzinfo=UTC)
    ward.run(
        "INSERT INTO hourly_vitals SELECT 0, 'ICU', hour, observations, 0, 0, 0, 0, 0, 0, 0, 0, 0"
        " FROM (VALUES (%s::timestamptz, 40), (%s, 3), (%s, 1000)) AS given (hour, observations)",
        *(now.replace(minute=0) - timedelta(hours=each) for each in (1, 0, 2)),
    )

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            assert tz is UTC
            return now

    monkeypatch.setattr(figures, "datetime", Clock)
    wards.count()
    assert _shown("observations_per_hour", "ICU") == 33


def test_names_from_outside_make_no_endless_series() -> None:
    """Past fifty departments the smallest are one, and nothing is lost from the sums."""
    patients = {f"ward {number}": 1000 - number for number in range(60)}
    silent = {"ward 0": 1, "ward 58": 2, "ward 59": 3, "nobody left": 4}
    found = bounded(patients, {}, silent, {})
    for gauge, given in [(metrics.CURRENT_PATIENTS, patients), (metrics.SILENT_PATIENTS, silent)]:
        assert len(found[gauge]) == MOST_DEPARTMENTS + 1
        assert sum(found[gauge].values()) == sum(given.values())
    assert found[metrics.CURRENT_PATIENTS]["ward 0"] == 1000
    assert found[metrics.SILENT_PATIENTS][OTHERS] == 9
    assert OTHERS not in bounded({"ICU": 1}, {}, {}, {})[metrics.CURRENT_PATIENTS]


def test_patients_of_no_department_are_shown_as_such() -> None:
    """A series with an empty label would be one without it."""
    found = bounded({"": 2, "ICU": 1}, {}, {"": 1}, {})
    assert found[metrics.CURRENT_PATIENTS] == {NAMELESS: 2, "ICU": 1}
    assert found[metrics.SILENT_PATIENTS] == {NAMELESS: 1, "ICU": 0}


def test_the_connections_are_counted(wards: Wards) -> None:
    """The pool's own figures, in seconds; nothing is counted twice."""
    source = wards._service.source
    used = metrics.POOL_USE_SECONDS._value.get()
    count_pool(source)
    assert metrics.POOL_CONNECTIONS._value.get() == 0
    source.read("slow", lambda connection: connection.execute("SELECT pg_sleep(0.1)").fetchall())
    count_pool(source)
    count_pool(source)
    assert metrics.POOL_CONNECTIONS._value.get() >= 1
    assert metrics.POOL_LIMIT._value.get() >= 1
    spent = metrics.POOL_USE_SECONDS._value.get() - used
    assert spent >= 0.1
    assert source.pool_figures().get("usage_ms", 0) == 0
