"""The dashboard Pipeline: whether records arrive, how late, and where they are held up."""

from typing import Final

from tests.monitoring.dashboards.grafana import GREEN, GREY, ORANGE, RED, Dashboard, Row, Word
from tests.monitoring.dashboards.kinds import lines, stat
from tests.monitoring.dashboards.load import LOAD
from tests.monitoring.dashboards.shared import (
    NONE_ELSE_RED,
    READY,
    RED_FROM_ONE,
    REPLICA,
    alerts,
    alerts_by_name,
    counted,
    dead_letters,
    quantile,
)

LATE_SECONDS: Final = 5
"""A boundary of the histogram, and the default of the chart's alerts."""

_IF_READ: Final = "and on () count(vitalstream_consumer_writers{})"
"""Nothing where no consumer is there now, whatever there was a minute ago."""

STREAM: Final = f"""
((sum(rate(vitalstream_consumer_records_committed_total{{}}[2m])) == bool 0)
  * (2 + ((max(vitalstream_consumer_lag_records{{}}) or vector(0)) <= bool 1)
    * ({READY.format("consumer")} or vector(1)))
+ 4 * (count(
    max by (partition) (vitalstream_consumer_next_offset{{}})
    == max by (partition) (vitalstream_consumer_next_offset{{}} offset 2m)
    and max by (partition) (vitalstream_consumer_lag_records{{}}) > 1
  ) > bool 0 or vector(0))
+ (sum(rate(vitalstream_consumer_record_age_seconds_bucket{{le="{LATE_SECONDS:.1f}"}}[2m]))
   / sum(rate(vitalstream_consumer_record_age_seconds_count{{}}[2m])) < bool 0.99))
{_IF_READ}"""
"""0 records are committed in time, 1 too late, 2 wait and none is committed, 3 none comes; 4 more
where those of a partition wait and none of it is committed. One alone may be no record but the
marker that ends a transaction."""
STREAM_WORDS: Final = (
    Word("Live", GREEN, 0),
    Word("Late", ORANGE, 1),
    Word("Stopped", RED, 2),
    Word("Nothing arrives", RED, 3),
    Word("Partly stopped", RED, 4, 5),
    Word("Stopped", RED, 6, 7),
)

_GLANCE: Final = Row(
    "Is all well?",
    [
        stat(
            "Stream",
            f"Live: records reach the tables within {LATE_SECONDS} s. Late: they reach them, but "
            "more than 1 % later than that. Stopped: records wait in Kafka, or the consumer for "
            "something it needs, and none is committed; partly: those of a partition wait. "
            "Nothing arrives: none waits either, so look at whoever produces them.",
            STREAM,
            words=STREAM_WORDS,
            nothing=("No consumer", RED),
        ),
        stat(
            "How late",
            "Time from Kafka's timestamp to the commit that 99 % of the last five minutes' records "
            "stay below.",
            "histogram_quantile(0.99,"
            " sum by (le) (rate(vitalstream_consumer_record_age_seconds_bucket{}[5m]))) "
            + _IF_READ,
            "s",
            words=(Word("No records", GREY, float("nan")),),
            steps=((GREEN, None), (ORANGE, 1.0), (RED, float(LATE_SECONDS))),
            nothing=("No consumer", RED),
        ),
        stat(
            "Waiting in Kafka",
            "Records of the log that are not in the tables yet, of all partitions.",
            "sum(max by (partition) (vitalstream_consumer_lag_records{}))",
            "short",
            words=NONE_ELSE_RED,
            steps=((GREEN, None), (ORANGE, 1_000.0), (RED, 10_000.0)),
            nothing=("Nobody reads", RED),
        ),
        dead_letters(),
        stat(
            "Gaps, last day",
            "Ranges of records that Kafka no longer had when their turn came: lost to the tables, "
            "unless their source can send them again.",
            f"round({counted('vitalstream_consumer_gaps_total', '1d')})",
            "short",
            words=NONE_ELSE_RED,
            steps=RED_FROM_ONE,
            nothing=("No consumer", RED),
        ),
        alerts(),
    ],
)

_FLOW: Final = Row(
    "Arrival and delay",
    [
        lines(
            "Records",
            "What our producer has had acknowledged by Kafka, and what is committed to the tables. "
            "Other producers are seen in the second alone.",
            {
                "acknowledged": "sum(rate(vitalstream_producer_records_sent_total{}"
                "[$__rate_interval]))",
                "committed": "sum(rate(vitalstream_consumer_records_committed_total{}"
                "[$__rate_interval]))",
            },
            "recps",
            width=6,
        ),
        lines(
            "Record age",
            "Time from Kafka's timestamp to the commit, for half of the records and for 99 %. The "
            f"objective is 99 % within {LATE_SECONDS} s.",
            {
                "99 %": quantile(0.99, "vitalstream_consumer_record_age_seconds"),
                "50 %": quantile(0.5, "vitalstream_consumer_record_age_seconds"),
            },
            "s",
            width=6,
            limit=LATE_SECONDS,
        ),
        lines(
            "Lag by partition",
            "Records that wait, by partition; one alone growing points at its owner or at one busy "
            "key. A partition that nobody owns has no line.",
            {"partition {{partition}}": "max by (partition) (vitalstream_consumer_lag_records{})"},
            "short",
            width=6,
        ),
        lines(
            "Progress by partition",
            "Offsets that the tables move on by. One that stands at 0 while its lag grows is "
            "stuck: its patients' records are not arriving.",
            {
                "partition {{partition}}": "max by (partition) (deriv("
                "vitalstream_consumer_next_offset{}[$__rate_interval]))"
            },
            "recps",
            width=6,
        ),
    ],
)

_COMMITS: Final = Row(
    "Commits",
    [
        lines(
            "Commits",
            "Transactions: each takes what has arrived since the one before.",
            {"commits": "sum(rate(vitalstream_consumer_commit_seconds_count{}[$__rate_interval]))"},
            "ops",
            width=6,
        ),
        lines(
            "Time of a commit",
            "From the first lock to the commit. Long ones with few records point at the database.",
            {
                "99 %": quantile(0.99, "vitalstream_consumer_commit_seconds"),
                "50 %": quantile(0.5, "vitalstream_consumer_commit_seconds"),
            },
            "s",
            width=6,
        ),
        lines(
            "Records of a commit",
            "They grow under load by themselves.",
            {
                "99 %": quantile(0.99, "vitalstream_consumer_batch_records"),
                "mean": "sum(rate(vitalstream_consumer_batch_records_sum{}[$__rate_interval]))"
                " / sum(rate(vitalstream_consumer_batch_records_count{}[$__rate_interval]))",
            },
            "short",
            width=6,
        ),
        lines(
            "Failed writes",
            "Claims and writes that failed, or whose outcome is unknown; they are tried again.",
            {
                REPLICA: "sum by (pod, instance) (increase("
                "vitalstream_consumer_write_failures_total{}[$__rate_interval]))"
            },
            "short",
            width=6,
            bars=True,
        ),
    ],
)

_EVENTS: Final = Row(
    "What went wrong",
    [
        alerts_by_name(),
        lines(
            "Dead letters by reason",
            "Records that could not be stored. out_of_range and the like are their producer's; "
            "rejected_by_database is ours.",
            {
                "{{reason}}": counted(
                    "vitalstream_consumer_dead_letters_total", "$__rate_interval", "reason"
                )
            },
            "short",
            width=12,
            bars=True,
        ),
        lines(
            "Gaps and rewinds",
            "deleted: Kafka dropped records before they were read. truncated: the log lost its "
            "end. rewound: the database stood elsewhere than it was left, as after a backup.",
            {
                "{{kind}}": counted("vitalstream_consumer_gaps_total", "$__rate_interval", "kind"),
                "rewound": counted("vitalstream_consumer_rewound_total", "$__rate_interval"),
            },
            "short",
            width=12,
            bars=True,
        ),
        lines(
            "Fencing and rebalances",
            "fenced: another writer had claimed a partition of ours; a few at each rebalance are "
            "in order, steady ones are consumers that take partitions from each other.",
            {
                "fenced": "sum(increase(vitalstream_consumer_fenced_total{}[$__rate_interval]))",
                "rebalances": "sum(increase(vitalstream_consumer_rebalances_total{}"
                "[$__rate_interval]))",
            },
            "short",
            width=12,
            bars=True,
        ),
        lines(
            "Odd records",
            "Committed, but worth a look: seen before, older than retention, with another risk "
            "than computed, with fields that the contract does not know, or offsets without one.",
            {
                title: f"sum(rate(vitalstream_consumer_{name}_total{{}}[$__rate_interval]))"
                for title, name in [
                    ("duplicates", "duplicates"),
                    ("older than retention", "stale"),
                    ("risk mismatches", "risk_mismatches"),
                    ("unknown fields", "unknown_fields"),
                    ("offsets without a record", "offsets_skipped"),
                ]
            },
            "cps",
            width=12,
        ),
    ],
)

PIPELINE: Final = Dashboard(
    "pipeline",
    "Pipeline",
    "Whether records arrive, how late they are, and where they are held up.",
    [_GLANCE, _FLOW, _COMMITS, _EVENTS, *LOAD],
)
