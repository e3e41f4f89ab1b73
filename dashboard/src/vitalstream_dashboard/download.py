"""The table as CSV, with and without what tells who a patient is (pure)."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from vitalstream_storage.reader import RecentRecord

OLDEST: Final = 89
"""Ages above it are one group: there are so few that an age alone could tell who it is."""

IDENTIFYING: Final = frozenset(
    {
        "patient_id",
        "admission_id",
        "timestamp",
        "admission_timestamp",
        "patient_name",
        "attending_physician",
        "hospital_location",
        "link",
    }
)
"""Names, ids, dates, and places smaller than a state."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(records: Sequence[RecentRecord], *, identified: bool) -> bytes:
    """UTF-8 with a byte order mark, as spreadsheets want it; one line for the headings.

    Args:
        records: the rows, in their order.
        identified: whether names, ids, dates and places stay. Else they are left out, the dates
            leave the hours since the admission, and ages above 89 become "90+".
    """
    row: Callable[[RecentRecord], dict[str, Any]] = asdict if identified else without_identity
    rows = [row(record) for record in records]
    text = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows({name: _safe(value) for name, value in one.items()} for one in rows)
    return text.getvalue().encode("utf-8-sig")


def without_identity(record: RecentRecord) -> dict[str, Any]:
    """A record's columns that do not tell who it is about."""
    kept = {name: value for name, value in asdict(record).items() if name not in IDENTIFYING}
    if record.age > OLDEST:
        kept["age"] = f"{OLDEST + 1}+"
    stay = record.timestamp - record.admission_timestamp
    kept["hours_since_admission"] = round(stay / timedelta(hours=1), 1)
    return kept


def _safe(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is quoted, so that it stays text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
