"""What every service tells of itself in /metrics: which build it is, and what it waits for."""

import platform
from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, disable_created_metrics
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vitalstream_runtime.ops import Readiness


def export_state(
    service: str, version: str, readiness: Readiness, registry: CollectorRegistry = REGISTRY
) -> None:
    """Export ``vitalstream_build_info`` and ``vitalstream_ready``.

    Args:
        service: Its name.
        version: Of its package.
        readiness: What it waits for.
        registry: What /metrics shows.
    """
    # Not one more series for each one, which nobody asks for.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    build = Gauge(
        "vitalstream_build_info",
        "Which build runs; always 1.",
        ["component", "version", "python"],
        registry=registry,
    )
    build.labels(service, version, platform.python_version()).set(1)
    registry.register(_Ready(readiness))


class _Ready(Collector):
    """Looked up when it is asked for, so that it never says anything but what /readyz says."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "vitalstream_ready",
            "1 while nothing of this dependency is in the way, as /readyz says, else 0.",
            labels=["dependency"],
        )
        for name, reason in self._readiness.states.items():
            family.add_metric([name], float(reason is None))
        yield family
