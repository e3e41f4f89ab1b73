"""Fixtures: a database with rows, and the page that reads it."""

import http.client
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import Browser, sync_playwright
from psycopg import sql
from streamlit.testing.v1 import AppTest

import vitalstream_dashboard
from vitalstream_dashboard import service
from vitalstream_devstack.databases import Database, with_login

NOW = datetime(2026, 3, 4, 10, 42, tzinfo=UTC)
TOPIC_ID = UUID("00000000-0000-4000-8000-000000000001")
DEPARTMENTS = ("Emergency", "ICU", "Cardiology", "Neurology", "Oncology")
DIAGNOSES = ("Hypertension", "Diabetes", "COPD", "Asthma", "Sepsis", "Stroke")
ADMISSION_TYPES = ("Emergency", "Elective", "Urgent", "Observation")
LEVELS = ("Low", "Medium", "High")

Row = dict[str, Any]


def row(number: int, **changes: Any) -> Row:
    """One row of patient_records: patient and admission of that number, an hour apart."""
    level = LEVELS[number % 3]
    made: Row = {
        "patient_id": f"P{number:05}",
        "admission_id": f"A{number:05}",
        "timestamp": (NOW - timedelta(minutes=number)).replace(tzinfo=None),
        "admission_timestamp": (NOW - timedelta(hours=number)).replace(tzinfo=None),
        "patient_name": f"Name {number}",
        "age": 18 + number % 78,
        "gender": ("Male", "Female", "Other")[number % 3],
        "department": DEPARTMENTS[number % len(DEPARTMENTS)],
        "primary_diagnosis": DIAGNOSES[number % len(DIAGNOSES)],
        "admission_type": ADMISSION_TYPES[number % 4],
        "status": "Admitted",
        "insurance_provider": "Mutual",
        "heart_rate": 50 + number % 70,
        "blood_pressure": f"{100 + number % 60}/{60 + number % 30}",
        "temperature_celsius": 36.0 + number % 35 / 10,
        "oxygen_saturation": 85 + number % 16,
        "respiratory_rate": 12 + number % 19,
        "risk_score": {"Low": 1, "Medium": 3, "High": 5}[level],
        "risk_level": level,
        "attending_physician": f"Dr. {number}",
        "hospital_location": "Springfield",
    }
    return {**made, **changes}


def random_rows(seed: int, count: int) -> list[Row]:
    """Rows of fewer patients than admissions, with ties of time, as traffic may bring them."""
    draw = random.Random(seed)
    return [
        row(
            number,
            patient_id=f"P{draw.randrange(count // 2):05}",
            timestamp=(NOW - timedelta(minutes=draw.randrange(count))).replace(tzinfo=None),
            age=draw.randint(18, 95),
            department=draw.choice(DEPARTMENTS),
            primary_diagnosis=draw.choice(DIAGNOSES),
            admission_type=draw.choice(ADMISSION_TYPES),
            oxygen_saturation=draw.randint(85, 100),
            risk_level=draw.choice(LEVELS),
        )
        for number in range(count)
    ]


class Ward:
    """Puts rows into a test's database, as its owner."""

    now, levels = NOW, LEVELS
    row, random_rows = staticmethod(row), staticmethod(random_rows)

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, text: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement; returns its rows, if it has any."""
        with psycopg.connect(self._database.url()) as connection:
            cursor = connection.execute(text, values)
            return cursor.fetchall() if cursor.description else []

    def admit(self, *rows: Row) -> None:
        """Insert into patient_records."""
        self._insert("patient_records", rows)

    def replace(self, *rows: Row) -> None:
        """Update the rows of patient_records that have these admissions."""
        names = [name for name in rows[0] if name != "admission_id"]
        text = sql.SQL("UPDATE patient_records SET {} WHERE admission_id = {}").format(
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
                for name in names
            ),
            sql.Placeholder("admission_id"),
        )
        with psycopg.connect(self._database.url()) as connection:
            connection.cursor().executemany(text, rows)

    def stand(self, partition: int = 0, **columns: Any) -> None:
        """Insert a partition's row into the ledger."""
        place = {"topic_id": TOPIC_ID, "partition": partition, "topic": "patient_records"}
        self._insert("stream_offsets", [{**place, "start_offset": 0, "next_offset": 10, **columns}])

    def leave(self) -> None:
        """Cut every connection and let nobody in, as while the server is away."""
        self._command("ALTER DATABASE {} ALLOW_CONNECTIONS false")
        with psycopg.connect(self._elsewhere, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s",
                [self._database.name],
            )

    def come_back(self) -> None:
        """Let everybody in again."""
        self._command("ALTER DATABASE {} ALLOW_CONNECTIONS true")

    @property
    def _elsewhere(self) -> str:
        return with_login(self._database.admin_url, database="postgres")

    def _command(self, text: LiteralString) -> None:
        with psycopg.connect(self._elsewhere, autocommit=True) as connection:
            connection.execute(sql.SQL(text).format(sql.Identifier(self._database.name)))

    def _insert(self, table: str, rows: Sequence[Row]) -> None:
        text = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, rows[0])),
            sql.SQL(", ").join(map(sql.Placeholder, rows[0])),
        )
        with psycopg.connect(self._database.url()) as connection:
            connection.cursor().executemany(text, rows)


@pytest.fixture
def ward(database: Database) -> Ward:
    """The test's database, to put rows into."""
    return Ward(database)


@pytest.fixture(autouse=True)
def fresh_service() -> Iterator[None]:
    """Each test's page reads its own database."""
    service.service.cache_clear()
    yield
    if service.service.cache_info().currsize:
        service.service().close()
    service.service.cache_clear()


@pytest.fixture
def page(database: Database, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page over the test's database, as the viewer; not yet run."""
    monkeypatch.setenv("DATABASE_URL", database.url("viewer"))
    app = vitalstream_dashboard.__path__[0] + "/app.py"
    return AppTest.from_file(app, default_timeout=30)


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, Debian's own."""
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH: apt-get install chromium enables the browser tests")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


LONG_ENOUGH = 60.0


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """One running dashboard and its two ports."""

    def __init__(self, **environment: str) -> None:
        self.page_port, self.ops_port = free_port(), free_port()
        wanted = {
            "STREAMLIT_SERVER_PORT": str(self.page_port),
            "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
            "OPS_HOST": "127.0.0.1",
            "OPS_PORT": str(self.ops_port),
            "LOG_FORMAT": "json",
            **environment,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vitalstream_dashboard"],
            env={**os.environ, **wanted},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def get(self, path: str, *, page: bool = False) -> tuple[int, str]:
        """Status and body from the ops port, or from the page's; status 0 while nobody answers."""
        port = self.page_port if page else self.ops_port
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as client:
            try:
                client.request("GET", path)
                answer = client.getresponse()
                return answer.status, answer.read().decode()
            except OSError:
                return 0, ""

    def wait_for(self, path: str, status: int, *, page: bool = False) -> str:
        """The body, once the status is as wanted."""
        deadline = time.monotonic() + LONG_ENOUGH
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                pytest.fail(f"it ended: {self.process.communicate()}")
            found, body = self.get(path, page=page)
            if found == status:
                return body
            time.sleep(0.1)
        pytest.fail(f"{path} did not become {status}: it is {found} {body}")

    def wait_until_said(self, sample: str) -> None:
        """Until the metrics have this line."""
        deadline = time.monotonic() + LONG_ENOUGH
        while time.monotonic() < deadline:
            if sample in self.get("/metrics")[1].splitlines():
                return
            time.sleep(0.2)
        pytest.fail(f"the metrics never said {sample}")

    def end(self) -> tuple[int, str, str]:
        """Its exit code, its log and its standard error, once it has ended by itself."""
        log, said = self.process.communicate(timeout=LONG_ENOUGH)
        return self.process.returncode, log, said

    def kill(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture(name="free_port")
def _free_port() -> Any:
    """Finds ports that nobody listens on."""
    return free_port


@pytest.fixture
def start() -> Iterator[Any]:
    """Starts programs; whatever still runs afterwards is killed."""
    started: list[Program] = []

    def program(**environment: str) -> Program:
        started.append(Program(**environment))
        return started[-1]

    yield program
    for one in started:
        one.kill()
