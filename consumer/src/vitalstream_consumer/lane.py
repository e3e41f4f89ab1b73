"""A lane: one thread with one connection, doing what the desk gives it."""

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psycopg
import structlog
from psycopg import errors as pg

from vitalstream_consumer.batch import compose
from vitalstream_consumer.claiming import Claimer
from vitalstream_consumer.desk import Desk
from vitalstream_consumer.letter_log import LetterLog
from vitalstream_consumer.metrics import Metrics
from vitalstream_consumer.surveying import Surveyor
from vitalstream_consumer.tracing import Traced, untraced
from vitalstream_consumer.work import Claim, Survey, Work, Write
from vitalstream_runtime.kafka import BrokerUnreachableError, TopicMissingError
from vitalstream_runtime.ops import Readiness
from vitalstream_storage import writer
from vitalstream_storage.errors import (
    FencedError,
    RewoundError,
    StorageError,
    describe,
    is_retryable,
)
from vitalstream_storage.pool import Connection, missing_rights

_log = structlog.get_logger(__name__)
_END_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Equipment:
    """What all lanes use.

    Attributes:
        desk: Gives the work.
        claimer: Claims, and knows the topic and our token.
        surveyor: Looks at the logs' ends.
        connect: Opens a connection to PostgreSQL.
        statement_timeout: Seconds for each statement of a write.
        synchronous_commit: Whether the commit of a write waits for the disk.
        metrics: Where batches are counted.
        readiness: Gets ``database``, ``kafka`` and ``topic``.
        traced: Goes around each write.
    """

    desk: Desk
    claimer: Claimer
    surveyor: Surveyor
    connect: Callable[[], Connection]
    statement_timeout: float
    synchronous_commit: bool
    metrics: Metrics
    readiness: Readiness
    traced: Traced = untraced


class Lane(threading.Thread):
    """Works until the desk has nothing more to give.

    What can be tried again goes back to the desk, which says when; anything else ends the program
    by `Desk.fail`, with nothing written.

    Args:
        number: Tells lanes apart in thread dumps.
        equipment: What all lanes use.
    """

    def __init__(self, number: int, equipment: Equipment) -> None:
        super().__init__(name=f"lane-{number}", daemon=True)  # a stuck write must not hold the exit
        self._equipment = equipment
        self._connection: Connection | None = None
        self._staged = False
        self._letters = LetterLog()

    def run(self) -> None:
        """Do one work after the other."""
        desk = self._equipment.desk
        try:
            while (work := desk.next_work()) is not None:
                self._do(work)
        except BaseException as error:  # noqa: BLE001 - the polling thread raises it again
            desk.fail(error)
        finally:
            self._disconnect()

    def end(self, seconds: float) -> None:
        """Wait for the thread, the desk being closed; then cut off what it is still waiting for.

        The server rolls back what is not committed. A thread left alive inside the database's
        client could crash the interpreter's exit.
        """
        self.join(max(0.0, seconds))
        connection = self._connection
        if self.is_alive() and connection is not None:
            _log.warning("write_abandoned")
            with suppress(OSError, psycopg.OperationalError):  # it has just ended by itself
                _hang_up(connection.fileno())
            self.join(_END_SECONDS)

    def _do(self, work: Work) -> None:
        match work:
            case Claim():
                self._claim(work)
            case Write():
                self._write(work)
            case Survey():
                self._survey(work)

    def _claim(self, work: Claim) -> None:
        positions = {}
        try:
            positions = self._equipment.claimer.claim(self._connected(), work)
            self._works()
        except (psycopg.Error, StorageError, BrokerUnreachableError, TopicMissingError) as error:
            self._failed("claim_failed", error, list(work.generations))
        finally:
            self._equipment.desk.claimed(work, positions)

    def _write(self, work: Write) -> None:
        equipment, claimer = self._equipment, self._equipment.claimer
        topic, token = claimer.topic.name, claimer.token
        batch = compose(work.topic_id, topic, token, work.chunks, work.log_ends)
        started = time.monotonic()
        try:
            with equipment.traced(work.chunks):
                outcome = writer.write(
                    self._connected(),
                    batch,
                    staged=self._staged,
                    statement_timeout=equipment.statement_timeout,
                    synchronous_commit=equipment.synchronous_commit,
                )
        except FencedError as error:
            equipment.metrics.fenced.inc(len(error.partitions))
            _log.warning("fenced", partitions=error.partitions)
            equipment.desk.not_written(work, error.partitions)
        except RewoundError as error:
            _log.warning("batch_dropped", partition=error.partition, reason=str(error))
            equipment.desk.not_written(work, [error.partition])
        except (psycopg.Error, StorageError) as error:
            equipment.desk.failed(work)
            self._failed("write_failed", error, list(work.generations))
        else:
            self._staged = outcome.staged
            equipment.desk.written(work)
            self._works()
            seconds = time.monotonic() - started
            equipment.metrics.count(work.chunks, outcome, seconds, time.time() * 1000)
            self._letters.note((*batch.dead_letters, *outcome.conflicts))

    def _survey(self, work: Survey) -> None:
        surveyor = self._equipment.surveyor
        try:
            surveyor.survey(self._connected, work)
        except (psycopg.Error, StorageError, BrokerUnreachableError, TopicMissingError) as error:
            self._excuse(error)  # each time, since it may be another reason by now
            surveyor.failed(_fields(error))
        else:
            surveyor.worked()

    def _works(self) -> None:
        self._equipment.readiness.set("database", None)

    def _failed(self, event: str, error: Exception, partitions: list[int]) -> None:
        self._excuse(error)
        _log.warning(event, partitions=partitions, **_fields(error))

    def _excuse(self, error: Exception) -> None:
        """Show why nothing goes on for now; raise what trying again will not mend."""
        equipment = self._equipment
        if isinstance(error, pg.InsufficientPrivilege) and self._connection is not None:
            remedy = "make it a member of vitalstream_writer"
            raise missing_rights(self._connection, error, remedy) from None
        if isinstance(error, TopicMissingError):
            equipment.readiness.set("topic", str(error))
        elif isinstance(error, BrokerUnreachableError):
            equipment.readiness.set("kafka", str(error))
        elif isinstance(error, FencedError | RewoundError) or is_retryable(error):
            self._disconnect()
            reason = str(error) if isinstance(error, StorageError) else str(describe(error))
            equipment.readiness.set("database", reason)
        else:
            raise error
        equipment.metrics.write_failures.inc()

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._equipment.connect()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _hang_up(descriptor: int) -> None:
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        connection.shutdown(socket.SHUT_RDWR)


def _fields(error: Exception) -> dict[str, str]:
    fields = describe(error)
    return fields if isinstance(error, psycopg.Error) else {**fields, "reason": str(error)}
