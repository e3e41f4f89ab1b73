"""What the dashboards' files ask Prometheus for."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from tests.monitoring.dashboards.document import FOLDER

NEIGHBOURS: Final = frozenset({
    # kubelet and kube-state-metrics
    "container_cpu_cfs_periods_total",
    "container_cpu_cfs_throttled_periods_total",
    "container_memory_working_set_bytes",
    "kube_pod_container_resource_limits",
    "kube_pod_container_status_restarts_total",
    "kubelet_volume_stats_capacity_bytes",
    "kubelet_volume_stats_used_bytes",
    # Strimzi's metrics reporter
    "kafka_controller_kafkacontroller_activecontrollercount",
    "kafka_controller_kafkacontroller_offlinepartitionscount",
    "kafka_network_socketserver_networkprocessoravgidlepercent",
    "kafka_server_brokertopicmetrics_bytesinpersec_total",
    "kafka_server_brokertopicmetrics_bytesoutpersec_total",
    "kafka_server_brokertopicmetrics_messagesinpersec_total",
    "kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent_total",
    "kafka_server_replicamanager_leadercount",
    "kafka_server_replicamanager_underreplicatedpartitions",
    # CloudNativePG's exporter
    "cnpg_backends_total",
    "cnpg_backends_waiting_total",
    "cnpg_collector_pg_wal",
    "cnpg_collector_up",
    "cnpg_pg_database_size_bytes",
    "cnpg_pg_replication_lag",
    "cnpg_pg_replication_streaming_replicas",
    "cnpg_pg_stat_archiver_failed_count",
    "cnpg_pg_stat_database_xact_commit",
    "cnpg_pg_stat_database_xact_rollback",
})  # fmt: skip
"""Metrics of others, there only in a cluster with their exporters."""


class Expression(NamedTuple):
    """One query of one panel, its variables replaced."""

    dashboard: str
    panel: str
    expr: str


def dashboards() -> dict[str, Any]:
    """Every file of the chart, by its name."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("*.json"))
    }


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those of collapsed rows and the rows themselves among them."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def expressions(namespace: str = "vitalstream", rate_interval: int = 60) -> list[Expression]:
    """Every query of every panel, as Grafana would send it.

    Args:
        namespace: The chosen one.
        rate_interval: Four times the time between two scrapes or more, in seconds.
    """
    values = {
        "$namespace": namespace,
        "$__rate_interval_ms": f"{rate_interval}000",
        "$__rate_interval": f"{rate_interval}s",
    }
    return [
        Expression(name, panel["title"], _replaced(target["expr"], values))
        for name, dashboard in dashboards().items()
        for panel in panels(dashboard)
        for target in panel.get("targets", [])
    ]


def metrics(expr: str) -> set[str]:
    """The names of the metrics that it selects."""
    return set(re.findall(r"([A-Za-z_:][A-Za-z0-9_:]*)\{", expr))


def of_neighbours(expr: str) -> bool:
    """Whether only others' exporters can give it data."""
    return bool(metrics(expr) & NEIGHBOURS)


def _replaced(expr: str, values: dict[str, str]) -> str:
    for variable, value in values.items():
        expr = expr.replace(variable, value)
    return expr
