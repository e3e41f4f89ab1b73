"""What tracing costs producer and consumer, off and on, in turns.

On, spans go to a collector in a process of its own, which is not counted. `without ids` is a
backlog whose records have no traceparent, as other clients send them.

    python -m tests.benchmarks.tracing --records 1000000 --repeats 5
"""

import argparse
import contextlib
import math
import multiprocessing
import os
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Final

from tests.benchmarks import producer
from tests.benchmarks.kit import consuming, figures, traffic
from tests.benchmarks.kit.servers import Broker, broker, tables
from tests.collector import Collector
from vitalstream_producer.settings import ProducerSettings
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_runtime.tracing import TracingSettings, exporting, unsampled

if TYPE_CHECKING:
    from collections.abc import Callable

_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_SAMPLED_OF: Final = 2_000
"""One record of so many is sampled, as of a producer that sends 8,000 a second."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--records", type=int, default=300_000, help="of each run")
    parser.add_argument("--admissions", type=int, default=30_000, help="observed in turn")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each; medians are shown")
    given = parser.parse_args()
    with collector() as endpoint, broker() as kafka, tables() as server:
        bare, traced = kafka.new_topic(), kafka.new_topic()
        for topic, traceparents in ((bare, None), (traced, _some_sampled())):
            records = traffic.records(given.records, given.admissions)
            traffic.send(kafka, topic, records, traceparents)
        work_off = partial(consuming.work_off, kafka, server, records=given.records)
        runs: dict[str, Callable[[], figures.Taken]] = {
            "producer, off": partial(_produce, kafka, given.records, None),
            "producer, on": partial(_produce, kafka, given.records, endpoint),
            "consumer, off, without ids": partial(work_off, topic=bare),
            "consumer, off": partial(work_off, topic=traced),
            "consumer, on": partial(_named, endpoint, partial(work_off, topic=traced)),
        }
        taken = figures.in_turns(given.repeats, runs)
    results = [{"what": name, **_summary(each)} for name, each in taken.items()]
    figures.report("tracing", results, **vars(given))


def _summary(runs: list[figures.Taken]) -> dict[str, object]:
    """Without the servers, which have nothing to do with it."""
    return figures.summary(
        [each._replace(cpu={"service": next(iter(each.cpu.values()))}) for each in runs]
    )


def _some_sampled() -> Iterator[str]:
    for number, each in enumerate(unsampled()):
        yield each if number % _SAMPLED_OF else f"{each[:-1]}1"


def _produce(kafka: Broker, records: int, endpoint: str | None) -> figures.Taken:
    topic = kafka.new_topic()
    told = KafkaSettings.model_validate({"bootstrap_servers": kafka.servers, "topic": topic})
    settings = ProducerSettings(rate=math.inf, max_records=records, seed=1)
    with exporting("producer", TracingSettings.model_validate({"endpoint": endpoint})) as spans:
        taken = producer.produce(told, settings, records, spans)
    kafka.delete_topic(topic)
    return figures.Taken(records, taken.seconds, {"producer": taken.cpu})


def _named(endpoint: str, run: "Callable[[], figures.Taken]") -> figures.Taken:
    """A run whose services are told of the collector."""
    os.environ[_ENDPOINT] = endpoint
    try:
        return run()
    finally:
        del os.environ[_ENDPOINT]


@contextlib.contextmanager
def collector() -> Iterator[str]:
    """A collector in a process of its own; gives its base URL."""
    ours, its = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_collect, args=(its,))
    process.start()
    try:
        yield str(ours.recv())
    finally:
        ours.send(None)
        process.join()


def _collect(parent: Connection) -> None:
    with Collector() as found:
        parent.send(found.endpoint)
        parent.recv()


if __name__ == "__main__":
    main()
