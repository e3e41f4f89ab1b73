"""`python -m vitalstream_producer`: publishes invented patient records until it is stopped."""

import secrets
import time

import structlog
from prometheus_client import REGISTRY

from vitalstream_producer.ack_log import AckLog
from vitalstream_producer.console import Console
from vitalstream_producer.hospital.truth import TruthLog
from vitalstream_producer.metrics import Metrics
from vitalstream_producer.publish import Publisher, producer_options
from vitalstream_producer.service import Acknowledgements, Loop, Upkeep, make_generator
from vitalstream_producer.settings import ProducerSettings
from vitalstream_producer.tracing import Traces
from vitalstream_runtime import logging, ops, program
from vitalstream_runtime.kafka import BrokerUnreachableError, wait_for_broker, wait_for_topic
from vitalstream_runtime.settings import KafkaSettings, ServiceSettings, load
from vitalstream_runtime.shutdown import Shutdown
from vitalstream_runtime.state import export_state
from vitalstream_runtime.tracing import TracingSettings, exporting

_log = structlog.get_logger("vitalstream_producer")
_CLIENT_ID = "vitalstream-producer"
_STUCK_SECONDS = 30.0


def main() -> int:
    """Run the service; returns its exit code, 1 if a record was lost."""
    service, kafka, settings = load(ServiceSettings), load(KafkaSettings), load(ProducerSettings)
    tracing = load(TracingSettings)
    logging.configure("producer", service)
    heartbeat = ops.Heartbeat(_STUCK_SECONDS)
    readiness = ops.Readiness("kafka", "topic")
    metrics = Metrics(REGISTRY)
    metrics.target_rate.set(settings.target_rate)
    metrics.queue_limit.set(settings.buffer_records)
    export_state("producer", logging.version_of("producer"), readiness)
    console = Console(plain=logging.on_console(service))
    server = ops.OpsServer(service, heartbeat, readiness)
    server.start()
    ack_log = AckLog(settings.ack_log) if settings.ack_log else None
    truth = TruthLog(settings.truth_log)
    try:
        with exporting("producer", tracing) as spans, Shutdown() as shutdown:
            if not _find_topic(kafka, console, shutdown, readiness, heartbeat):
                return 0
            publisher = Publisher(
                producer_options(kafka, settings),
                kafka.topic,
                metrics,
                Acknowledgements(console, ack_log),
                traces=Traces(spans, kafka.topic, settings.traces_per_second),
            )
            upkeep = Upkeep(publisher, metrics, heartbeat, readiness, ack_log)
            console.say("sending", f"Starting to send patient records to '{kafka.topic}' topic...")
            return _produce(settings, publisher, upkeep, console, shutdown, truth)
    finally:
        truth.close()
        if ack_log is not None:
            ack_log.close()
        server.stop()


def _find_topic(
    kafka: KafkaSettings,
    console: Console,
    shutdown: Shutdown,
    readiness: ops.Readiness,
    heartbeat: ops.Heartbeat,
) -> bool:
    """Wait for the broker and the topic; false if asked to stop before."""
    console.say("connecting", f"Connecting to Kafka at {kafka.bootstrap_servers}...")
    while wait_for_broker(
        kafka, _CLIENT_ID, shutdown=shutdown, readiness=readiness, heartbeat=heartbeat
    ):
        console.say("connected", "✓ Connected to Kafka successfully!")
        try:
            topic = wait_for_topic(
                kafka,
                client_id=_CLIENT_ID,
                shutdown=shutdown,
                readiness=readiness,
                heartbeat=heartbeat,
            )
        except BrokerUnreachableError as error:
            _log.warning("kafka_lost", reason=str(error))
        else:
            return topic is not None
    return False


def _produce(  # noqa: PLR0913, PLR0917 - the parts that main has made
    settings: ProducerSettings,
    publisher: Publisher,
    upkeep: Upkeep,
    console: Console,
    shutdown: Shutdown,
    truth: TruthLog,
) -> int:
    seed = secrets.randbits(48) if settings.seed is None else settings.seed
    _log.info("producing", seed=seed, profile=settings.profile, rate=f"{settings.target_rate:g}/s")
    generator, schedule = make_generator(settings, seed, time.monotonic(), truth)
    loop = Loop(generator, schedule, publisher, settings.max_records, upkeep)
    try:
        loop.run(shutdown)
        publisher.drain(settings.drain_seconds, upkeep)
    finally:
        lost = publisher.close()
        upkeep.settle(time.monotonic())
        console.say("stopped", f"Stopped: {publisher.sent:,} records sent, {lost:,} lost")
    return 1 if lost else 0


if __name__ == "__main__":
    program.run(main)
