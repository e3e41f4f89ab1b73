"""The contract of the topic, read a second time: is a payload a record, and what is stored of it.

Of a payload with several faults any one may be named; traffic of the tests has one at a time.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from tests.oracle import fields, scores
from tests.oracle.fields import RefusedError

_MAX_DEPTH = 64
_MAX_AHEAD = timedelta(minutes=5)


class Row(NamedTuple):
    """What is stored of a record, but for its place in Kafka.

    `observation` and `state` are in the order of `OBSERVATION` and `STATE`.
    """

    observation: tuple[Any, ...]
    state: tuple[Any, ...]

    @property
    def admission(self) -> str:
        """Which admission it is of."""
        return str(self.observation[0])

    @property
    def patient(self) -> str:
        """Whose it is."""
        return str(self.observation[1])

    @property
    def instant(self) -> tuple[str, datetime]:
        """What no two observations share: admission and time."""
        return self.observation[0], self.observation[2]


OBSERVATION = {
    "admission_id": "text",
    "patient_id": "text",
    "observed_at": "timestamptz",
    "department": "text",
    "heart_rate": "integer",
    "systolic": "integer",
    "diastolic": "integer",
    "temperature_celsius": "numeric",
    "oxygen_saturation": "integer",
    "respiratory_rate": "integer",
    "supplemental_oxygen": "boolean",
    "consciousness": "text",
    "spo2_scale": "integer",
    "risk_score": "integer",
    "news2": "integer",
    "news2_complete": "boolean",
}
STATE = {
    "patient_id": "text",
    "admission_id": "text",
    "timestamp": "timestamp",
    "admission_timestamp": "timestamp",
    "patient_name": "text",
    "age": "integer",
    "gender": "text",
    "department": "text",
    "primary_diagnosis": "text",
    "admission_type": "text",
    "status": "text",
    "insurance_provider": "text",
    "heart_rate": "integer",
    "blood_pressure": "text",
    "temperature_celsius": "numeric",
    "oxygen_saturation": "integer",
    "respiratory_rate": "integer",
    "risk_score": "integer",
    "risk_level": "text",
    "attending_physician": "text",
    "hospital_location": "text",
    "supplemental_oxygen": "boolean",
    "consciousness": "text",
    "spo2_scale": "integer",
    "news2": "integer",
    "news2_complete": "boolean",
}


def judge(payload: bytes | None, headers: Sequence[tuple[str, bytes | None]], now: datetime) -> Row:
    """What is stored of a payload.

    Raises:
        RefusedError: It is no record.
    """
    if payload is None:
        raise RefusedError("tombstone")
    if dict(headers).get("schema-version", b"1") != b"1":
        raise RefusedError("unknown_schema_version")
    return _row(fields.read(_object(payload), now + _MAX_AHEAD))


def _row(values: dict[str, Any]) -> Row:
    systolic, temperature = values["systolic"], values["temperature_celsius"]
    oxygen, consciousness = values["supplemental_oxygen"], values["consciousness"]
    saturation, breaths = values["oxygen_saturation"], values["respiratory_rate"]
    points, level = scores.risk(values["heart_rate"], systolic, temperature, saturation, breaths)
    total, complete = None, False
    if values["age"] >= 16:
        total = scores.news2(
            breaths,
            saturation,
            systolic,
            values["heart_rate"],
            temperature,
            oxygen,
            consciousness,
            values["spo2_scale"],
        )
        complete = oxygen is not None and consciousness is not None
    values |= {"risk_score": points, "risk_level": level}
    values |= {"news2": total, "news2_complete": complete}
    observed = values | {"observed_at": values["timestamp"]}
    shown = values | {name: values[name].replace(tzinfo=None) for name in fields.TIMES}
    return Row(tuple(observed[name] for name in OBSERVATION), tuple(shown[name] for name in STATE))


def _object(payload: bytes) -> dict[str, Any]:
    brackets = payload.count(b"[") + payload.count(b"{")
    if brackets > _MAX_DEPTH and _depth(payload) > _MAX_DEPTH:
        raise RefusedError("too_deep")
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RefusedError("not_utf8", _broken_field(payload)) from None
    constants: list[str] = []
    try:
        tree = json.loads(
            text, parse_float=Decimal, parse_int=Decimal, parse_constant=constants.append
        )
    except ValueError:
        raise RefusedError("not_json") from None
    if not isinstance(tree, dict):
        raise RefusedError("not_an_object")
    if constants:
        # The hook above made it null.
        at_fault = [name for name in fields.REQUIRED if name in tree and tree[name] is None]
        raise RefusedError("not_finite", at_fault[0] if at_fault else None)
    return tree


def _depth(payload: bytes) -> int:
    depth = deepest = 0
    for token in re.findall(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', payload, re.DOTALL):
        if token in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif token in (b"]", b"}"):
            depth -= 1
    return deepest


def _broken_field(payload: bytes) -> str | None:
    """The field whose text is no UTF-8, if the rest is JSON."""
    try:
        tree = json.loads(payload.decode("utf-8", "surrogateescape"))
    except ValueError:
        return None
    if not isinstance(tree, dict):
        return None
    return next(
        (n for n, v in tree.items() if isinstance(v, str) and re.search("[\udc80-\udcff]", v)),
        None,
    )
