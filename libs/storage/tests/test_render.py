"""Texts reach the tables as they are, whatever COPY would make of them."""

import itertools

from msgspec.structs import replace

from libs.storage.tests.stream import Stream, record, rows
from vitalstream_storage.pool import Connection

_TEXTS = (
    "patient_name", "gender", "department", "primary_diagnosis", "status", "insurance_provider",
    "attending_physician", "hospital_location",
)  # fmt: skip
_PIECES = (
    "null", "NULL", r"\N", r"\.", '"', '""', "\\", "\\\\", '\\"', "'", ",", "\t", "\n", "\r",
    "\r\n", "]", "[", "]\n[", "],[", "{}", "\\n", "\\u0041", "\u007f", "\u0085", "\u2028", "é",
    "😀", " ", "", "x", *map(chr, range(1, 32)),
)  # fmt: skip


def test_every_text_is_stored_as_it_is(
    connection: Connection,
    way: str,
) -> None:
    """Each special character alone and beside each other one, in a text of any column."""
    pairs = ["".join(pair)[:20] for pair in itertools.product(_PIECES, repeat=2)]
    texts = itertools.cycle(pairs)
    said = {}
    for number in range(len(pairs)):
        fields = {name: next(texts) for name in _TEXTS}
        said[f"a{number:05}"] = (f"p{pairs[number]}{number}", *fields.values())
        next(texts)  # so that each text comes to each column
    decoded = []
    for admission, (patient, *values) in said.items():
        plain = record(admission, patient_id=patient)
        changed = replace(plain.record, **dict(zip(_TEXTS, values, strict=True)))
        decoded.append(replace(plain, record=changed))
    stream = Stream(connection, way=way)
    assert stream.verdicts(stream.write(*decoded)).stored == len(decoded)
    columns = ", ".join(("patient_id", *_TEXTS))
    found = rows(stream.connection, f"SELECT admission_id, {columns} FROM patient_records")  # noqa: S608
    assert {row[0]: row[1:] for row in found} == said
