"""The published documents say what the code does."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from vitalstream_schema import __main__ as program
from vitalstream_schema.codec import Decoder, Reason, RecordError
from vitalstream_schema.dictionary import data_dictionary
from vitalstream_schema.documents import asyncapi, json_schema
from vitalstream_schema.record import SEED_FIELDS, Record

DOCS = Path(__file__).parents[3] / "docs"
SCHEMA = Draft202012Validator(json_schema())


def test_the_committed_documents_are_the_generated_ones(tmp_path: Path) -> None:
    """If this fails: python -m vitalstream_schema docs."""
    assert program.main(["docs", str(tmp_path)]) == 0
    for name in ("asyncapi.json", "data-dictionary.md"):
        assert (DOCS / name).read_text("utf-8") == (tmp_path / name).read_text("utf-8"), name


@pytest.mark.parametrize("command", ["asyncapi", "json-schema", "data-dictionary"])
def test_each_document_can_be_printed(command: str) -> None:
    """`python -m vitalstream_schema <document>` prints it and nothing else."""
    run = subprocess.run(
        [sys.executable, "-m", "vitalstream_schema", command], capture_output=True, check=True
    )
    printed = run.stdout.decode()
    if command == "data-dictionary":
        assert printed == data_dictionary()
    else:
        assert json.loads(printed) == (asyncapi() if command == "asyncapi" else json_schema())


def test_a_folder_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named, with what the system says of it."""
    with pytest.raises(SystemExit):
        program.main(["docs", str(tmp_path / "absent")])
    line = capsys.readouterr().err
    assert line == f"cannot write {tmp_path}/absent/asyncapi.json: No such file or directory\n"


def test_the_json_schema_is_one() -> None:
    """It is valid under the draft it names, and under draft-07, which AsyncAPI builds on."""
    Draft202012Validator.check_schema(json_schema())
    Draft7Validator.check_schema(json_schema())
    assert list(json_schema()["properties"]) == list(Record.__struct_fields__)
    assert json_schema()["required"] == list(SEED_FIELDS)


VALUES: list[Any] = [
    *(None, True, False, 0, 1, 2, 3, -1, 72.0, 72.5, 10, 50, 50.01, 131, 301, 2**31, -(2**31)),
    *("", "x", "A", "Low", "Urgent", "x" * 20, "x" * 21, "é" * 50, "é" * 51, "x" * 201, "a\0"),
    *("120/80", "120/80\n", "120", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.1234567+05:30"),
    *("2026-03-01", "2026-03-01t10:00:00z", [], {}),
]
# What a schema of this kind cannot say, and the description does.
UNSAID = {Reason.BAD_TIMESTAMP, Reason.TIMESTAMP_OUT_OF_RANGE}


@pytest.mark.parametrize("field", Record.__struct_fields__)
def test_the_json_schema_admits_what_the_decoder_admits(good: dict[str, Any], field: str) -> None:
    """For each field and many values, right and wrong, both decide alike."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for value in VALUES:
        record = good | {field: value}
        try:
            Decoder().decode(json.dumps(record).encode(), None, now)
            admitted = True
        except RecordError as error:
            admitted = error.reason in UNSAID and SCHEMA.is_valid(record)
        assert SCHEMA.is_valid(record) == admitted, value


def test_every_reference_leads_somewhere() -> None:
    """Each $ref of the AsyncAPI document points into the document itself."""
    document = asyncapi()
    targets = list(references(document))
    assert len(targets) == 3
    for target in targets:
        place: Any = document
        for step in target.removeprefix("#/").split("/"):
            place = place[step]


def references(part: Any) -> Iterator[str]:
    """Find the references in a part of a document."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)


def test_the_topic_is_described_with_key_header_and_payload() -> None:
    """Whoever brings a producer of their own finds all three in the AsyncAPI document."""
    document = asyncapi()
    assert document["channels"]["patientRecords"]["address"] == "patient_records"
    message = document["components"]["messages"]["patientRecord"]
    assert message["payload"]["properties"].keys() == json_schema()["properties"].keys()
    assert message["headers"]["properties"]["schema-version"]["const"] == "1"
    assert message["bindings"]["kafka"]["key"]["maxLength"] == 50


def test_the_dictionary_has_every_field_and_every_reason() -> None:
    """One row each."""
    rows = [line for line in data_dictionary().splitlines() if line.startswith("| `")]
    names = [row.split("`")[1] for row in rows]
    assert names == [*Record.__struct_fields__, *Reason]
