"""Records that are none, each with the reason and field that its dead letter must bear."""

import json
from typing import Any, NamedTuple

_GOOD: dict[str, Any] = {
    "patient_id": "poison-patient",
    "admission_id": "poison-admission",
    "timestamp": "2026-03-01T12:00:00+00:00",
    "admission_timestamp": "2026-03-01T08:00:00+00:00",
    "patient_name": "Nobody",
    "age": 50,
    "gender": "Other",
    "department": "ICU",
    "primary_diagnosis": "COPD",
    "admission_type": "Urgent",
    "status": "Admitted",
    "insurance_provider": "None",
    "heart_rate": 80,
    "blood_pressure": "120/80",
    "temperature_celsius": 37.0,
    "oxygen_saturation": 97,
    "respiratory_rate": 16,
    "risk_score": 0,
    "risk_level": "Low",
    "attending_physician": "Nobody",
    "hospital_location": "Nowhere",
}
_VERSION = (("schema-version", b"1"),)


class Poison(NamedTuple):
    """A record that is refused, why, and for which field."""

    name: str
    payload: bytes | None
    reason: str
    field: str | None = None
    headers: tuple[tuple[str, bytes | None], ...] = _VERSION


def _with(name: str, reason: str, **changed: Any) -> Poison:
    return Poison(name, json.dumps(_GOOD | changed).encode(), reason, next(iter(changed)))


def _without(field: str) -> Poison:
    kept = {name: value for name, value in _GOOD.items() if name != field}
    return Poison(f"no {field}", json.dumps(kept).encode(), "missing_field", field)


def _literal(name: str, reason: str, field: str, literal: bytes) -> Poison:
    payload = json.dumps(_GOOD | {field: "@"}).encode().replace(b'"@"', literal)
    return Poison(name, payload, reason, field)


_MEGABYTE = 900_000  # a record with its key and headers stays below the broker's own limit

POISONS: tuple[Poison, ...] = (
    Poison("tombstone", None, "tombstone"),
    Poison("empty payload", b"", "not_json"),
    Poison("half a record", json.dumps(_GOOD).encode()[:200], "not_json"),
    Poison("two records", json.dumps(_GOOD).encode() * 2, "not_json"),
    Poison("bytes", bytes(range(128, 256)), "not_utf8"),
    Poison("an array", b"[1, 2, 3]", "not_an_object"),
    Poison("null", b"null", "not_an_object"),
    Poison("nested deep", b"[" * 500 + b"]" * 500, "too_deep"),
    Poison("a list of orders", b'{"orders": [1, 2]}', "missing_field", "patient_id"),
    Poison(
        "another version",
        json.dumps(_GOOD).encode(),
        "unknown_schema_version",
        headers=(("schema-version", b"2"), ("trace", None)),
    ),
    *(_without(field) for field in _GOOD),
    _with("an admission of no name", "empty", admission_id=""),
    _with("a number for a text", "wrong_type", department=3),
    _with("a text for a number", "wrong_type", heart_rate="80"),
    _with("a fraction of a beat", "wrong_type", heart_rate=80.5),
    _with("a truth for a number", "wrong_type", age=True),
    _with("null for a text", "wrong_type", status=None),
    _with("an object for a number", "wrong_type", oxygen_saturation={"value": 97}),
    _with("a dead heart racing", "out_of_range", heart_rate=301),
    _with("less than no breath", "out_of_range", respiratory_rate=-1),
    _with("101 per cent", "out_of_range", oxygen_saturation=101),
    _with("older than anybody", "out_of_range", age=131),
    _with("boiling", "out_of_range", temperature_celsius=99.9),
    _with("beyond 64 bits", "out_of_range", heart_rate=10**30),
    _literal("not a number", "not_finite", "temperature_celsius", b"NaN"),
    _literal("infinite", "not_finite", "temperature_celsius", b"-Infinity"),
    _literal("half a letter", "bad_text", "patient_name", b'"\\ud800"'),
    _literal("broken letter", "not_utf8", "patient_name", b'"\xc3("'),
    _with("NUL", "bad_text", patient_name="a\x00b"),
    _with("longer than its column", "too_long", gender="x" * 21),
    _with("a megabyte of name", "too_long", patient_name="y" * _MEGABYTE),
    _with("unknown admission", "unknown_value", admission_type="Walk-in"),
    _with("unknown risk", "unknown_value", risk_level="Extreme"),
    _with("unknown consciousness", "unknown_value", consciousness="X"),
    _with("unknown scale", "unknown_value", spo2_scale=3),
    _with("no time at all", "bad_timestamp", timestamp="yesterday"),
    _with("a day without a time", "bad_timestamp", timestamp="2026-03-01"),
    _with("a leap second", "bad_timestamp", timestamp="2016-12-31T23:59:60Z"),
    _with("year one", "timestamp_out_of_range", timestamp="0001-01-01T00:00:00"),
    _with("the last year", "timestamp_out_of_range", timestamp="9999-12-31T23:59:59-14:00"),
    _with(
        "admitted last century",
        "timestamp_out_of_range",
        admission_timestamp="1999-12-31T23:59:59Z",
    ),
    _with("one pressure", "bad_blood_pressure", blood_pressure="120"),
    _with("letters for a pressure", "bad_blood_pressure", blood_pressure="abc/80"),
    _with("pressures exchanged", "bad_blood_pressure", blood_pressure="80/120"),
    _with("a bursting pressure", "out_of_range", blood_pressure="401/80"),
)
"""Every one is a dead letter; none of them harms what arrives with it."""
