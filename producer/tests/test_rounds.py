"""The hospital's observations as records: their times, and that the contract holds."""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vitalstream_producer import catalogue
from vitalstream_producer.hospital.conditions import CONDITIONS
from vitalstream_producer.hospital.hospital import Hospital
from vitalstream_producer.hospital.truth import TruthLog
from vitalstream_producer.rounds import Rounds, TimedRounds
from vitalstream_schema.codec import HEADERS, Decoder, encode
from vitalstream_schema.record import Record

START = datetime(2026, 1, 1, tzinfo=UTC)
BEDS = 200


class Clock:
    """Wall and monotonic time, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        """What the wall shows."""
        return START + timedelta(seconds=self.seconds)


def hospital(seed: int = 1, truth: TruthLog | None = None) -> Hospital:
    """A small one."""
    return Hospital(BEDS, seed, 0.01, 0.02, truth or TruthLog(None))


def timed(
    step: float, seconds: float, scale: float = 600.0, truth: TruthLog | None = None
) -> list[tuple[datetime, Record]]:
    """When each record was sent, by a producer that looks every so many seconds."""
    clock = Clock()
    rounds = TimedRounds(hospital(truth=truth), scale, 0.0, clock.now)
    sent: list[tuple[datetime, Record]] = []
    while clock.seconds < seconds:
        while count := min(rounds.due(clock.seconds), 50):
            sent.extend((clock.now(), rounds.record()) for _ in range(count))
            rounds.sent(count)
        assert rounds.wait(clock.seconds) > 0
        clock.seconds += step
    return sent


def test_timestamps_never_run_ahead_of_the_clock() -> None:
    """Each is of the past, by no more than the producer looks at its clock, and in order."""
    sent = timed(0.5, 60)
    assert len(sent) > 500
    for at, record in sent:
        assert timedelta() <= at - record.timestamp <= timedelta(seconds=0.5)
        assert record.admission_timestamp <= record.timestamp
    times = [record.timestamp for _, record in sent]
    assert times == sorted(times)


def test_a_wall_clock_set_back_makes_no_record_of_the_future() -> None:
    """Whatever is due by the monotonic clock bears no time that the wall has not shown yet."""
    clock, set_back = Clock(), timedelta()
    rounds = TimedRounds(hospital(), 600.0, 0.0, lambda: clock.now() - set_back)
    for seconds in range(1, 20):
        if seconds == 10:
            set_back = timedelta(hours=1)
        for _ in range(rounds.due(seconds)):
            clock.seconds = seconds
            assert rounds.record().timestamp <= clock.now() - set_back


def test_how_often_it_looks_changes_nothing() -> None:
    """A producer that was held up sends the same records with the same times, only later."""
    often, rarely = timed(0.25, 60), timed(20, 61)
    shared = min(len(often), len(rarely))
    assert shared > 500
    assert [r for _, r in often[:shared]] == [r for _, r in rarely[:shared]]


def test_intervals_are_divided_by_the_time_scale() -> None:
    """Ten times the scale is a tenth of the time between two observations."""

    def gaps(scale: float, seconds: float) -> list[timedelta]:
        last: dict[str, datetime] = {}
        found = []
        for _, record in timed(seconds / 40, seconds, scale):
            if record.admission_id in last:
                found.append(record.timestamp - last[record.admission_id])
            last[record.admission_id] = record.timestamp
        return found

    slow, fast = gaps(60, 200), gaps(600, 20)
    assert len(slow) == len(fast) > 50
    for one, other in zip(slow, fast, strict=True):
        assert one.total_seconds() == pytest.approx(10 * other.total_seconds(), abs=1e-4)


def test_the_truths_hours_are_the_records_times(tmp_path: Path) -> None:
    """From an admission on, its hours divided by the time scale: each artefact has its record."""
    scale, path = 600.0, tmp_path / "truth.jsonl"
    truth = TruthLog(path)
    sent = timed(1, 300, scale, truth)
    truth.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    since = {each["admission_id"]: each["hour"] for each in lines if each["event"] == "admitted"}
    assert min(since.values()) < 0 < max(since.values())
    records: dict[str, list[Record]] = defaultdict(list)
    for _, record in sent:
        records[record.admission_id].append(record)
    faults = [each for each in lines if each["event"] == "artefact" and each["hour"] < 48]
    assert len(faults) > 10
    for fault in faults:
        hours = fault["hour"] - since[fault["admission_id"]]
        found = [
            (record.timestamp - record.admission_timestamp).total_seconds() / 3600 * scale
            for record in records[fault["admission_id"]]
        ]
        assert min(abs(each - hours) for each in found) < 0.003


def test_at_a_given_rate_each_record_is_of_now() -> None:
    """The hospital's time follows its records; they are those of the timed hospital."""
    clock = Clock()
    rounds = Rounds(hospital(), clock.now)
    paced = [record for _, record in timed(1, 60)]
    made = []
    for _ in paced:
        clock.seconds += 0.001
        made.append(rounds.record())
        assert made[-1].timestamp == clock.now()
    assert [_without_times(r) for r in made] == [_without_times(r) for r in paced]


@pytest.mark.parametrize("paced", [False, True])
def test_a_hospital_that_closes_sends_everybody_home(paced: bool) -> None:  # noqa: FBT001
    """Whoever was observed is discharged now, once, so that nobody is silent for ever."""
    clock = Clock()
    rounds = (
        TimedRounds(hospital(), 600.0, 0.0, clock.now) if paced else Rounds(hospital(), clock.now)
    )
    last: dict[str, Record] = {}
    for _ in range(3000):
        clock.seconds += 0.01
        if not isinstance(rounds, TimedRounds) or rounds.due(clock.seconds):
            record = rounds.record()
            last[record.admission_id] = record
    assert {record.status for record in last.values()} > {"Discharged"}
    clock.seconds += 0.01
    for record in rounds.close():
        assert record.status == "Discharged"
        assert record.timestamp == clock.now()
        before = last.get(record.admission_id)
        if before is not None:
            assert before.status != "Discharged"
            assert before.admission_timestamp == record.admission_timestamp
        last[record.admission_id] = record
    assert {record.status for record in last.values()} == {"Discharged"}


@pytest.mark.parametrize("timed_too", [False, True])
def test_an_admission_has_one_time_and_one_place_in_it(timed_too: bool) -> None:  # noqa: FBT001
    """admission_timestamp, name, age, diagnosis and type stay as they are through a stay."""
    if timed_too:
        records = [record for _, record in timed(1, 120)]
    else:
        clock = Clock()
        rounds = Rounds(hospital(), clock.now)
        records = []
        for _ in range(5000):
            clock.seconds += 0.001
            records.append(rounds.record())
    known: dict[str, Any] = {}
    for record in records:
        fixed = (
            record.patient_id, record.admission_timestamp, record.patient_name, record.age,
            record.gender, record.primary_diagnosis, record.admission_type,
            record.insurance_provider, record.hospital_location, record.spo2_scale,
        )  # fmt: skip
        assert known.setdefault(record.admission_id, fixed) == fixed
    assert 50 < len(known) < len(records) / 3


def test_every_record_keeps_the_contract() -> None:
    """The consumer's decoder accepts each as it was; children have no NEWS2."""
    rounds, decoder = Rounds(hospital()), Decoder()
    children = incomplete = 0
    for _ in range(5000):
        record = rounds.record()
        decoded = decoder.decode(encode(record), HEADERS, record.timestamp)
        assert decoded.record == record
        assert not decoded.risk_mismatch
        assert not decoded.unknown_fields
        children += decoded.news2 is None
        incomplete += not decoded.news2_complete
        assert (decoded.news2 is None) == (record.age < 16)
        assert decoded.systolic > decoded.diastolic
    assert children > 50
    assert incomplete > children


def test_the_diagnoses_are_the_seeds() -> None:
    """A dashboard finds the same conditions whichever profile runs."""
    assert {each.name for each in CONDITIONS} == set(catalogue.CONDITIONS)


def _without_times(record: Record) -> Record:
    return msgspec.structs.replace(record, timestamp=START, admission_timestamp=START)
