"""Surveys: where the logs end, for whoever shows the lag, and whether the ledger still stands."""

from collections.abc import Callable

import structlog

from vitalstream_consumer.claiming import Claimer
from vitalstream_consumer.desk import Desk
from vitalstream_consumer.metrics import Metrics
from vitalstream_consumer.work import Survey
from vitalstream_runtime.ops import Readiness
from vitalstream_storage import writer
from vitalstream_storage.pool import Connection

_log = structlog.get_logger(__name__)


class Surveyor:
    """Asks the broker and the ledger, every few seconds, whatever lane has the time.

    Args:
        claimer: Knows the topic and our token.
        desk: Told of what was seen.
        metrics: Fences are counted there.
        readiness: Gets ``kafka`` and ``topic``.
    """

    def __init__(
        self, claimer: Claimer, desk: Desk, metrics: Metrics, readiness: Readiness
    ) -> None:
        self._claimer = claimer
        self._desk = desk
        self._metrics = metrics
        self._readiness = readiness
        self._failing = False

    def survey(self, connected: Callable[[], Connection], work: Survey) -> None:
        """Note the logs' ends, and claim anew what the ledger has lost or another has claimed.

        Raises:
            StorageError, psycopg.Error: As by `writer.record_log_end`.
            KafkaStartupError: As by `Topic.look`.
        """
        view = self._claimer.topic.look(work.partitions)
        self._readiness.set("kafka", None)
        self._readiness.set("topic", None)
        ends = {partition: bounds.end for partition, bounds in view.bounds.items()}
        quiet = self._desk.surveyed(view.topic_id, ends)
        # Who has no partition has no other way to notice that the database is away, or back.
        if not quiet and work.partitions:
            return
        quiet_ends = {partition: each.log_end for partition, each in quiet.items()}
        ledger = writer.record_log_end(connected(), view.topic_id, self._claimer.token, quiet_ends)
        self._readiness.set("database", None)
        fenced = self._desk.compared(quiet, ledger)
        if fenced:
            self._metrics.fenced.inc(len(fenced))
            _log.warning("fenced", partitions=fenced)

    def failed(self, reason: dict[str, str]) -> None:
        """Say so, once until it works again: an outage is no reason to fill a log."""
        if not self._failing:
            _log.warning("survey_failed", **reason)
        self._failing = True

    def worked(self) -> None:
        """Say so where it had failed before."""
        if self._failing:
            _log.info("survey_works_again")
        self._failing = False
