"""The generator: the seed's ranges, the seed's one record per admission, and who comes back."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from vitalstream_producer import catalogue
from vitalstream_producer.patients import KNOWN_PATIENTS, RETURNING, PatientGenerator
from vitalstream_schema.codec import HEADERS, Decoder, encode
from vitalstream_schema.record import Record

START = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 20_000
SEED = 7


def clock() -> Iterator[datetime]:
    """A clock that advances a second at each look."""
    now = START
    while True:
        yield now
        now += timedelta(seconds=1)


def generator(seed: int) -> PatientGenerator:
    """A generator whose clock gives the same times each time."""
    times = clock()
    return PatientGenerator(seed, lambda: next(times))


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """Enough records for their distribution to show."""
    made = generator(SEED)
    return [made.record() for _ in range(COUNT)]


@pytest.mark.parametrize(
    ("field", "lowest", "highest"),
    [
        ("age", 18, 95),
        ("heart_rate", 50, 120),
        ("temperature_celsius", 36.0, 39.5),
        ("oxygen_saturation", 85, 100),
        ("respiratory_rate", 12, 30),
    ],
)
def test_numbers_fill_the_seeds_ranges_evenly(
    records: list[Record], field: str, lowest: float, highest: float
) -> None:
    """Both ends are reached, nothing lies outside, and no value is twice as common as another."""
    counts = Counter(getattr(record, field) for record in records)
    assert (min(counts), max(counts)) == (lowest, highest)
    step = 0.1 if field == "temperature_celsius" else 1
    assert len(counts) == round((highest - lowest) / step) + 1
    assert max(counts.values()) < 2 * min(counts.values())


def test_blood_pressure_is_a_plausible_pair(records: list[Record]) -> None:
    """Systolic 90-180 over diastolic 60-110, at least 20 mmHg apart."""
    pairs = [tuple(map(int, record.blood_pressure.split("/"))) for record in records]
    assert {min(s for s, _ in pairs), max(s for s, _ in pairs)} == {90, 180}
    assert {min(d for _, d in pairs), max(d for _, d in pairs)} == {60, 110}
    assert all(systolic - diastolic >= 20 for systolic, diastolic in pairs)


@pytest.mark.parametrize(
    ("field", "choices", "seeds"),
    [
        ("department", catalogue.DEPARTMENTS, {"Emergency", "ICU", "Cardiology"}),
        ("primary_diagnosis", catalogue.CONDITIONS, {"Hypertension", "Diabetes", "COPD"}),
        ("admission_type", catalogue.ADMISSION_TYPES, {"Emergency", "Elective", "Urgent"}),
        ("gender", catalogue.GENDERS, {"Male", "Female", "Other"}),
        ("status", catalogue.STATUSES, set()),
        ("insurance_provider", catalogue.INSURERS, set()),
    ],
)
def test_every_choice_occurs(
    records: list[Record], field: str, choices: tuple[str, ...], seeds: set[str]
) -> None:
    """All choices are drawn, the seed's among them."""
    assert {getattr(record, field) for record in records} == set(choices) >= seeds


def test_names_and_places_are_fakers(records: list[Record]) -> None:
    """All places of the pool occur, and none but those that Faker gave for this seed."""
    names = catalogue.names(SEED)
    assert {record.hospital_location for record in records} == set(names.cities)
    assert len(set(names.cities)) > 8
    assert {record.patient_name.rsplit(" ", 1)[1] for record in records} <= set(names.last)


def test_every_record_keeps_the_contract(records: list[Record]) -> None:
    """The consumer's decoder accepts each record as it was, risk score included."""
    decoder = Decoder()
    for record in records[:2_000]:
        decoded = decoder.decode(encode(record), HEADERS, record.timestamp)
        assert decoded.record == record
        assert not decoded.risk_mismatch
        assert not decoded.unknown_fields


def test_each_record_is_an_admission_of_its_own(records: list[Record]) -> None:
    """No admission id comes twice; the ids look like the seed's."""
    assert len({record.admission_id for record in records}) == COUNT
    assert all(len(record.patient_id) == 12 for record in records)
    assert all(int(record.patient_id, 16) >= 0 for record in records)


def test_known_patients_come_back_as_themselves(records: list[Record]) -> None:
    """A fifth of the admissions are known patients', admitted after their last record."""
    stays = defaultdict(list)
    for record in records:
        stays[record.patient_id].append(record)
    assert 1 - len(stays) / COUNT == pytest.approx(RETURNING, abs=0.01)
    for visits in stays.values():
        assert len({(v.patient_name, v.age, v.gender, v.insurance_provider) for v in visits}) == 1
        for earlier, later in itertools.pairwise(visits):
            assert earlier.timestamp <= later.admission_timestamp <= later.timestamp


def test_first_admissions_lie_in_the_last_week(records: list[Record]) -> None:
    """Admitted before the record's time, and a week before it at most."""
    stays = [record.timestamp - record.admission_timestamp for record in records]
    assert timedelta() <= min(stays) < max(stays) <= timedelta(days=7)


def test_memory_of_patients_is_bounded() -> None:
    """No more than the stated number of patients is kept, however many there were."""
    made = generator(1)
    for _ in range(2 * KNOWN_PATIENTS):
        made.record()
    assert len(made._known) == KNOWN_PATIENTS


def test_a_clock_set_back_keeps_admissions_before_their_record() -> None:
    """A patient who comes back earlier than they were last seen is admitted just then."""
    now = START
    made = PatientGenerator(3, lambda: now)
    for _ in range(500):
        now -= timedelta(minutes=1)
        record = made.record()
        assert record.admission_timestamp <= record.timestamp


def test_a_seed_repeats_everything() -> None:
    """Same seed and clock, same records; another seed, others."""
    first, again, other = generator(5), generator(5), generator(6)
    made = [first.record() for _ in range(500)]
    assert made == [again.record() for _ in range(500)]
    strangers = {other.record().patient_id for _ in range(500)}
    assert strangers.isdisjoint(record.patient_id for record in made)
