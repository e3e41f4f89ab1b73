"""Every reader query at two sizes, a full refresh of the overview, and ten browser sessions.

Method: two databases of one server are filled by PostgreSQL itself, a small and a large one with
the same observations for each admission; each query of the reader is then asked of both in turns,
as an operator's login, and the 95th percentiles are compared (`of_limit` is the large one's over
the small one's; what a query costs at least is the row `limit`, `SELECT 1` over the same
connection). A refresh is all queries of the overview in one snapshot and the building of its
figures and tables. The sessions are WebSocket clients that open the overview as a browser does and
take every redraw; CPU and memory are those of the dashboard's process alone.

    python -m tests.benchmarks.dashboard --admissions 1000000 --each 10 --sessions 10 --seconds 1800
"""

import argparse
import contextlib
import itertools
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psutil
import psycopg
from websockets.sync.client import connect

from tests.benchmarks.kit import figures
from tests.benchmarks.kit.filling import fill_all
from tests.benchmarks.kit.servers import tables
from tests.screenshots.running import dashboard
from vitalstream_dashboard import charts, course, lists, table, theme
from vitalstream_devstack.databases import Database
from vitalstream_storage import reader
from vitalstream_storage.migrate import current_version
from vitalstream_storage.pool import Connection

_OPTIONS = {"shared_buffers": "1GB", "work_mem": "32MB", "maintenance_work_mem": "512MB"}
Question = Callable[[Connection], object]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--admissions", type=int, default=1_000_000, help="of the large one")
    parser.add_argument("--small", type=int, default=10_000, help="admissions of the small one")
    parser.add_argument("--each", type=int, default=10, help="observations of each admission")
    parser.add_argument("--beds", type=int, default=5_000, help="patients in the house at both")
    parser.add_argument("--repeats", type=int, default=16, help="turns of each query")
    parser.add_argument("--turn-seconds", type=float, default=0.25, help="of one query in a turn")
    parser.add_argument("--sessions", type=int, default=10, help="browser sessions; 0 for none")
    parser.add_argument("--seconds", type=float, default=60, help="of the sessions")
    given = parser.parse_args()
    with tables(_OPTIONS) as server, server.fresh() as small, server.fresh() as large:
        taken = {"small": _fill(small, given.small, given.each, given.beds)}
        taken["large"] = _fill(large, given.admissions, given.each, given.beds)
        results = _queries(small, large, given.repeats, given.turn_seconds)
        results.append(_refresh(large, given.repeats))
        if given.sessions:
            results.append(_sessions(large, given.admissions, given.sessions, given.seconds))
    figures.report("dashboard", results, **vars(given), fill_seconds=taken)


def _fill(database: Database, admissions: int, each: int, beds: int) -> float:
    start = time.perf_counter()
    with psycopg.connect(database.url(), autocommit=True) as connection:
        fill_all(connection, admissions, each, beds)
        connection.execute("VACUUM ANALYZE patient_records, observations, newest_admissions")
        connection.execute(
            "INSERT INTO stream_offsets (topic_id, partition, topic, start_offset, next_offset)"
            " SELECT '00000000-0000-4000-8000-000000000001', p, 't', 0, 9"
            " FROM generate_series(0, 2) p"
        )
        connection.execute(
            'INSERT INTO dead_letters (topic_id, partition, "offset", topic, key, payload, reason,'
            " error) SELECT '00000000-0000-4000-8000-000000000001', 0, n, 't', 'k', 'x',"
            " 'not_json', 'e' FROM generate_series(1, %s) n",
            [admissions // 10 + 1],
        )
    return round(time.perf_counter() - start, 1)


def _asked(database: Database) -> dict[str, Question]:
    """Each query under its name; those of a patient go through many."""
    now = datetime.now(UTC)
    with psycopg.connect(database.url("viewer"), autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        rows = connection.execute(
            "SELECT r.patient_id, r.admission_id, link FROM patient_records r"
            " JOIN newest_admissions n USING (admission_id) ORDER BY r.admission_id LIMIT 400"
        ).fetchall()
    patients = itertools.cycle(rows)
    topic = "00000000-0000-4000-8000-000000000001"
    names = itertools.cycle(["ada berg", "kim", "om ha", "nobodyatall", "pr jo"])

    def timeline(connection: Connection) -> object:
        return reader.timeline(connection, next(patients)[1], now - timedelta(days=7), now)

    return {
        "kpis": reader.kpis,
        "breakdown": reader.breakdown,
        "vital_averages": reader.vital_averages,
        "recent_records": lambda c: reader.recent_records(c, None, 500),
        "recent_records_of_a_risk": lambda c: reader.recent_records(c, "Medium", 500),
        "changes": reader.changes,
        "departments": reader.departments,
        "worsened": reader.worsened,
        "silence": lambda c: reader.silence(c, limit=8),
        "stays": reader.stays,
        "links": lambda c: reader.links(c, [row[0] for row in rows[:6]]),
        "find_by_name": lambda c: reader.find_patients(c, next(names)),
        "find_by_id": lambda c: reader.find_patients(c, next(patients)[0][:6]),
        "admissions": lambda c: reader.admissions(c, next(patients)[2]),
        "timeline": timeline,
        "hourly": lambda c: reader.hourly(c, "temperature", now - timedelta(days=30), now),
        "ledger": reader.ledger,
        "gaps": reader.gaps,
        "current_version": current_version,
        "dead_letter_reasons": reader.dead_letter_reasons,
        "dead_letter_samples": lambda c: reader.dead_letter_samples(c, "not_json"),
        "dead_letter_content": lambda c: reader.dead_letter_content(c, topic, 0, 1),  # type: ignore[arg-type]  # a text of it will do
        "limit": lambda c: c.execute("SELECT 1").fetchall(),
    }


def _queries(
    small: Database, large: Database, repeats: int, turn_seconds: float
) -> list[dict[str, object]]:
    taken: dict[str, dict[str, list[float]]] = {}
    with contextlib.ExitStack() as open_ones:
        sides = {
            name: (
                open_ones.enter_context(psycopg.connect(one.url("operator"), autocommit=True)),
                _asked(one),
            )
            for name, one in (("small", small), ("large", large))
        }
        for _ in range(repeats + 1):  # the first turn warms up
            for name in _asked(small):
                for side, (connection, questions) in sides.items():
                    times = list(_times(connection, questions[name], turn_seconds))
                    taken.setdefault(name, {}).setdefault(side, []).append(
                        figures.percentile(times, 0.95)
                    )
    return [_row(name, by_side) for name, by_side in taken.items()]


def _times(connection: Connection, question: Question, seconds: float) -> Iterator[float]:
    """Seconds of each of many calls, each in a snapshot of its own, as a page has it."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        with reader.snapshot(connection):
            start = time.perf_counter()
            question(connection)
            yield time.perf_counter() - start


def _row(name: str, by_side: dict[str, list[float]]) -> dict[str, object]:
    small, large = (statistics.median(by_side[side][1:]) for side in ("small", "large"))
    return {
        "what": name,
        "p95_ms_small": round(small * 1e3, 2),
        "p95_ms": round(large * 1e3, 2),
        "of_limit": round(large / small, 2),
    }


def _refresh(database: Database, repeats: int) -> dict[str, object]:
    """The overview's queries and figures, one after the other, in this process."""
    taken: list[float] = []
    with psycopg.connect(database.url("viewer"), autocommit=True) as connection:
        for _ in range(max(10, repeats)):
            start = time.perf_counter()
            _overview(connection)
            taken.append(time.perf_counter() - start)
    return {
        "what": "refresh",
        "median_ms": round(statistics.median(taken) * 1e3, 1),
        "p95_ms": round(figures.percentile(taken, 0.95) * 1e3, 1),
    }


def _overview(connection: Connection) -> None:
    now = datetime.now(UTC)
    with reader.snapshot(connection):
        reader.ledger(connection)
        kpis = reader.kpis(connection)
        changes = reader.changes(connection)
        silence = reader.silence(connection, limit=8)
        links = reader.links(connection, [one.patient_id for one in silence.patients])
        departments, worsened = reader.departments(connection), reader.worsened(connection)
        reader.vital_averages(connection)
        counts = reader.breakdown(connection)
        records = reader.recent_records(connection, None, 100)
    course.course(kpis, changes)
    lists.needs(departments, silence.departments, "High")
    lists.worse(worsened)
    lists.silence(silence.patients, links, now)
    table.frame(records, UTC)
    for build, shown in (
        (charts.departments, counts.departments),
        (charts.risks, counts.risk_levels),
        (charts.diagnoses, counts.diagnoses),
        (charts.admission_types, counts.admission_types),
    ):
        json.dumps(build(shown, theme.LIGHT))


def _sessions(database: Database, admissions: int, count: int, seconds: float) -> dict[str, object]:
    """Sessions that redraw every two seconds, over a database that changes every second."""
    ended = threading.Event()
    redraws = [0] * count
    with dashboard(database, DASHBOARD_REFRESH_SECONDS="2") as running:
        process = psutil.Process(running.pid)
        threads = [
            threading.Thread(target=_session, args=(running.address, redraws, n, ended))
            for n in range(count)
        ]
        threads.append(threading.Thread(target=_change, args=(database, admissions, ended)))
        for thread in threads:
            thread.start()
        time.sleep(min(30, seconds / 3))  # until all have opened and memory has settled
        before, drawn = process.memory_info().rss, sum(redraws)
        watch = figures.Stopwatch(dashboard=[running.pid])
        most = before
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(min(1, seconds))
            most = max(most, process.memory_info().rss)
        taken, after = watch.read(1), process.memory_info().rss
        drawn = sum(redraws) - drawn
        ended.set()
        for thread in threads:
            thread.join()
    return {
        "what": "sessions",
        "sessions": count,
        "seconds": round(taken.seconds),
        "cores": round(taken.cpu["dashboard"] / taken.seconds, 2),
        "rss_mib_start": round(before / 2**20),
        "rss_mib_end": round(after / 2**20),
        "rss_mib_most": round(most / 2**20),
        "messages_per_second": round(drawn / taken.seconds, 1),
    }


def _session(address: str, redraws: list[int], number: int, ended: threading.Event) -> None:
    """What a browser's tab does: open, ask for the page, ask for each redraw that is due."""
    from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: PLC0415 - slow, for sessions only
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: PLC0415 - likewise

    url = address.replace("http://", "ws://") + "/_stcore/stream"
    with connect(url, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        first = BackMsg()
        first.rerun_script.query_string = ""
        socket.send(first.SerializeToString())
        due: dict[str, tuple[float, float]] = {}
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                message = ForwardMsg()
                message.ParseFromString(socket.recv(timeout=0.1))
                redraws[number] += message.WhichOneof("type") == "script_finished"
                if message.WhichOneof("type") == "auto_rerun":
                    rerun = message.auto_rerun
                    due[rerun.fragment_id] = (time.monotonic() + rerun.interval, rerun.interval)
            for fragment, (at, interval) in list(due.items()):
                if time.monotonic() >= at:
                    again = BackMsg()
                    again.rerun_script.fragment_id = fragment
                    again.rerun_script.is_auto_rerun = True
                    socket.send(again.SerializeToString())
                    due[fragment] = (time.monotonic() + interval, interval)


def _change(database: Database, admissions: int, ended: threading.Event) -> None:
    """Observe one of the newest admissions each second."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        for number in itertools.count():
            if ended.wait(1):
                return
            connection.execute(
                "UPDATE patient_records SET heart_rate = heart_rate % 90 + 60,"
                " timestamp = timezone('UTC', now()) WHERE admission_id ="
                " 'A' || substr(md5('a' || %s::bigint), 1, 12)".replace("% 90", "%% 90"),
                [admissions - number % 1_000],
            )


if __name__ == "__main__":
    main()
