"""How fast the SQL path alone stores records decoded beforehand, against raw COPY of 21 columns.

`admissions`: each record a new admission, into patient_records alone, as other sinks do it: without
the triggers and with the primary key alone.
`everything`: each admission observed again and again, at least `--admissions` records apart, with
observations, patient_records and all that is counted. `rendered` leaves out the time to render
rows to COPY's text, which is the consumer's Python and not SQL; `decoded` has it in.
Raw COPY writes as many rows with unique keys through one connection, in the best of its forms.

    python -m tests.benchmarks.writer --records 1000000 --admissions 100000
"""

import argparse
from collections.abc import Callable
from functools import partial

from tests.benchmarks.kit import copying, figures, traffic, writing
from tests.benchmarks.kit.servers import Tables, tables


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--records", type=int, default=1_000_000, help="records a run")
    parser.add_argument("--admissions", type=int, default=100_000, help="observed in turn")
    parser.add_argument("--batch", type=int, default=15_000, help="records a commit of the writer")
    parser.add_argument("--copy-batches", type=int, nargs="+", default=[15_000, 100_000])
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--modes", nargs="+", default=["admissions", "everything"])
    parser.add_argument("--synchronous-commit", default="on")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; medians are shown")
    parser.add_argument("--cores", type=int, default=4, help="that everything shares")
    given = parser.parse_args()
    cores = figures.use_cores(given.cores)
    with tables() as server:
        runs = _copy_runs(server, given) | _writer_runs(server, given)
        taken = figures.in_turns(given.repeats, runs)
    limit = max((n for n in taken if n.startswith("copy")), key=lambda n: figures.rate(taken[n]))
    results = [
        {
            "what": name,
            "of_copy": figures.of_limit(each, taken[limit]),
            **figures.summary(each),
        }
        for name, each in taken.items()
    ]
    figures.report(
        "writer",
        results,
        limit=limit,
        **{key: value for key, value in vars(given).items() if key != "cores"},
        cores=cores,
    )


def _copy_runs(server: Tables, given: argparse.Namespace) -> dict[str, Callable[[], figures.Taken]]:
    unique = traffic.records(given.records, given.records)
    return {
        f"copy {lines.form} {len(lines.batches)}": partial(
            copying.copy, server, lines, given.synchronous_commit
        )
        for lines in copying.rendered(server, unique, given.copy_batches)
    }


def _writer_runs(
    server: Tables, given: argparse.Namespace
) -> dict[str, Callable[[], figures.Taken]]:
    runs: dict[str, Callable[[], figures.Taken]] = {}
    for mode in given.modes:
        admissions = given.records if mode == "admissions" else given.admissions
        for connections in given.connections:
            work = writing.shares(
                traffic.records(given.records, admissions), connections, given.batch
            )
            run = partial(
                writing.write,
                server,
                work,
                given.synchronous_commit,
                bare=mode == "admissions",
            )
            runs[f"{mode} decoded {connections}"] = run
            runs[f"{mode} rendered {connections}"] = writing.prerendered(run)
    return runs


if __name__ == "__main__":
    main()
