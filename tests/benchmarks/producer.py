"""How many records a second one producer process gets acknowledged, and what its limit is.

The limit is the same Kafka client with the same options sending payloads of the same size that were
rendered beforehand, in the same run. Prints a table, then one line of JSON.

    python -m tests.benchmarks.producer --repeats 5 --profiles hospital --beds 100000
"""

import argparse
import contextlib
import itertools
import math
import os
import resource
import statistics
import time
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from tests.benchmarks.kit.figures import report
from tests.benchmarks.kit.servers import Broker, broker
from vitalstream_producer.console import Console
from vitalstream_producer.hospital.truth import TruthLog
from vitalstream_producer.metrics import Metrics
from vitalstream_producer.publish import Publisher, producer_options
from vitalstream_producer.schedule import Schedule
from vitalstream_producer.service import (
    Acknowledgements,
    Generator,
    Loop,
    Upkeep,
    make_generator,
)
from vitalstream_producer.settings import ProducerSettings
from vitalstream_producer.tracing import Traces
from vitalstream_runtime.ops import Heartbeat, Readiness
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_runtime.shutdown import Shutdown
from vitalstream_runtime.tracing.spans import Spans
from vitalstream_schema import codec

_SEED = 1
_PRERENDERED = 50_000
_WARM_UP = 50_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, default=300_000, help="records a run")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each; medians are shown")
    parser.add_argument("--compression", nargs="+", default=["lz4"], help="none lz4 zstd ...")
    parser.add_argument("--linger-ms", nargs="+", type=float, default=[5.0])
    parser.add_argument("--profiles", nargs="+", default=["seed", "hospital"])
    parser.add_argument("--beds", type=int, default=1000, help="of the hospital")
    given = parser.parse_args()
    results = []
    with broker() as kafka:
        warm_up = min(given.records, _WARM_UP)
        _limit(_new_topic(kafka), ProducerSettings(), warm_up)  # the broker's
        for profile, compression, linger in itertools.product(
            given.profiles, given.compression, given.linger_ms
        ):
            settings = ProducerSettings(
                profile=profile,
                beds=given.beds,
                rate=math.inf,
                max_records=given.records,
                seed=_SEED,
                compression=compression,
                linger_ms=linger,
            )
            results.append(_measure(kafka, settings, given.records, given.repeats))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    report("producer", results, records=given.records, repeats=given.repeats, peak_rss_mib=peak)


def _new_topic(broker: Broker) -> KafkaSettings:
    given = {"bootstrap_servers": broker.servers, "topic": broker.new_topic()}
    return KafkaSettings.model_validate(given)


def _measure(
    broker: Broker, settings: ProducerSettings, records: int, repeats: int
) -> dict[str, object]:
    """Run producer and limit in turns."""
    taken: dict[str, list[Taken]] = {"producer": [], "limit": []}
    size = 0.0
    for _ in range(repeats):
        for name, run in (("limit", _limit), ("producer", produce)):
            kafka = _new_topic(broker)
            taken[name].append(run(kafka, settings, records))
            if broker.folder and name == "producer":
                size = _bytes_on_disk(broker.folder, kafka.topic) / records
            broker.delete_topic(kafka.topic)
    rates = {name: [records / each.seconds for each in runs] for name, runs in taken.items()}
    cpu = {name: statistics.median(t.cpu for t in runs) for name, runs in taken.items()}
    rate, limit = (statistics.median(rates[name]) for name in ("producer", "limit"))
    return {
        "profile": settings.profile,
        "compression": settings.compression,
        "linger_ms": settings.linger_ms,
        "records_per_second": round(rate),
        "limit_records_per_second": round(limit),
        "of_limit": round(rate / limit, 3),
        "cpu_us_per_record": round(cpu["producer"] / records * 1e6, 2),
        "limit_cpu_us_per_record": round(cpu["limit"] / records * 1e6, 2),
        "bytes_on_disk_per_record": round(size),
        "all_records_per_second": [round(each) for each in rates["producer"]],
    }


class Taken(NamedTuple):
    """What one run took, seconds of the clock and of this process's CPU."""

    seconds: float
    cpu: float


class _Stopwatch:
    def __init__(self) -> None:
        self._start, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> Taken:
        return Taken(time.perf_counter() - self._start, time.process_time() - self._cpu)


def produce(
    kafka: KafkaSettings, settings: ProducerSettings, records: int, spans: Spans | None = None
) -> Taken:
    """The producer itself, wired as `python -m vitalstream_producer` wires it.

    Args:
        kafka: The broker and a topic that is there.
        settings: How they are invented and sent.
        records: How many.
        spans: Makes them; None: tracing is off.

    Raises:
        RuntimeError: Not all were acknowledged.
    """
    metrics = Metrics(CollectorRegistry())
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        publisher = Publisher(
            producer_options(kafka, settings),
            kafka.topic,
            metrics,
            Acknowledgements(Console(plain=True), None),
            traces=Traces(spans, kafka.topic, settings.traces_per_second),
        )
        upkeep = Upkeep(publisher, metrics, Heartbeat(30), Readiness(), None)
        generator, schedule = _generator(settings)
        watch = _Stopwatch()
        Loop(generator, schedule, publisher, records, upkeep).run(Shutdown())
        publisher.drain(120, upkeep)
        taken = watch.read()
    if publisher.close() or publisher.sent != records:
        raise RuntimeError(f"only {publisher.sent} of {records} records were acknowledged")
    return taken


def _generator(settings: ProducerSettings) -> tuple[Generator, Schedule]:
    return make_generator(settings, _SEED, time.monotonic(), TruthLog(None))


def _limit(kafka: KafkaSettings, settings: ProducerSettings, records: int) -> Taken:
    """The bare client with payloads rendered beforehand."""
    generator, _ = _generator(settings)
    invented = [generator.record() for _ in range(min(records, _PRERENDERED))]
    ready = [(record.patient_id.encode(), codec.encode(record)) for record in invented]
    client = Producer(producer_options(kafka, settings))
    headers: list[tuple[str, str | bytes | None]] = [*codec.HEADERS]
    acknowledged = 0

    def count(error: object, _: object) -> None:
        nonlocal acknowledged
        acknowledged += error is None

    watch = _Stopwatch()
    for number in range(records):
        key, payload = ready[number % len(ready)]
        while True:
            try:
                client.produce(kafka.topic, payload, key, headers=headers, on_delivery=count)
                break
            except BufferError:
                client.poll(0.1)
        if number % 500 == 0:
            client.poll(0)
    client.flush()
    taken = watch.read()
    if acknowledged != records:
        raise RuntimeError(f"only {acknowledged} of {records} records were acknowledged")
    return taken


def _bytes_on_disk(folder: Path, topic: str) -> int:
    files = folder.rglob(f"{topic}-*/*.log")
    return sum(file.stat().st_size for file in files)


if __name__ == "__main__":
    main()
