"""Situations as Prometheus would see them, and the alerts that must fire in each.

Everything is well for six hours; then comes what the situation adds.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tests.metrics.declared import declared
from tests.monitoring.series import (
    CALM_SECONDS,
    CALM_STEPS,
    LATER_STEPS,
    PER_STEP,
    WELL,
    appearing,
    counter,
    gauge,
    gone,
    of,
    restarts,
    series,
    steady,
    volume,
)


class Fired(NamedTuple):
    """An alert, with those of its labels that decide what it mutes."""

    alert: str
    component: str = ""
    dependency: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """Those that it has, as Alertmanager sees them."""
        labels = {"alertname": self.alert, "namespace": "ward"}
        labels |= {"component": self.component, "dependency": self.dependency}
        return {name: value for name, value in labels.items() if value}


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
    fires: frozenset[Fired]
    differs: dict[str, str] = field(default_factory=dict)
    without: str = ""

    @property
    def names(self) -> set[str]:
        """The alerts that fire."""
        return {each.alert for each in self.fires}

    @property
    def all_series(self) -> dict[str, str]:
        """Every series of the situation."""
        found = WELL | self.differs
        if self.without:
            ending = f'instance="{self.without}"'
            found |= {name: gone(calm) for name, calm in WELL.items() if ending in name}
            found[series(self.without, "up")] = gauge(1, 0)
        return found


def _fires(*alerts: str) -> frozenset[Fired]:
    """From "Alert", "Alert component" and "Alert component dependency"."""
    return frozenset(Fired(*f"Vitalstream{each}".split()) for each in alerts)


_STOPPED: Final = {
    of("consumer", "records_committed_total"): counter(PER_STEP, 0),
    of("consumer", "next_offset", partition="0"): counter(PER_STEP, 0),
    of("consumer", "record_age_seconds_count"): counter(PER_STEP, 0),
    of("consumer", "record_age_seconds_bucket", le="5.0"): counter(PER_STEP, 0),
}
_LAG: Final = of("consumer", "lag_records", partition="0")
_WAITING: Final = {_LAG: gauge(20, 500, 100)}
_LATE: Final = of("consumer", "record_age_seconds_bucket", le="5.0")
_AGE: Final = of("dashboard", "data_age_seconds")


def _anew(what: str, started: float, **labels: str) -> dict[str, str]:
    """A consumer that is first seen after the calm hours, with something counted already.

    Args:
        what: The counter.
        started: When the process did, seconds.
        labels: Of the counter.
    """
    old, here = (f'instance="{each}",job="ward/consumer"' for each in ("consumer", "anew"))
    mine = {
        of("consumer", what, **labels): appearing(2),
        series("consumer", "process_start_time_seconds"): appearing(started),
    }
    return {name.replace(old, here): values for name, values in mine.items()}


SITUATIONS: Final = {
    "all is well": Situation(60, _fires()),
    "all records late, for a moment": Situation(4, _fires(), {_LATE: counter(PER_STEP, 0)}),
    "all records late": Situation(20, _fires("RecordsLateFast"), {_LATE: counter(PER_STEP, 0)}),
    "all records late for long": Situation(
        40, _fires("RecordsLateFast", "RecordsLateSlow"), {_LATE: counter(PER_STEP, 0)}
    ),
    "a tenth of the records late for long": Situation(
        20, _fires("RecordsLateSlow"), {_LATE: counter(0.9 * PER_STEP, 0.9 * PER_STEP)}
    ),
    "nothing comes": Situation(20, _fires("NoRecords"), _STOPPED | {_LAG: gauge(20, 0)}),
    "nothing comes for a while": Situation(9, _fires(), _STOPPED | {_LAG: gauge(20, 0)}),
    "an installation without a source yet": Situation(
        4,
        _fires(),
        _STOPPED
        | {
            _LAG: gauge(20, 0),
            of("consumer", "records_committed_total"): appearing(0),
        },
    ),
    "commits stopped": Situation(7, _fires("ConsumerStalled"), _STOPPED | _WAITING),
    "one of two partitions stands still": Situation(
        9,
        _fires("ConsumerStalled"),
        {of("consumer", "lag_records", partition="1"): gauge(0, 30, 10)},
    ),
    "it has stood still for long": Situation(
        30,
        _fires("ConsumerStalled", "RecordsLateFast"),
        {of("consumer", "lag_records", partition="1"): gauge(0, 30, 10)},
    ),
    "a partition that nobody can claim": Situation(
        9,
        _fires("ConsumerStalled", "ConsumerPaused"),
        {
            of("consumer", "lag_records", partition="1"): gauge(0, 30, 10),
            of("consumer", "paused"): gauge(0, 1),
        },
    ),
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
    "dead letters before a new process is first seen": Situation(
        2, _fires("DeadLetters"), _anew("dead_letters_total", CALM_SECONDS, reason="conflict")
    ),
    "a gap before a new process is first seen": Situation(
        20, _fires("Gap"), _anew("gaps_total", CALM_SECONDS, kind="deleted")
    ),
    "old gaps that a new Prometheus sees": Situation(
        2, _fires(), _anew("gaps_total", 0, kind="deleted")
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
    "no consumer": Situation(6, _fires("ServiceGone consumer", "TargetDown"), without="consumer"),
    "no producer": Situation(6, _fires("ServiceGone producer", "TargetDown"), without="producer"),
    "no dashboard": Situation(
        6, _fires("ServiceGone dashboard", "TargetDown"), without="dashboard"
    ),
    "no producer for long": Situation(
        20,
        _fires("ServiceGone producer", "TargetDown", "NoRecords", "DashboardStale"),
        _STOPPED | {_LAG: gauge(20, 0), _AGE: gauge(0.4, 60, 60)},
        without="producer",
    ),
    "a wrong password": Situation(
        10, _fires("Restarting consumer"), {restarts(): gauge(1, 2, 0.4)}
    ),
    "a wrong password for all of them": Situation(
        10,
        _fires("Restarting consumer", "ServiceGone consumer", "TargetDown", "DashboardStale"),
        {restarts(): gauge(1, 2, 0.4), _AGE: gauge(0.4, 60, 60)},
        without="consumer",
    ),
    "a producer that keeps ending": Situation(
        20,
        _fires("Restarting producer", "NoRecords", "DashboardStale"),
        _STOPPED
        | {
            restarts("producer"): gauge(1, 2, 0.4),
            _LAG: gauge(20, 0),
            _AGE: gauge(0.4, 60, 60),
        },
    ),
    "a process that keeps ending, without Kubernetes": Situation(
        10,
        _fires("Restarting consumer"),
        {
            series("consumer", "process_start_time_seconds"): gauge(0, CALM_SECONDS, 60),
            of("consumer", "dead_letters_total", reason="not_json"): gauge(3, 0),
        },
    ),
    "one restart": Situation(10, _fires(), {restarts(): gauge(1, 2)}),
    "a database that is away": Situation(
        10,
        _fires(
            "NotReady consumer database",
            "DatabaseAway",
            "ConsumerStalled",
            "ConsumerPaused",
            "WritesFailing",
            "DashboardStale",
        ),
        _STOPPED
        | _WAITING
        | {
            series("consumer", "vitalstream_ready", dependency="database"): gauge(1, 0),
            of("consumer", "paused"): gauge(0, 2),
            of("consumer", "write_failures_total"): gauge(1, 2, 2),
            of("dashboard", "database_up"): gauge(1, 0),
            _AGE: gauge(0.4, 60, 60),
        },
    ),
    "a broker that is away": Situation(
        20,
        _fires(
            "NotReady consumer kafka",
            "NotReady producer kafka",
            "DeliveryFailing",
            "NoRecords",
            "DashboardStale",
        ),
        _STOPPED
        | {
            _LAG: gauge(20, 0),
            series("consumer", "vitalstream_ready", dependency="kafka"): gauge(1, 0),
            series("producer", "vitalstream_ready", dependency="kafka"): gauge(1, 0),
            of("producer", "delivery_errors_total", reason="timed_out"): gauge(4, 5, 3),
            _AGE: gauge(0.4, 60, 60),
        },
    ),
    "a database that does not answer": Situation(
        5,
        _fires("NotReady consumer database"),
        {series("consumer", "vitalstream_ready", dependency="database"): gauge(1, 0)},
    ),
    "a new version before its migrations": Situation(
        7,
        frozenset({Fired("VitalstreamMigrationsPending", dependency="migrations")}),
        {series("consumer", "vitalstream_ready", dependency="migrations"): gauge(1, 0)},
    ),
    "a start without a database": Situation(
        7,
        _fires("NotReady consumer database"),
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
        10,
        _fires("DatabaseAway", "DashboardStale"),
        {of("dashboard", "database_up"): gauge(1, 0), _AGE: gauge(0.4, 60, 60)},
    ),
    "partitions that are not read": Situation(
        7, _fires("ConsumerPaused"), {of("consumer", "paused"): gauge(0, 2)}
    ),
    "writes that fail": Situation(
        9, _fires("WritesFailing"), {of("consumer", "write_failures_total"): gauge(1, 2, 2)}
    ),
    "a failover of the database": Situation(
        4,
        _fires(),
        {
            of("dashboard", "database_up"): f"1x{CALM_STEPS} 0x1 1x{LATER_STEPS}",
            of("consumer", "write_failures_total"): gauge(1, 3),
        },
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
        15, _fires("VolumeFilling"), {volume("available"): gauge(40e9, 14e9)}
    ),
    "no kube-state-metrics": Situation(
        20, _fires("ClusterMetricsGone"), {restarts(): gone(steady(1))}
    ),
    "no kubelet": Situation(
        20,
        _fires("ClusterMetricsGone"),
        {volume("available"): gone(steady(40e9)), volume("capacity"): gone(steady(100e9))},
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
    return {each for each in used - known if not each.startswith(("up", "kube", "process_"))}
