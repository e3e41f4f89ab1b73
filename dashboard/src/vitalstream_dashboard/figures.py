"""What the metrics say of the wards and of the connections, counted beside the pages."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client import Gauge

from vitalstream_dashboard import metrics
from vitalstream_dashboard.service import Service
from vitalstream_dashboard.source import Source, timed
from vitalstream_storage import reader
from vitalstream_storage.pool import Connection

MOST_DEPARTMENTS: Final = 50
"""Departments with series of their own: their names come from outside."""
OTHERS: Final = "(others)"
NAMELESS: Final = "(none)"
"""Where records name no department: to Prometheus an empty label is none at all."""

_HOUR: Final = timedelta(hours=1)
_GAUGES: Final = (
    metrics.CURRENT_PATIENTS,
    metrics.HIGH_RISK_PATIENTS,
    metrics.SILENT_PATIENTS,
    metrics.OBSERVATIONS,
)
Figures = dict[Gauge, dict[str, float]]


class Wards:
    """Counts the patients of each department, once for all pages and sessions.

    Args:
        service: What the sessions share.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._shown: set[str] = set()

    def count(self) -> None:
        """Set the gauges; while the database is away there are none."""
        answer = self._service.source.read("wards", self._figures)
        figures: Figures = {gauge: {} for gauge in _GAUGES}
        if answer.value is not None and answer.trouble is None:
            figures = answer.value
        shown = set(figures[metrics.CURRENT_PATIENTS])
        for gauge in _GAUGES:
            for department, value in figures[gauge].items():
                gauge.labels(department).set(value)
            for gone in self._shown - shown:
                gauge.remove(gone)
        self._shown = shown

    def _figures(self, connection: Connection) -> Figures:
        scale = self._service.settings.time_scale
        wards = timed(reader.departments, connection)
        return bounded(
            {each.department: each.patients for each in wards},
            {each.department: each.at_risk for each in wards},
            timed(reader.silence, connection, scale, limit=0).departments,
            _last_hour(connection, datetime.now(UTC)),
        )


def bounded(*figures: Mapping[str, float]) -> Figures:
    """The figures of the gauges, in their order, by department.

    Each department has all of them; those with the fewest patients are added up as `OTHERS` where
    there are too many.
    """
    patients = figures[0]
    names: set[str] = set().union(*figures)
    everywhere = sorted(names, key=lambda name: (-patients.get(name, 0), name))
    own = set(everywhere[:MOST_DEPARTMENTS])
    found: Figures = {}
    for gauge, given in zip(_GAUGES, figures, strict=True):
        found[gauge] = dict.fromkeys(own if len(everywhere) == len(own) else {*own, OTHERS}, 0.0)
        for name, value in given.items():
            found[gauge][name if name in own else OTHERS] += value
        if "" in found[gauge]:
            found[gauge][NAMELESS] = found[gauge].pop("")
    return found


def _last_hour(connection: Connection, now: datetime) -> dict[str, float]:
    """Estimated from the hours' counters, which cost nothing: arrivals are taken as even."""
    began = now.replace(minute=0, second=0, microsecond=0)
    share = 1 - (now - began) / _HOUR
    return {
        each.department: sum(
            count * (1 if hour >= began else share)
            for hour, count in zip(each.hours, each.observations, strict=True)
        )
        for each in timed(reader.hourly, connection, "risk_score", began - _HOUR, began + _HOUR)
    }


def count_pool(source: Source) -> None:
    """Set what there is to say of the connections; psycopg_pool counts in milliseconds."""
    found = source.pool_figures()
    metrics.POOL_CONNECTIONS.set(found.get("pool_size", 0))
    metrics.POOL_WAITING.set(found.get("requests_waiting", 0))
    metrics.POOL_USE_SECONDS.inc(found.get("usage_ms", 0) / 1000)
    metrics.POOL_WAIT_SECONDS.inc(found.get("requests_wait_ms", 0) / 1000)
    metrics.POOL_TIMEOUTS.inc(found.get("requests_errors", 0))
    if "pool_max" in found:
        metrics.POOL_LIMIT.set(found["pool_max"])
