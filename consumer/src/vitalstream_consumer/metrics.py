"""The consumer's metrics, all of them declared here."""

import math
import threading
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from vitalstream_consumer.batch import Chunk
from vitalstream_schema.codec import Reason
from vitalstream_storage.batch import Outcome

AGE_SECONDS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
)  # fmt: skip
_COMMIT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)
_BATCH_RECORDS: Final = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)


class RecordAge(Collector):
    """A histogram that takes a batch of observations at once: 0.1 us each, not 2 us."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = [0] * (len(AGE_SECONDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: Iterable[float]) -> None:
        """Count each of the ages."""
        ages = sorted(seconds)
        ends = [*(bisect_right(ages, bound) for bound in AGE_SECONDS), len(ages)]
        with self._lock:
            for bucket, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
                self._counts[bucket] += end - start
            self._sum += math.fsum(ages)

    def collect(self) -> Iterator[Metric]:
        """Render the counts as Prometheus wants them, cumulative."""
        with self._lock:
            counts, total_seconds = list(self._counts), self._sum
        total, buckets = 0, []
        for bound, count in zip((*AGE_SECONDS, math.inf), counts, strict=True):
            total += count
            buckets.append(("+Inf" if math.isinf(bound) else str(bound), total))
        yield HistogramMetricFamily(
            "vitalstream_consumer_record_age_seconds",
            "Time from a record's Kafka timestamp to its commit in the tables.",
            buckets=buckets,
            sum_value=total_seconds,
        )


class Metrics:
    """Every metric, each with all of its label values from the start.

    Args:
        registry: Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"vitalstream_consumer_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"vitalstream_consumer_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            name = f"vitalstream_consumer_{name}"
            return Histogram(name, text, buckets=buckets, registry=registry)

        self.committed = counter(
            "records_committed", "Records whose outcome is in the tables, dead letters included."
        )
        self.dead_letters = counter(
            "dead_letters", "Records that could not be stored, by reason.", "reason"
        )
        for reason in Reason:
            self.dead_letters.labels(reason.value)
        self.duplicates = counter("duplicates", "Records that were in the tables already.")
        self.stale = counter("stale", "Records from before the retention floor, not stored.")
        self.lag = gauge(
            "lag_records", "Records of the log not yet in the tables, of owned partitions.",
            "partition",
        )  # fmt: skip
        self.next_offset = gauge(
            "next_offset", "Offset that the tables go on from, of owned partitions.", "partition"
        )
        self.record_age = RecordAge()
        registry.register(self.record_age)
        self.batch_records = histogram("batch_records", "Records per commit.", _BATCH_RECORDS)
        self.commit_seconds = histogram(
            "commit_seconds", "Time of one write, from its first lock to its commit.",
            _COMMIT_SECONDS,
        )  # fmt: skip
        self.fenced = counter("fenced", "Times another writer had claimed a partition of ours.")
        self.rewound = counter(
            "rewound",
            "Times the ledger stood behind where we had left it: a restored backup, a failover.",
        )
        self.gaps = counter("gaps", "Ranges of offsets that the broker no longer had.", "kind")
        for kind in ("deleted", "truncated"):
            self.gaps.labels(kind)
        self.skipped = counter(
            "offsets_skipped", "Offsets without a record: compaction, transactions' markers."
        )
        self.risk_mismatches = counter(
            "risk_mismatches", "Records whose own risk score or level was another than computed."
        )
        self.unknown_fields = counter("unknown_fields", "Fields that the contract does not know.")
        self.paused = gauge(
            "paused", "Assigned partitions that are not being read: unclaimed, or no room."
        )
        self.assigned = gauge("assigned_partitions", "Partitions that the group has given us.")
        self.backlog = gauge("backlog_records", "Records read and not yet written.")
        self.backlog_limit = gauge(
            "backlog_limit_records", "Reading pauses while so many wait, as one batch holds."
        )
        self.writers = gauge("writers", "Transactions that may be under way at once.")
        self.rebalances = counter("rebalances", "Assignments and revocations by the group.")
        self.write_failures = counter(
            "write_failures", "Claims and writes that failed or whose outcome is unknown."
        )

    def count(
        self, chunks: Collection[Chunk], outcome: Outcome, seconds: float, now_ms: float
    ) -> None:
        """Count a committed batch.

        Args:
            chunks: What it held.
            outcome: What became of it.
            seconds: How long the write took.
            now_ms: The clock after it, Unix milliseconds.
        """
        records = sum(chunk.records for chunk in chunks)
        self.committed.inc(records)
        self.batch_records.observe(records)
        self.commit_seconds.observe(seconds)
        self.duplicates.inc(outcome.duplicates)
        self.stale.inc(outcome.stale)
        letters = [letter for chunk in chunks for letter in chunk.dead_letters]
        for letter in (*letters, *outcome.conflicts):
            self.dead_letters.labels(letter.reason).inc()
        for chunk in chunks:
            decoded = [accepted.decoded for accepted in chunk.accepted]
            self.risk_mismatches.inc(sum(each.risk_mismatch for each in decoded))
            self.unknown_fields.inc(sum(each.unknown_fields for each in decoded))
            self.skipped.inc(chunk.next_offset - chunk.expected_offset - chunk.records)
            self.record_age.observe((now_ms - ms) / 1000 for ms in chunk.appended_ms if ms >= 0)
