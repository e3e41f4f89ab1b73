"""Rows about what others run and measure: there only where their exporters are scraped."""

from typing import Final

from tests.monitoring.dashboards.grafana import GREEN, GREY, ORANGE, RED, Row, Word
from tests.monitoring.dashboards.kinds import lines, stat

_VOLUME: Final = "{{persistentvolumeclaim}}"
_POD: Final = "{{pod}}"
_REQUESTS: Final = "kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent_total{}"

_KUBERNETES: Final = Row(
    "Kubernetes (kubelet, kube-state-metrics)",
    [
        lines(
            "Container restarts",
            "By pod, of all containers of the namespace.",
            {
                _POD: "sum by (pod) (increase(kube_pod_container_status_restarts_total{}"
                "[$__rate_interval]))"
            },
            "short",
            width=6,
            bars=True,
        ),
        lines(
            "Memory against its limit",
            "At 100 % a container is killed.",
            {
                "{{pod}} {{container}}": "sum by (pod, container) ("
                'container_memory_working_set_bytes{container!=""}) / sum by (pod, container) ('
                'kube_pod_container_resource_limits{resource="memory"})'
            },
            "percentunit",
            width=6,
            limit=0.9,
        ),
        lines(
            "Throttled",
            "Share of the periods in which a container wanted more of the processor than its "
            "limit.",
            {
                _POD: "sum by (pod) (rate(container_cpu_cfs_throttled_periods_total{}"
                "[$__rate_interval])) / sum by (pod) (rate(container_cpu_cfs_periods_total{}"
                "[$__rate_interval]))"
            },
            "percentunit",
            width=6,
        ),
        lines(
            "Volumes' use",
            "A full volume stops the broker or the database.",
            {
                _VOLUME: "max by (persistentvolumeclaim) (kubelet_volume_stats_used_bytes{})"
                " / max by (persistentvolumeclaim) (kubelet_volume_stats_capacity_bytes{})"
            },
            "percentunit",
            width=6,
            limit=0.85,
            most=1,
        ),
    ],
    collapsed=True,
)

_KAFKA: Final = Row(
    "Kafka (Strimzi's metrics reporter)",
    [
        stat(
            "Partitions without a leader",
            "Nobody can write to or read from these.",
            "sum(kafka_controller_kafkacontroller_offlinepartitionscount{})",
            "short",
            words=(Word("None", GREEN, 0),),
            steps=((GREEN, None), (RED, 1.0)),
            nothing=("Not scraped", GREY),
            width=6,
        ),
        stat(
            "Partitions short of copies",
            "Their copies are not all in sync; acknowledgements may wait.",
            "sum(kafka_server_replicamanager_underreplicatedpartitions{})",
            "short",
            words=(Word("None", GREEN, 0),),
            steps=((GREEN, None), (ORANGE, 1.0)),
            nothing=("Not scraped", GREY),
            width=6,
        ),
        stat(
            "Active controllers",
            "Exactly one is right.",
            "sum(kafka_controller_kafkacontroller_activecontrollercount{})",
            "short",
            words=(Word("One", GREEN, 1),),
            steps=((RED, None),),
            nothing=("Not scraped", GREY),
            width=6,
        ),
        stat(
            "Brokers",
            "Brokers that are scraped.",
            "count(kafka_server_replicamanager_leadercount{})",
            "short",
            nothing=("Not scraped", GREY),
            width=6,
        ),
        lines(
            "Messages in",
            "By topic, Kafka's own apart.",
            {
                "{{topic}}": "sum by (topic) (rate("
                'kafka_server_brokertopicmetrics_messagesinpersec_total{topic!="", topic!~"__.+"}'
                "[$__rate_interval]))"
            },
            "mps",
        ),
        lines(
            "Traffic",
            "Bytes in and out of the brokers' topics.",
            {
                "in": "sum(rate(kafka_server_brokertopicmetrics_bytesinpersec_total"
                '{topic!=""}[$__rate_interval]))',
                "out": "sum(rate(kafka_server_brokertopicmetrics_bytesoutpersec_total"
                '{topic!=""}[$__rate_interval]))',
            },
            "Bps",
        ),
        lines(
            "Brokers' idle threads",
            "Near 0 the brokers are the limit.",
            {
                f"network {_POD}": "sum by (pod) ("
                "kafka_network_socketserver_networkprocessoravgidlepercent{})",
                f"requests {_POD}": f"sum by (pod) (rate({_REQUESTS}[$__rate_interval])) / 1e9",
            },
            "percentunit",
            most=1,
        ),
    ],
    collapsed=True,
)

_POSTGRES: Final = Row(
    "PostgreSQL (CloudNativePG's exporter)",
    [
        stat(
            "Servers",
            "Servers that answer their exporter.",
            "sum(cnpg_collector_up{})",
            "short",
            words=(Word("None", RED, 0),),
            nothing=("Not scraped", GREY),
            width=6,
        ),
        stat(
            "Standbys",
            "Standbys that stream from the primary.",
            "max(cnpg_pg_replication_streaming_replicas{})",
            "short",
            words=(Word("None", GREY, 0),),
            nothing=("Not scraped", GREY),
            width=6,
        ),
        stat(
            "Standbys' delay",
            "How far the slowest standby is behind the primary.",
            "max(cnpg_pg_replication_lag{})",
            "s",
            steps=((GREEN, None), (ORANGE, 5.0), (RED, 60.0)),
            nothing=("Not scraped", GREY),
            width=6,
        ),
        stat(
            "Sessions that wait",
            "Sessions that wait for another's lock.",
            "sum(cnpg_backends_waiting_total{})",
            "short",
            words=(Word("None", GREEN, 0),),
            steps=((GREEN, None), (ORANGE, 1.0)),
            nothing=("Not scraped", GREY),
            width=6,
        ),
        lines(
            "Transactions",
            "By database: committed and rolled back.",
            {
                "{{datname}} committed": "sum by (datname) (rate("
                "cnpg_pg_stat_database_xact_commit{}[$__rate_interval]))",
                "{{datname}} rolled back": "sum by (datname) (rate("
                "cnpg_pg_stat_database_xact_rollback{}[$__rate_interval]))",
            },
            "ops",
            width=6,
        ),
        lines(
            "Sessions by program",
            "Connections by the name that each program gives.",
            {"{{application_name}}": "sum by (application_name) (cnpg_backends_total{})"},
            "short",
            width=6,
        ),
        lines(
            "Size",
            "Of the databases, and of the log that is kept for standbys and archive.",
            {
                "{{datname}}": "max by (datname) (cnpg_pg_database_size_bytes{})",
                "log": 'max(cnpg_collector_pg_wal{value="size"})',
            },
            "bytes",
            width=6,
        ),
        lines(
            "Archive failures",
            "Failed attempts to archive the log: what backups rest on.",
            {_POD: "sum by (pod) (increase(cnpg_pg_stat_archiver_failed_count{}[1h]))"},
            "short",
            width=6,
            limit=1,
        ),
    ],
    collapsed=True,
)

NEIGHBOURS: Final = [_KUBERNETES, _KAFKA, _POSTGRES]
