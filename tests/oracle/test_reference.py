"""The reference against itself and against the codec, which it shares no line with."""

from datetime import UTC, datetime

import pytest

from tests.oracle.fields import RefusedError
from tests.oracle.poison import POISONS, Poison
from tests.oracle.reference import judge
from tests.oracle.traffic import Hospital, Mix
from vitalstream_schema.codec import Decoder, RecordError

_NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("poison", POISONS, ids=lambda poison: poison.name)
def test_poison_is_refused_as_its_catalogue_says(poison: Poison) -> None:
    """The reference names the reason and field that a person wrote down for each bad record."""
    with pytest.raises(RefusedError) as refused:
        judge(poison.payload, poison.headers, _NOW)
    assert (refused.value.reason, refused.value.field) == (poison.reason, poison.field)


@pytest.mark.parametrize("poison", POISONS, ids=lambda poison: poison.name)
def test_codec_refuses_poison_for_the_same_reason(poison: Poison) -> None:
    """The codec and the reference, written apart, agree on every bad record."""
    with pytest.raises(RecordError) as refused:
        Decoder().decode(poison.payload, poison.headers, _NOW)
    assert (refused.value.reason, refused.value.field) == (poison.reason, poison.field)


def test_codec_and_reference_store_the_same() -> None:
    """Of thousands of good records both make the same row, scores and rounding included."""
    decoder = Decoder()
    traffic = Hospital(20, admissions=50, mix=Mix(poison=0, takeover=0)).messages(5_000)
    for message in traffic:
        decoded = decoder.decode(message.payload, message.headers, _NOW)
        record = decoded.record
        row = judge(message.payload, message.headers, _NOW)
        observation, state = row
        assert observation[2] == record.timestamp
        assert state[17:19] == (record.risk_score, record.risk_level)
        assert float(observation[7]) == record.temperature_celsius
        assert observation[14:] == (decoded.news2, decoded.news2_complete)


def test_temperature_is_rounded_before_it_is_scored() -> None:
    """38.04 is stored as 38.0 and scores nothing; 38.05 is stored as 38.1 and scores one."""
    payloads = (_with_temperature(b"38.04"), _with_temperature(b"38.05"))
    cool, warm = (judge(payload, (), _NOW).state for payload in payloads)
    assert (str(cool[14]), cool[17]) == ("38.0", 0)
    assert (str(warm[14]), warm[17]) == ("38.1", 1)


def _with_temperature(literal: bytes) -> bytes:
    payload = next(poison.payload for poison in POISONS if poison.name == "boiling")
    return (payload or b"").replace(b"99.9", literal)
