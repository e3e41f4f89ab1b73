"""The suspended CronJob `replay`: dead letters sent again, by a Kafka user of its own."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cluster import probes
from tests.cluster.kubernetes import get, wait
from tests.cluster.release import audit, equal, job_from, of, psql, upgrade

pytestmark = pytest.mark.long
AHEAD = timedelta(hours=2)


def test_it_never_runs_by_itself() -> None:
    """It is suspended."""
    (cronjob,) = get("cronjob", *of("replay"))
    assert cronjob["spec"]["suspend"] is True


def test_a_dead_letter_is_replayed(tmp_path: Path) -> None:
    """A device whose clock is two hours ahead: refused, then allowed by a setting, then sent again.

    A run without --yes says what it would send, and sends nothing.
    """
    probes.send(_record())
    wait("it is a dead letter", lambda: _letters() == ["timestamp_out_of_range false"], 60)
    said = job_from("replay", "replay-dry")
    assert "would replay 1 dead letters" in said
    assert "nothing is sent without --yes" in said
    assert len(_letters()) == 1
    upgrade(tmp_path, consumer={"settings": {"CONSUMER_MAX_AHEAD_SECONDS": 4 * 3600}})
    assert "replayed 1 of 1" in job_from("replay", "replay-real", ["replay", "--all", "--yes"])
    wait("it is stored", lambda: _stored() == 1, 60)
    assert _letters()[0].endswith(" true")
    upgrade(tmp_path)
    assert equal(audit())


def _letters() -> list[str]:
    return psql("SELECT reason || ' ' || (replayed_at IS NOT NULL) FROM dead_letters").splitlines()


def _stored() -> int:
    return int(psql("SELECT count(*) FROM observations WHERE patient_id = 'ahead'"))


def _record() -> str:
    moment = datetime.now(UTC)
    return json.dumps(
        {
            "patient_id": "ahead",
            "admission_id": "ahead-1",
            "timestamp": (moment + AHEAD).isoformat(),
            "admission_timestamp": moment.isoformat(),
            "patient_name": "Invented",
            "age": 50,
            "gender": "Other",
            "department": "ICU",
            "primary_diagnosis": "Pneumonia",
            "admission_type": "Urgent",
            "status": "Admitted",
            "insurance_provider": "None",
            "heart_rate": 80,
            "blood_pressure": "120/80",
            "temperature_celsius": 37.0,
            "oxygen_saturation": 97,
            "respiratory_rate": 15,
            "risk_score": 0,
            "risk_level": "Low",
            "attending_physician": "Invented",
            "hospital_location": "Nowhere",
        }
    )
