"""The dashboard's metrics, declared once."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

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
SILENT_PATIENTS: Final = Gauge(
    "vitalstream_dashboard_silent_patients",
    "Current patients whose next observation is overdue by NEWS2's interval. Every replica counts "
    "all of them: take the max, never the sum; absent while the database is away.",
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
RENDER_ERRORS: Final = Counter(
    "vitalstream_dashboard_render_errors",
    "Refreshes of a part of a page that failed in our own code.",
    ["part"],
)
