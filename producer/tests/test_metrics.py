"""The metrics: complete from the first scrape, and the quick histogram like the library's own."""

import random

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from vitalstream_producer.failures import Failure
from vitalstream_producer.metrics import Metrics, SendSeconds


def test_everything_is_there_at_zero_from_the_start() -> None:
    """A rate over a counter needs its zero: every reason's counter exists before it is needed."""
    registry = CollectorRegistry()
    Metrics(registry)
    text = generate_latest(registry).decode()
    for reason in Failure:
        assert f'vitalstream_producer_delivery_errors_total{{reason="{reason}"}} 0.0' in text
    for name in (
        "records_sent_total",
        "records_lost_total",
        "client_restarts_total",
        "queue_records",
        "send_seconds_count",
        "send_seconds_sum",
        'send_seconds_bucket{le="+Inf"}',
    ):
        assert f"\nvitalstream_producer_{name} 0.0" in text
    assert "# TYPE vitalstream_producer_send_seconds histogram" in text


def test_the_histogram_agrees_with_the_librarys() -> None:
    """Same observations (bounds included), same exposition as prometheus_client's Histogram."""
    rng = random.Random(1)
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = SendSeconds()
    ours.register(mine)
    bounds = [float(b) for b in _bounds(mine)]
    reference = Histogram(
        "vitalstream_producer_send_seconds",
        "Time from handing a record to the client to the broker's acknowledgement.",
        buckets=bounds,
        registry=theirs,
    )
    for value in [*bounds, 0.0, 100.0, *(rng.expovariate(10) for _ in range(1_000))]:
        mine.observe(value)
        reference.observe(value)
    expected = generate_latest(theirs).decode().splitlines()
    assert generate_latest(ours).decode().splitlines() == [
        line for line in expected if "_created" not in line
    ]


def _bounds(histogram: SendSeconds) -> list[str]:
    (family,) = histogram.collect()
    return [s.labels["le"] for s in family.samples if s.name.endswith("_bucket")][:-1]
