"""The producer's own settings: what they default to, and what a wrong one says."""

import math

import pytest

from vitalstream_producer.settings import ProducerSettings
from vitalstream_runtime.settings import SettingsError, load


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in ProducerSettings.model_fields:
        monkeypatch.delenv(f"PRODUCER_{field.upper()}", raising=False)


def test_the_seeds_delays_are_the_default() -> None:
    """0.5 to 2.0 s between records, for ever, with fresh patients."""
    settings = load(ProducerSettings)
    assert (settings.min_delay_seconds, settings.max_delay_seconds) == (0.5, 2.0)
    assert (settings.rate, settings.max_records, settings.seed) == (None, None, None)
    assert settings.target_rate == pytest.approx(0.8)


def test_max_is_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """`max`, however written, is the infinite rate."""
    monkeypatch.setenv("PRODUCER_RATE", "MAX")
    assert load(ProducerSettings).target_rate == math.inf


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PRODUCER_RATE", "fast"),
        ("PRODUCER_RATE", "0"),
        ("PRODUCER_RATE", "nan"),
        ("PRODUCER_MAX_RECORDS", "0"),
        ("PRODUCER_SEED", "abc"),
        ("PRODUCER_COMPRESSION", "rar"),
        ("PRODUCER_MIN_DELAY_SECONDS", "-1"),
        ("PRODUCER_MIN_DELAY_SECONDS", "3"),
        ("PRODUCER_BUFFER_RECORDS", "0"),
        ("PRODUCER_BATCH_BYTES", "2000000"),
    ],
)
def test_a_wrong_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """One line, with the variable and what it was."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=rf"{variable}=\W?{value}") as caught:
        load(ProducerSettings)
    assert "\n" not in str(caught.value)
