"""What the consumer is told, and what it makes of it for the Kafka client."""

import os

import pytest

from vitalstream_consumer.__main__ import consumer_options
from vitalstream_consumer.settings import ConsumerSettings
from vitalstream_runtime.settings import KafkaSettings, SettingsError, load


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts from an environment without any of our variables."""
    for name in list(os.environ):
        if name.startswith(("KAFKA_", "CONSUMER_", "SECRETS_DIR")):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONSUMER_WRITERS", "0"),
        ("CONSUMER_WRITERS", "17"),
        ("CONSUMER_BATCH_RECORDS", "0"),
        ("CONSUMER_BATCH_BYTES", "-1"),
        ("CONSUMER_FETCH_QUEUE_KILOBYTES", "1023"),
        ("CONSUMER_MAX_POLL_INTERVAL_SECONDS", "5.9"),
        ("CONSUMER_SESSION_TIMEOUT_SECONDS", "0"),
        ("CONSUMER_MAX_AHEAD_SECONDS", "-1"),
        ("CONSUMER_RETRY_SECONDS", "0"),
        ("CONSUMER_SURVEY_SECONDS", "nan"),
        ("CONSUMER_DRAIN_SECONDS", "soon"),
    ],
)
def test_what_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """One line that names the variable, whatever is wrong with its value."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        load(ConsumerSettings)


def test_the_ledger_rules_and_not_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client commits and stores nothing by itself, and never jumps over what is missing."""
    monkeypatch.setenv("CONSUMER_MAX_POLL_INTERVAL_SECONDS", "7.5")
    monkeypatch.setenv("CONSUMER_FETCH_QUEUE_KILOBYTES", "2048")
    options = consumer_options(load(KafkaSettings), load(ConsumerSettings))
    assert options["group.id"] == "patient-records-consumer-group"
    assert options["enable.auto.commit"] is False
    assert options["enable.auto.offset.store"] is False
    assert options["auto.offset.reset"] == "error"
    assert options["max.poll.interval.ms"] == 7_500
    assert options["queued.max.messages.kbytes"] == 2_048


def test_each_protocol_gets_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session timeout of the client's own is refused by the one and needed by the other."""
    options = consumer_options(load(KafkaSettings), load(ConsumerSettings))
    assert options["group.protocol"] == "consumer"
    assert options.keys().isdisjoint({"session.timeout.ms", "partition.assignment.strategy"})
    monkeypatch.setenv("KAFKA_GROUP_PROTOCOL", "classic")
    monkeypatch.setenv("CONSUMER_SESSION_TIMEOUT_SECONDS", "12")
    options = consumer_options(load(KafkaSettings), load(ConsumerSettings))
    assert options["session.timeout.ms"] == 12_000
    assert options["partition.assignment.strategy"] == "cooperative-sticky"
