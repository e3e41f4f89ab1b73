"""One record, followed from the producer through Kafka into the tables, at a real collector."""

import json
from collections.abc import Iterator

import pytest

from tests.collector import Collector, Received
from tests.end_to_end.pipeline import Pipeline, wait_until
from tests.oracle import read_topic
from vitalstream_devstack.ports import free_port
from vitalstream_devstack.pytest_plugin import KafkaHandle


@pytest.fixture
def collector(pipeline: Pipeline) -> Iterator[Collector]:
    """Where the services of this test send their spans, twice a second."""
    with Collector() as collector:
        pipeline.tell(OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, OTEL_BSP_SCHEDULE_DELAY="500")
        yield collector


def traceparents(kafka: KafkaHandle, topic: str) -> list[str]:
    """Of all records on the topic."""
    records = read_topic(kafka.bootstrap_servers, topic)
    return [(dict(record.headers)["traceparent"] or b"").decode() for record in records]


def test_one_record_is_followed_from_its_sending_to_its_commit(
    pipeline: Pipeline, collector: Collector, kafka: KafkaHandle, topic: str
) -> None:
    """Its trace id is on the topic, in the log, in the producer's span and in the consumer's.

    The batch that it was written with links to it, and has a decoding and a write as its parts.
    """
    pipeline.consumer()
    producer = pipeline.producer(rate=10)
    wait_until(lambda: len(collector.named(f"send {topic}")) >= 3, "some are sent")
    assert producer.stop() == 0
    sent = {span.trace_id: span for span in collector.named(f"send {topic}")}

    def arrived() -> dict[str, Received]:
        return {span.trace_id: span for span in collector.named(f"process {topic}")}

    wait_until(lambda: arrived().keys() >= sent.keys(), "all of them have arrived")
    assert sent.keys() <= {line["trace_id"] for line in pipeline.events("producer", "record_sent")}
    on_topic = traceparents(kafka, topic)
    batches = {span.span_id: span for span in collector.named(f"process batch {topic}")}
    for trace_id, span in sent.items():
        assert f"00-{trace_id}-{span.span_id}-01" in on_topic
        end = arrived()[trace_id]
        assert end.parent_id == span.span_id
        for where in ("messaging.destination.partition.id", "messaging.kafka.offset"):
            assert end.attributes[where] == span.attributes[where]
        ((batch_trace, batch_span),) = end.links
        assert trace_id in batches[batch_span].linked_traces
        parts = [each for each in collector.spans if each.parent_id == batch_span]
        assert sorted(each.name for each in parts) == ["decode", "write"]
        assert {each.trace_id for each in parts} == {batches[batch_span].trace_id, batch_trace}
    services = {span.resource["service.name"] for span in collector.spans}
    assert services == {"vitalstream-producer", "vitalstream-consumer"}


def test_nothing_of_a_patient_reaches_the_collector(
    pipeline: Pipeline, collector: Collector, topic: str
) -> None:
    """Not one value of a record that is a text, nor its key, is in what is exported."""
    pipeline.consumer()
    sent = pipeline.produce(20, traces_per_second=100)
    wait_until(lambda: bool(collector.named(f"process {topic}")), "some have arrived")
    exported = b"".join(collector.bodies)
    for record in sent:
        fields = json.loads(record.payload or b"{}")
        for name in ("patient_id", "admission_id", "patient_name", "attending_physician"):
            assert fields[name].encode() not in exported, name
        assert fields["primary_diagnosis"].encode() not in exported


def test_services_run_without_their_collector(pipeline: Pipeline) -> None:
    """It is away: every record arrives, both exit 0, and a few lines tell of it."""
    pipeline.tell(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}", OTEL_BSP_SCHEDULE_DELAY="100"
    )
    consumer = pipeline.consumer()
    sent = pipeline.produce(2_000, traces_per_second=1_000)
    assert len(sent) == 2_000
    pipeline.wait_until_consumed(sent)
    wait_until(lambda: bool(pipeline.events("consumer", "tracing_trouble")), "it is told")
    assert consumer.stop() == 0
    for service in ("producer", "consumer"):
        assert 0 < len(pipeline.events(service, "tracing_trouble")) <= 6, service
