"""The real services, as processes, on a topic and a database of one test's own."""

import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from confluent_kafka.admin import AdminClient

from tests.oracle import Sent, read_ack_log
from vitalstream_devstack.databases import Database
from vitalstream_devstack.ports import free_port
from vitalstream_devstack.pytest_plugin import KafkaHandle
from vitalstream_devstack.service import Service
from vitalstream_runtime.kafka import topic_id

PATIENCE_SECONDS = 60.0


class Pipeline:
    """Starts services on one topic and one database, and stops what is left of them.

    Args:
        folder: For their logs.
        kafka: The broker.
        topic: Of this test alone, as is the consumer group.
        database: Of this test alone.
    """

    def __init__(self, folder: Path, kafka: KafkaHandle, topic: str, database: Database) -> None:
        self.topic_id = topic_id(AdminClient({"bootstrap.servers": kafka.bootstrap_servers}), topic)
        self.ack_log = folder / "acknowledged.jsonl"
        self._folder = folder
        self._database = database
        inherited = ("PATH", "HOME", "VIRTUAL_ENV", "LANG")
        self._environment = {
            **{name: os.environ[name] for name in inherited if name in os.environ},
            **kafka.environment,
            "KAFKA_TOPIC": topic,
            "KAFKA_GROUP_ID": topic,
        }
        self._services = ExitStack()

    def __enter__(self) -> Self:
        """Nothing starts by itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill what a test has not stopped."""
        self._services.close()

    def tell(self, **environment: str) -> None:
        """Set variables of all services that start from now on."""
        self._environment |= environment

    def events(self, service: str, event: str) -> list[dict[str, Any]]:
        """A service's log lines of that event, in order."""
        text = (self._folder / f"{service}.log").read_text()
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def consumer(self, name: str = "consumer") -> Service:
        """Start a consumer as the writer, and wait until it is ready."""
        return self._start("consumer", name, self._database.environment("writer"))

    def producer(self, name: str = "producer", **settings: Any) -> Service:
        """Start a producer; `rate=50` is PRODUCER_RATE=50. It may end by itself at once."""
        chosen = {f"PRODUCER_{key.upper()}": str(value) for key, value in settings.items()}
        return self._start("producer", name, {"PRODUCER_ACK_LOG": str(self.ack_log), **chosen})

    def dashboard(self) -> Service:
        """Start a dashboard as the viewer, and wait until it is ready."""
        page = {"STREAMLIT_SERVER_PORT": str(free_port()), "STREAMLIT_SERVER_ADDRESS": "127.0.0.1"}
        return self._start("dashboard", "dashboard", self._database.environment("viewer") | page)

    def produce(self, count: int, **settings: Any) -> list[Sent]:
        """Have a producer send so many records as fast as it can; returns all acknowledged yet."""
        producer = Service("producer", self._folder)
        chosen = {"rate": "max", "max_records": count, "ack_log": self.ack_log, **settings}
        environment = {f"PRODUCER_{key.upper()}": str(value) for key, value in chosen.items()}
        assert producer.run(self._environment | environment, PATIENCE_SECONDS) == 0
        return list(read_ack_log(self.ack_log))

    def ledger(self, what: str) -> dict[int, Any]:
        """One column of the ledger by partition."""
        with psycopg.connect(self._database.url("viewer")) as connection:
            rows = connection.execute(
                f"SELECT partition, {what} FROM stream_offsets WHERE topic_id = %s".encode(),  # noqa: S608 - a test's own literal
                [self.topic_id],
            )
            return dict(rows.fetchall())

    def wait_until_consumed(self, sent: list[Sent]) -> None:
        """Wait until the ledger has passed every one of these records."""
        ends: dict[int, int] = {}
        for record in sent:
            ends[record.partition] = max(ends.get(record.partition, 0), record.offset + 1)
        wait_until(lambda: self.ledger("next_offset").items() >= ends.items(), "all is consumed")

    def _start(self, kind: str, name: str, environment: dict[str, str]) -> Service:
        service = Service(kind, self._folder, name=name)
        self._services.callback(service.kill)
        service.start(self._environment | environment)
        return service


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that must come.

    Raises:
        TimeoutError: It did not, within a minute.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE_SECONDS:.0f} s in vain until {what}")
        time.sleep(0.05)
