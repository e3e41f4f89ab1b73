"""The lower half of Pipeline: how the load is shared, and what is near its limit."""

from typing import Final

from tests.monitoring.dashboards.grafana import Row
from tests.monitoring.dashboards.kinds import lines
from tests.monitoring.dashboards.shared import REPLICA, quantile

_REPLICAS: Final = Row(
    "By replica",
    [
        lines(
            "Records by replica",
            "What each consumer commits; partitions are shared out evenly, records by their keys.",
            {
                REPLICA: "sum by (pod, instance) (rate("
                "vitalstream_consumer_records_committed_total{}[$__rate_interval]))"
            },
            "recps",
        ),
        lines(
            "Partitions by replica",
            "Partitions that the group has given to each consumer. One without any stands idle.",
            {REPLICA: "sum by (pod, instance) (vitalstream_consumer_assigned_partitions{})"},
            "short",
        ),
        lines(
            "Paused partitions",
            "Assigned, and not being read: the database is away, a claim waits, or there is no "
            "room.",
            {REPLICA: "sum by (pod, instance) (vitalstream_consumer_paused{})"},
            "short",
            limit=1,
        ),
    ],
)

_SATURATION: Final = Row(
    "Saturation",
    [
        lines(
            "Backlog",
            "Records read and not yet written, as a share of where reading pauses. Full for long: "
            "the database is the limit.",
            {
                REPLICA: "sum by (pod, instance) (vitalstream_consumer_backlog_records{})"
                " / sum by (pod, instance) (vitalstream_consumer_backlog_limit_records{})"
            },
            "percentunit",
            limit=0.9,
            most=1,
        ),
        lines(
            "Writers busy",
            "Share of the time in which the writers write. Near 100 %: more writers, more replicas "
            "or a faster database.",
            {
                REPLICA: "sum by (pod, instance) (rate(vitalstream_consumer_commit_seconds_sum{}"
                "[$__rate_interval])) / sum by (pod, instance) (vitalstream_consumer_writers{})"
            },
            "percentunit",
            limit=0.9,
        ),
        lines(
            "Producer's buffer",
            "Records that wait for Kafka's acknowledgement as a share of the most that may, and "
            "the share of time in which the producer held back for it.",
            {
                f"full {REPLICA}": "sum by (pod, instance) (vitalstream_producer_queue_records{})"
                " / sum by (pod, instance) (vitalstream_producer_queue_limit_records{})",
                f"held back {REPLICA}": "sum by (pod, instance) (rate("
                "vitalstream_producer_throttled_seconds_total{}[$__rate_interval]))",
            },
            "percentunit",
            limit=0.9,
        ),
    ],
)

_PRODUCER: Final = Row(
    "Producer",
    [
        lines(
            "Sent and wanted",
            "Acknowledged records beside the rate that is aimed at; 0 stands for as many as Kafka "
            "takes.",
            {
                "sent": "sum(rate(vitalstream_producer_records_sent_total{}[$__rate_interval]))",
                "wanted": "sum(vitalstream_producer_target_records_per_second{} < Inf)"
                " or 0 * count(vitalstream_producer_target_records_per_second{})",
            },
            "recps",
        ),
        lines(
            "Time to acknowledge",
            "From handing a record to the client to Kafka's acknowledgement.",
            {
                "99 %": quantile(0.99, "vitalstream_producer_send_seconds"),
                "50 %": quantile(0.5, "vitalstream_producer_send_seconds"),
            },
            "s",
        ),
        lines(
            "Failed deliveries",
            "By reason, and what was given up for good; all else is tried again.",
            {
                "{{reason}}": "sum by (reason) (increase("
                "vitalstream_producer_delivery_errors_total{}[$__rate_interval]))",
                "given up": "sum(increase(vitalstream_producer_records_lost_total{}"
                "[$__rate_interval]))",
                "client made anew": "sum(increase(vitalstream_producer_client_restarts_total{}"
                "[$__rate_interval]))",
            },
            "short",
            bars=True,
        ),
    ],
)

LOAD: Final = [_REPLICAS, _SATURATION, _PRODUCER]
