"""How each field of a record is read, by the contract's words alone."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# Of each text the longest and the shortest, in characters.
_TEXTS = {
    "patient_id": (50, 1),
    "admission_id": (50, 1),
    "patient_name": (200, 0),
    "gender": (20, 0),
    "department": (100, 0),
    "primary_diagnosis": (200, 0),
    "status": (50, 0),
    "insurance_provider": (100, 0),
    "blood_pressure": (20, 0),
    "attending_physician": (200, 0),
    "hospital_location": (200, 0),
}
_INTEGERS = {
    "age": (0, 130),
    "heart_rate": (0, 300),
    "oxygen_saturation": (0, 100),
    "respiratory_rate": (0, 70),
    "risk_score": (-(2**31), 2**31 - 1),
}
_CHOICES = {
    "admission_type": ("Emergency", "Elective", "Urgent", "Observation"),
    "risk_level": ("Low", "Medium", "High"),
}
TIMES = ("timestamp", "admission_timestamp")
REQUIRED = (*_TEXTS, *_INTEGERS, *_CHOICES, *TIMES, "temperature_celsius")
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):?(\d\d))?",
    re.ASCII,
)
_PRESSURE = re.compile(r"(\d{1,3})/(\d{1,3})", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class RefusedError(Exception):
    """The payload is no record: `reason` and `field` as a dead letter names them."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


def read(fields: dict[str, Any], latest: datetime) -> dict[str, Any]:
    """The values of a record's fields, checked one by one.

    Args:
        fields: A JSON object whose numbers are Decimals.
        latest: The last instant that a timestamp may name.

    Raises:
        RefusedError: A field is missing or not in the contract.
    """
    for name in REQUIRED:
        if name not in fields:
            raise RefusedError("missing_field", name)
    values: dict[str, Any] = {name: _text(name, fields[name]) for name in _TEXTS}
    values |= {name: _integer(name, fields[name]) for name in _INTEGERS}
    values |= {name: _choice(name, fields[name], allowed) for name, allowed in _CHOICES.items()}
    values |= {name: _time(name, fields[name], latest) for name in TIMES}
    values["temperature_celsius"] = _temperature(fields["temperature_celsius"])
    values["systolic"], values["diastolic"] = _pressures(values["blood_pressure"])
    return values | _optional(fields)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise RefusedError("wrong_type", name)
    if _UNSTORABLE.search(value):
        raise RefusedError("bad_text", name)
    longest, shortest = _TEXTS[name]
    if len(value) > longest:
        raise RefusedError("too_long", name)
    if len(value) < shortest:
        raise RefusedError("empty", name)
    return value


def _integer(name: str, value: object) -> int:
    if not isinstance(value, Decimal):
        raise RefusedError("wrong_type", name)
    least, most = _INTEGERS[name]
    if not least <= value <= most:
        raise RefusedError("out_of_range", name)
    if value != int(value):
        raise RefusedError("wrong_type", name)
    return int(value)


def _choice(name: str, value: object, allowed: Sequence[str]) -> str:
    if not isinstance(value, str):
        raise RefusedError("wrong_type", name)
    if value not in allowed:
        raise RefusedError("unknown_value", name)
    return value


def _time(name: str, value: object, latest: datetime) -> datetime:
    if not isinstance(value, str):
        raise RefusedError("wrong_type", name)
    match = _TIME.fullmatch(value)
    if match is None:
        raise RefusedError("bad_timestamp", name)
    *clock, fraction, _, sign, hours, minutes = match.groups()
    zone = UTC
    try:
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            zone = timezone(-offset if sign == "-" else offset)
        micros = int(((fraction or "") + "000000")[:6])
        year, month, day, hour, minute, second = map(int, clock)
        moment = datetime(year, month, day, hour, minute, second, micros, zone)
    except ValueError:
        raise RefusedError("bad_timestamp", name) from None
    if not _EARLIEST <= moment <= latest:
        raise RefusedError("timestamp_out_of_range", name)
    return moment.astimezone(UTC)


def _temperature(value: object) -> Decimal:
    if not isinstance(value, Decimal):
        raise RefusedError("wrong_type", "temperature_celsius")
    if not 10 <= value <= 50:
        raise RefusedError("out_of_range", "temperature_celsius")
    return value.quantize(Decimal("0.1"), ROUND_HALF_UP)


def _pressures(text: str) -> tuple[int, int]:
    match = _PRESSURE.fullmatch(text)
    if match is None:
        raise RefusedError("bad_blood_pressure", "blood_pressure")
    systolic, diastolic = int(match[1]), int(match[2])
    if systolic > 400 or diastolic > 300:
        raise RefusedError("out_of_range", "blood_pressure")
    if systolic < diastolic:
        raise RefusedError("bad_blood_pressure", "blood_pressure")
    return systolic, diastolic


def _optional(fields: dict[str, Any]) -> dict[str, Any]:
    oxygen = fields.get("supplemental_oxygen")
    if not isinstance(oxygen, bool | None):
        raise RefusedError("wrong_type", "supplemental_oxygen")
    consciousness = fields.get("consciousness")
    if consciousness is not None:
        _choice("consciousness", consciousness, ("A", "C", "V", "P", "U"))
    scale = fields.get("spo2_scale", Decimal(1))
    if not isinstance(scale, Decimal):
        raise RefusedError("wrong_type", "spo2_scale")
    if scale not in (1, 2):
        raise RefusedError("unknown_value", "spo2_scale")
    return {
        "supplemental_oxygen": oxygen,
        "consciousness": consciousness,
        "spo2_scale": int(scale),
    }
