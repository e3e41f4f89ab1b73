"""How much memory a consumer holds while it works off a long backlog.

Beside the most there ever was (sampled ten times a second) it tells what the process holds once
it is ready and has nothing to do: interpreter and libraries, below which no backlog brings it.

    python -m tests.benchmarks.memory --records 5000000
"""

import argparse
import time
from collections.abc import Sequence

import psutil

from tests.benchmarks.kit import consuming, figures, traffic
from tests.benchmarks.kit.servers import Broker, Tables, broker, consumers, tables
from vitalstream_devstack.service import Service

_SAMPLE_SECONDS = 0.1


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--records", type=int, default=5_000_000, help="of the backlog")
    parser.add_argument("--admissions", type=int, default=100_000, help="observed in turn")
    parser.add_argument("--writers", type=int, default=2, help="connections of the process")
    parser.add_argument("--batch", type=int, default=15_000, help="records a commit")
    parser.add_argument("--cores", type=int, default=2, help="that everything shares")
    given = parser.parse_args()
    given.cores = figures.use_cores(given.cores)
    settings = {"writers": given.writers, "batch_records": given.batch}
    samples = _Samples()
    with broker() as kafka, tables() as server:
        topic = kafka.new_topic()
        idle = _idle(kafka, server, topic, settings)
        traffic.send(kafka, topic, traffic.records(given.records, given.admissions))
        taken = consuming.work_off(
            kafka, server, topic, given.records, watched=samples.take, **settings
        )
    result = {
        "idle_mib": idle,
        "median_mib": round(figures.percentile(samples.mib, 0.5)),
        "most_mib": round(max(samples.mib)),
        "records_per_second": round(taken.rate),
    }
    figures.report("memory", [result], **vars(given))


class _Samples:
    """Resident memory of the one consumer, in MiB."""

    def __init__(self) -> None:
        self.mib: list[float] = []
        self._next = 0.0

    def take(self, services: Sequence[Service]) -> None:
        """Note how it is, if it is time again."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _SAMPLE_SECONDS
            self.mib.append(_resident_mib(services[0]))


def _idle(kafka: Broker, server: Tables, topic: str, settings: dict[str, int]) -> int:
    with server.fresh() as database, consumers(kafka, topic, database, **settings) as services:
        time.sleep(1)
        return round(_resident_mib(services[0]))


def _resident_mib(service: Service) -> float:
    return float(psutil.Process(service.pid).memory_info().rss) / 2**20


if __name__ == "__main__":
    main()
