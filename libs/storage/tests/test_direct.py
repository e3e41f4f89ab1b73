"""Batches of new admissions are copied straight into the tables; nothing else comes out of it."""

import psycopg
import pytest

from libs.storage.tests import traffic
from libs.storage.tests.stream import Stream, record, rows
from vitalstream_devstack.databases import Database
from vitalstream_schema.codec import Decoded
from vitalstream_storage import direct, staging
from vitalstream_storage.batch import Verdicts
from vitalstream_storage.pool import Connection

COUNTS = """
SELECT (SELECT count(*) FROM patient_records), (SELECT count(*) FROM observations),
       (SELECT max(heart_rate) FROM patient_records)"""


@pytest.fixture
def stagings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records each use of the staging table was for."""
    seen: list[int] = []
    load = staging.load

    def loading(connection: Connection, rows: list[object], newest: set[int], **how: bool) -> None:
        seen.append(len(rows))
        load(connection, rows, newest, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(staging, "load", loading)
    return seen


def test_many_new_admissions_are_not_staged(connection: Connection, stagings: list[int]) -> None:
    """Whether each comes once or again in the same batch; then the newest is its state."""
    stream = Stream(connection)
    once = [record(f"a{n}") for n in range(direct.FEWEST)]
    stream.write(*once, *(record(f"a{n}", 5, heart_rate=90) for n in range(10)))
    assert stagings == []
    assert rows(connection, COUNTS) == [(direct.FEWEST, direct.FEWEST + 10, 90)]


def test_few_or_known_ones_are(connection: Connection, stagings: list[int]) -> None:
    """What is little is written with the fewest questions; a known admission cannot be copied."""
    stream = Stream(connection)
    few = direct.FEWEST - 1
    stream.write(*(record(f"a{n}") for n in range(few)))
    assert stagings == [few]
    again = [record(f"a{n}", 5, heart_rate=90) for n in range(few)]
    stream.write(*again, *(record(f"b{n}") for n in range(10)))
    assert stagings == [few, few + 10]
    assert rows(connection, COUNTS) == [(few + 10, 2 * few + 10, 90)]


@pytest.mark.parametrize(
    ("known", "stored"),
    [
        (record("a7", 5), Verdicts(stored=1000)),
        (record("a7", heart_rate=88), Verdicts(stored=999, duplicates=1)),
        (record("a7", heart_rate=99), Verdicts(stored=999, dead=1)),
        (record("a7", 5, patient_id="other"), Verdicts(stored=999, dead=1)),
    ],
    ids=["newer", "duplicate", "conflict", "foreign"],
)
def test_one_known_among_many_is_found(
    connection: Connection,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    known: Decoded,
    stored: Verdicts,
) -> None:
    """Though the look at some of them missed it: nothing is lost, doubled or counted twice."""
    monkeypatch.setattr(direct, "look_new", lambda *_: True)
    stream = Stream(connection)
    stream.write(record("a7", heart_rate=88))
    outcome = stream.write(*(record(f"b{n}") for n in range(999)), known)
    assert stream.verdicts(outcome) == stored
    with psycopg.connect(database.url()) as owner:
        traffic.assert_counted(owner)
