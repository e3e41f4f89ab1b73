"""What is counted of a batch."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from consumer.tests.chunks import chunk
from tests.oracle.traffic import Hospital, Mix
from vitalstream_consumer.metrics import Metrics
from vitalstream_schema.codec import Decoder, Reason
from vitalstream_storage.batch import Accepted, DeadLetter, Outcome, Verdicts

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CONFLICT = DeadLetter(0, 3, None, b"x", [], None, "conflict", "timestamp", "conflict")


@pytest.fixture
def registry() -> CollectorRegistry:
    """Of one test."""
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    """All at 0."""
    return Metrics(registry)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """A metric's value."""
    return registry.get_sample_value(f"vitalstream_consumer_{name}", labels)


def test_every_reason_is_there_from_the_start(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    """A rate needs the zero before the first one."""
    assert metrics.dead_letters is not None
    for reason in Reason:
        assert value(registry, "dead_letters_total", reason=reason.value) == 0
    for kind in ("deleted", "truncated"):
        assert value(registry, "gaps_total", kind=kind) == 0


def test_a_batch_is_counted_by_what_became_of_it(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    """Every record is committed; dead letters of both kinds by reason, duplicates, stale ones."""
    verdicts = {0: Verdicts(stored=1, duplicates=2, stale=3, dead=5)}
    metrics.count([chunk(0, 0, 4), chunk(1, 0, 3)], Outcome(verdicts, [CONFLICT]), 0.2, 0)
    assert value(registry, "records_committed_total") == 7
    assert value(registry, "duplicates_total") == 2
    assert value(registry, "stale_total") == 3
    assert value(registry, "dead_letters_total", reason="not_json") == 7
    assert value(registry, "dead_letters_total", reason="conflict") == 1
    assert value(registry, "batch_records_sum") == 7
    assert value(registry, "commit_seconds_sum") == pytest.approx(0.2)
    assert value(registry, "commit_seconds_bucket", le="0.1") == 0
    assert value(registry, "commit_seconds_bucket", le="0.25") == 1


def test_offsets_without_a_record_are_counted(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    """What compaction or a transaction left out lies between the chunk's offsets."""
    metrics.count([replace(chunk(0, 0, 4), next_offset=9)], Outcome({}), 0.1, 0)
    assert value(registry, "offsets_skipped_total") == 5


def test_ages_are_from_append_to_commit(metrics: Metrics, registry: CollectorRegistry) -> None:
    """One for each record that has a time; buckets hold all that is not older."""
    ages = [4, 80, 2_000, 700_000]
    appended = [1_000_000 - age for age in ages] + [-1]
    metrics.count([chunk(0, 0, 5, appended_ms=appended)], Outcome({}), 0.1, 1_000_000)
    counts = [
        value(registry, "record_age_seconds_bucket", le=le)
        for le in ("0.005", "0.05", "0.1", "2.5", "600.0", "+Inf")
    ]
    assert counts == [1, 1, 2, 3, 3, 4]
    assert value(registry, "record_age_seconds_count") == 4
    assert value(registry, "record_age_seconds_sum") == pytest.approx(702.084)


def test_a_senders_own_score_is_held_against_ours(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    """Records that disagree are counted, as are fields that the contract does not know."""
    decoder = Decoder()
    messages = Hospital(seed=72, admissions=10, mix=Mix(0, 0, 0, 0, 0)).messages(50)
    decoded = [decoder.decode(each.payload, each.headers, NOW) for each in messages]
    accepted = [Accepted(each, 0, number) for number, each in enumerate(decoded)]
    whole = replace(chunk(0, 0, 0), accepted=accepted, next_offset=50, appended_ms=[-1] * 50)
    metrics.count([whole], Outcome({}), 0.1, 0)
    mismatches = sum(each.risk_mismatch for each in decoded)
    assert value(registry, "risk_mismatches_total") == mismatches > 0
    assert value(registry, "unknown_fields_total") == sum(e.unknown_fields for e in decoded) > 0
