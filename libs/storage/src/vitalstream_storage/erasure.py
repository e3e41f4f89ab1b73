"""The erasure of one patient: all rows, all dead letters, and what Kafka would bring back."""

import base64
import json
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import errors as pg

from vitalstream_storage.batch import Accepted
from vitalstream_storage.errors import MaintenanceError
from vitalstream_storage.pool import Connection, missing_rights
from vitalstream_storage.replay import Place
from vitalstream_storage.settings import MaintenanceSettings
from vitalstream_storage.steps import insist

__all__ = ["Erased", "erase", "mentions", "parted"]

_BATCH = 500
_IDS = ("patient_id", "admission_id")

# An admission may be in one of them alone: a hand's DELETE leaves the other.
_ADMISSIONS = """
SELECT admission_id FROM patient_records WHERE patient_id = %(patient)s
UNION SELECT admission_id FROM observations WHERE patient_id = %(patient)s"""

# A payload may write any letter as \\uXXXX, so one with a backslash and a u has to be looked into.
_SUSPECTS = """
SELECT topic_id, partition, "offset", key, payload, headers FROM dead_letters
 WHERE key = %(patient)s
    OR EXISTS (SELECT FROM unnest(%(words)s::bytea[]) AS word
                WHERE position(word IN payload) > 0
                   OR EXISTS (SELECT FROM json_array_elements(headers) AS header
                               WHERE position(word IN decode(header ->> 1, 'base64')) > 0))
    OR position('\\x5c75'::bytea IN payload) > 0"""

_LOCKED = "the tables stayed locked by others; run the same command again"
_ERASE = "SELECT * FROM erase_patient(%s, %s::varchar[], %s::uuid[], %s::int[], %s::bigint[])"


@dataclass(slots=True)
class Erased:
    """How much of a patient is gone.

    Attributes:
        admissions: Rows of patient_records.
        observations: Rows of observations.
        dead_letters: Those that named the patient or an admission of theirs.
    """

    admissions: int = 0
    observations: int = 0
    dead_letters: int = 0


def erase(connection: Connection, settings: MaintenanceSettings, patient_id: str) -> Erased:
    """Erase what the tables hold of a patient, and make older records of the patient stale.

    What is found goes in one transaction, for which writers wait; then everything is searched
    once more, for what came in between. May be done again at any time.

    Args:
        connection: Idle; an operator's or the owner's.
        settings: How long to wait for locks.
        patient_id: As the records have it.

    Raises:
        MaintenanceError: writers or a replay held what is to be erased; nothing is changed since
            the last transaction that ended, and the same again goes on.
        MissingRightsError: the role may not.
    """
    erased = Erased()
    try:
        admissions = _admissions(connection, settings, patient_id)
        letters = _letters(connection, settings, patient_id, admissions)
        for _ in range(2):
            _erase(connection, settings, patient_id, admissions, letters, erased)
            admissions |= (later := _admissions(connection, settings, patient_id))
            letters = _letters(connection, settings, patient_id, admissions)
            if not later and not letters:
                break
    except pg.LockNotAvailable:
        raise MaintenanceError(_LOCKED) from None
    except pg.InsufficientPrivilege as error:
        remedy = "make it a member of vitalstream_operator"
        raise missing_rights(connection, error, remedy) from None
    return erased


def parted(
    connection: Connection, rows: list[Accepted], erased_until: datetime | None
) -> tuple[list[Accepted], list[Accepted]]:
    """Part the records to be stored from those observed before their patient was erased.

    Args:
        connection: Inside the writer's transaction.
        rows: As they came.
        erased_until: The latest of all erasures; newer records need no look-up.
    """
    if erased_until is None:
        return rows, []
    older = {
        row.decoded.record.patient_id for row in rows if row.decoded.record.timestamp < erased_until
    }
    if not older:
        return rows, []
    found = connection.execute("SELECT * FROM erased_patients(%s::varchar[])", [list(older)])
    until: dict[str, datetime] = dict(found.fetchall())
    kept: list[Accepted] = []
    erased: list[Accepted] = []
    for row in rows:
        limit = until.get(row.decoded.record.patient_id)
        (erased if limit and row.decoded.record.timestamp < limit else kept).append(row)
    return kept, erased


def mentions(
    words: Collection[str], payload: bytes | None, others: Sequence[bytes | None] = ()
) -> bool:
    """Whether a record that could not be stored is one of a patient's.

    A word counts where no letter, digit, underscore or hyphen continues it, so that p1 is not
    found in p10. Of the numbers in a JSON document only those count that stand for an id.

    Args:
        words: The patient's id and the admissions'.
        payload: As it came.
        others: Values of headers.
    """
    one = "|".join(re.escape(word) for word in words)
    word = re.compile(f"(?<![0-9A-Za-z_-])(?:{one})(?![0-9A-Za-z_-])")
    texts = [each.decode("utf-8", "replace") for each in others if each]
    try:
        document = json.loads(payload or b"", object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        texts.append((payload or b"").decode("utf-8", "replace"))
    else:
        texts.extend(_texts(document))
    return any(word.search(text) for text in texts)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with all its keys, repeated ones too."""


def _texts(document: Any) -> Iterator[str]:
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, _Pairs):
            yield from (str(each) for key, each in value if key in _IDS and _is_number(each))
            pending.extend(each for pair in value for each in pair)
        elif isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, str):
            yield value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@contextmanager
def _searching(connection: Connection, settings: MaintenanceSettings) -> Iterator[None]:
    """A transaction that may take its time, but waits for nobody's lock for ever."""
    with connection.transaction():
        connection.execute(
            "SELECT set_config('lock_timeout', %s, true),"
            " set_config('statement_timeout', '0', true)",
            [f"{settings.lock_timeout * 1000:.0f}ms"],
        )
        yield


def _admissions(connection: Connection, settings: MaintenanceSettings, patient_id: str) -> set[str]:
    with _searching(connection, settings):
        return {row[0] for row in connection.execute(_ADMISSIONS, {"patient": patient_id})}


def _letters(
    connection: Connection, settings: MaintenanceSettings, patient_id: str, admissions: set[str]
) -> list[Place]:
    words = {patient_id, *admissions}
    found = []
    with _searching(connection, settings), connection.cursor("letters") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(
            _SUSPECTS,
            {"patient": patient_id.encode(), "words": [word.encode() for word in words]},
        )
        for topic_id, partition, offset, key, payload, headers in cursor:
            values = [base64.b64decode(value) for _, value in headers if value is not None]
            if key == patient_id.encode() or mentions(words, payload, values):
                found.append(Place(topic_id, partition, offset))
    return found


def _erase(  # noqa: PLR0913, PLR0917 - one statement's parts
    connection: Connection,
    settings: MaintenanceSettings,
    patient_id: str,
    admissions: set[str],
    letters: list[Place],
    erased: Erased,
) -> None:
    columns = [[place[n] for place in letters] for n in range(3)]
    row = insist(connection, settings.lock_timeout, _ERASE, patient_id, list(admissions), *columns)
    if row is None:
        raise MaintenanceError(_LOCKED)
    erased.admissions += row[0]
    erased.observations += row[1]
    erased.dead_letters += row[2]
