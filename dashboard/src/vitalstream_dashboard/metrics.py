"""The dashboard's metrics, declared once."""

from typing import Final, Literal, get_args

from prometheus_client import Counter, Gauge, Histogram

Part = Literal["operations", "overview", "patient", "search", "trends"]
"""The parts of the pages that `parts.guarded` draws."""

_EVERY_REPLICA: Final = (
    "Every replica counts all of them: take the max, never the sum; absent while the database is "
    "away."
)

QUERY_SECONDS: Final = Histogram(
    "vitalstream_dashboard_query_seconds",
    "Time of one reader query, from the call to its last row.",
    ["query"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
QUERY_FAILURES: Final = Counter(
    "vitalstream_dashboard_query_failures",
    "Reads that gave no answer, by what was in the way.",
    ["trouble"],
)
SESSIONS: Final = Gauge(
    "vitalstream_dashboard_sessions", "Browser tabs that are connected to the page."
)
DATA_AGE_SECONDS: Final = Gauge(
    "vitalstream_dashboard_data_age_seconds",
    "Age of the newest record that the page can show; NaN before the first one.",
)
CURRENT_PATIENTS: Final = Gauge(
    "vitalstream_dashboard_current_patients",
    f"Patients whose stay goes on. {_EVERY_REPLICA}",
    ["department"],
)
HIGH_RISK_PATIENTS: Final = Gauge(
    "vitalstream_dashboard_high_risk_patients",
    f"Current patients whose newest risk level is High. {_EVERY_REPLICA}",
    ["department"],
)
SILENT_PATIENTS: Final = Gauge(
    "vitalstream_dashboard_silent_patients",
    f"Current patients whose next observation is overdue by NEWS2's interval. {_EVERY_REPLICA}",
    ["department"],
)
OBSERVATIONS: Final = Gauge(
    "vitalstream_dashboard_observations_per_hour",
    "Observations of the last 60 minutes: those of the hour that has begun and, of the one before, "
    f"the share that lies within. {_EVERY_REPLICA}",
    ["department"],
)
PARTITION_HEADROOM_SECONDS: Final = Gauge(
    "vitalstream_dashboard_partition_headroom_seconds",
    "Time until the end of the last day that observations have a partition for; NaN before the "
    "first look.",
)
DATABASE_UP: Final = Gauge(
    "vitalstream_dashboard_database_up", "1 while the database answers, else 0."
)
POOL_CONNECTIONS: Final = Gauge(
    "vitalstream_dashboard_pool_connections",
    "Open connections to the database, of those that the pages share; 0 while it is away.",
)
POOL_LIMIT: Final = Gauge(
    "vitalstream_dashboard_pool_limit_connections", "Most connections to the database."
)
POOL_WAITING: Final = Gauge(
    "vitalstream_dashboard_pool_waiting_reads", "Reads that wait for a connection now."
)
POOL_USE_SECONDS: Final = Counter(
    "vitalstream_dashboard_pool_use_seconds", "Time that reads have had a connection, all added up."
)
POOL_WAIT_SECONDS: Final = Counter(
    "vitalstream_dashboard_pool_wait_seconds", "Time that reads have waited for a connection."
)
POOL_TIMEOUTS: Final = Counter(
    "vitalstream_dashboard_pool_timeouts", "Reads that were not given a connection in time."
)
RENDER_ERRORS: Final = Counter(
    "vitalstream_dashboard_render_errors",
    "Refreshes of a part of a page that failed in our own code.",
    ["part"],
)
for _part in get_args(Part):
    RENDER_ERRORS.labels(_part)
