"""One scenario's topic, database, replicas and traffic; and what must be true when it is over."""

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from confluent_kafka.admin import AdminClient

from tests.chaos.feed import Feed
from tests.oracle import Sent, verify
from tests.oracle.expect import Expectation
from tests.oracle.traffic import Message
from vitalstream_devstack.databases import Database
from vitalstream_devstack.service import Service
from vitalstream_runtime.kafka import topic_id

# Not a promise of speed: after so long something hangs.
PATIENCE_SECONDS = 90.0
_LOG_LINES = 12
_ACTIVITY = """
SELECT pid, state, wait_event_type, wait_event, pg_blocking_pids(pid), now() - xact_start,
       left(regexp_replace(query, '\\s+', ' ', 'g'), 120)
  FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"""


class House:
    """Starts replicas and traffic, and judges what came of them.

    Args:
        folder: For logs.
        bootstrap_servers: The broker.
        topic: Of this scenario alone, as is the consumer group.
        database: Of this scenario alone.
        settings: Environment of every replica, stronger than ours.
    """

    def __init__(
        self, folder: Path, bootstrap_servers: str, topic: str, database: Database, **settings: Any
    ) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.topic = topic
        self.database = database
        self.topic_id = topic_id(AdminClient({"bootstrap.servers": bootstrap_servers}), topic)
        self._feeds: list[Feed] = []
        self.replicas: list[Service] = []
        self._folder = folder
        self._started = 0
        self._finished = False
        self._services = ExitStack()
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "KAFKA_TOPIC": topic,
            "KAFKA_GROUP_ID": topic,
            "LOG_FORMAT": "json",
            # Small batches: more transactions, so more moments at which something can break.
            "CONSUMER_BATCH_RECORDS": "1000",
            "CONSUMER_RETRY_SECONDS": "1",
            "DATABASE_LOCK_TIMEOUT": "1",
            **database.environment("writer"),
            **{name: str(value) for name, value in settings.items()},
        }

    def __enter__(self) -> Self:
        """Nothing starts by itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill what is left, and show what was logged last unless all went well."""
        self._services.close()
        if self._finished:
            return
        for log in sorted(self._folder.glob("replica-*.log")):
            print(f"{log.name}:", *log.read_text().splitlines()[-_LOG_LINES:], sep="\n  ")

    def replica(self, **settings: Any) -> Service:
        """Start one more consumer and wait until it is ready."""
        self._started += 1
        service = Service("consumer", self._folder, name=f"replica-{self._started}")
        self._services.callback(service.kill)
        service.start(self._environment | {name: str(value) for name, value in settings.items()})
        self.replicas.append(service)
        return service

    def kill(self, replica: Service) -> None:
        """SIGKILL; it is gone."""
        self.replicas.remove(replica)
        replica.kill()

    def dismiss(self, replica: Service) -> None:
        """SIGTERM; it must end in order."""
        self.replicas.remove(replica)
        assert replica.stop() == 0, f"{replica.name} did not end in order"

    def feed(self, messages: Iterable[Message], rate: float) -> Feed:
        """Traffic for a with block; what it sends is part of `sent`."""
        feed = Feed(self.bootstrap_servers, self.topic, messages, rate)
        self._feeds.append(feed)
        return feed

    @property
    def sent(self) -> list[Sent]:
        """All that the broker has acknowledged by now."""
        return [record for feed in self._feeds for record in feed.sent]

    def ledger(self, what: str = "next_offset") -> dict[int, Any]:
        """One column of the ledger by partition."""
        with psycopg.connect(self.database.url("viewer")) as connection:
            rows = connection.execute(
                f"SELECT partition, {what} FROM stream_offsets WHERE topic_id = %s".encode(),  # noqa: S608 - our own literals
                [self.topic_id],
            )
            return dict(rows.fetchall())

    def caught_up(self) -> bool:
        """Whether the ledger has passed all that is acknowledged by now."""
        reached = self.ledger()
        return all(
            reached.get(partition, 0) >= end
            for feed in self._feeds
            for partition, end in list(feed.ends.items())
        )

    def events(self, *names: str) -> int:
        """How often the replicas have logged one of these events."""
        logs = self._folder.glob("replica-*.log")
        lines = (line for log in logs for line in log.read_text().splitlines())
        return sum(json.loads(line).get("event") in names for line in lines if line[:1] == "{")

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that must come.

        Raises:
            TimeoutError: It did not; something hangs, and what PostgreSQL does is printed.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                self._print_activity()
                raise TimeoutError(f"waited {PATIENCE_SECONDS:.0f} s in vain until {what}")
            time.sleep(0.05)

    def _print_activity(self) -> None:
        with psycopg.connect(self.database.admin_url) as connection:
            for row in connection.execute(_ACTIVITY, [self.database.name]):
                print(*row)

    def finish(self, **judgement: bool) -> Expectation:
        """Let the replicas catch up, end them in order, and compare the tables with the traffic.

        Args:
            judgement: As for `verify`.
        """
        self.wait_until(self.caught_up, "all that was sent is consumed")
        survivors = list(self.replicas)
        assert all(replica.running for replica in survivors), "a replica has ended by itself"
        for replica in survivors:
            self.dismiss(replica)
        logs = "".join(log.read_text() for log in self._folder.glob("replica-*.log"))
        assert "O'" not in logs, "a log holds a patient's name"
        found = verify(self.database.url(), self.topic_id, self.sent, **judgement)
        self._finished = True
        return found
