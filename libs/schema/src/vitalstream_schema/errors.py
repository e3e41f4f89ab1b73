"""Why a record is refused."""

from enum import StrEnum


class Reason(StrEnum):
    """Machine-readable reasons of dead letters; the values are stored and are never renamed."""

    TOMBSTONE = "tombstone"
    UNKNOWN_SCHEMA_VERSION = "unknown_schema_version"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    UNKNOWN_VALUE = "unknown_value"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    BAD_TEXT = "bad_text"
    BAD_TIMESTAMP = "bad_timestamp"
    TIMESTAMP_OUT_OF_RANGE = "timestamp_out_of_range"
    BAD_BLOOD_PRESSURE = "bad_blood_pressure"
    # Found by the tables, after the record itself was found good.
    CONFLICT = "conflict"
    ADMISSION_CONFLICT = "admission_conflict"
    REJECTED_BY_DATABASE = "rejected_by_database"


class RecordError(ValueError):
    """A record that the contract does not admit.

    The text is made of the reason and the contract's own words, never of what the record holds.

    Attributes:
        reason: Why.
        field: The record's field at fault; None where it is the payload as a whole, or a field
            that the contract does not know.
    """

    def __init__(self, reason: Reason, field: str | None = None, detail: str = "") -> None:
        line = f"{field}: {reason}" if field else str(reason)
        super().__init__(f"{line} ({detail})" if detail else line)
        self.reason = reason
        self.field = field
