"""`python -m vitalstream_consumer`: from the topic into the tables, each record exactly once."""

import gc
import sys
import time
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

import structlog
from confluent_kafka import Consumer

from vitalstream_consumer.backoff import Backoff
from vitalstream_consumer.batch import Backlog, Limits
from vitalstream_consumer.claiming import Claimer
from vitalstream_consumer.desk import Desk
from vitalstream_consumer.intake import Intake
from vitalstream_consumer.lane import Equipment, Lane
from vitalstream_consumer.loop import Loop
from vitalstream_consumer.membership import Membership
from vitalstream_consumer.metrics import Metrics
from vitalstream_consumer.ownership import Ownership
from vitalstream_consumer.replay import main as replay
from vitalstream_consumer.settings import ConsumerSettings
from vitalstream_consumer.surveying import Surveyor
from vitalstream_consumer.topic import Topic
from vitalstream_consumer.tracing import BatchTraces, untraced
from vitalstream_runtime import logging, program
from vitalstream_runtime.kafka import client_options, wait_for_broker, wait_for_topic
from vitalstream_runtime.ops import Heartbeat, OpsServer, Readiness
from vitalstream_runtime.settings import KafkaSettings, ServiceSettings, load
from vitalstream_runtime.shutdown import Shutdown
from vitalstream_runtime.state import export_state
from vitalstream_runtime.tracing import TracingSettings, exporting
from vitalstream_schema.codec import Decoder
from vitalstream_storage.migrate import wait_until_migrated
from vitalstream_storage.pool import connect
from vitalstream_storage.settings import DatabaseSettings

if TYPE_CHECKING:
    from vitalstream_runtime.tracing.spans import Spans

_log = structlog.get_logger("vitalstream_consumer")
NAME: Final = "vitalstream-consumer"
_STUCK_SECONDS: Final = 30.0
# Records make no reference cycles; looking for them in a backlog took a fifth of the CPU.
_GC_THRESHOLDS: Final = (100_000, 50, 100)


def consumer_options(kafka: KafkaSettings, settings: ConsumerSettings) -> dict[str, Any]:
    """The Kafka client's options; they contain the password, so never log them."""
    options = client_options(kafka, NAME) | {
        "group.id": kafka.group_id,
        "group.protocol": kafka.group_protocol,
        # The position comes from the ledger, and the group's offsets follow it.
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        # Behind the last record there may be what is none: the end tells how far it reaches.
        "enable.partition.eof": True,
        "max.poll.interval.ms": int(settings.max_poll_interval_seconds * 1000),
        # Bounded memory; a full queue is looked at again soon, where the default is a second.
        "queued.max.messages.kbytes": settings.fetch_queue_kilobytes,
        "fetch.queue.backoff.ms": 10,
    }
    if kafka.group_protocol == "classic":
        options["partition.assignment.strategy"] = "cooperative-sticky"
        options["session.timeout.ms"] = int(settings.session_timeout_seconds * 1000)
    return options


class Configuration(NamedTuple):
    """All that this process is told."""

    service: ServiceSettings
    kafka: KafkaSettings
    database: DatabaseSettings
    consumer: ConsumerSettings
    tracing: TracingSettings


class Organs(NamedTuple):
    """What stops this process, and what tells how it is and what it does."""

    shutdown: Shutdown
    heartbeat: Heartbeat
    readiness: Readiness
    metrics: Metrics
    spans: "Spans | None"


def main() -> None:
    """Read the settings, wait for what is needed, and consume until asked to stop.

    Raises:
        StartupError: What waiting will not mend, as one line.
    """
    with Shutdown() as shutdown:
        told = Configuration(
            load(ServiceSettings),
            load(KafkaSettings),
            load(DatabaseSettings),
            load(ConsumerSettings),
            load(TracingSettings),
        )
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        logging.configure("consumer", told.service)
        with exporting("consumer", told.tracing) as spans:
            run(told, shutdown, spans)
    _log.info("stopped")


def run(told: Configuration, shutdown: Shutdown, spans: "Spans | None" = None) -> None:
    """Serve the ops endpoints, and consume as soon as all that is needed is there.

    Raises:
        StartupError: What waiting will not mend.
    """
    heartbeat = Heartbeat(told.consumer.drain_seconds + _STUCK_SECONDS)
    readiness = Readiness("database", "migrations", "kafka", "topic")
    export_state("consumer", logging.version_of("consumer"), readiness)
    # Shown while it still waits: what is counted first is seen to rise from 0.
    metrics = Metrics()
    metrics.writers.set(told.consumer.writers)
    metrics.backlog_limit.set(told.consumer.batch_records)
    organs = Organs(shutdown, heartbeat, readiness, metrics, spans)
    ops = OpsServer(told.service, heartbeat, readiness)
    ops.start()
    try:
        if wait(told, organs):
            consume(told, organs)
    finally:
        ops.stop()


def wait(told: Configuration, organs: Organs) -> bool:
    """Wait for the tables, a broker and the topic; returns False if asked to stop before.

    Raises:
        StartupError: What waiting will not mend.
    """
    shutdown, heartbeat, readiness = organs[:3]

    def stopped(seconds: float) -> bool:
        heartbeat.beat()
        return shutdown.wait(seconds)

    def waiting(awaited: str, reason: str) -> None:
        if awaited == "migrations":
            readiness.set("database", None)
        readiness.set(awaited, reason)
        _log.warning("database_waiting", reason=reason)

    heartbeat.beat()
    if not wait_until_migrated(told.database, NAME, stopped=stopped, waiting=waiting):
        return False
    for settled in ("database", "migrations"):
        readiness.set(settled, None)
    _log.info("database_connected")
    if not wait_for_broker(
        told.kafka, NAME, shutdown=shutdown, heartbeat=heartbeat, readiness=readiness
    ):
        return False
    topic = wait_for_topic(
        told.kafka, client_id=NAME, shutdown=shutdown, heartbeat=heartbeat, readiness=readiness
    )
    return topic is not None


def consume(told: Configuration, organs: Organs) -> None:
    """Consume until asked to stop; then finish what is in hand and leave the group.

    Raises:
        StartupError: What trying again will not mend.
    """
    settings, topic, metrics = told.consumer, told.kafka.topic, organs.metrics
    desk = Desk(
        Ownership(Backoff(longest_seconds=settings.retry_seconds)),
        Backlog(Limits(settings.batch_records, settings.batch_bytes), batches=1),
        settings.survey_seconds,
    )
    lock_timeout = told.database.database_lock_timeout
    claimer = Claimer(Topic(told.kafka, NAME), uuid.uuid4(), lock_timeout, metrics)
    equipment = Equipment(
        desk=desk,
        claimer=claimer,
        surveyor=Surveyor(claimer, desk, metrics, organs.readiness),
        connect=lambda: connect(told.database, NAME),
        statement_timeout=told.database.database_statement_timeout,
        synchronous_commit=settings.synchronous_commit,
        metrics=metrics,
        readiness=organs.readiness,
        traced=(
            BatchTraces(organs.spans, topic, told.kafka.group_id).writing
            if organs.spans
            else untraced
        ),
    )
    lanes = [Lane(number, equipment) for number in range(settings.writers)]
    consumer = Consumer(consumer_options(told.kafka, settings))
    membership = Membership(consumer, told.kafka, desk, metrics, settings.drain_seconds)
    intake = Intake(Decoder(timedelta(seconds=settings.max_ahead_seconds)))
    for lane in lanes:
        lane.start()
    _log.info("listening", topic=topic, group=told.kafka.group_id)
    try:
        Loop(consumer, membership, desk, intake, metrics).run(organs.shutdown, organs.heartbeat)
    finally:
        organs.readiness.set("shutdown", "stopping")
        _log.info("stopping")
        desk.close()
        leaving = time.monotonic()
        membership.leave()
        for lane in lanes:
            lane.end(leaving + settings.drain_seconds - time.monotonic())


def command() -> NoReturn:
    """Run what the command line asks for: `replay ...`, or, with nothing said, the service."""
    arguments = sys.argv[1:]
    if not arguments:
        program.run(main)
    if arguments[0] == "replay":
        program.run(lambda: replay(arguments[1:]))
    usage = f"{NAME} alone consumes, {NAME} replay --help tells of replays"
    sys.stderr.write(f"{arguments[0]!r} is no command: {usage}\n")
    sys.exit(2)


if __name__ == "__main__":
    command()
