"""What can go wrong with PostgreSQL, as specific exceptions, and what an error may tell.

A database error's own message may carry keys and COPY lines, so it never leaves this module:
`describe` gives the SQLSTATE and the names of the things concerned, nothing of their content.
"""

from typing import ClassVar

import psycopg

from vitalstream_runtime.errors import StartupError

__all__ = [
    "AuthenticationError",
    "DatabaseUnreachableError",
    "FencedError",
    "LedgerBusyError",
    "MaintenanceError",
    "MigrationError",
    "MissingRightsError",
    "NotMigratedError",
    "OldServerError",
    "RejectedError",
    "RewoundError",
    "StorageError",
    "describe",
    "is_data_error",
    "is_retryable",
]

# Connection, insufficient resources, transaction rollback (deadlock, serialization), object not
# in prerequisite state (lock timeout), operator intervention, system error (a full disk).
_RETRYABLE_CLASSES = frozenset({"08", "25", "40", "53", "55", "57", "58"})
_DATA_CLASSES = frozenset({"22", "23"})


class StorageError(Exception):
    """Base of everything storage raises of its own; its text is one line for a person."""


class DatabaseUnreachableError(StorageError, StartupError):
    """No server answers there, or it is starting, stopping or full; waiting may help."""

    exit_code: ClassVar[int] = 69


class AuthenticationError(StorageError, StartupError):
    """The server refuses the role, its password, its certificate or the client's address."""

    exit_code: ClassVar[int] = 77


class OldServerError(StorageError, StartupError):
    """The server is older than the oldest version that has what the tables need."""


class MissingRightsError(StorageError, StartupError):
    """The role may not do what this step needs."""

    exit_code: ClassVar[int] = 77


class NotMigratedError(StorageError, StartupError):
    """The tables are missing or older than this program needs; waiting may help."""


class MaintenanceError(StorageError, StartupError):
    """Some steps found their table locked throughout; the next run takes them up (EX_TEMPFAIL)."""

    exit_code: ClassVar[int] = 75


class MigrationError(StorageError, StartupError):
    """A migration failed and was rolled back whole."""


class LedgerBusyError(StorageError):
    """A ledger row stayed locked by a backend that this role may not terminate."""


class FencedError(StorageError):
    """Another writer has claimed the partitions; nothing was written.

    Attributes:
        partitions: Those whose ledger row no longer bears this writer's token.
    """

    def __init__(self, partitions: list[int]) -> None:
        super().__init__(f"claimed by another writer: partitions {partitions}")
        self.partitions = partitions


class RewoundError(StorageError):
    """The ledger's next offset is not the one this writer expects; nothing was written.

    Attributes:
        partition: The partition, the first one where several differ.
        next_offset: Where the ledger stands; reading goes on from there.
    """

    def __init__(self, partition: int, next_offset: int, expected: int) -> None:
        super().__init__(
            f"partition {partition}: the ledger stands at {next_offset}, not at {expected}"
        )
        self.partition = partition
        self.next_offset = next_offset


class RejectedError(StorageError):
    """PostgreSQL rejects rows that no bisecting can blame on one record."""


def is_retryable(error: BaseException) -> bool:
    """Whether the same transaction may succeed later, without any change to the data."""
    if isinstance(error, DatabaseUnreachableError | LedgerBusyError | NotMigratedError):
        return True
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate[:2] in _RETRYABLE_CLASSES


def is_data_error(error: BaseException) -> bool:
    """Whether PostgreSQL refused the data itself (SQLSTATE classes 22 and 23)."""
    sqlstate = getattr(error, "sqlstate", None)
    return isinstance(error, psycopg.Error) and (sqlstate or "")[:2] in _DATA_CLASSES


def describe(error: BaseException) -> dict[str, str]:
    """Fields that a log may hold: error class, SQLSTATE, table, column, constraint; no values."""
    fields = {"error": type(error).__name__}
    if isinstance(error, psycopg.Error):
        diag = error.diag
        named = {
            "sqlstate": error.sqlstate,
            "table": diag.table_name,
            "column": diag.column_name,
            "constraint": diag.constraint_name,
        }
        fields.update({name: value for name, value in named.items() if value})
    return fields
