"""The dashboard Services: whether producer, consumer and dashboard can work, and what it costs."""

from typing import Final

from tests.monitoring.dashboards.grafana import (
    GREEN,
    GREY,
    ORANGE,
    RED,
    Dashboard,
    Panel,
    Row,
    Word,
)
from tests.monitoring.dashboards.kinds import lines, stat, states
from tests.monitoring.dashboards.neighbours import NEIGHBOURS
from tests.monitoring.dashboards.shared import READY, REPLICA, SERVICE, alerts

_READY: Final = (Word("Ready", GREEN, 1), Word("Waiting", ORANGE, 0))


def _of_service(query: str) -> str:
    """A process' own metric, by the service that it is of."""
    return f"{query} * on (namespace, instance) group_left (component) {SERVICE}"


def _ready(component: str, what: str, without: str = RED) -> Panel:
    return stat(
        component.capitalize(),
        f"{what} Ready: every replica has all that it needs. Waiting: one lacks something, see "
        "Readiness below.",
        READY.format(component),
        words=_READY,
        nothing=("Not running", without),
    )


_GLANCE: Final = Row(
    "Is all well?",
    [
        _ready(
            "producer",
            "Invents patients; not running where real records come from elsewhere.",
            GREY,
        ),
        _ready("consumer", "Moves records from Kafka into the database."),
        _ready("dashboard", "Shows the patients."),
        stat(
            "Database",
            "Whether it answers the dashboard, by the worst of its replicas.",
            "min(vitalstream_dashboard_database_up{})",
            words=(Word("Answers", GREEN, 1), Word("Away", RED, 0)),
            nothing=("No dashboard", RED),
        ),
        stat(
            "Restarts, last hour",
            "Starts of a process where one had been running before.",
            f"sum({_of_service('changes(process_start_time_seconds{}[1h])')})",
            "short",
            words=(Word("None", GREEN, 0),),
            steps=((GREEN, None), (ORANGE, 1.0), (RED, 5.0)),
            nothing=("Not running", RED),
        ),
        alerts(),
    ],
)

_READINESS: Final = Row(
    "Readiness",
    [
        states(
            "Readiness",
            "What each replica needs, and whether it is there, as /readyz says. A wrong password "
            "or certificate shows here too; the service's log has the reason.",
            {
                "{{component}} {{instance}}: {{dependency}}": "vitalstream_ready{} * on (namespace,"
                f" instance) group_left (component) {SERVICE}"
            },
            _READY,
            width=16,
        ),
        lines(
            "Versions",
            "Replicas of each version: more than one line of a service is an upgrade under way.",
            {
                "{{component}} {{version}}": "count by (component, version) "
                "(vitalstream_build_info{})"
            },
            "short",
        ),
    ],
)

_PROCESSES: Final = Row(
    "Processes",
    [
        lines(
            "CPU",
            "Cores in use.",
            {REPLICA: _of_service("rate(process_cpu_seconds_total{}[$__rate_interval])")},
            "none",
            width=6,
        ),
        lines(
            "Memory",
            "Resident memory. It is bounded whatever the backlog; steady growth is a leak.",
            {REPLICA: _of_service("process_resident_memory_bytes{}")},
            "bytes",
            width=6,
        ),
        lines(
            "Restarts",
            "Starts of a process where one had been running before.",
            {REPLICA: _of_service("changes(process_start_time_seconds{}[$__rate_interval])")},
            "short",
            width=6,
            bars=True,
        ),
        lines(
            "Open files",
            "File descriptors as a share of the most that the process may open.",
            {REPLICA: _of_service("process_open_fds{} / process_max_fds{}")},
            "percentunit",
            width=6,
            limit=0.8,
        ),
    ],
)

_PAGES: Final = Row(
    "Dashboard",
    [
        lines(
            "Sessions",
            "Browser tabs that are connected.",
            {REPLICA: "sum by (pod, instance) (vitalstream_dashboard_sessions{})"},
            "short",
        ),
        lines(
            "Query time, 95 %",
            "By query: the time that 95 % of them stay below. None of them grows with the tables.",
            {
                "{{query}}": "histogram_quantile(0.95, sum by (le, query) (rate("
                "vitalstream_dashboard_query_seconds_bucket{}[$__rate_interval])))"
            },
            "s",
            limit=1,
        ),
        lines(
            "Queries",
            "Queries per second, of all replicas; sessions that ask the same share one.",
            {
                "{{query}}": "sum by (query) (rate(vitalstream_dashboard_query_seconds_count{}"
                "[$__rate_interval]))"
            },
            "reqps",
        ),
        lines(
            "Failed reads",
            "By what was in the way: away and slow are the database's, refused its login's, "
            "pending waits for migrations, fault is ours.",
            {
                "{{trouble}}": "sum by (trouble) (increase("
                "vitalstream_dashboard_query_failures_total{}[$__rate_interval]))"
            },
            "short",
            bars=True,
        ),
        lines(
            "Parts of pages that failed",
            "Refreshes that viewers saw a sentence of apology in place of.",
            {
                "{{part}}": "sum by (part) (increase(vitalstream_dashboard_render_errors_total{}"
                "[$__rate_interval]))"
            },
            "short",
            bars=True,
        ),
        lines(
            "Days of partitions left",
            "How long observations have partitions of their own ahead of them; made by the "
            "maintenance job.",
            {"days": "min(vitalstream_dashboard_partition_headroom_seconds{}) / 86400"},
            "short",
        ),
    ],
)

_POOL: Final = Row(
    "Dashboard's connections to the database",
    [
        lines(
            "Connections in use",
            "Share of the most that may be open, over the time: near 100 % reads wait.",
            {
                REPLICA: "sum by (pod, instance) (rate("
                "vitalstream_dashboard_pool_use_seconds_total{}[$__rate_interval]))"
                " / (sum by (pod, instance) (vitalstream_dashboard_pool_limit_connections{}) > 0)"
            },
            "percentunit",
            limit=0.9,
        ),
        lines(
            "Open connections",
            "Of the pool that all sessions of a replica share; 0 while the database is away.",
            {REPLICA: "sum by (pod, instance) (vitalstream_dashboard_pool_connections{})"},
            "short",
        ),
        lines(
            "Waiting for a connection",
            "Reads that wait now, seconds that reads have waited in each second, and reads that "
            "were given none in time.",
            {
                "waiting": "sum(vitalstream_dashboard_pool_waiting_reads{})",
                "seconds waited": "sum(rate(vitalstream_dashboard_pool_wait_seconds_total{}"
                "[$__rate_interval]))",
                "given none": "sum(increase(vitalstream_dashboard_pool_timeouts_total{}"
                "[$__rate_interval]))",
            },
            "short",
        ),
    ],
)

SERVICES: Final = Dashboard(
    "services",
    "Services",
    "Whether producer, consumer and dashboard can do their work, what it costs, and how the "
    "neighbours are: Kubernetes, Kafka by Strimzi, PostgreSQL by CloudNativePG.",
    [_GLANCE, _READINESS, _PROCESSES, _PAGES, _POOL, *NEIGHBOURS],
)
