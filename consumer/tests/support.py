"""The consumer as a process, traffic for it, and what became of it."""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.oracle import read_topic, verify
from tests.oracle.traffic import Message
from vitalstream_devstack.ports import free_port
from vitalstream_runtime.kafka import topic_id

WAIT_SECONDS = 60.0


def eventually(done: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait until it is so; fails with what was waited for."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class Replica:
    """One consumer process."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self._environment = {"OPS_PORT": str(self.port)} | environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Replica":
        """Start the process; does not wait for it to be ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vitalstream_consumer"],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process is not None, "not started"
        return self._process

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it at once, as an out-of-memory kill does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop, as Kubernetes does, once it can hear; returns the exit code."""
        eventually(lambda: self.get("/livez")[0] or not self.running, "it is there")
        self.process.terminate()
        return self.exit_code()

    def exit_code(self) -> int:
        """Wait for it to end by itself."""
        return self.process.wait(WAIT_SECONDS)

    @property
    def output(self) -> str:
        """All that it has printed."""
        return self._log.read_text() if self._log.exists() else ""

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its log lines with this event, in order."""
        lines = [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an ops endpoint; status 0 while it does not listen."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    @property
    def ready(self) -> bool:
        """Whether /readyz says so."""
        return self.get("/readyz")[0] == 200

    @property
    def reasons(self) -> dict[str, str]:
        """Why it is not ready."""
        body = self.get("/readyz")[1]
        return dict(json.loads(body)["reasons"]) if body else {}

    def metric(self, name: str, **labels: str) -> float | None:
        """The value of one of the consumer's metrics; None if it is not there."""
        inner = ",".join(f'{key}="{value}"' for key, value in labels.items())
        series = f"vitalstream_consumer_{name}" + (f"{{{inner}}}" if inner else "")
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return float(found[1]) if found else None


class Stream:
    """A topic and the tables it must end in.

    Args:
        bootstrap_servers: The broker.
        topic: The topic.
        url: The tables' owner.
    """

    def __init__(self, bootstrap_servers: str, topic: str, url: str) -> None:
        self.topic = topic
        self.url = url
        self.admin = AdminClient({"bootstrap.servers": bootstrap_servers})
        self._bootstrap_servers = bootstrap_servers
        self._producer = Producer(
            {"bootstrap.servers": bootstrap_servers, "linger.ms": 5, "message.max.bytes": 1_048_588}
        )

    @property
    def topic_id(self) -> UUID:
        """The broker's id of the topic."""
        return topic_id(self.admin, self.topic)

    @property
    def partitions(self) -> int:
        """How many the broker says that the topic has."""
        return len(self.admin.list_topics(self.topic, WAIT_SECONDS).topics[self.topic].partitions)

    def send(self, messages: Iterable[Message], partition: int = -1) -> None:
        """Put records on the topic and wait for the broker to have them."""
        for message in messages:
            self._put(message, partition)
        assert self._producer.flush(WAIT_SECONDS) == 0

    def _put(self, message: Message, partition: int) -> None:
        while True:
            try:
                self._producer.produce(
                    self.topic,
                    message.payload,
                    message.key,
                    partition,
                    on_delivery=_delivered,
                    headers=list(message.headers),
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def query(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Rows of a query, as the tables' owner."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), arguments)
            return cursor.fetchall() if cursor.description else []

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self.query(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - our own names

    def positions(self) -> dict[int, int]:
        """next_offset by partition, of the topic as it is now."""
        sql = "SELECT partition, next_offset FROM stream_offsets WHERE topic_id = %s"
        return dict(self.query(sql, self.topic_id))

    def log_end(self, partition: int) -> int:
        """The offset the partition's next record will get."""
        options = {"bootstrap.servers": self._bootstrap_servers, "group.id": "watermarks"}
        consumer = Consumer(options)
        try:
            _, high = consumer.get_watermark_offsets(TopicPartition(self.topic, partition), 30)
        finally:
            consumer.close()
        return high

    @contextmanager
    def writers_blocked(self) -> Iterator[None]:
        """Every write stops in the middle of its transaction: rows copied, nothing committed."""
        with psycopg.connect(self.url) as connection:
            connection.execute("LOCK TABLE patient_records IN EXCLUSIVE MODE")
            yield

    def wait_for_blocked_writers(self, count: int = 1) -> None:
        """Wait until so many writers stand there."""
        sql = (
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE datname = current_database() AND relation = 'patient_records'::regclass"
            " AND NOT granted"  # a clone has the same numbers for its relations
        )
        eventually(lambda: self.query(sql)[0][0] >= count, "writers are in their transactions")

    def wait_until_stored(self, seconds: float = WAIT_SECONDS) -> None:
        """Wait until the ledger stands at the end of the log."""
        ends: dict[int, int] = {}
        for sent in read_topic(self._bootstrap_servers, self.topic):
            ends[sent.partition] = sent.offset + 1
        eventually(
            lambda: ends.items() <= self.positions().items(),
            "the ledger stands at the log's end",
            seconds,
        )

    def check(self, *, replayed: bool = False) -> None:
        """The tables hold what is on the topic, row for row, and the ledger says how it came."""
        sent = read_topic(self._bootstrap_servers, self.topic)
        verify(self.url, self.topic_id, sent, replayed=replayed)


def _delivered(error: Any, _: Any) -> None:
    assert error is None, error
