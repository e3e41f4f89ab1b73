"""The tables against what they must hold, row for row, by PostgreSQL itself."""

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from tests.oracle import census
from tests.oracle.expect import Arbiter, Dead, Expectation, Instant, Place, expect
from tests.oracle.reference import OBSERVATION, STATE
from tests.oracle.sent import Sent

_EXAMPLES = 5
_PLACE = {"kafka_partition": "integer", "kafka_offset": "bigint"}


class MismatchError(AssertionError):
    """The tables do not hold what was sent; the text is a summary that names no patient."""


def verify(
    url: str, topic_id: UUID, sent: Iterable[Sent], *, replayed: bool = False
) -> Expectation:
    """Check that the tables hold exactly what the whole traffic of one topic makes.

    Args:
        url: Of a user who may read every table.
        topic_id: Kafka's id of the topic; the only one these tables ever took records from.
        sent: Each record of the topic once.
        replayed: The ledger was emptied on the way, so that its counters know of the last
            passage only.

    Returns:
        What the tables were found to hold.

    Raises:
        MismatchError: They do not.
    """
    with _reading(url) as connection:
        arbiter = Arbiter(
            lambda admissions: _owners(connection, admissions),
            lambda instants: _winners(connection, instants),
        )
        expected = expect(sent, arbiter, datetime.now(UTC))
        differences = [
            *_observations(connection, expected),
            *_states(connection, expected),
            *_dead_letters(connection, topic_id, expected),
            *_ledger(connection, topic_id, expected, replayed=replayed),
            *census.differences(connection),
        ]
    if differences:
        raise MismatchError("\n".join(("the tables differ from the traffic:", *differences)))
    return expected


@contextmanager
def _reading(url: str) -> Iterator[psycopg.Connection[Any]]:
    """One snapshot for all that is compared, and temporary tables that leave no trace."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SET LOCAL TimeZone = 'UTC'")
        yield connection
        connection.rollback()


def _owners(connection: psycopg.Connection[Any], admissions: Collection[str]) -> dict[str, str]:
    rows = connection.execute(
        "SELECT admission_id, patient_id FROM patient_records WHERE admission_id = ANY(%s)",
        [list(admissions)],
    )
    return {str(admission): str(patient) for admission, patient in rows}


def _winners(
    connection: psycopg.Connection[Any], instants: Collection[Instant]
) -> Mapping[Instant, Place]:
    rows = connection.execute(
        "SELECT admission_id, observed_at, kafka_partition, kafka_offset FROM observations"
        " JOIN unnest(%s::text[], %s::timestamptz[]) AS n (admission_id, observed_at)"
        " USING (admission_id, observed_at)",
        [[instant[0] for instant in instants], [instant[1] for instant in instants]],
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def _observations(connection: psycopg.Connection[Any], expected: Expectation) -> Iterator[str]:
    rows = ((*row.observation, *place) for place, row in expected.observations.items())
    key = ("admission_id", "observed_at")
    return _table(connection, "observations", OBSERVATION | _PLACE, key, rows)


def _states(connection: psycopg.Connection[Any], expected: Expectation) -> Iterator[str]:
    rows = (row.state for row in expected.states.values())
    return _table(connection, "patient_records", STATE, ("admission_id",), rows)


def _table(
    connection: psycopg.Connection[Any],
    table: str,
    columns: Mapping[str, str],
    key: tuple[str, ...],
    rows: Iterable[tuple[Any, ...]],
) -> Iterator[str]:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    definitions = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
        for name, kind in columns.items()
    )
    wanted = sql.Identifier(f"expected_{table}")
    connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} ({})").format(wanted, definitions))
    copying = sql.SQL("COPY {} ({}) FROM STDIN").format(wanted, names)
    with connection.cursor().copy(copying) as copy:
        for row in rows:
            copy.write_row(row)
    connection.execute(sql.SQL("ANALYZE {}").format(wanted))
    yield from _differences(connection, table, wanted, list(columns), key)


def _differences(
    connection: psycopg.Connection[Any],
    table: str,
    wanted: sql.Identifier,
    columns: list[str],
    key: tuple[str, ...],
) -> Iterator[str]:
    """Join both by key; a second row of the same key joins nothing, so that it is left over."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    keys = sql.SQL(", ").join(map(sql.Identifier, key))
    others = [name for name in columns if name not in key]
    numbered = sql.SQL("SELECT {}, row_number() OVER (PARTITION BY {}) AS n FROM {}")
    differing = sql.SQL(", ").join(
        sql.SQL("CASE WHEN e.{0} IS DISTINCT FROM a.{0} THEN {1} END").format(
            sql.Identifier(name), sql.Literal(name)
        )
        for name in others
    )
    place = _PLACE if "kafka_offset" in columns else {}
    where = sql.SQL("coalesce(e.kafka_partition, a.kafka_partition) || ':' ||"
                    " coalesce(e.kafka_offset, a.kafka_offset)" if place else "''")  # fmt: skip
    found = connection.execute(
        sql.SQL(
            "SELECT e.n IS NULL, a.n IS NULL, array_remove(ARRAY[{differing}], NULL), {where}"
            " FROM ({wanted}) e FULL JOIN ({actual}) a USING ({keys}, n)"
            " WHERE e.n IS NULL OR a.n IS NULL OR ({e}) IS DISTINCT FROM ({a})"
        ).format(
            differing=differing,
            where=where,
            wanted=numbered.format(names, keys, wanted),
            actual=numbered.format(names, keys, sql.Identifier(table)),
            keys=keys,
            e=_row("e", others),
            a=_row("a", others),
        )
    ).fetchall()
    yield from _told(table, "missing", [row[3] for row in found if row[1]])
    yield from _told(table, "too many", [row[3] for row in found if row[0]])
    wrong = [row for row in found if not row[0] and not row[1]]
    at_fault = sorted({name for row in wrong for name in row[2]})
    yield from _told(table, f"wrong in {', '.join(at_fault)}", [row[3] for row in wrong])


def _row(alias: str, columns: list[str]) -> sql.Composed:
    return sql.SQL("ROW({})").format(
        sql.SQL(", ").join(sql.Identifier(alias, name) for name in columns)
    )


def _dead_letters(
    connection: psycopg.Connection[Any], topic_id: UUID, expected: Expectation
) -> Iterator[str]:
    rows = connection.execute(
        'SELECT partition, "offset", reason, field, payload, key, headers, topic_id'
        " FROM dead_letters"
    )
    actual: dict[Place, Any] = {}
    foreign = 0
    for partition, offset, reason, field, payload, key, headers, owner in rows:
        foreign += owner != topic_id
        decoded = tuple((n, None if v is None else base64.b64decode(v)) for n, v in headers)
        actual[partition, offset] = (
            Dead(reason, field),
            Sent(partition, offset, payload, key, decoded),
        )
    wanted = expected.dead
    yield from _told("dead_letters", "missing", wanted.keys() - actual.keys())
    yield from _told("dead_letters", "too many", actual.keys() - wanted.keys())
    yield from _told("dead_letters", "of another topic", ["?"] * foreign)
    both = wanted.keys() & actual.keys()
    verdict = [place for place in both if wanted[place][0] != actual[place][0]]
    kinds = {f"{_said(wanted[p][0])} as {_said(actual[p][0])}" for p in verdict}
    yield from _told("dead_letters", f"misnamed: {', '.join(sorted(kinds))}", verdict)
    record = [place for place in both if wanted[place][1] != actual[place][1]]
    yield from _told("dead_letters", "not the record as it was sent", record)


def _said(dead: Dead) -> str:
    return f"{dead.reason}({dead.field or ''})"


def _ledger(
    connection: psycopg.Connection[Any], topic_id: UUID, expected: Expectation, *, replayed: bool
) -> Iterator[str]:
    rows = connection.execute(
        "SELECT partition, next_offset - start_offset, stored, duplicates, stale, dead"
        " FROM stream_offsets WHERE topic_id = %s",
        [topic_id],
    ).fetchall()
    known = {row[0] for row in rows}
    for partition in sorted(expected.verdicts.keys() - known):
        yield f"  stream_offsets: partition {partition} is missing"
    for partition, advanced, stored, duplicates, stale, dead in rows:
        verdicts = expected.verdicts.get(partition)
        wanted = (verdicts.stored, verdicts.duplicates, verdicts.dead) if verdicts else (0, 0, 0)
        where = f"  stream_offsets: partition {partition}"
        counted = stored + duplicates + stale + dead
        if counted != advanced:
            yield f"{where} advanced by {advanced}, but {counted} records were judged"
        if advanced != sum(wanted):
            yield f"{where} advanced by {advanced}, but {sum(wanted)} records were sent"
        if not replayed and (stored, duplicates, dead) != wanted:
            yield (
                f"{where} counts stored, duplicates, dead = {(stored, duplicates, dead)},"
                f" but the traffic makes {wanted}"
            )


def _told(table: str, what: str, places: Collection[Any]) -> Iterator[str]:
    if not places:
        return
    shown = sorted(":".join(map(str, p)) if isinstance(p, tuple) else p for p in places)
    named = [place for place in shown if place][:_EXAMPLES]
    first = f" (first: {', '.join(named)})" if named else ""
    yield f"  {table}: {len(places)} {what}{first}"
