"""How fast consumer processes work off a backlog, against the SQL path alone and raw COPY.

`writer` is `everything rendered` of the benchmark of that name; raw COPY is the first
specification's 21 columns, in its best form; all in turns within one run. The servers have the
machine's other cores to themselves, the same ones in each of the runs, if there are any.

    python -m tests.benchmarks.consumer --records 1000000 --replicas 1 2 3
"""

import argparse
from functools import partial
from typing import TYPE_CHECKING

from tests.benchmarks.kit import consuming, copying, figures, traffic, writing
from tests.benchmarks.kit.servers import Broker, Tables, broker, tables

if TYPE_CHECKING:
    from collections.abc import Callable

_COPY_BATCH = 100_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--records", type=int, default=1_000_000, help="of the backlog")
    parser.add_argument("--admissions", type=int, default=100_000, help="observed in turn")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--writers", type=int, default=2, help="connections of one process")
    parser.add_argument("--batch", type=int, default=15_000, help="records a commit")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; medians are shown")
    parser.add_argument(
        "--cores", type=int, default=2, help="of the clients: a writer, COPY, or all replicas"
    )
    given = parser.parse_args()
    clients, servers = figures.part_cores(given.cores)
    with broker() as kafka, tables() as server:
        figures.move(clients)
        taken = _measure(kafka, server, given)
    limit = max((n for n in taken if n.startswith("copy")), key=lambda n: figures.rate(taken[n]))
    results = [
        {
            "what": name,
            "of_writer": figures.of_limit(each, taken["writer"]),
            "of_copy": figures.of_limit(each, taken[limit]),
            **figures.summary(each),
        }
        for name, each in reversed(taken.items())
    ]
    cores = {"cores": len(clients), "server_cores": len(servers), "shared": clients == servers}
    figures.report("consumer", results, limit=limit, **vars(given) | cores)


def _measure(
    kafka: Broker, server: Tables, given: argparse.Namespace
) -> dict[str, list[figures.Taken]]:
    topic = kafka.new_topic()
    traffic.send(kafka, topic, traffic.records(given.records, given.admissions))
    unique = traffic.records(given.records, given.records)
    runs: dict[str, Callable[[], figures.Taken]] = {
        f"copy {lines.form}": partial(copying.copy, server, lines, "on")
        for lines in copying.rendered(server, unique, [_COPY_BATCH])
    }
    work = writing.shares(
        traffic.records(given.records, given.admissions), given.writers, given.batch
    )
    runs["writer"] = writing.prerendered(partial(writing.write, server, work, "on"))
    settings = {"writers": given.writers, "batch_records": given.batch}
    for replicas in given.replicas:
        runs[f"consumer {replicas}"] = partial(
            consuming.work_off, kafka, server, topic, given.records, replicas, **settings
        )
    return figures.in_turns(given.repeats, runs)


if __name__ == "__main__":
    main()
