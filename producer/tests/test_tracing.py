"""Which records have a span, and how each span ends."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.collector import Collector
from vitalstream_devstack.kafka import EmbeddedKafka
from vitalstream_devstack.pytest_plugin import KafkaHandle
from vitalstream_producer.tracing import Traces
from vitalstream_runtime.tracing import TraceParent, TracingSettings, exporting
from vitalstream_runtime.tracing.spans import Spans


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Where spans go."""
    with Collector() as collector:
        yield collector


@pytest.fixture
def spans(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """Makes them, and sends them soon."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    told = TracingSettings.model_validate({"endpoint": collector.endpoint})
    with exporting("producer", told) as spans:
        assert spans is not None
        yield spans


def sampled(traces: Traces) -> bool:
    """Whether the next record has a span."""
    parent = TraceParent.parse(traces.begin().encode())
    assert parent is not None
    return parent.sampled


def test_so_many_a_second_have_a_span(spans: Spans) -> None:
    """Some at once, then so many a second, however many records there are."""
    now = 0.0
    traces = Traces(spans, "topic", 4, clock=lambda: now)
    assert [sampled(traces) for _ in range(6)] == [True] * 4 + [False] * 2
    seen = 0
    for _ in range(10_000):
        now += 0.001
        seen += sampled(traces)
    assert 39 <= seen <= 40
    assert len(traces.open) == seen + 4


@pytest.mark.parametrize(("per_second", "first"), [(0.5, True), (0.0, False)])
def test_rates_below_one(spans: Spans, per_second: float, first: bool) -> None:  # noqa: FBT001
    """Half a span a second is one in two seconds; none is none."""
    now = 0.0
    traces = Traces(spans, "topic", per_second, clock=lambda: now)
    assert [sampled(traces), sampled(traces)] == [first, False]
    now = 2.0
    assert sampled(traces) == first


def test_without_spans_none_is_open() -> None:
    """Each record has a trace id all the same."""
    traces = Traces()
    assert not sampled(traces)
    assert not traces.open


def test_a_sampler_that_wants_none_is_heard(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenTelemetry's own variables decide too; ids are there all the same."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    told = TracingSettings.model_validate({"endpoint": collector.endpoint})
    with exporting("producer", told) as spans:
        traces = Traces(spans, "topic", 4)
        assert not sampled(traces)
        assert not traces.open


def test_an_acknowledged_record_ends_its_span(
    kafka: KafkaHandle,
    topic: str,
    make_bench: Callable[..., Any],
    spans: Spans,
    collector: Collector,
) -> None:
    """With the place that the broker gave it; its header is what the span is."""
    bench = make_bench(kafka.bootstrap_servers, topic, traces=Traces(spans, topic, 2))
    for number in range(5):
        bench.publisher.send(b"key", b"%d" % number)
    bench.settle()
    spans.stop()
    recorded = {
        (str(partition), offset, parent.trace_id, parent.span_id)
        for (partition, offset), value in bench.traceparents.items()
        if (parent := TraceParent.parse(value.encode())) and parent.sampled
    }
    assert len(recorded) == 2
    assert recorded == {
        (
            span.attributes["messaging.destination.partition.id"],
            span.attributes["messaging.kafka.offset"],
            span.trace_id,
            span.span_id,
        )
        for span in collector.named(f"send {topic}")
    }
    assert not any(span.failed for span in collector.spans)


def test_a_lost_record_is_a_failed_span(
    own_kafka: EmbeddedKafka,
    make_bench: Callable[..., Any],
    spans: Spans,
    collector: Collector,
) -> None:
    """What is given up when the producer stops says so."""
    bench = make_bench(own_kafka.bootstrap_servers, "records", traces=Traces(spans, "records", 2))
    own_kafka.kill()
    for _ in range(5):
        bench.publisher.send(b"key", b"{}")
    assert bench.publisher.close() == 5
    spans.stop()
    seen = collector.named("send records")
    assert [span.attributes["error.type"] for span in seen] == ["not_acknowledged"] * 2
    assert all(span.failed for span in seen)
