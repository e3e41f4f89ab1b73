"""Looks after the running page from beside it: health, readiness and the gauges."""

import contextlib
import http.client
import threading
import time
from datetime import UTC, datetime, timedelta

import structlog
from streamlit import runtime
from streamlit.runtime.stats import ACTIVE_SESSIONS_FAMILY, GaugeStat

from vitalstream_dashboard import metrics
from vitalstream_dashboard.figures import Wards, count_pool
from vitalstream_dashboard.service import Service
from vitalstream_dashboard.source import timed
from vitalstream_runtime.ops import Heartbeat, Readiness
from vitalstream_storage import reader
from vitalstream_storage.pool import Connection

_log = structlog.get_logger(__name__)
_HTTP_OK = 200
_SURVEY_SECONDS = 10.0


class Monitor:
    """Goes round once a second in a thread of its own.

    The heartbeat follows Streamlit's own event loop, by its health endpoint. The database decides
    readiness until it has answered once; after that a page that shows its last good data with a
    banner is worth more than one that no viewer can reach.

    Args:
        service: what the sessions share.
        address: where Streamlit listens, as host and port.
        heartbeat: beats while Streamlit answers.
        readiness: has the names ``page`` and ``database``.
        interval: seconds between two rounds.
    """

    def __init__(
        self,
        service: Service,
        address: tuple[str, int],
        heartbeat: Heartbeat,
        readiness: Readiness,
        interval: float = 1.0,
    ) -> None:
        self._service, self._address, self._interval = service, address, interval
        self._heartbeat, self._readiness = heartbeat, readiness
        self._stopped = threading.Event()
        self._reached = False
        self._next_survey = float("-inf")
        self._wards = Wards(service)
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def start(self) -> None:
        """Begin; the first round is at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait for the round in hand."""
        self._stopped.set()
        self._thread.join()

    def round(self) -> None:
        """Look once."""
        if self._page_answers():
            self._heartbeat.beat()
            self._readiness.set("page", None)
            metrics.SESSIONS.set(_sessions())
        self._look_at_database()
        if time.monotonic() >= self._next_survey:
            self._next_survey = time.monotonic() + _SURVEY_SECONDS
            self._wards.count()
            self._look_at_partitions()
        count_pool(self._service.source)

    def _run(self) -> None:
        while True:
            try:
                self.round()
            except Exception:  # noqa: BLE001 - one bad round must not end the heartbeat for good
                _log.exception("monitor_failed")
            if self._stopped.wait(self._interval):
                return

    def _page_answers(self) -> bool:
        connection = http.client.HTTPConnection(*self._address, timeout=2)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/_stcore/health")
                return connection.getresponse().status == _HTTP_OK
            except (OSError, http.client.HTTPException):
                return False

    def _look_at_database(self) -> None:
        answer = self._service.freshness()
        if answer.trouble is None:
            self._reached = True
            self._readiness.set("database", None)
        elif not self._reached:
            self._readiness.set("database", answer.trouble.detail or answer.trouble.kind.value)
        if answer.value is not None and answer.value.newest is not None:
            age = datetime.now(UTC) - answer.value.newest
            metrics.DATA_AGE_SECONDS.set(age.total_seconds())

    def _look_at_partitions(self) -> None:
        answer = self._service.source.read("partitions", self._headroom)
        if answer.value is not None:
            metrics.PARTITION_HEADROOM_SECONDS.set(answer.value.total_seconds())

    def _headroom(self, connection: Connection) -> timedelta:
        return timed(reader.partition_headroom, connection)


def _sessions() -> int:
    """Once the page answers; before that Streamlit's runtime may be half made."""
    stats = runtime.get_instance().stats_mgr.get_stats([ACTIVE_SESSIONS_FAMILY])
    gauges = [s for s in stats.get(ACTIVE_SESSIONS_FAMILY, ()) if isinstance(s, GaugeStat)]
    return sum(int(gauge.value) for gauge in gauges)
