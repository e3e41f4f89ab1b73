"""What holds for every record, every spelling of it, and every string of bytes."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any
from unittest import mock

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from vitalstream_schema import codec, exact, risk
from vitalstream_schema.batches import decode_all
from vitalstream_schema.codec import Decoded, Decoder, RecordError
from vitalstream_schema.record import Record

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
DECODER = Decoder()

MOMENTS = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2026, 3, 1, 12, 5),  # noqa: DTZ001
    timezones=st.just(UTC),
)
PRESSURES = st.tuples(st.integers(0, 400), st.integers(0, 300)).filter(lambda p: p[0] >= p[1])


def texts(width: int, least: int = 0) -> st.SearchStrategy[str]:
    """Texts that a column of that width can hold."""
    return st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        min_size=least,
        max_size=width,
    )


RECORDS = st.builds(
    Record,
    patient_id=texts(50, 1),
    admission_id=texts(50, 1),
    timestamp=MOMENTS,
    admission_timestamp=MOMENTS,
    patient_name=texts(200),
    age=st.integers(0, 130),
    gender=texts(20),
    department=texts(100),
    primary_diagnosis=texts(200),
    admission_type=st.sampled_from(["Emergency", "Elective", "Urgent", "Observation"]),
    status=texts(50),
    insurance_provider=texts(100),
    heart_rate=st.integers(0, 300),
    blood_pressure=PRESSURES.map(lambda p: f"{p[0]}/{p[1]}"),
    temperature_celsius=st.integers(100, 500).map(lambda tenths: tenths / 10),
    oxygen_saturation=st.integers(0, 100),
    respiratory_rate=st.integers(0, 70),
    risk_score=st.integers(0, 6),
    risk_level=st.sampled_from(["Low", "Medium", "High"]),
    attending_physician=texts(200),
    hospital_location=texts(200),
    supplemental_oxygen=st.sampled_from([None, False, True]),
    consciousness=st.sampled_from([None, "A", "C", "V", "P", "U"]),
    spo2_scale=st.sampled_from([1, 2]),
)


def judged(payload: bytes) -> Decoded | tuple[str, str | None]:
    """What the decoder makes of a payload: a record, or a reason and a field."""
    try:
        return DECODER.decode(payload, None, NOW)
    except RecordError as error:
        return error.reason, error.field


def read(reader: Callable[[bytes], Any], payload: bytes) -> Any:
    """What one of the two readers makes of a payload."""
    try:
        exact.check_depth(payload)
        return reader(payload)
    except RecordError as error:
        return error.reason, error.field


@given(RECORDS)
def test_round_trip(record: Record) -> None:
    """What was encoded is decoded the same, but for the risk, which is computed again."""
    decoded = DECODER.decode(codec.encode(record), codec.HEADERS, NOW)
    systolic = int(record.blood_pressure.split("/")[0])
    score = risk.score(
        record.heart_rate,
        systolic,
        record.temperature_celsius,
        record.oxygen_saturation,
        record.respiratory_rate,
    )
    expected = msgspec.structs.replace(record, risk_score=score, risk_level=risk.level(score))
    assert decoded.record == expected
    assert decoded.unknown_fields == 0
    assert decoded.risk_mismatch == (expected != record)


@given(RECORDS)
def test_decoding_is_idempotent(record: Record) -> None:
    """A decoded record, encoded and decoded again, no longer changes."""
    once = DECODER.decode(codec.encode(record), None, NOW)
    again = DECODER.decode(codec.encode(once.record), None, NOW)
    assert again == msgspec.structs.replace(once, risk_mismatch=False)


# How the literals of a field may be spelled by other clients: well, oddly and wrongly.
SPELLINGS: dict[str, st.SearchStrategy[str]] = {
    "temperature_celsius": st.one_of(
        st.decimals(9, 51, allow_nan=False).map(str),
        st.decimals(9, 51, places=2).map(str),
        st.floats(9, 51).map(repr),
    ),
    "heart_rate": st.one_of(
        st.integers(-1, 301).map(str),
        st.integers(0, 300).map(lambda n: f"{n}.0"),
        st.floats().map(json.dumps),
        st.integers().map(str),
    ),
    "risk_score": st.integers(-(2**70), 2**70).map(str),
    "timestamp": st.from_regex(
        r'"(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9]:[0-6][0-9]'
        r'(\.[0-9]{1,12}(\\u003[0-9])?)?([Zz]|[+-][01][0-9]:?[0-5][0-9])?"',
        fullmatch=True,
    ),
    "patient_name": st.text(st.characters(), max_size=202).map(json.dumps),
    "hospital_location": st.text(max_size=202).map(lambda s: json.dumps(s, ensure_ascii=False)),
    "consciousness": st.sampled_from(["null", '"A"', '"X"', "0"]),
    "supplemental_oxygen": st.sampled_from(["null", "true", "1"]),
    "spo2_scale": st.sampled_from(["1", "2", "1.0", "3", "null"]),
}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
SPACES = st.sampled_from(["", " ", "\n", "\t", " \r\n "])


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Spell a record as some other client might, rightly or wrongly."""
    record: dict[str, Any] = json.loads(codec.encode(draw(RECORDS)))
    members = [(json.dumps(k), json.dumps(v, ensure_ascii=False)) for k, v in record.items()]
    spelled = draw(st.lists(st.sampled_from(sorted(SPELLINGS)), max_size=3))
    members += [(json.dumps(name), draw(SPELLINGS[name])) for name in spelled]
    for name, value in draw(st.dictionaries(st.text(), JSON_VALUES, max_size=2)).items():
        members.append((json.dumps(name), json.dumps(value)))
    members = draw(st.permutations(members))
    left, right = draw(SPACES), draw(SPACES)
    body = ",".join(f"{left}{name}{right}:{left}{value}{right}" for name, value in members)
    return f"{{{body}}}".encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Cut, repeat or overwrite a part of a payload."""
    payload = draw(payloads())
    start, stop = sorted(draw(st.tuples(*[st.integers(0, len(payload))] * 2)))
    return payload[:start] + draw(st.binary(max_size=8)) + payload[stop:]


@settings(max_examples=200)
@given(payloads() | damaged() | st.binary())
def test_the_fast_path_decides_as_the_exact_one(payload: bytes) -> None:
    """Both accept the same payloads, read the same from them, and refuse with the same reason."""
    assert read(codec._read, payload) == read(exact.read, payload)


# Each is read by msgspec, and wrongly or not as the contract has it.
ODDITIES: list[tuple[str, bytes]] = [
    ("timestamp", b'"2026-02-03T04:05:06.1234567Z"'),
    ("timestamp", b'"2026-02-03T04:05:06+05:30"'),
    ("timestamp", b'"2026-02-03T04:05:06"'),
    ("timestamp", b'"2026-03-01T12:05:00.000001Z"'),
    ("admission_timestamp", b'"1999-12-31T23:59:59.999999Z"'),
    ("admission_timestamp", b'"0001-01-01T00:00:00+14:00"'),
    ("admission_timestamp", b'"9999-12-31T23:59:59-14:00"'),
    ("temperature_celsius", b"37.25"),
    ("temperature_celsius", b"38.04999999999999999999"),
    ("blood_pressure", b'"80/120"'),
    ("blood_pressure", b'"401/80"'),
    ("blood_pressure", b'"400/301"'),
    ("risk_score", b"70000"),
    ("patient_name", b'"a\\u0000b"'),
    ("patient_name", b'"\xff"'),
    ("patient_name", b'"\xed\xa0\x80"'),
    ("patient_name", b'"\\"[{}]\\""'),
    ("patient_name", b'"once", "patient_name": "again"'),
    ("patient_name", b'"x", "a_field_of_tomorrow": ' + b"[" * 70 + b"]" * 70),
    ("patient_name", b'"x", "a_field_of_tomorrow": 1'),
    ("patient_name", b'"x", "a_field_of_tomorrow": ' + b"[" * 100_000 + b"]" * 100_000),
    ("patient_name", b'"x", "a_field_of_tomorrow": "\xff"'),
    ("supplemental_oxygen", b"null"),
]


@st.composite
def odd(draw: st.DrawFn) -> bytes:
    """A record with one of the oddities, and nothing else that is special."""
    name, literal = draw(st.sampled_from(ODDITIES))
    fields = json.loads(codec.encode(draw(RECORDS.map(plain)))) | {name: "HERE"}
    return json.dumps(fields).encode().replace(b'"HERE"', literal)


def plain(record: Record) -> Record:
    """The record without texts that keep a batch from the fast path."""
    texts = {n: "x" for n, value in msgspec.structs.asdict(record).items() if n in PLAIN and value}
    return msgspec.structs.replace(record, **texts)


PLAIN = {
    "patient_id", "admission_id", "patient_name", "gender", "department", "primary_diagnosis",
    "status", "insurance_provider", "attending_physician", "hospital_location",
}  # fmt: skip
USUAL = RECORDS.map(plain).map(codec.encode)


@settings(max_examples=200)
@given(
    st.one_of(
        st.lists(USUAL | RECORDS.map(codec.encode), max_size=4),
        st.tuples(USUAL, odd()).map(list),
        st.tuples(odd(), USUAL).map(list),
        st.lists(USUAL | payloads() | damaged() | st.none(), max_size=4),
        st.tuples(USUAL, odd()).map(lambda parts: [parts[0]] * 40 + [parts[1]]),
    ),
    st.lists(st.sampled_from([None, [], codec.HEADERS]), min_size=41)
    | st.lists(st.sampled_from([codec.HEADERS, [("schema-version", b"2")]]), min_size=41),
)
def test_a_batch_is_decoded_as_its_records_are(
    batch: list[bytes | None], headers: list[list[tuple[str, bytes | None]] | None]
) -> None:
    """A batch gives what its records give one by one: the same record, or the same refusal."""

    def one_by_one() -> Iterator[object]:
        for payload, header in zip(batch, headers, strict=False):
            try:
                yield DECODER.decode(payload, header, NOW)
            except RecordError as error:
                yield error.reason, error.field

    found = [
        (each.reason, each.field) if isinstance(each, RecordError) else each
        for each in decode_all(DECODER, batch, headers[: len(batch)], NOW)
    ]
    assert found == list(one_by_one())


@given(st.lists(USUAL, min_size=1, max_size=4))
def test_a_batch_of_usual_records_needs_no_judge(batch: list[bytes]) -> None:
    """The fast way is taken by what the producer sends."""
    with mock.patch.object(Decoder, "decode", side_effect=AssertionError):
        assert len(decode_all(DECODER, batch, [codec.HEADERS] * len(batch), NOW)) == len(batch)


@settings(max_examples=200)
@given(damaged() | st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_record_or_a_record_error(payload: bytes) -> None:
    """No payload raises anything else, so none can stop the stream."""
    assert isinstance(judged(payload), Decoded | tuple)


@given(RECORDS, st.decimals(10, 50, allow_nan=False))
def test_temperatures_are_rounded_half_up(record: Record, temperature: Decimal) -> None:
    """The stored tenths are those of arithmetic in decimal."""
    payload = codec.encode(msgspec.structs.replace(record, temperature_celsius=11.1))
    payload = payload.replace(b":11.1,", f":{temperature},".encode())
    decoded = DECODER.decode(payload, None, NOW)
    tenths = (temperature * 10 + Decimal("0.5")).to_integral_value(ROUND_FLOOR)
    assert decoded.record.temperature_celsius == float(tenths / 10)


@given(
    RECORDS,
    MOMENTS,
    st.timedeltas(timedelta(hours=-23), timedelta(hours=23)),
    st.text("0123456789", max_size=12),
)
def test_timestamps_keep_their_moment(
    record: Record, moment: datetime, offset: timedelta, digits: str
) -> None:
    """Whatever the offset and the number of digits: UTC, cut off after the microseconds."""
    minutes = round(offset / timedelta(minutes=1))
    local = (moment + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S")
    sign, size = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    text = f"{local}{'.' * bool(digits)}{digits}{sign}{size[0]:02}:{size[1]:02}"
    fields = json.loads(codec.encode(record)) | {"timestamp": text}
    decoded = DECODER.decode(json.dumps(fields).encode(), None, NOW + timedelta(seconds=1))
    microsecond = int(digits[:6].ljust(6, "0"))
    assert decoded.record.timestamp == moment.replace(microsecond=microsecond)
