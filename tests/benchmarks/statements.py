"""Where PostgreSQL's time goes while the writer stores admissions observed again and again.

One connection, batches rendered beforehand, counted by pg_stat_statements: a statement's time holds
that of the triggers it fires, which are listed below it once more (`level` 2).

    python -m tests.benchmarks.statements --records 400000
"""

import argparse

from tests.benchmarks.kit import figures, traffic, writing
from tests.benchmarks.kit.servers import POSTGRES_OPTIONS, tables

_OPTIONS = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "all"}
_TOP = """
SELECT CASE WHEN toplevel THEN 1 ELSE 2 END, calls, total_exec_time, wal_bytes,
       regexp_replace(query, '\\s+', ' ', 'g')
  FROM pg_stat_statements ORDER BY toplevel DESC, total_exec_time DESC"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--records", type=int, default=400_000, help="of the run")
    parser.add_argument("--admissions", type=int, default=100_000, help="observed in turn")
    parser.add_argument("--batch", type=int, default=15_000, help="records a commit")
    parser.add_argument("--least", type=float, default=0.1, help="CPU us a record worth a line")
    parser.add_argument("--width", type=int, default=90, help="characters of a statement")
    given = parser.parse_args()
    with tables({**POSTGRES_OPTIONS, **_OPTIONS}) as server:
        work = writing.shares(traffic.records(given.records, given.admissions), 1, given.batch)
        server.query("CREATE EXTENSION pg_stat_statements")

        def run() -> figures.Taken:
            server.query("SELECT pg_stat_statements_reset()")
            return writing.write(server, work, "on")

        taken = writing.prerendered(run)()
        rows = server.query(_TOP)
    results = [
        {
            "level": level,
            "calls": calls,
            "us_per_record": round(milliseconds * 1e3 / given.records, 2),
            "wal_bytes_per_record": round(wal_bytes / given.records),
            "statement": text.strip()[: given.width],
        }
        for level, calls, milliseconds, wal_bytes, text in rows
        if milliseconds * 1e3 / given.records >= given.least
    ]
    facts = figures.summary([taken])
    figures.report("statements", results, **vars(given), **facts)


if __name__ == "__main__":
    main()
