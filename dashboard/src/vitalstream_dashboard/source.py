"""Answers of the database, shared by all sessions; the last good ones while it is away."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import structlog

from vitalstream_dashboard import metrics
from vitalstream_storage import errors
from vitalstream_storage.migrate import check_version
from vitalstream_storage.pool import Connection, Pool
from vitalstream_storage.reader import snapshot

P = ParamSpec("P")
T = TypeVar("T")

_log = structlog.get_logger(__name__)
_KEPT = 64
_POOL_SECONDS = 2.0
_REST = 9.0
"""How many times as old as it took to read an answer may be: a slow question takes a tenth of a
connection's time."""
_LONGEST_REST_SECONDS = 30.0
_STATEMENT_TIMED_OUT = "57014"


class Kind(StrEnum):
    """What can be in the way of an answer."""

    AWAY = "away"
    PENDING = "pending"
    REFUSED = "refused"
    SLOW = "slow"
    FAULT = "fault"


for _kind in Kind:  # there from the start, so that the first failure is an increase
    metrics.QUERY_FAILURES.labels(_kind.value)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the last try gave no answer.

    Attributes:
        kind: what was in the way.
        since: when it was first seen.
        detail: storage's own line, for the log; empty where the kind says it all.
    """

    kind: Kind
    since: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """The newest answer there is.

    Attributes:
        value: what was read; None if there has never been an answer.
        read_at: when it was read, on this machine's clock.
        trouble: why there is no newer one; None if it is fresh.
    """

    value: T | None
    read_at: datetime | None
    trouble: Trouble | None


@dataclass(slots=True)
class _Kept:
    """One key's last good value, and the lock that lets one session at a time renew it."""

    lock: threading.Lock
    value: Any = None
    read_at: datetime | None = None
    read_on: float = float("-inf")
    asked_on: float = float("-inf")
    took_seconds: float = 0.0
    trouble: Trouble | None = None

    @property
    def resting(self) -> bool:
        """Whether the question took so long that it is too early to ask it again."""
        rest = min(_REST * self.took_seconds, _LONGEST_REST_SECONDS)
        return time.monotonic() - self.asked_on - self.took_seconds < rest


def timed(
    query: Callable[Concatenate[Connection, P], T],
    connection: Connection,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run one reader function and note its time under its name."""
    with metrics.QUERY_SECONDS.labels(query.__name__).time():
        return query(connection, *args, **kwargs)


class Source:
    """Reads what the pages show.

    Sessions that ask for the same thing at about the same time share one read. While the database
    is away one of them tries at a time; the others get the last good answer at once, so that no
    page waits for a time-out more often than it must. The pool is opened anew after an outage: its
    own attempts to reconnect come ever more rarely. What the database answers slowly is asked for
    more rarely, so that pages never take it from those who write.

    Args:
        open_pool: opens the pool, or raises what is wrong.
        query_seconds: longest time of one query.
        share_seconds: how old an answer may be to be given to another session, if it was not slow;
            0: each is read anew.
        retry_seconds: the shortest time between two tries while something is in the way.
        now: this machine's clock.
    """

    def __init__(
        self,
        open_pool: Callable[[], Pool],
        *,
        query_seconds: float,
        share_seconds: float = 0.5,
        retry_seconds: float = 1.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._open_pool, self._query_seconds = open_pool, query_seconds
        self._share, self._retry, self._now = share_seconds, retry_seconds, now
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._guard = threading.Lock()
        self._opening = threading.Lock()
        self._trying = threading.Lock()
        self._pool: Pool | None = None
        self._blocked: Trouble | None = None
        self._tried_on = float("-inf")

    @property
    def blocked(self) -> Trouble | None:
        """What keeps every read from an answer now; None while the database answers."""
        return self._blocked

    def read(self, key: Hashable, work: Callable[[Connection], T]) -> Answer[T]:
        """The newest answer for ``key``, read now if it can be.

        Args:
            key: names the question with its arguments.
            work: reads the answer on a connection, within one read-only transaction.
        """
        kept = self._find(key)
        with kept.lock:
            if time.monotonic() - kept.read_on < self._share:
                return Answer(kept.value, kept.read_at, None)
            blocked = self._blocked
            if blocked is None:
                if self._share and kept.resting:
                    return Answer(kept.value, kept.read_at, kept.trouble)
                return self._renew(kept, work)
            if self._trying.acquire(blocking=False):
                try:
                    if time.monotonic() - self._tried_on >= self._retry:
                        return self._renew(kept, work)
                finally:
                    self._trying.release()
            return Answer(kept.value, kept.read_at, blocked)

    def pool_figures(self) -> dict[str, int]:
        """What psycopg_pool counts, its counters since the last call; nothing while there is none.

        Its names: https://www.psycopg.org/psycopg3/docs/advanced/pool.html#pool-stats.
        """
        pool = self._pool
        return {} if pool is None else pool.pop_stats()

    def close(self) -> None:
        """Give the connections back."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(timeout=_POOL_SECONDS)

    def _renew(self, kept: _Kept, work: Callable[[Connection], T]) -> Answer[T]:
        pool = None
        try:
            pool = self._opened()
            with pool.connection(timeout=_POOL_SECONDS) as connection:
                kept.asked_on = time.monotonic()
                with snapshot(connection, self._query_seconds):
                    value = work(connection)
        except Exception as error:  # noqa: BLE001 - whatever it is, the page shows what it has
            kept.trouble = self._failed(error, kept.trouble, pool)
            slow = kept.trouble.kind is Kind.SLOW
            kept.took_seconds = time.monotonic() - kept.asked_on if slow else 0
            return Answer(kept.value, kept.read_at, kept.trouble)
        kept.value, kept.read_at, kept.read_on = value, self._now(), time.monotonic()
        kept.took_seconds = kept.read_on - kept.asked_on
        kept.trouble = None
        self._answered()
        return Answer(value, kept.read_at, None)

    def _find(self, key: Hashable) -> _Kept:
        with self._guard:
            kept = self._kept.setdefault(key, _Kept(threading.Lock()))
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return kept

    def _opened(self) -> Pool:
        with self._opening:
            opened = self._pool
            if opened is None:
                opened = self._open_pool()
                try:
                    with opened.connection(timeout=_POOL_SECONDS) as connection:
                        check_version(connection)
                except BaseException:
                    opened.close(timeout=_POOL_SECONDS)
                    raise
                self._pool = opened
            return opened

    def _answered(self) -> None:
        metrics.DATABASE_UP.set(1)
        if self._blocked is not None:
            _log.info("database_back", was=self._blocked.kind.value)
            self._blocked = None

    def _failed(self, error: Exception, before: Trouble | None, pool: Pool | None) -> Trouble:
        kind = classify(error)
        metrics.QUERY_FAILURES.labels(kind.value).inc()
        before = self._blocked or before
        if before is not None and before.kind is kind:
            trouble = before
        else:
            trouble = Trouble(
                kind, self._now(), str(error) if isinstance(error, errors.StorageError) else ""
            )
            said = {"reason": str(error)} if isinstance(error, errors.StorageError) else {}
            _log.warning("read_failed", trouble=kind.value, **errors.describe(error), **said)
        self._tried_on = time.monotonic()
        if kind not in (Kind.SLOW, Kind.FAULT):
            self._blocked = trouble
            metrics.DATABASE_UP.set(0)
            if pool is not None and self._pool is pool:
                self._pool = None
                # Its workers may hang in a connection attempt; no viewer waits for them.
                threading.Thread(target=pool.close, name="close-pool", daemon=True).start()
        return trouble


def classify(error: Exception) -> Kind:
    """What an exception means to a viewer."""
    if isinstance(error, errors.NotMigratedError):
        return Kind.PENDING
    if isinstance(
        error, errors.AuthenticationError | errors.MissingRightsError | errors.OldServerError
    ):
        return Kind.REFUSED
    if errors.describe(error).get("sqlstate") == _STATEMENT_TIMED_OUT:
        return Kind.SLOW
    return Kind.AWAY if errors.is_retryable(error) else Kind.FAULT
