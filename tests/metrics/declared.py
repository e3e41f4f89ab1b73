"""What each service declares to measure."""

from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from vitalstream_consumer.metrics import Metrics as ConsumerMetrics
from vitalstream_dashboard import metrics as dashboard_metrics
from vitalstream_producer.metrics import Metrics as ProducerMetrics
from vitalstream_runtime.ops import Readiness
from vitalstream_runtime.state import export_state

SERVICES: Final = ("producer", "consumer", "dashboard")
_SUFFIXES: Final = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric.

    Attributes:
        name: As rules and panels say it: a counter's ends in ``_total``.
        kind: counter, gauge or histogram.
        labels: Its label names.
        meaning: Its help text.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def series(self) -> list[str]:
        """The names of its series in Prometheus."""
        bare = self.name.removesuffix("_total")
        return [bare + suffix for suffix in _SUFFIXES.get(self.kind, [""])]


def declared(service: str) -> list[Declared]:
    """The metrics of one service by name, those that every service has among them."""
    registry = CollectorRegistry()
    collectors: list[Collector] = []
    match service:
        case "producer":
            collectors += vars(ProducerMetrics(registry)).values()
        case "consumer":
            collectors += vars(ConsumerMetrics(registry)).values()
        case "dashboard":
            collectors += (
                each
                for each in vars(dashboard_metrics).values()
                if isinstance(each, MetricWrapperBase)
            )
    return sorted((*map(_of, collectors), *_shared()), key=lambda each: each.name)


def _shared() -> list[Declared]:
    registry = CollectorRegistry()
    export_state("service", "version", Readiness("dependency"), registry)
    return [_described(metric, _labels(metric)) for metric in registry.collect()]


def _of(collector: Collector) -> Declared:
    if isinstance(collector, MetricWrapperBase):
        (metric,) = collector.describe()
        return _described(metric, collector._labelnames)
    (metric,) = collector.collect()
    return _described(metric, ())


def _labels(metric: Metric) -> tuple[str, ...]:
    return tuple(metric.samples[0].labels)


def _described(metric: Metric, labels: tuple[str, ...]) -> Declared:
    name = metric.name + ("_total" if metric.type == "counter" else "")
    return Declared(name, metric.type, tuple(labels), metric.documentation)
