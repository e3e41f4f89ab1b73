"""The parts of the demo, the order they start in, and the other order they stop in."""

import time
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import psycopg

from vitalstream_devstack.databases import maintain, migrate
from vitalstream_devstack.demo import database, environment, verdict
from vitalstream_devstack.demo.folder import logins
from vitalstream_devstack.demo.ports import Ports
from vitalstream_devstack.demo.settings import DemoSettings, ReusedSettings
from vitalstream_devstack.demo.steps import say, step
from vitalstream_devstack.errors import CancelledError
from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.kafka_jars import kafka_classpath
from vitalstream_devstack.postgres import EmbeddedPostgres
from vitalstream_devstack.service import Service
from vitalstream_runtime.kafka import ensure_topic
from vitalstream_runtime.shutdown import Shutdown

Part = EmbeddedKafka | EmbeddedPostgres | Service


class Stack:
    """Two servers, unless they run already, and three services.

    Args:
        settings: The demo's.
        reused: Servers that run already.
        ports: Where everything listens.
        folder: The data directory, ours alone.
        shutdown: Asked while something starts.
    """

    def __init__(
        self,
        settings: DemoSettings,
        reused: ReusedSettings,
        ports: Ports,
        folder: Path,
        shutdown: Shutdown,
    ) -> None:
        self._settings, self._reused, self._ports = settings, reused, ports
        self._folder, self._shutdown = folder, shutdown
        self._parts: dict[str, Part] = {}
        if reused.kafka_bootstrap_servers is None:
            self._parts["Kafka"] = EmbeddedKafka(folder / "kafka", port=ports.kafka)
        if reused.database_url is None:
            self._parts["PostgreSQL"] = EmbeddedPostgres(folder / "postgres", port=ports.postgres)
        logs = folder / "logs"
        self._producer = Service("producer", logs, ports.producer)
        self._consumer = Service("consumer", logs, ports.consumer)
        self._dashboard = Service("dashboard", logs, ports.dashboard)
        for service in (self._dashboard, self._consumer, self._producer):
            self._parts[service.name] = service
        self._kafka = environment.kafka_settings(reused, f"127.0.0.1:{ports.kafka}")
        self._shared = environment.compose(reused, self._kafka.bootstrap_servers)
        self._ack_log = folder / "acknowledged.jsonl"
        self._urls: dict[str, str] = {}
        self._topic_id = UUID(int=0)
        self._before: dict[int, verdict.Position] = {}
        self._echoed = 0

    def start(self) -> None:
        """Start everything, a line of progress for each step.

        Raises:
            CancelledError: The shutdown was requested meanwhile.
            StartupError: What keeps a part from starting.
        """
        self._start_servers()
        self._lay_tables()
        with step("topic") as now:
            self._topic_id = ensure_topic(self._kafka)
            now.result = self._kafka.topic
        self._ack_log.unlink(missing_ok=True)
        with self._ask() as connection:
            self._before = verdict.read_ledger(connection, self._topic_id)
        own = {
            "consumer": self._shared | {"DATABASE_URL": self._urls["writer"]},
            "producer": environment.for_producer(self._shared, self._settings, self._ack_log),
            "dashboard": environment.for_dashboard(self._shared, self._ports.page)
            | {
                "DATABASE_URL": self._urls["viewer"],
                "DASHBOARD_OPERATOR_DATABASE_URL": self._urls["operator"],
            },
        }
        for service in (self._consumer, self._producer, self._dashboard):
            self._check()
            service.log_file.unlink(missing_ok=True)
            with step(service.name) as now:
                service.start(own[service.name], lambda: self._shutdown.requested)
                now.result = service.metrics_url

    def directions(self) -> str:
        """Where a person finds what now runs."""
        return (
            f"\n  dashboard      http://127.0.0.1:{self._ports.page}\n"
            f"  Kafka          kcat -b {self._kafka.bootstrap_servers} -t {self._kafka.topic} -C\n"
            f'  PostgreSQL     psql "{self._urls["viewer"]}"\n'
            f"  logs           {self._folder / 'logs'}\n"
            "\nCtrl-C stops everything.\n"
        )

    def find_dead(self) -> str | None:
        """The name of a part that ended by itself, if any.

        A producer that was told PRODUCER_MAX_RECORDS ends in peace.
        """
        for name, part in self._parts.items():
            finished = part is self._producer and self._producer.exit_code == 0
            if not part.running and not finished:
                return name
        return None

    def last_lines(self, name: str, lines: int) -> list[str]:
        """The end of a part's log."""
        return self._parts[name].log_tail(lines)

    def echo_producer(self) -> None:
        """Show the producer's lines for a person since the last time; its log has them all."""
        with self._producer.log_file.open("rb") as log:
            log.seek(self._echoed)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._echoed += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if line.startswith("[Producer]"):
                say(line)

    def stop_producer(self) -> None:
        """Stop the producer, everything it sent acknowledged."""
        self._producer.stop()
        self.echo_producer()

    def judge(self, patience_seconds: float) -> verdict.Verdict:
        """Let the consumer finish, stop it, and hold the tables against what was acknowledged.

        Args:
            patience_seconds: How long the consumer may take; what is not stored then is lost.
        """
        ends = verdict.read_ends(self._ack_log)
        deadline = time.monotonic() + patience_seconds
        with self._ask() as connection:
            while self._consumer.running and time.monotonic() < deadline:
                if not verdict.count_waiting(connection, self._topic_id, ends):
                    break
                time.sleep(0.1)
            self._consumer.stop()
            return verdict.judge(connection, self._topic_id, self._ack_log, self._before)

    def stop(self) -> None:
        """Stop what runs: producer, consumer, dashboard, Kafka, PostgreSQL."""
        with ExitStack() as last_first:
            for name in ("PostgreSQL", "Kafka", "dashboard", "consumer", "producer"):
                if name in self._parts:
                    last_first.callback(self._parts[name].stop)

    def _start_servers(self) -> None:
        kafka, postgres = self._parts.get("Kafka"), self._parts.get("PostgreSQL")
        if isinstance(kafka, EmbeddedKafka):
            with step("Kafka jars") as now:

                def progress(done: int, total: int) -> None:
                    self._check()
                    now.progress(done, total)

                kafka_classpath(progress)
            self._check()
            with step("Kafka") as now:
                kafka.start(lambda: self._shutdown.requested)
                now.result = kafka.bootstrap_servers
        self._check()
        if isinstance(postgres, EmbeddedPostgres):
            with step("PostgreSQL") as now:
                postgres.start(lambda: self._shutdown.requested)
                now.result = f"127.0.0.1:{postgres.port}"
        self._check()

    def _lay_tables(self) -> None:
        known = logins(self._folder)
        postgres = self._parts.get("PostgreSQL")
        with step("migrations") as now:
            if isinstance(postgres, EmbeddedPostgres):
                owner = database.create(postgres.url(), known)
            else:
                owner = self._reused.database_url or ""
            now.result = migrate(owner, self._shared)
            self._urls = database.add_logins(owner, known)
        self._check()
        with step("partitions") as now:
            now.result = maintain(owner, self._shared)
        self._check()

    def _ask(self) -> psycopg.Connection:
        """A connection that may read everything, and sees each commit at once."""
        return psycopg.connect(self._urls["operator"], autocommit=True)

    def _check(self) -> None:
        if self._shutdown.requested:
            raise CancelledError("asked to stop")
