"""One batch, one transaction: everything a batch changes, and next_offset, or nothing at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg import errors as pg

from vitalstream_schema.codec import Reason
from vitalstream_storage import dead_letters, direct, erasure, ledger, staging
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
from vitalstream_storage.staging import AdmissionTakenError, newest_states

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

# The triggers' row sets are to stay in memory; the floor is to stay where it is read. No plan here
# is worth compiling.
_SETTINGS = """
SELECT set_config('statement_timeout', %s, true), set_config('work_mem', '64MB', true),
       set_config('timezone', 'UTC', true), set_config('jit', 'off', true),
       set_config('vitalstream.shard', %s, true),
       set_config('synchronous_commit',
                  coalesce(%s, current_setting('synchronous_commit')), true),
       pg_advisory_xact_lock_shared(hashtext('vitalstream.retention'))"""


_CONFLICT = (
    Reason.CONFLICT,
    "timestamp",
    "another record of this admission and instant is stored already",
)
_ADMISSION_CONFLICT = (
    Reason.ADMISSION_CONFLICT,
    "admission_id",
    "the admission belongs to another patient",
)


class _Rejected(NamedTuple):
    row: Accepted
    reason: Reason
    field: str | None
    error: str


@dataclass(slots=True)
class _Verdict:
    stored: list[Accepted] = field(default_factory=list)
    duplicates: list[Accepted] = field(default_factory=list)
    stale: list[Accepted] = field(default_factory=list)
    rejected: list[_Rejected] = field(default_factory=list)
    staged: bool = False


_Store = Callable[[Connection, Sequence[Accepted], datetime | None], _Verdict]


def write(
    connection: Connection,
    batch: Batch,
    *,
    staged: bool = False,
    statement_timeout: float = 30,
    synchronous_commit: bool = True,
) -> Outcome:
    """Store a batch and advance the ledger, in one transaction.

    Args:
        connection: Idle, outside any transaction.
        batch: Of partitions that `claim` gave to the batch's token.
        staged: Whether to expect duplicates: what the last `Outcome.staged` said. It changes the
            speed, never the result.
        statement_timeout: Seconds for each statement.
        synchronous_commit: Whether the commit waits for the disk as the server is set to. Without,
            a crash of the server may take the batch back, whole and with its step of the ledger.

    Raises:
        FencedError: another writer has claimed some of the partitions; nothing is written.
        RewoundError: the ledger stands elsewhere; nothing is written.
        psycopg.Error: the transaction failed and is rolled back, or, with the connection lost
            during COMMIT, its outcome is unknown: ask `reread`.
    """
    settings = [
        f"{statement_timeout * 1000:.0f}ms",
        str(min((span.partition for span in batch.spans), default=0)),
        None if synchronous_commit else "off",
    ]
    if not staged:
        try:
            return _transact(connection, batch, settings, _fast)
        except (pg.UniqueViolation, AdmissionTakenError):
            pass
        except psycopg.Error as error:
            if not is_data_error(error):
                raise
    return _transact(connection, batch, settings, _careful)


def _transact(
    connection: Connection, batch: Batch, settings: list[str | None], store: _Store
) -> Outcome:
    expected = {span.partition: span.expected_offset for span in batch.spans}
    with connection.transaction():
        with connection.pipeline():  # round trips are a large part of what a small batch takes
            connection.execute(_SETTINGS, settings)
            locked = ledger.lock(connection, batch.topic_id, expected)
            found = dead_letters.look_up(connection, batch)
            staging.prepare(connection)
        rows = ledger.standing(locked)
        ledger.check(rows, batch.token, expected)
        floor, erased_until = next(iter(rows.values()))[4:]
        dead = dead_letters.known(connection, batch, found)
        fresh = [row for row in batch.accepted if (row.partition, row.offset) not in dead]
        fresh, erased = erasure.parted(connection, fresh, erased_until)
        verdict = store(connection, fresh, floor) if fresh else _Verdict()
        verdict.stale += erased
        conflicts = [_dead_letter(batch, rejected) for rejected in verdict.rejected]
        new = [one for one in batch.dead_letters if (one.partition, one.offset) not in dead]
        dead_letters.insert(connection, batch, [*new, *conflicts])
        outcome = Outcome(_count(batch, verdict), conflicts, verdict.staged)
        ledger.advance(connection, batch, outcome.partitions)
    return outcome


def _fast(connection: Connection, rows: Sequence[Accepted], floor: datetime | None) -> _Verdict:
    """Straight into the tables: right if observations have none of the records yet."""
    newest = newest_states(rows, range(len(rows)))
    stored, stale = list(rows), list[Accepted]()
    if floor is not None:
        stored = [row for row in rows if not _is_stale(row, floor)]
        stale = [row for row in rows if _is_stale(row, floor)]
    new = direct.look_new(connection, rows, newest)
    if not (new and direct.store(connection, rows, newest, stored)):
        staging.load(connection, rows, newest)
        staging.store_all(connection, newest, floor)
    return _Verdict(stored=stored, stale=stale)


def _careful(connection: Connection, rows: Sequence[Accepted], floor: datetime | None) -> _Verdict:
    """Each record with its own verdict."""
    verdict = _bisect(connection, rows, floor)
    verdict.staged = bool(verdict.duplicates or verdict.rejected)
    return verdict


def _bisect(connection: Connection, rows: Sequence[Accepted], floor: datetime | None) -> _Verdict:
    """The careful way; halves of what PostgreSQL refuses, down to the record it refuses."""
    try:
        with connection.transaction():
            return _judge(connection, rows, floor)
    except AdmissionTakenError:
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


def _judge(connection: Connection, rows: Sequence[Accepted], floor: datetime | None) -> _Verdict:
    """Each record with its own verdict; of two that conflict the first one stays."""
    foreign = staging.foreign_admissions(connection, rows)
    stale = {n for n, row in enumerate(rows) if _is_stale(row, floor)} - foreign
    fresh = set(range(len(rows))) - foreign - stale
    staging.load(connection, rows, set(), again=True)
    stored = staging.insert_missing(connection, fresh)
    conflicts = staging.differing(connection, fresh - stored)
    newest = newest_states(rows, sorted(stored | stale))
    staging.upsert_states(connection, newest)
    if (foreign or conflicts) and staging.foreign_admissions(connection, rows) != foreign:
        # A record that came to nothing had made its patient look like the admission's owner.
        raise AdmissionTakenError
    return _Verdict(
        stored=[rows[n] for n in stored],
        duplicates=[rows[n] for n in fresh - stored - conflicts],
        stale=[rows[n] for n in stale],
        rejected=[
            *(_Rejected(rows[n], *_ADMISSION_CONFLICT) for n in sorted(foreign)),
            *(_Rejected(rows[n], *_CONFLICT) for n in sorted(conflicts)),
        ],
    )


def _is_stale(row: Accepted, floor: datetime | None) -> bool:
    return floor is not None and row.decoded.record.timestamp < floor


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
