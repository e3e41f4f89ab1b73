"""The data dictionary: what people read of the event, generated from the record."""

import json
from typing import Any, Final

from vitalstream_schema.documents import DESCRIPTION, TOPIC, json_schema
from vitalstream_schema.errors import Reason
from vitalstream_schema.record import DATE_AND_TIME, SEED_FIELDS, STORABLE

_TEXT: Final = """\
# Data dictionary

Generated from the code by `python -m vitalstream_schema docs`; a test keeps it so.

## The event

Topic `{topic}`, key `patient_id` (a record without a key is accepted), header
`schema-version: 1` (may be left out), value UTF-8 JSON.

{description}

The first {seed} fields are required, the others are optional.

| Field | Type | Constraint | Unit | Meaning |
|---|---|---|---|---|
{fields}
## How it is read

- A whole number may be written with a point: `72.0` is `72`. A boolean or a string is no number.
- The temperature is rounded half-up to 0.1 by its decimal digits (37.25 is 37.3), then scored.
- Timestamps are converted to UTC and cut off after the microseconds. `T` may be a space. A date
  alone, a time without seconds and a leap second (`:60`) are refused.
- Texts may hold anything but NUL and lone surrogates, which PostgreSQL cannot store.
- Bytes that are not UTF-8, NaN and the infinities are refused wherever they stand. A byte order
  mark is read over.
- The risk score and level are computed again and stored; where the sender's differ, that is
  counted.
- NEWS2 is computed from 16 years of age on. Unknown oxygen or consciousness make it incomplete:
  the total is then a lower bound.

## Reasons of dead letters

| Reason | Meaning |
|---|---|
{reasons}"""

_MEANINGS: Final = {
    Reason.TOMBSTONE: "The record has a key and no value",
    Reason.UNKNOWN_SCHEMA_VERSION: "The header `schema-version` is there and is not `1`",
    Reason.NOT_UTF8: "Bytes that are no UTF-8; the field is named where it is one of these",
    Reason.NOT_JSON: "The value is no JSON document",
    Reason.TOO_DEEP: "Nested deeper than 64 levels",
    Reason.NOT_AN_OBJECT: "JSON, but not an object",
    Reason.MISSING_FIELD: "A required field is absent",
    Reason.WRONG_TYPE: "A field is of another JSON type",
    Reason.NOT_FINITE: "NaN or an infinity",
    Reason.OUT_OF_RANGE: "A number past what can be measured",
    Reason.UNKNOWN_VALUE: "Not one of the values on the field's list",
    Reason.EMPTY: "An id without a character",
    Reason.TOO_LONG: "More characters than the column holds",
    Reason.BAD_TEXT: "NUL or a lone surrogate in a text",
    Reason.BAD_TIMESTAMP: "Not an ISO 8601 date with a time that exists",
    Reason.TIMESTAMP_OUT_OF_RANGE: "Before the year 2000, or ahead of the consumer's clock",
    Reason.BAD_BLOOD_PRESSURE: "Not two whole numbers, or the systolic below the diastolic",
    Reason.CONFLICT: "Another observation of this admission at this moment is stored",
    Reason.ADMISSION_CONFLICT: "The admission is known with another patient",
    Reason.REJECTED_BY_DATABASE: "PostgreSQL refused the row for its data",
}
_PATTERNS: Final = {STORABLE["pattern"]: "", DATE_AND_TIME["pattern"]: "ISO 8601 date and time"}


def data_dictionary() -> str:
    """Describe fields, reading and reasons in Markdown."""
    fields = json_schema()["properties"].items()
    return _TEXT.format(
        topic=TOPIC,
        description=DESCRIPTION,
        seed=len(SEED_FIELDS),
        fields="".join(_row(name, field) for name, field in fields),
        reasons="".join(f"| `{reason}` | {_MEANINGS[reason]} |\n" for reason in Reason),
    )


def _row(name: str, field: dict[str, Any]) -> str:
    shape = next(iter(field.get("anyOf", [field])))
    kind = shape.get("type") or {str: "string", int: "integer"}[type(shape["enum"][0])]
    constraint = "; ".join(filter(None, _constraints(shape, field)))
    cells = (f"`{name}`", kind, constraint, field.get("x-unit", ""), field["description"])
    return f"| {' | '.join(cells)} |\n"


def _constraints(shape: dict[str, Any], field: dict[str, Any]) -> list[str]:
    found = []
    if "enum" in shape:
        found.append("one of " + ", ".join(f"`{value}`" for value in shape["enum"]))
    if "minimum" in shape:
        found.append(f"{shape['minimum']} to {shape['maximum']}")
    if "maxLength" in shape:
        least, most = shape.get("minLength"), shape["maxLength"]
        found.append(f"{least} to {most} characters" if least else f"at most {most} characters")
    if "pattern" in shape:
        found.append(_PATTERNS.get(shape["pattern"], f"`{shape['pattern']}`"))
    if "default" in field:
        found.append(f"default `{json.dumps(field['default'])}`")
    return found
