"""One good record to vary, and the door it goes through."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from vitalstream_schema.codec import Decoded, Decoder, RecordError

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "patient_id": "abc123def456",
    "admission_id": "adm-0001",
    "timestamp": "2026-03-01T11:59:59.123456Z",
    "admission_timestamp": "2026-02-27T08:00:00Z",
    "patient_name": "Zoë O'Brien",
    "age": 44,
    "gender": "Female",
    "department": "Cardiology",
    "primary_diagnosis": "Hypertension",
    "admission_type": "Urgent",
    "status": "Admitted",
    "insurance_provider": "Aetna",
    "heart_rate": 88,
    "blood_pressure": "120/80",
    "temperature_celsius": 37.2,
    "oxygen_saturation": 97,
    "respiratory_rate": 16,
    "risk_score": 0,
    "risk_level": "Low",
    "attending_physician": "Dr. Ng",
    "hospital_location": "Porto",
}


@pytest.fixture(scope="session")
def now() -> datetime:
    """The consumer's clock in these tests."""
    return NOW


@pytest.fixture(scope="session")
def good() -> dict[str, Any]:
    """A record in the contract, as JSON has it; copy it before changing it."""
    return GOOD


@pytest.fixture(scope="session")
def decode() -> Callable[..., Decoded]:
    """Decode raw bytes, or the good record changed; a field set to ``...`` is left out."""
    decoder = Decoder()

    def decode(payload: bytes | None = None, **changes: Any) -> Decoded:
        if payload is None:
            fields = {k: v for k, v in {**GOOD, **changes}.items() if v is not ...}
            payload = json.dumps(fields).encode()
        return decoder.decode(payload, None, NOW)

    return decode


@pytest.fixture(scope="session")
def refused(decode: Callable[..., Decoded]) -> Callable[..., RecordError]:
    """Decode what must be refused and return the error."""

    def refused(payload: bytes | None = None, **changes: Any) -> RecordError:
        with pytest.raises(RecordError) as caught:
            decode(payload, **changes)
        return caught.value

    return refused


@pytest.fixture(scope="session")
def literally() -> Callable[..., bytes]:
    """Write the good record with JSON literals put in as they are, such as NaN or 1e400."""

    def literally(**literals: str) -> bytes:
        members = {name: json.dumps(value) for name, value in GOOD.items()} | literals
        return ("{" + ",".join(f'"{k}":{v}' for k, v in members.items()) + "}").encode()

    return literally
