"""Decoding to the letter: slower than msgspec's own, and able to say which field is at fault.

The codec comes here with every payload that its fast path refuses or may not read exactly. What
this module accepts is what the contract accepts; the fast path is a shortcut that never decides
otherwise (a property test holds the two together).
"""

import json
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final, get_type_hints

import msgspec
from msgspec import inspect

from vitalstream_schema.errors import Reason, RecordError
from vitalstream_schema.record import Record

MAX_DEPTH: Final = 64
NAMES: Final = Record.__struct_fields__

_DEPTH_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_PAST_MICROSECONDS = re.compile(r"(\.[0-9]{6})[0-9]+")
_BRACKET = ord("[")
_TENTH = Decimal("0.1")
_INT64_DIGITS = 18
_NOT_FINITE: Final = object()
_NOT_JSON: Final = object()


def check_depth(payload: bytes) -> None:
    """Refuse nesting deeper than ``MAX_DEPTH``, whatever stack the caller has left.

    Raises:
        RecordError: Too deep.
    """
    if _BRACKET not in payload and payload.find(b"{", 1) < 0:
        return
    if payload.count(b"[") + payload.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _DEPTH_TOKEN.finditer(payload):
        if token[0] in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise RecordError(Reason.TOO_DEEP, detail=f"at most {MAX_DEPTH} levels")
        elif token[0] in b"]}":
            depth -= 1


def read(payload: bytes) -> tuple[Record, int]:
    """Decode a payload whose depth was checked.

    Returns:
        The record, its temperature in tenths, its timestamps as they were sent but for what is
        past the microseconds; and how many fields the contract does not know.

    Raises:
        RecordError: What is wrong, and where.
    """
    tree = _parse(payload)
    for field in _FIELDS:
        if field.required and field.name not in tree:
            raise RecordError(Reason.MISSING_FIELD, field.name)
    values = {f.name: f.prepare(tree[f.name]) for f in _FIELDS if f.name in tree}
    try:
        record = msgspec.convert(values, Record)
    except msgspec.ValidationError:
        record = None
    # Out of the handler, as in the codec: that exception may quote the payload.
    if record is None:
        raise _refusal(values)
    temperature = tenths(Decimal(values["temperature_celsius"]))
    return msgspec.structs.replace(record, temperature_celsius=temperature), len(tree) - len(values)


def _refusal(values: dict[str, Any]) -> RecordError:
    """Find the field that made a whole record be refused."""
    refusals = (f.refusal(values[f.name]) for f in _FIELDS if f.name in values)
    return next(refusal for refusal in refusals if refusal)


def tenths(value: Decimal) -> float:
    """Round half-up to 0.1 in decimal: 37.25 becomes 37.3."""
    return float(value.quantize(_TENTH, ROUND_HALF_UP))


def _parse(payload: bytes) -> dict[str, Any]:
    """Parse a JSON object; of duplicate keys the last wins.

    Bytes that are no UTF-8 are let through as lone surrogates, to find the field they are in.
    """
    text = payload.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    is_utf8 = not _ESCAPED_BYTE.search(text)
    has_constants = False

    def constant(_: str) -> object:
        nonlocal has_constants
        has_constants = True
        return _NOT_FINITE

    try:
        tree = json.loads(text, parse_float=_decimal, parse_int=_integer, parse_constant=constant)
    except ValueError:
        tree = _NOT_JSON
    if tree is _NOT_JSON:
        raise RecordError(Reason.NOT_JSON if is_utf8 else Reason.NOT_UTF8)
    if not isinstance(tree, dict):
        raise RecordError(Reason.NOT_AN_OBJECT if is_utf8 else Reason.NOT_UTF8)
    if not is_utf8:
        raise RecordError(Reason.NOT_UTF8, _first(tree, _has_escaped_byte))
    if has_constants:
        raise RecordError(Reason.NOT_FINITE, _first(tree, lambda value: value is _NOT_FINITE))
    return tree


def _first(tree: dict[str, Any], at_fault: Callable[[Any], bool]) -> str | None:
    """Name the first field of the contract whose value is at fault, if it is one of ours."""
    return next((name for name in NAMES if name in tree and at_fault(tree[name])), None)


def _has_escaped_byte(value: object) -> bool:
    return isinstance(value, str) and _ESCAPED_BYTE.search(value) is not None


def _integer(digits: str) -> int | Decimal:
    """Read an integer; a long one as Decimal, since int() refuses past 4300 digits."""
    return int(digits) if len(digits) <= _INT64_DIGITS else Decimal(digits)


def _decimal(literal: str) -> Decimal | float:
    try:
        return Decimal(literal)
    except InvalidOperation:
        return float(literal)  # an exponent past Decimal's: infinite or zero, refused by its range


class _Field:
    """How the value of one field is read, as its annotation in the record says."""

    def __init__(self, declared: inspect.Field) -> None:
        self.name = declared.name
        self.required = declared.required
        self._annotation = _ANNOTATIONS[declared.name]
        self._shape, self._nullable = _shape(declared.type)
        self._json_types = _json_types(self._shape)

    def prepare(self, value: Any) -> Any:
        """Make of a JSON value what msgspec converts: right in type, storable.

        Raises:
            RecordError: It is not.
        """
        if value is None and self._nullable:
            return None
        if isinstance(value, Decimal) and self._json_types == (int,):
            return self._integer(value)
        if type(value) not in self._json_types:
            raise RecordError(Reason.WRONG_TYPE, self.name, f"not {_JSON_NAMES[type(value)]}")
        return self._text(value) if isinstance(value, str) else value

    def refusal(self, value: Any) -> RecordError | None:
        """Say why a prepared value is not among what the field allows, if it is not."""
        try:
            msgspec.convert(value, self._annotation)
        except msgspec.ValidationError:
            return self._reason(value)
        return None

    def _integer(self, value: Decimal) -> int:
        """72.0 and 7.2e1 are the integer 72, in JSON Schema as here."""
        if value and value.adjusted() > _INT64_DIGITS:
            raise RecordError(Reason.OUT_OF_RANGE, self.name)
        if value != value.to_integral_value():
            raise RecordError(Reason.WRONG_TYPE, self.name, "not a fraction")
        return int(value)

    def _text(self, value: str) -> str:
        if isinstance(self._shape, inspect.DateTimeType):
            return _PAST_MICROSECONDS.sub(r"\1", value)
        if _NOT_STORABLE.search(value):
            raise RecordError(Reason.BAD_TEXT, self.name, "NUL or a lone surrogate")
        return value

    def _reason(self, value: Any) -> RecordError:
        match self._shape:
            case inspect.IntType(ge=least, le=most) | inspect.FloatType(ge=least, le=most):
                return RecordError(Reason.OUT_OF_RANGE, self.name, f"{least} to {most}")
            case inspect.LiteralType(values=values):
                allowed = ", ".join(map(str, values))
                return RecordError(Reason.UNKNOWN_VALUE, self.name, f"one of {allowed}")
            case inspect.DateTimeType():
                return RecordError(Reason.BAD_TIMESTAMP, self.name, "ISO 8601, date and time")
            case inspect.StrType(max_length=int(most)) if len(value) > most:
                return RecordError(Reason.TOO_LONG, self.name, f"at most {most} characters")
            case inspect.StrType(pattern=str()):
                return RecordError(Reason.BAD_BLOOD_PRESSURE, self.name, "systolic/diastolic")
        return RecordError(Reason.EMPTY, self.name)


def _shape(declared: inspect.Type) -> tuple[inspect.Type, bool]:
    """Take the annotation's type out of its metadata; and whether null is allowed beside it."""
    if isinstance(declared, inspect.Metadata):
        return _shape(declared.type)
    if isinstance(declared, inspect.UnionType):
        (shape,) = (t for t in declared.types if not isinstance(t, inspect.NoneType))
        return shape, True
    return declared, False


def _json_types(shape: inspect.Type) -> tuple[type, ...]:
    match shape:
        case inspect.IntType():
            return (int,)
        case inspect.FloatType():
            return (Decimal, float, int)
        case inspect.BoolType():
            return (bool,)
        case inspect.LiteralType(values=values):
            return (type(values[0]),)
    return (str,)


_JSON_NAMES = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    Decimal: "a number",
    float: "a number past any reading",
    str: "a string",
    list: "an array",
    dict: "an object",
}
_ANNOTATIONS = get_type_hints(Record, include_extras=True)
_FIELDS = tuple(_Field(f) for f in inspect.type_info(Record).fields)  # type: ignore[attr-defined]
