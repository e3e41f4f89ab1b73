"""What Prometheus would have seen while all was well: six hours of it, a sample a minute."""

from typing import Final

STEP: Final = "1m"
CALM_STEPS: Final = 360
CALM_SECONDS: Final = 60 * CALM_STEPS
LATER_STEPS: Final = 120
PER_STEP: Final = 3_000
_IN: Final = 'namespace="ward",instance="{0}",job="ward/{0}"'


def steady(value: float) -> str:
    """A gauge that stands still."""
    return f"{value}x{CALM_STEPS + LATER_STEPS}"


def gauge(value: float, later: float, by: float = 0) -> str:
    """A gauge that stands still, then jumps, and rises by so much each step."""
    return f"{value}x{CALM_STEPS - 1} {later}{by:+}x{LATER_STEPS}"


def counter(by: float, later: float) -> str:
    """A counter that rises by so much each step, and by another amount later."""
    end = by * CALM_STEPS
    return f"0{by:+}x{CALM_STEPS} {end + later}{later:+}x{LATER_STEPS - 1}"


def appearing(value: float) -> str:
    """A series of something that is first seen after the calm hours, and stands still."""
    return f"_x{CALM_STEPS} {value}x{LATER_STEPS}"


def gone(calm: str) -> str:
    """A series that ends after the calm hours, as those of a target that is gone do."""
    return f"{calm.split('x', maxsplit=1)[0]}x{CALM_STEPS} stale"


def series(service: str, name: str, **labels: str) -> str:
    """One series of a service."""
    inner = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{_IN.format(service)}{',' if inner else ''}{inner}}}"


def of(service: str, what: str, **labels: str) -> str:
    """One of its own: vitalstream_SERVICE_WHAT."""
    return series(service, f"vitalstream_{service}_{what}", **labels)


def _ready(service: str, *dependencies: str) -> dict[str, str]:
    return {
        series(service, "vitalstream_ready", dependency=each): steady(1) for each in dependencies
    }


def _well() -> dict[str, str]:
    calm = {
        of("consumer", "records_committed_total"): counter(PER_STEP, PER_STEP),
        of("consumer", "record_age_seconds_count"): counter(PER_STEP, PER_STEP),
        of("consumer", "record_age_seconds_bucket", le="5.0"): counter(PER_STEP, PER_STEP),
        of("consumer", "next_offset", partition="0"): counter(PER_STEP, PER_STEP),
        of("consumer", "next_offset", partition="1"): counter(1, 0),
        of("consumer", "lag_records", partition="0"): steady(20),
        of("consumer", "lag_records", partition="1"): gauge(0, 1),
        of("consumer", "dead_letters_total", reason="not_json"): steady(3),
        of("consumer", "gaps_total", kind="deleted"): steady(0),
        of("consumer", "rewound_total"): steady(0),
        of("consumer", "fenced_total"): steady(2),
        of("consumer", "write_failures_total"): steady(1),
        of("consumer", "paused"): steady(0),
        of("producer", "records_lost_total"): steady(0),
        of("producer", "delivery_errors_total", reason="timed_out"): steady(4),
        of("dashboard", "data_age_seconds"): steady(0.4),
        of("dashboard", "database_up"): steady(1),
        of("dashboard", "query_failures_total", trouble="pending"): steady(0),
        of("dashboard", "render_errors_total", part="kpis"): steady(0),
        of("dashboard", "partition_headroom_seconds"): steady(7 * 86_400),
        of("dashboard", "silent_patients", department="ICU"): steady(0),
        **_ready("producer", "kafka", "topic"),
        **_ready("consumer", "database", "migrations", "kafka", "topic"),
        **_ready("dashboard", "page", "database"),
    }
    for service in ("producer", "consumer", "dashboard"):
        calm[series(service, "vitalstream_build_info", component=service)] = steady(1)
        calm[series(service, "up")] = steady(1)
        calm[series(service, "process_start_time_seconds")] = steady(0)
    calm[restarts()] = steady(1)
    for name, value in [("available", 40e9), ("capacity", 100e9)]:
        calm[volume(name)] = steady(value)
    return calm


def restarts(component: str = "consumer") -> str:
    """How often Kubernetes has started the container of a pod again."""
    pod = f"demo-vitalstream-{component}-5d9c-x2x7p"
    return series("kubelet", "kube_pod_container_status_restarts_total", pod=pod)


def volume(what: str) -> str:
    """What the kubelet says of the database's volume."""
    claim = "demo-vitalstream-postgres-1"
    name = f"kubelet_volume_stats_{what}_bytes"
    return series("kubelet", name, persistentvolumeclaim=claim)


WELL: Final = _well()
