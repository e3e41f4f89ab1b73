"""The consumer against Kafka Connect with Debezium's JDBC sink, on one topic, in turns.

The sink stores the 21 columns, by upsert and by insert (the latter on a topic that holds every
admission once), tuned: three tasks, big polls, the driver's batch rewriting or the connector's own
UNNEST. It keeps that one table; the consumer keeps everything it keeps, and in a second run
patient_records alone, the same work. The records are the same bytes: the converter is told their
schema (`schema.content`).

    python -m tests.benchmarks.rivals --records 300000
"""

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import psycopg

from tests.benchmarks.kit import consuming, figures, traffic
from tests.benchmarks.kit.servers import Broker, Tables, broker, tables
from tests.benchmarks.rivals.connect import TABLE, connect
from vitalstream_schema.record import SEED_FIELDS

_LOOK_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 1_800
_SETTLED_SHARE: Final = 0.1
_CREATE: Final = f"""
CREATE TABLE {TABLE} AS SELECT {", ".join(SEED_FIELDS)} FROM patient_records WITH NO DATA;
ALTER TABLE {TABLE} ADD PRIMARY KEY (admission_id);
ALTER DATABASE {{database}} SET timezone = 'UTC'"""  # noqa: S608 - constants
_UNNEST: Final = {"dialect.postgres.unnest.insert.enabled": "true"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--records", type=int, default=300_000, help="of the backlog")
    parser.add_argument("--batch", type=int, default=5_000, help="records a commit of the sink")
    parser.add_argument("--tasks", type=int, default=3, help="of the connector")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; medians are shown")
    parser.add_argument("--cores", type=int, default=2, help="that everything shares")
    given = parser.parse_args()
    given.cores = figures.use_cores(given.cores)
    with broker() as kafka, tables() as server:
        topic = kafka.new_topic()
        traffic.send(kafka, topic, traffic.records(given.records, given.records))
        taken = figures.in_turns(given.repeats, _runs(kafka, server, topic, given))
    best = max((n for n in taken if n.startswith("debezium")), key=lambda n: figures.rate(taken[n]))
    results = [
        {"what": name, "of_best_rival": figures.of_limit(each, taken[best])} | figures.summary(each)
        for name, each in taken.items()
    ]
    figures.report("rivals", results, best_rival=best, **vars(given))


def _runs(
    kafka: Broker, server: Tables, topic: str, given: argparse.Namespace
) -> dict[str, Callable[[], figures.Taken]]:
    shared = {"tasks.max": str(given.tasks), "batch.size": str(given.batch)}
    ways = {
        "debezium upsert": {"insert.mode": "upsert"},
        "debezium upsert unnest": {"insert.mode": "upsert", **_UNNEST},
        "debezium insert": {"insert.mode": "insert"},
        "debezium insert unnest": {"insert.mode": "insert", **_UNNEST},
    }
    runs: dict[str, Callable[[], figures.Taken]] = {
        "consumer": partial(consuming.work_off, kafka, server, topic, given.records),
        "consumer, patient_records alone": partial(
            consuming.work_off, kafka, server, topic, given.records, bare=True
        ),
    }
    for name, way in ways.items():
        runs[name] = partial(_sink, kafka, server, topic, given.records, {**shared, **way})
    return runs


def _sink(
    kafka: Broker, server: Tables, topic: str, records: int, tuning: Mapping[str, str]
) -> figures.Taken:
    """Have the sink store the backlog; measured from a tenth of it on, when all is warm."""
    with (
        server.fresh() as database,
        psycopg.connect(database.admin_url, autocommit=True) as connection,
    ):
        connection.execute(_CREATE.format(database=database.name).encode())

        def count() -> int:
            row = connection.execute(f"SELECT count(*) FROM {TABLE}".encode()).fetchone()  # noqa: S608
            return int(row[0]) if row else 0

        fields = list(SEED_FIELDS)
        with connect(kafka, topic, database.admin_url, fields, tuning) as process:
            deadline = time.monotonic() + _PATIENCE_SECONDS

            def wait_for(enough: int) -> int:
                while (stored := count()) < enough:
                    said = [line for line in process.tail(400) if not line.startswith("\tat")]
                    failed = any(" ERROR " in line for line in said)
                    if failed or not process.running or time.monotonic() > deadline:
                        raise RuntimeError(
                            f"Kafka Connect, {stored} stored: {[line[-300:] for line in said[-5:]]}"
                        )
                    time.sleep(_LOOK_SECONDS)
                return stored

            started = {"consumer": [process.pid or 0], "postgres": [server.pid]}
            whole = figures.Stopwatch(**started)
            before = wait_for(int(records * _SETTLED_SHARE))
            watch = figures.Stopwatch(**started)
            wait_for(records)
            return watch.read(records - before) if before < records else whole.read(records)


if __name__ == "__main__":
    main()
