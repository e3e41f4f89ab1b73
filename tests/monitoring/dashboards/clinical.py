"""The dashboard Clinical stream: the wards in numbers, without anything about one patient."""

from typing import Final

from tests.monitoring.dashboards.grafana import GREEN, GREY, ORANGE, RED, Dashboard, Row, Word
from tests.monitoring.dashboards.kinds import gauges, lines, stat
from tests.monitoring.dashboards.shared import dead_letters, up_to

# Every replica of the dashboard counts all patients.
_CURRENT: Final = "max by (department) (vitalstream_dashboard_current_patients{})"
_HIGH: Final = "max by (department) (vitalstream_dashboard_high_risk_patients{})"
_SILENT: Final = "max by (department) (vitalstream_dashboard_silent_patients{})"
_OBSERVED: Final = "max by (department) (vitalstream_dashboard_observations_per_hour{})"
_EMPTY: Final = "0 * max(vitalstream_dashboard_database_up{} == 1)"
"""0 while the database answers and knows no current patient, nothing while it is away."""
_SHARES: Final = ((GREEN, None), (ORANGE, 0.25), (RED, 0.5))

_GLANCE: Final = Row(
    "Is all well?",
    [
        stat(
            "Patients' data",
            "Age of the newest record on the dashboard. Live: under half a minute. Late: under two "
            "minutes. Stopped: older; the dashboard Pipeline tells why.",
            "min(vitalstream_dashboard_data_age_seconds{})",
            "s",
            words=up_to(30, "Live", "Late", "Stopped", 120),
            nothing=("No dashboard", RED),
        ),
        stat(
            "Current patients",
            "Patients whose stay goes on, each counted once.",
            f"sum({_CURRENT}) or {_EMPTY}",
            "short",
            nothing=("Database away", RED),
        ),
        stat(
            "At high risk",
            "Share of the current patients whose newest risk level is High.",
            f"sum({_HIGH}) / sum({_CURRENT}) or {_EMPTY} / 0",
            "percentunit",
            words=(Word("No patients", GREY, float("nan")),),
            steps=_SHARES,
            nothing=("Database away", RED),
        ),
        stat(
            "Overdue for observation",
            "Current patients whose next observation is overdue by the interval that NEWS2 asks "
            "for: somebody should look at them, or at what observes them.",
            f"sum({_SILENT}) or {_EMPTY}",
            "short",
            words=(Word("Nobody", GREEN, 0),),
            steps=((GREEN, None), (ORANGE, 1.0)),
            nothing=("Database away", RED),
        ),
        stat(
            "Observations, last hour",
            "Observations of the last 60 minutes, by the time they were made at.",
            f"sum({_OBSERVED}) or {_EMPTY}",
            "short",
            words=(Word("None", ORANGE, 0),),
            nothing=("Database away", RED),
        ),
        dead_letters(),
    ],
)

_NOW: Final = Row(
    "Departments now",
    [
        gauges(
            "Overdue by department",
            "Current patients whose next observation is overdue.",
            {"{{department}}": f"sort_desc({_SILENT})"},
            "short",
            steps=((GREEN, None), (ORANGE, 1.0), (RED, 5.0)),
            nothing=("No figures", GREY),
        ),
        gauges(
            "High-risk share by department",
            "Share of a department's current patients whose newest risk level is High. In a small "
            "department one patient is much.",
            {"{{department}}": f"sort_desc({_HIGH} / ({_CURRENT} > 0))"},
            "percentunit",
            steps=_SHARES,
            nothing=("No figures", GREY),
        ),
        gauges(
            "Patients by department",
            "Current patients; the departments with the fewest are one where there are over 50.",
            {"{{department}}": _CURRENT},
            "short",
            nothing=("No figures", GREY),
        ),
        gauges(
            "Observations by department, last hour",
            "Observations of the last 60 minutes. A department without any is not being observed.",
            {"{{department}}": _OBSERVED},
            "short",
            steps=((ORANGE, None), ("blue", 1.0)),
            nothing=("No figures", GREY),
        ),
    ],
)

_THEN: Final = Row(
    "Departments over time",
    [
        lines(
            "Overdue",
            "Patients overdue for an observation. All departments rising at once is the stream, "
            "one alone is the ward.",
            {"{{department}}": _SILENT},
            "short",
            width=12,
        ),
        lines(
            "High-risk share",
            "Share of the current patients at high risk.",
            {"{{department}}": f"{_HIGH} / ({_CURRENT} > 0)"},
            "percentunit",
            width=12,
        ),
        lines(
            "Current patients over time",
            "Patients whose stay goes on.",
            {"{{department}}": _CURRENT},
            "short",
            width=12,
        ),
        lines(
            "Observations per hour",
            "Observations of the 60 minutes before.",
            {"{{department}}": _OBSERVED},
            "short",
            width=12,
        ),
    ],
)

_TRUST: Final = Row(
    "Whether the numbers can be trusted",
    [
        lines(
            "Age of the newest record",
            "As the dashboard sees it: the best of its replicas.",
            {"age": "min(vitalstream_dashboard_data_age_seconds{})"},
            "s",
            limit=120,
        ),
        lines(
            "Share of records not stored",
            "Dead letters among the records of each interval.",
            {
                "dead letters": "sum(rate(vitalstream_consumer_dead_letters_total{}"
                "[$__rate_interval]))"
                " / (sum(rate(vitalstream_consumer_records_committed_total{}[$__rate_interval]))"
                " > 0)"
                " or 0 * sum(vitalstream_consumer_writers{})"
            },
            "percentunit",
        ),
        lines(
            "Scores that disagreed",
            "Share of the records that came with another risk score or level than is computed, and "
            "stored, here.",
            {
                "mismatches": "sum(rate(vitalstream_consumer_risk_mismatches_total{}"
                "[$__rate_interval]))"
                " / (sum(rate(vitalstream_consumer_records_committed_total{}[$__rate_interval]))"
                " > 0)"
                " or 0 * sum(vitalstream_consumer_writers{})"
            },
            "percentunit",
        ),
    ],
)

CLINICAL: Final = Dashboard(
    "clinical",
    "Clinical stream",
    "The wards in numbers: how many patients, how many at high risk, how many overdue for an "
    "observation. Nothing about any one patient.",
    [_GLANCE, _NOW, _THEN, _TRUST],
)
