"""Situations as Prometheus would see them, and the alerts that must fire in each.

Samples are a minute apart. Everything is well for six hours; then comes what the situation adds.
"""

from dataclasses import dataclass, field
from typing import Final

from tests.metrics.declared import declared

STEP: Final = "1m"
_CALM_STEPS: Final = 360
_LATER_STEPS: Final = 120
_PER_STEP: Final = 3_000
_IN: Final = 'namespace="ward",instance="{0}",job="ward/{0}"'


def steady(value: float) -> str:
    """A gauge that stands still."""
    return f"{value}x{_CALM_STEPS + _LATER_STEPS}"


def gauge(value: float, later: float, by: float = 0) -> str:
    """A gauge that stands still, then jumps, and rises by so much each step."""
    return f"{value}x{_CALM_STEPS - 1} {later}{by:+}x{_LATER_STEPS}"


def counter(by: float, later: float) -> str:
    """A counter that rises by so much each step, and by another amount later."""
    end = by * _CALM_STEPS
    return f"0{by:+}x{_CALM_STEPS} {end + later}{later:+}x{_LATER_STEPS - 1}"


def gone(calm: str) -> str:
    """A series that ends after the calm hours, as those of a target that is gone do."""
    return f"{calm.split('x', maxsplit=1)[0]}x{_CALM_STEPS} stale"


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
        of("consumer", "records_committed_total"): counter(_PER_STEP, _PER_STEP),
        of("consumer", "record_age_seconds_count"): counter(_PER_STEP, _PER_STEP),
        of("consumer", "record_age_seconds_bucket", le="5.0"): counter(_PER_STEP, _PER_STEP),
        of("consumer", "lag_records", partition="0"): steady(20),
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
    calm[_restarts()] = steady(1)
    for name, value in [("available", 40e9), ("capacity", 100e9)]:
        calm[_volume(name)] = steady(value)
    return calm


def _restarts() -> str:
    pod = "demo-vitalstream-consumer-5d9c-x2x7p"
    return series("kubelet", "kube_pod_container_status_restarts_total", pod=pod)


def _volume(what: str) -> str:
    claim = "demo-vitalstream-postgres-1"
    name = f"kubelet_volume_stats_{what}_bytes"
    return series("kubelet", name, persistentvolumeclaim=claim)


WELL: Final = _well()


@dataclass(frozen=True, slots=True)
class Situation:
    """What differs from all being well.

    Attributes:
        minutes: After the six calm hours, when it is looked at.
        fires: The alerts that fire then, and no other.
        differs: Series with other values.
        without: Services that are gone: scraped in vain, their series at an end.
    """

    minutes: int
    fires: frozenset[str]
    differs: dict[str, str] = field(default_factory=dict)
    without: str = ""

    @property
    def all_series(self) -> dict[str, str]:
        """Every series of the situation."""
        found = WELL | self.differs
        if self.without:
            ending = f'instance="{self.without}"'
            found |= {name: gone(calm) for name, calm in WELL.items() if ending in name}
            found[series(self.without, "up")] = gauge(1, 0)
        return found


def _fires(*names: str) -> frozenset[str]:
    return frozenset(f"Vitalstream{name}" for name in names)


_STOPPED: Final = {
    of("consumer", "records_committed_total"): counter(_PER_STEP, 0),
    of("consumer", "record_age_seconds_count"): counter(_PER_STEP, 0),
    of("consumer", "record_age_seconds_bucket", le="5.0"): counter(_PER_STEP, 0),
}
_LAG: Final = of("consumer", "lag_records", partition="0")
_WAITING: Final = {_LAG: gauge(20, 500, 100)}
_LATE: Final = of("consumer", "record_age_seconds_bucket", le="5.0")

SITUATIONS: Final = {
    "all is well": Situation(60, _fires()),
    "all records late, for a moment": Situation(4, _fires(), {_LATE: counter(_PER_STEP, 0)}),
    "all records late": Situation(20, _fires("RecordsLateFast"), {_LATE: counter(_PER_STEP, 0)}),
    "a tenth of the records late for long": Situation(
        20, _fires("RecordsLateSlow"), {_LATE: counter(0.9 * _PER_STEP, 0.9 * _PER_STEP)}
    ),
    "nothing comes": Situation(20, _fires("NoRecords"), _STOPPED | {_LAG: gauge(20, 0)}),
    "commits stopped": Situation(7, _fires("ConsumerStalled"), _STOPPED | _WAITING),
    "commits stopped for long": Situation(
        20, _fires("ConsumerStalled", "RecordsLateFast"), _STOPPED | _WAITING
    ),
    "a partition falls back": Situation(20, _fires("LagGrowing"), {_LAG: gauge(20, 10_001, 9)}),
    "a large backlog shrinks": Situation(20, _fires(), {_LAG: gauge(20, 900_000, -900)}),
    "a page shows the past": Situation(
        5, _fires("DashboardStale"), {of("dashboard", "data_age_seconds"): gauge(0.4, 130, 30)}
    ),
    "one dead letter": Situation(
        2,
        _fires("DeadLetters"),
        {of("consumer", "dead_letters_total", reason="not_json"): gauge(3, 4)},
    ),
    "the first dead letter of its kind": Situation(
        2,
        _fires("DeadLetters"),
        {of("consumer", "dead_letters_total", reason="conflict"): gauge(0, 1)},
    ),
    "a gap": Situation(
        2, _fires("Gap"), {of("consumer", "gaps_total", kind="deleted"): gauge(0, 1)}
    ),
    "a restored backup": Situation(
        2, _fires("LedgerRewound"), {of("consumer", "rewound_total"): gauge(0, 3)}
    ),
    "a refused record": Situation(
        2, _fires("ProducerLosing"), {of("producer", "records_lost_total"): gauge(0, 1)}
    ),
    "a broker that does not acknowledge": Situation(
        12,
        _fires("DeliveryFailing"),
        {of("producer", "delivery_errors_total", reason="timed_out"): gauge(4, 5, 3)},
    ),
    "one failed delivery": Situation(
        12,
        _fires(),
        {of("producer", "delivery_errors_total", reason="timed_out"): gauge(4, 5)},
    ),
    "no consumer": Situation(6, _fires("ServiceGone", "TargetDown"), without="consumer"),
    "no producer": Situation(6, _fires("ServiceGone", "TargetDown"), without="producer"),
    "no dashboard": Situation(6, _fires("ServiceGone", "TargetDown"), without="dashboard"),
    "a wrong password": Situation(10, _fires("Restarting"), {_restarts(): gauge(1, 2, 0.4)}),
    "one restart": Situation(10, _fires(), {_restarts(): gauge(1, 2)}),
    "a database that does not answer": Situation(
        5,
        _fires("NotReady"),
        {series("consumer", "vitalstream_ready", dependency="database"): gauge(1, 0)},
    ),
    "a new version before its migrations": Situation(
        7,
        _fires("MigrationsPending"),
        {series("consumer", "vitalstream_ready", dependency="migrations"): gauge(1, 0)},
    ),
    "a start without a database": Situation(
        7,
        _fires("NotReady"),
        {
            series("consumer", "vitalstream_ready", dependency="migrations"): gauge(1, 0),
            series("consumer", "vitalstream_ready", dependency="database"): gauge(1, 0),
        },
    ),
    "a dashboard before its migrations": Situation(
        9,
        _fires("MigrationsPending"),
        {of("dashboard", "query_failures_total", trouble="pending"): gauge(0, 1, 5)},
    ),
    "the dashboard's database is away": Situation(
        4, _fires("DatabaseAway"), {of("dashboard", "database_up"): gauge(1, 0)}
    ),
    "partitions that are not read": Situation(
        7, _fires("ConsumerPaused"), {of("consumer", "paused"): gauge(0, 2)}
    ),
    "writes that fail": Situation(
        9, _fires("WritesFailing"), {of("consumer", "write_failures_total"): gauge(1, 2, 2)}
    ),
    "consumers that fence each other": Situation(
        9, _fires("Fencing"), {of("consumer", "fenced_total"): gauge(2, 3, 2)}
    ),
    "a rolling restart": Situation(9, _fires(), {of("consumer", "fenced_total"): gauge(2, 5)}),
    "a page that cannot be drawn": Situation(
        2,
        _fires("PagesFailing"),
        {of("dashboard", "render_errors_total", part="kpis"): gauge(0, 1)},
    ),
    "no new partitions": Situation(
        40,
        _fires("PartitionsRunningOut"),
        {of("dashboard", "partition_headroom_seconds"): gauge(7 * 86_400, 2 * 86_400)},
    ),
    "a volume that fills": Situation(
        15, _fires("VolumeFilling"), {_volume("available"): gauge(40e9, 14e9)}
    ),
    "no kube-state-metrics": Situation(
        20, _fires("ClusterMetricsGone"), {_restarts(): gone(steady(1))}
    ),
    "no kubelet": Situation(
        20,
        _fires("ClusterMetricsGone"),
        {_volume("available"): gone(steady(40e9)), _volume("capacity"): gone(steady(100e9))},
    ),
    "patients overdue": Situation(
        20,
        _fires("SilentPatients"),
        {of("dashboard", "silent_patients", department="ICU"): gauge(0, 2)},
    ),
}


def undeclared() -> set[str]:
    """Names in the situations that no service declares and no neighbour is known to export."""
    known = {
        name
        for service in ("producer", "consumer", "dashboard")
        for each in declared(service)
        for name in each.series
    }
    used = {
        name.partition("{")[0] for situation in SITUATIONS.values() for name in situation.all_series
    }
    return {each for each in used - known if not each.startswith(("up", "kube"))}
