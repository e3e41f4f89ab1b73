"""How long after `produce` a record can be read in PostgreSQL by somebody else, at a steady rate.

Method: this process notes the time of each `produce` call, and a connection of its own polls
`stream_offsets` once a millisecond, noting when it first sees a next_offset past each record. The
ledger and the rows are one transaction, so that is when the rows can be seen; the time of the poll
is in the figure. The limit, in the same run and seen the same way, is the least that any such sink
must do: a bare client that copies each poll's payloads into a table of two columns and moves a
ledger row in the same transaction.

    python -m tests.benchmarks.latency --rate 1000 --seconds 20
"""

import argparse
import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from tests.benchmarks.kit import figures, traffic
from tests.benchmarks.kit.servers import Broker, Tables, broker, consumers, tables
from vitalstream_devstack.databases import Database
from vitalstream_schema import codec

_LOOK_SECONDS = 0.001
_PATIENCE_SECONDS = 60
_LEDGER = "SELECT partition, next_offset FROM stream_offsets"
_BARE_LEDGER = "SELECT partition, next_offset FROM bare_offsets"
_BARE_TABLES = """
CREATE TABLE bare (number bigint, payload text);
CREATE TABLE bare_offsets (partition integer PRIMARY KEY, next_offset bigint NOT NULL);
INSERT INTO bare_offsets SELECT n, 0 FROM generate_series(0, 2) n"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rate", type=int, default=1_000, help="records a second")
    parser.add_argument("--seconds", type=float, default=20, help="of each run")
    parser.add_argument("--warm-up", type=float, default=3, help="seconds before each of them")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; medians are shown")
    parser.add_argument("--cores", type=int, default=4, help="that everything shares")
    given = parser.parse_args()
    given.cores = figures.use_cores(given.cores)
    runs: dict[str, list[list[float]]] = {"consumer": [], "limit": []}
    with broker() as kafka, tables() as server:
        for _ in range(given.repeats):
            runs["limit"].append(_measure(kafka, server, given, _bare, _BARE_LEDGER))
            runs["consumer"].append(_measure(kafka, server, given, _consumer, _LEDGER))
    results = [{"what": name, **_summary(each)} for name, each in runs.items()]
    figures.report("latency", results, **vars(given))


def _summary(runs: list[list[float]]) -> dict[str, object]:
    def median(share: float) -> float:
        return round(statistics.median(figures.percentile(each, share) for each in runs) * 1e3, 2)

    return {
        "p50_ms": median(0.5),
        "p90_ms": median(0.9),
        "p99_ms": median(0.99),
        "max_ms": median(1),
        "all_p99_ms": [round(figures.percentile(each, 0.99) * 1e3, 2) for each in runs],
    }


Sink = Callable[[Broker, str, Database], contextlib.AbstractContextManager[object]]


def _measure(
    kafka: Broker, server: Tables, given: argparse.Namespace, sink: Sink, ledger: str
) -> list[float]:
    """Seconds from `produce` to visible of each record of one run, warm-up left out."""
    topic = kafka.new_topic()
    with server.fresh() as database, sink(kafka, topic, database):
        watch = _Watch(database, ledger)
        produced = _produce(kafka, topic, given.rate, given.seconds + given.warm_up)
        watch.wait_for(produced)
    kafka.delete_topic(topic)
    skipped = int(given.rate * given.warm_up)
    in_order = sorted(produced.items(), key=lambda item: item[1])[skipped:]
    return [watch.seen(*place) - at for place, at in in_order]


def _produce(
    kafka: Broker, topic: str, rate: int, seconds: float
) -> Mapping[tuple[int, int], float]:
    """Send at an even pace; by partition and offset, when `produce` was called."""
    client = Producer({"bootstrap.servers": kafka.servers, "linger.ms": 0, "acks": "all"})
    count = int(rate * seconds)
    ready = [
        (record.patient_id, codec.encode(record))
        for record in traffic.records(count, max(1, count // 10))
    ]
    produced: dict[tuple[int, int], float] = {}

    def delivered(at: float) -> Callable[[Any, Any], None]:
        def note(error: object, message: Any) -> None:
            if error is not None:
                raise RuntimeError(f"a record was not acknowledged: {error}")
            produced[message.partition(), message.offset()] = at

        return note

    start = time.perf_counter()
    for number, (key, payload) in enumerate(ready):
        while (ahead := start + number / rate - time.perf_counter()) > 0:
            client.poll(0)
            time.sleep(min(ahead, _LOOK_SECONDS))
        at = time.perf_counter()
        client.produce(topic, payload, key, on_delivery=delivered(at))
    client.flush(_PATIENCE_SECONDS)
    return produced


class _Watch:
    """Notes when next offsets become visible to a connection of its own."""

    def __init__(self, database: Database, query: str) -> None:
        self._connection = psycopg.connect(database.admin_url, autocommit=True)
        self._query = query.encode()
        self._steps: dict[int, list[tuple[int, float]]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def wait_for(self, produced: Mapping[tuple[int, int], float]) -> None:
        """Until all of these are visible."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        ends: dict[int, int] = {}
        for partition, offset in produced:
            ends[partition] = max(ends.get(partition, 0), offset)
        while any(self._last(partition) <= end for partition, end in ends.items()):
            if time.monotonic() > deadline:
                raise TimeoutError("not all records became visible")
            time.sleep(_LOOK_SECONDS)
        self._ended.set()
        self._thread.join()
        self._connection.close()

    def seen(self, partition: int, offset: int) -> float:
        """When a record became visible."""
        return next(at for end, at in self._steps[partition] if end > offset)

    def _last(self, partition: int) -> int:
        steps = self._steps.get(partition)
        return steps[-1][0] if steps else 0

    def _look(self) -> None:
        while not self._ended.is_set():
            rows = self._connection.execute(self._query).fetchall()
            now = time.perf_counter()
            for partition, next_offset in rows:
                if next_offset > self._last(partition):
                    self._steps.setdefault(partition, []).append((next_offset, now))
            time.sleep(_LOOK_SECONDS)


@contextlib.contextmanager
def _consumer(kafka: Broker, topic: str, database: Database) -> Iterator[object]:
    with consumers(kafka, topic, database) as services:
        yield services


@contextlib.contextmanager
def _bare(kafka: Broker, topic: str, database: Database) -> Iterator[object]:
    """The least sink there is, in a thread."""
    client = Consumer({"bootstrap.servers": kafka.servers, "group.id": topic})
    client.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in range(3)])
    ended = threading.Event()
    with psycopg.connect(database.admin_url) as connection:
        connection.execute(_BARE_TABLES.encode())
        connection.commit()
        thread = threading.Thread(target=_pump, args=(client, connection, ended))
        thread.start()
        try:
            yield thread
        finally:
            ended.set()
            thread.join()
            client.close()


def _pump(client: Consumer, connection: psycopg.Connection, ended: threading.Event) -> None:
    while not ended.is_set():
        first = client.poll(0.1)
        if first is None:
            continue
        messages = [m for m in (first, *client.consume(2_000, 0)) if m.error() is None]
        ends = {m.partition() or 0: (m.offset() or 0) + 1 for m in messages}
        with connection.transaction():
            with connection.cursor().copy("COPY bare FROM STDIN") as stream:
                stream.write(b"".join(b"0\t%b\n" % (m.value() or b"") for m in messages))
            for partition, end in ends.items():
                connection.execute(
                    "UPDATE bare_offsets SET next_offset = %s WHERE partition = %s",
                    [end, partition],
                )


if __name__ == "__main__":
    main()
