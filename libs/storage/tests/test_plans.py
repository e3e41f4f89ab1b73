"""How PostgreSQL answers each question: never by looking through a table that grows."""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.benchmarks.kit.filling import fill_all
from vitalstream_devstack.databases import Database
from vitalstream_storage import reader
from vitalstream_storage.reader import overview, rows

MODULES = (
    "rows",
    "attention",
    "letters",
    "overview",
    "partitions",
    "patients",
    "silence",
    "stays",
    "stream",
    "trends",
)
GROWING = ("observations", "patient_records", "newest_admissions", "dead_letters")
NOW = datetime.now(UTC)
Question = Callable[[psycopg.Connection[Any]], object]


def _one_patient(connection: psycopg.Connection[Any]) -> None:
    found = reader.find_patients(connection, "ada berg")
    stay = reader.admissions(connection, found[0].link)[0]
    assert reader.timeline(connection, stay.admission_id, NOW - timedelta(days=8), NOW)


def _letters(connection: psycopg.Connection[Any]) -> None:
    (reason,) = reader.dead_letter_reasons(connection)
    (sample,) = reader.dead_letter_samples(connection, reason.reason)
    assert reader.dead_letter_content(
        connection, sample.topic_id, sample.partition, sample.offset
    ) == reader.Content(b"k", b"x", [])


QUESTIONS: dict[str, Question] = {
    "kpis": reader.kpis,
    "breakdown": reader.breakdown,
    "vital_averages": reader.vital_averages,
    "recent_records": lambda c: reader.recent_records(c, None, 500),
    "recent_records_of_a_risk": lambda c: reader.recent_records(c, "High", 500),
    "changes": reader.changes,
    "departments": reader.departments,
    "worsened": reader.worsened,
    "find_nobody": lambda c: reader.find_patients(c, "nobodyhasthis"),
    "find_many": lambda c: reader.find_patients(c, "ad"),
    "find_by_id": lambda c: reader.find_patients(c, "A0"),
    "silence": reader.silence,
    "stays": reader.stays,
    "links": lambda c: reader.links(c, ["nobody", "cfcd208495d5"]),
    "one_patient": _one_patient,
    "hourly": lambda c: reader.hourly(c, "temperature", NOW - timedelta(days=30), NOW),
    "ledger": reader.ledger,
    "gaps": reader.gaps,
    "letters": _letters,
    "partition_headroom": reader.partition_headroom,
}
"""What pages ask; together they go through every function that the reader has."""


def functions() -> set[str]:
    """The reader's own, but for what only opens a snapshot."""
    offered = {name: getattr(reader, name) for name in reader.__all__}
    return {name for name, one in offered.items() if inspect.isfunction(one)} - {"snapshot"}


def fill(database: Database) -> None:
    """20,000 admissions, 500 not over, 60,000 observations and 20,000 dead letters, analysed."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        fill_all(connection, 20_000, 3, beds=500)
        connection.execute(
            'INSERT INTO dead_letters (topic_id, partition, "offset", topic, key, payload, reason,'
            " error) SELECT '00000000-0000-4000-8000-000000000001', 0, n, 't', 'k', 'x',"
            " 'not_json', 'e' FROM generate_series(1, 20000) n"
        )
        connection.execute("ANALYZE")


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The plan of every statement that the reader runs from now on, in their order.

    Each says which of the reader's functions has asked.
    """
    seen: list[dict[str, Any]] = []

    def explained(connection: Any, kind: Any, query: str, parameters: Any) -> Any:
        with rows.within_snapshot(connection):
            cursor = connection.execute("EXPLAIN (FORMAT JSON) " + query, parameters)
            (answer,) = cursor.fetchone()
            asking = sys._getframe(1).f_code.co_name
            seen.extend({**one["Plan"], "Function": asking} for one in answer)
            return plain(connection, kind, query, parameters)

    plain = rows.rows
    for name in MODULES:
        module = importlib.import_module(f"vitalstream_storage.reader.{name}")
        monkeypatch.setattr(module, "rows", explained)
    return seen


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's node and all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def scanned(connection: psycopg.Connection[Any], plans: list[dict[str, Any]]) -> set[str]:
    """The growing tables that some plan reads from end to end; a day that has just begun may be."""
    found = {
        node["Relation Name"]
        for plan in plans
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan"
    }
    filled = connection.execute("SELECT relname FROM pg_class WHERE reltuples > 1000").fetchall()
    return {table for (table,) in filled if table in found and table.startswith(GROWING)}


def test_no_growing_table_is_looked_through(
    database: Database, plans: list[dict[str, Any]]
) -> None:
    """No question's plan scans observations, patients, admissions or dead letters to the end.

    None of the reader's functions is left out. One that does scan is noticed: the fallback of the
    recent records has to.
    """
    fill(database)
    asked: set[str] = set()
    with psycopg.connect(database.url("operator"), autocommit=True) as connection:
        for name, question in QUESTIONS.items():
            plans.clear()
            question(connection)
            assert plans, name
            assert not scanned(connection, plans), name
            asked |= {plan["Function"] for plan in plans}
        assert asked == functions()
        plans.clear()
        rows.rows(
            connection,
            reader.RecentRecord,
            overview._RECENT_BY_SCAN,
            {"risk": None, "limit": 20},
        )
        assert scanned(connection, plans) == {"patient_records"}
