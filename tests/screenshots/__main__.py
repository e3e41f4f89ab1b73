"""`make screenshots`: every page at three sizes in both themes, over a seeded database.

A PostgreSQL of its own is filled with a few days of a hospital, the dashboard is started over it,
and a headless Chromium takes the pictures.

    python -m tests.screenshots --folder build/screenshots --pages overview --themes dark
"""

import argparse
import contextlib
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
from playwright.sync_api import Browser, Page, sync_playwright

from tests.benchmarks.kit.filling import fill_all
from tests.benchmarks.kit.servers import tables
from tests.screenshots.running import dashboard
from vitalstream_devstack.databases import Database

SIZES = {"wall": (1920, 1080), "desk": (1280, 800), "phone": (390, 844)}
THEMES = ("light", "dark")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")
PAGES = ("overview", "patient", "search", "trends", "operations")
_PATIENCE = 90
_TABLES_DRAWN = """() => [...document.querySelectorAll("[data-testid=stDataFrame]")].every(
    (table) => table.querySelector("canvas"))"""
_CHANGES = """
INSERT INTO census_changes
SELECT extract(epoch FROM minute)::bigint / 60 % 64, d.department, level, 0, minute,
       (random() * 1.2)::integer * (n % 4 / 3),
       CASE WHEN d.department = '' THEN (random() * 1.1)::integer * (n % 4 / 3)
            WHEN random() < 0.03 THEN (random() * 3)::integer - 1 ELSE 0 END,
       (random() * 60)::integer * (n % 4 / 3),
       (CASE WHEN level = 'High' THEN random() * 1.6 - 0.6 ELSE 0 END)::integer * (n % 3 / 2), 0
  FROM generate_series(0, 59) AS n
 CROSS JOIN LATERAL (SELECT date_trunc('minute', now()) - n * interval '1 minute') AS m (minute)
 CROSS JOIN (SELECT DISTINCT CASE dimension WHEN 'all' THEN '' ELSE key END AS department
               FROM census WHERE dimension IN ('all', 'department')) AS d
 CROSS JOIN unnest(ARRAY['Low', 'Medium', 'High']) AS level"""
_STREAM = """
INSERT INTO stream_offsets (topic_id, partition, topic, start_offset, next_offset, claimed_at,
       stored, duplicates, stale, dead)
SELECT '5c0f6e0a-6c39-4a5b-9b5e-0d9a3c1f7e21', p, 'patient_records', 0, 412000 + p * 977,
       now() - interval '2 hours', 411800 + p * 977, 120, 61, 19 FROM generate_series(0, 2) AS p"""
_LETTERS = """
INSERT INTO dead_letters (topic_id, partition, "offset", topic, key, payload, headers, appended_at,
       reason, field, error, first_seen)
SELECT '5c0f6e0a-6c39-4a5b-9b5e-0d9a3c1f7e21', n % 3, 4000 + n, 'patient_records',
       ('p' || n)::bytea, ('{"patient_id": "p' || n || '", "heart_rate": 999}')::bytea,
       '[["schema-version", "MQ=="]]',
       now() - n * interval '7 minutes',
       CASE WHEN n % 4 = 0 THEN 'not_json' ELSE 'out_of_range' END,
       CASE WHEN n % 4 = 0 THEN NULL ELSE 'heart_rate' END,
       CASE WHEN n % 4 = 0 THEN 'the payload is no JSON' ELSE 'heart_rate is not in 0 to 300' END,
       now() - n * interval '7 minutes' FROM generate_series(1, 57) AS n"""
_GAP = """
INSERT INTO stream_gaps (topic_id, partition, first_offset, next_offset, topic, kind, seen_at)
VALUES ('5c0f6e0a-6c39-4a5b-9b5e-0d9a3c1f7e21', 1, 1200, 1260, 'patient_records', 'deleted',
        now() - interval '5 hours')"""
_TICK = """
UPDATE stream_offsets SET next_offset = next_offset + 40, stored = stored + 40,
       log_end_offset = next_offset + 40, last_append_at = clock_timestamp() - interval '0.4 s',
       last_commit_at = clock_timestamp(), log_end_at = clock_timestamp()"""


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--folder", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--pages", nargs="+", default=PAGES, choices=PAGES)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--themes", nargs="+", default=THEMES, choices=THEMES)
    parser.add_argument("--whole", action="store_true", help="the whole page, not one screen")
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("no chromium on PATH: apt-get install chromium")
    given.folder.mkdir(parents=True, exist_ok=True)
    with tables() as server, server.fresh() as database:
        seed(database)
        with ticking(database), dashboard(database) as running, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            for theme in given.themes:
                for size in given.sizes:
                    for page in given.pages:
                        path = given.folder / f"{page}-{size}-{theme}.png"
                        take(
                            browser,
                            running.address,
                            database,
                            page,
                            size,
                            theme,
                            path,
                            whole=given.whole,
                        )
                        print(path, flush=True)
            browser.close()


def seed(database: Database) -> None:
    """A hospital of 300 beds and a hundred former stays, a stream, dead letters, a gap."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        fill_all(connection, 400, 190, beds=300)
        connection.execute("DELETE FROM census_changes")
        for statement in (_CHANGES, _STREAM, _LETTERS, _GAP):
            connection.execute(statement.encode())


@contextlib.contextmanager
def ticking(database: Database) -> Iterator[None]:
    """Let the stream go on, once a second."""
    ended = threading.Event()

    def tick() -> None:
        with psycopg.connect(database.url(), autocommit=True) as connection:
            while not ended.wait(1):
                connection.execute(_TICK)

    thread = threading.Thread(target=tick)
    thread.start()
    yield
    ended.set()
    thread.join()


def take(  # noqa: PLR0917 - a picture is of a page, a size and a theme
    browser: Browser,
    address: str,
    database: Database,
    page: str,
    size: str,
    theme: str,
    path: Path,
    *,
    whole: bool,
) -> None:
    """Open a page as a viewer would, and take its picture once everything is drawn."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
    )
    tab = context.new_page()
    tab.set_default_timeout(_PATIENCE * 1_000)
    failures: list[str] = []
    tab.on("pageerror", lambda error: failures.append(str(error)))
    open_page(tab, address, database, page)
    if whole:
        tab.set_viewport_size({"width": width, "height": _length(tab)})
        tab.wait_for_timeout(1_500)
    tab.screenshot(path=path)
    context.close()
    if failures:
        sys.exit(f"{page}: {failures[0]}")


def open_page(tab: Page, address: str, database: Database, page: str) -> None:
    """Go there and wait until it is drawn."""
    if page == "overview":
        tab.goto(address)
        tab.wait_for_selector(".js-plotly-plot >> nth=3")
    elif page == "patient":
        tab.goto(f"{address}/patient?p={link(database)}")
        tab.wait_for_selector(".js-plotly-plot")
    elif page == "search":
        tab.goto(f"{address}/patient")
        box = tab.get_by_role("textbox")
        box.fill("ad")
        box.press("Enter")
        tab.get_by_role("button", name="Open").first.wait_for()
    elif page == "trends":
        tab.goto(f"{address}/trends")
        tab.wait_for_selector(".js-plotly-plot >> nth=1")
    else:
        tab.goto(f"{address}/operations")
        tab.get_by_text("Newest letter").wait_for()
        tab.get_by_text(" /s").wait_for()
    tab.wait_for_function(_TABLES_DRAWN)
    tab.wait_for_timeout(2_500)


def link(database: Database) -> str:
    """Who has the highest NEWS2 and an earlier admission."""
    with psycopg.connect(database.url()) as connection:
        row = connection.execute(
            "SELECT link FROM newest_admissions JOIN patient_records r USING (patient_id)"
            " WHERE newest AND EXISTS (SELECT FROM patient_records o WHERE NOT o.newest"
            " AND o.patient_id = r.patient_id) ORDER BY news2 DESC LIMIT 1"
        ).fetchone()
    return str(row[0]) if row else ""


def _length(tab: Page) -> int:
    found = tab.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    return int(json.loads(str(found)))


if __name__ == "__main__":
    main()
