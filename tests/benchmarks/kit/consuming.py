"""Consumer processes working off a backlog, as seen from the ledger and from /proc."""

import re
import time
import urllib.request
from collections.abc import Callable, Sequence
from typing import Final

import psycopg

from tests.benchmarks.kit import states_only
from tests.benchmarks.kit.figures import Stopwatch, Taken
from tests.benchmarks.kit.servers import Broker, Tables, consumers
from vitalstream_devstack.databases import Database
from vitalstream_devstack.service import Service

_PATIENCE_SECONDS: Final = 1_800
_LOOK_SECONDS: Final = 0.02
_PARTITIONS: Final = 3
_ASSIGNED = re.compile(r"^vitalstream_consumer_assigned_partitions (\d+)", re.MULTILINE)


class Ledger:
    """How many records are in the tables, as a connection of its own sees it.

    Args:
        database: Whose `stream_offsets` it reads.
    """

    def __init__(self, database: Database) -> None:
        self._connection = psycopg.connect(database.url("viewer"), autocommit=True)

    def count(self) -> int:
        """Records with a verdict so far."""
        row = self._connection.execute(
            "SELECT coalesce(sum(stored + duplicates + stale + dead), 0)::bigint"
            " FROM stream_offsets"
        ).fetchone()
        return int(row[0]) if row else 0

    def verdicts(self) -> tuple[int, ...]:
        """Stored, duplicates, stale, dead."""
        row = self._connection.execute(
            "SELECT sum(stored)::int, sum(duplicates)::int, sum(stale)::int, sum(dead)::int"
            " FROM stream_offsets"
        ).fetchone()
        return tuple(row or ())

    def close(self) -> None:
        """Leave the database."""
        self._connection.close()


def work_off(
    broker: Broker,
    tables: Tables,
    topic: str,
    records: int,
    replicas: int = 1,
    *,
    watched: Callable[[Sequence[Service]], None] = lambda _: None,
    bare: bool = False,
    **settings: int,
) -> Taken:
    """Have consumers store a backlog; measured from when each has its partitions.

    What was stored before (while the group still dealt partitions out) counts neither as records
    nor as time, unless that was all of it.

    Args:
        broker: Where the topic is.
        tables: Where the records go.
        topic: It holds the backlog.
        records: How many it holds.
        replicas: How many processes share it.
        watched: Called again and again meanwhile.
        bare: Keep patient_records alone, with its key alone (`states_only`).
        settings: As `consumers` takes them.

    Raises:
        RuntimeError: They did not store each of the records once.
    """
    with tables.fresh() as database:
        module = ""
        if bare:
            states_only.prepare(database)
            module = states_only.__name__
        ledger = Ledger(database)
        ours = {"kafka": [broker.pid]} if broker.pid else {}
        whole = Stopwatch(postgres=[tables.pid], **ours)
        with consumers(broker, topic, database, replicas, module, **settings) as services:
            pids = [service.pid for service in services if service.pid]
            _until(lambda: _settled(services) or ledger.count() >= records, services)
            watch, before = Stopwatch(consumer=pids, postgres=[tables.pid], **ours), ledger.count()
            while ledger.count() < records:
                watched(services)
                _look(services)
            taken = watch.read(records - before) if before < records else whole.read(records)
            verdicts = ledger.verdicts()
        ledger.close()
    if verdicts != (records, 0, 0, 0):
        raise RuntimeError(f"of {records} records: stored, duplicate, stale, dead = {verdicts}")
    return taken


def _settled(services: Sequence[Service]) -> bool:
    shares = [_assigned(service) for service in services]
    return sum(shares) == _PARTITIONS and min(shares) > 0


def _assigned(service: Service) -> int:
    with urllib.request.urlopen(service.metrics_url, timeout=5) as answer:  # noqa: S310 - ours
        found = _ASSIGNED.search(answer.read().decode())
    return int(found[1]) if found else 0


def _until(condition: Callable[[], bool], services: Sequence[Service]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the consumers did not get their partitions")
        _look(services)


def _look(services: Sequence[Service]) -> None:
    for service in services:
        if not service.running:
            raise RuntimeError(f"{service.name} ended: {service.log_tail(3)}")
    time.sleep(_LOOK_SECONDS)
