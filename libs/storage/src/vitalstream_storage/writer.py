"""One batch, one transaction: everything a batch changes, and next_offset, or nothing at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg import errors as pg

from vitalstream_schema.codec import Reason
from vitalstream_storage import dead_letters, ledger, render, staging
from vitalstream_storage.batch import (
    Accepted,
    Batch,
    Claim,
    DeadLetter,
    Gap,
    Outcome,
    Raw,
    Span,
    Verdicts,
)
from vitalstream_storage.errors import describe, is_data_error
from vitalstream_storage.ledger import claim, record_gap, record_log_end, reread
from vitalstream_storage.pool import Connection

__all__ = [
    "Accepted",
    "Batch",
    "Claim",
    "DeadLetter",
    "Gap",
    "Outcome",
    "Raw",
    "Span",
    "Verdicts",
    "claim",
    "record_gap",
    "record_log_end",
    "reread",
    "write",
]

_SETTINGS = """
SELECT set_config('statement_timeout', %s, true), set_config('work_mem', '64MB', true),
       set_config('vitalstream.shard', %s, true)"""

_STAGE = """
CREATE TEMPORARY TABLE states ON COMMIT DROP AS SELECT * FROM patient_records WITH NO DATA"""

_UPSERT = f"""
INSERT INTO patient_records AS p ({render.STATE_COLUMNS})
SELECT {render.STATE_COLUMNS} FROM pg_temp.states ORDER BY admission_id
ON CONFLICT (admission_id) DO UPDATE SET {
    ", ".join(
        f"{c} = excluded.{c}" for c in render.STATE_COLUMNS.split(", ") if c != "admission_id"
    )
}
WHERE excluded.timestamp > p.timestamp AND excluded.patient_id = p.patient_id"""  # noqa: S608

_MISMATCH = """
SELECT EXISTS (SELECT FROM pg_temp.states s JOIN patient_records p USING (admission_id)
                WHERE s.patient_id <> p.patient_id)"""


class _Rejected(NamedTuple):
    row: Accepted
    reason: Reason
    field: str | None
    error: str


class _AdmissionTakenError(Exception):
    """A batch written the fast way holds an admission that belongs to another patient."""


@dataclass(slots=True)
class _Verdict:
    stored: list[Accepted] = field(default_factory=list)
    duplicates: list[Accepted] = field(default_factory=list)
    stale: list[Accepted] = field(default_factory=list)
    rejected: list[_Rejected] = field(default_factory=list)
    staged: bool = False


def write(
    connection: Connection, batch: Batch, *, staged: bool = False, statement_timeout: float = 30
) -> Outcome:
    """Store a batch and advance the ledger, in one transaction.

    Args:
        connection: Idle, outside any transaction.
        batch: Of partitions that `claim` gave to the batch's token.
        staged: Whether to expect duplicates: what the last `Outcome.staged` said. It changes the
            speed, never the result.
        statement_timeout: Seconds for each statement.

    Raises:
        FencedError: another writer has claimed some of the partitions; nothing is written.
        RewoundError: the ledger stands elsewhere; nothing is written.
        psycopg.Error: the transaction failed and is rolled back, or, with the connection lost
            during COMMIT, its outcome is unknown: ask `reread`.
    """
    expected = {span.partition: span.expected_offset for span in batch.spans}
    with connection.transaction():
        connection.execute(
            _SETTINGS, [f"{statement_timeout * 1000:.0f}ms", str(min(expected, default=0))]
        )
        rows = ledger.lock(connection, batch.topic_id, expected)
        ledger.check(rows, batch.token, expected)
        floor = next(iter(rows.values()))[4]
        dead = dead_letters.known(connection, batch)
        fresh = [row for row in batch.accepted if (row.partition, row.offset) not in dead]
        verdict = _store(connection, fresh, floor, staged=staged)
        conflicts = [_dead_letter(batch, rejected) for rejected in verdict.rejected]
        dead_letters.insert(connection, batch, [*batch.dead_letters, *conflicts])
        outcome = Outcome(_count(batch, verdict), conflicts, verdict.staged)
        ledger.advance(connection, batch, outcome.partitions)
    return outcome


def _store(
    connection: Connection, rows: Sequence[Accepted], floor: datetime | None, *, staged: bool
) -> _Verdict:
    if not rows:
        return _Verdict(staged=staged)
    if not staged:
        try:
            with connection.transaction():
                return _fast(connection, rows, floor)
        except (pg.UniqueViolation, _AdmissionTakenError):
            pass
        except psycopg.Error as error:
            if not is_data_error(error):
                raise
    verdict = _bisect(connection, rows, floor)
    verdict.staged = bool(verdict.duplicates or verdict.rejected)
    return verdict


def _fast(connection: Connection, rows: Sequence[Accepted], floor: datetime | None) -> _Verdict:
    """COPY straight into observations, right if no record is there already."""
    stale = [row for row in rows if _is_stale(row, floor)]
    fresh = [row for row in rows if not _is_stale(row, floor)]
    _copy(connection, "observations", render.OBSERVATION_COLUMNS, render.observations(fresh))
    _upsert(connection, rows)
    return _Verdict(stored=list(fresh), stale=stale)


def _bisect(connection: Connection, rows: Sequence[Accepted], floor: datetime | None) -> _Verdict:
    """The careful way; halves of what PostgreSQL refuses, down to the record it refuses."""
    try:
        with connection.transaction():
            return _careful(connection, rows, floor)
    except _AdmissionTakenError:
        # Another writer brought the admission in meanwhile; the next look sees it.
        return _bisect(connection, rows, floor)
    except psycopg.Error as error:
        if not is_data_error(error):
            raise
        if len(rows) == 1:
            return _Verdict(rejected=[_refused(rows[0], error)])
    half = len(rows) // 2
    first = _bisect(connection, rows[:half], floor)
    second = _bisect(connection, rows[half:], floor)
    return _Verdict(
        first.stored + second.stored,
        first.duplicates + second.duplicates,
        first.stale + second.stale,
        first.rejected + second.rejected,
    )


def _careful(connection: Connection, rows: Sequence[Accepted], floor: datetime | None) -> _Verdict:
    foreign = staging.foreign_admissions(connection, rows)
    verdict = _Verdict()
    fresh = []
    for n, row in enumerate(rows):
        if n in foreign:
            sentence = "the admission belongs to another patient"
            verdict.rejected.append(
                _Rejected(row, Reason.ADMISSION_CONFLICT, "admission_id", sentence)
            )
        elif _is_stale(row, floor):
            verdict.stale.append(row)
        else:
            fresh.append(row)
    done = staging.sort_out(connection, fresh)
    sentence = "another record of this admission and instant is stored already"
    verdict.rejected += [
        _Rejected(row, Reason.CONFLICT, "timestamp", sentence) for row in done.conflicts
    ]
    verdict.stored, verdict.duplicates = done.stored, done.duplicates
    refused = {id(row) for row in done.conflicts} | {id(row) for row in done.duplicates}
    _upsert(
        connection, [r for n, r in enumerate(rows) if n not in foreign and id(r) not in refused]
    )
    return verdict


def _upsert(connection: Connection, rows: Iterable[Accepted]) -> None:
    """Bring patient_records to each admission's newest state; of equal instants the first wins."""
    newest: dict[str, Accepted] = {}
    for row in rows:
        record = row.decoded.record
        other = newest.setdefault(record.admission_id, row).decoded.record
        if other.patient_id != record.patient_id:
            raise _AdmissionTakenError
        if record.timestamp > other.timestamp:
            newest[record.admission_id] = row
    if not newest:
        return
    connection.execute("DROP TABLE IF EXISTS pg_temp.states")
    connection.execute(_STAGE)
    _copy(connection, "pg_temp.states", render.STATE_COLUMNS, render.states(newest.values()))
    if connection.execute(_UPSERT).rowcount < len(newest):
        found = connection.execute(_MISMATCH).fetchone()
        if found and found[0]:
            raise _AdmissionTakenError


def _is_stale(row: Accepted, floor: datetime | None) -> bool:
    return floor is not None and row.decoded.record.timestamp < floor


def _copy(connection: Connection, table: str, columns: str, lines: bytes) -> None:
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        copy.write(lines)


def _refused(row: Accepted, error: psycopg.Error) -> _Rejected:
    named = describe(error)
    sentence = ", ".join(f"{key} {value}" for key, value in named.items() if key != "error")
    return _Rejected(row, Reason.REJECTED_BY_DATABASE, named.get("column"), sentence)


def _dead_letter(batch: Batch, rejected: _Rejected) -> DeadLetter:
    raw = batch.raw(rejected.row)
    return DeadLetter(
        rejected.row.partition,
        rejected.row.offset,
        *raw,
        rejected.reason.value,
        rejected.field,
        rejected.error,
    )


def _count(batch: Batch, verdict: _Verdict) -> dict[int, Verdicts]:
    counts = {span.partition: Verdicts() for span in batch.spans}
    for row in verdict.stored:
        counts[row.partition].stored += 1
    for row in verdict.duplicates:
        counts[row.partition].duplicates += 1
    for row in verdict.stale:
        counts[row.partition].stale += 1
    for letter in batch.dead_letters:
        counts[letter.partition].dead += 1
    for row in batch.accepted:
        counts[row.partition].dead += 1
    for row in (*verdict.stored, *verdict.duplicates, *verdict.stale):
        counts[row.partition].dead -= 1
    return counts
