"""What a service tells of itself in its metrics."""

import pytest
from prometheus_client import CollectorRegistry

from vitalstream_runtime.ops import Readiness
from vitalstream_runtime.state import export_state


@pytest.fixture
def readiness() -> Readiness:
    """Of a service that needs two things."""
    return Readiness("database", "kafka")


@pytest.fixture
def registry(readiness: Readiness) -> CollectorRegistry:
    """With what that service exports."""
    made = CollectorRegistry()
    export_state("consumer", "1.2.3", readiness, made)
    return made


def ready(registry: CollectorRegistry) -> dict[str, float]:
    """The gauge by dependency."""
    (family,) = (each for each in registry.collect() if each.name == "vitalstream_ready")
    return {sample.labels["dependency"]: sample.value for sample in family.samples}


def test_the_build_can_be_joined_to_any_other_metric(registry: CollectorRegistry) -> None:
    """Its value is 1, and its labels say what runs."""
    (build,) = (each for each in registry.collect() if each.name == "vitalstream_build_info")
    (sample,) = build.samples
    assert sample.value == 1.0
    assert sample.labels.items() >= {"component": "consumer", "version": "1.2.3"}.items()


def test_each_dependency_is_there_from_the_start(registry: CollectorRegistry) -> None:
    """An alert needs the series before anything is wrong."""
    assert ready(registry) == {"database": 0.0, "kafka": 0.0}


def test_ready_is_what_readyz_says(registry: CollectorRegistry, readiness: Readiness) -> None:
    """Found, lost and found again, each without the reason, which could hold a name."""
    readiness.set("database", None)
    assert ready(registry) == {"database": 1.0, "kafka": 0.0}
    readiness.set("database", "refused for Ann Other")
    assert ready(registry) == {"database": 0.0, "kafka": 0.0}
    readiness.set("kafka", None)
    readiness.set("database", None)
    assert ready(registry) == {"database": 1.0, "kafka": 1.0}
