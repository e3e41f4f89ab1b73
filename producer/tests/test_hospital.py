"""The hospital: its patients' ways through it, when they are observed, and what it keeps of it."""

import itertools
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitalstream_producer import catalogue
from vitalstream_producer.errors import TruthLogError
from vitalstream_producer.hospital import hospital as house
from vitalstream_producer.hospital.arrivals import OCCUPANCY, OPENS_AT
from vitalstream_producer.hospital.conditions import CONDITIONS, COPD
from vitalstream_producer.hospital.departments import DEPARTMENTS, INTENSIVE_CARE, PEDIATRICS
from vitalstream_producer.hospital.flow import TICK
from vitalstream_producer.hospital.hospital import DISCHARGED, Hospital, Seen
from vitalstream_producer.hospital.people import HOME_FOR
from vitalstream_producer.hospital.physiology import ALERTNESS, Physiology
from vitalstream_producer.hospital.profiles import OLDEST_CHILD
from vitalstream_producer.hospital.truth import TruthLog
from vitalstream_schema import news2

BEDS = 300
DAYS = 8


def opened(seed: int = 3, **changes: Any) -> Hospital:
    """A hospital without faults unless asked for."""
    given: dict[str, Any] = {
        "beds": BEDS,
        "artefact_rate": 0.0,
        "dropout_rate": 0.0,
        "truth": TruthLog(None),
    }
    return Hospital(seed=seed, **given | changes)


def live(hospital: Hospital, days: float) -> list[Seen]:
    """All that is seen within some days."""
    ticks = (hospital.tick() for _ in range(round(days * 24 / TICK)))
    return list(itertools.chain.from_iterable(ticks))


def by_admission(seen: Iterable[Seen]) -> dict[str, list[Seen]]:
    """The observations of each admission, in their order."""
    stays: dict[str, list[Seen]] = defaultdict(list)
    for each in seen:
        stays[each.stay.admission_id].append(each)
    return stays


def score(seen: Seen) -> news2.News2:
    """NEWS2 of what is recorded."""
    heart, systolic, _, breaths, temperature, saturation = seen.values
    mind = None if seen.consciousness == house.UNKNOWN else ALERTNESS[seen.consciousness]
    return news2.score(
        int(breaths), int(saturation), int(systolic), int(heart), temperature, seen.oxygen, mind,
        2 if seen.scale_2 else 1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def seen() -> list[Seen]:
    """Eight days of a small hospital."""
    return live(opened(), DAYS)


@pytest.fixture(scope="module")
def stays(seen: list[Seen]) -> dict[str, list[Seen]]:
    """The same by admission."""
    return by_admission(seen)


def test_an_admission_is_one_patients_and_ends_with_its_discharge(
    stays: dict[str, list[Seen]],
) -> None:
    """Observed again and again, later each time; Discharged is said once, and last."""
    ended = 0
    for history in stays.values():
        hours = [each.hour for each in history]
        assert hours == sorted(set(hours))
        assert len({each.stay.person.patient_id for each in history}) == 1
        assert history[0].stay.admitted <= hours[0]
        statuses = [catalogue.STATUSES[each.status] for each in history]
        assert "Discharged" not in statuses[:-1]
        assert "Admitted" not in statuses[1:]
        ended += statuses[-1] == "Discharged"
    assert ended > len(stays) / 2
    assert np.mean([len(history) for history in stays.values()]) > 10


def test_patients_come_back(stays: dict[str, list[Seen]]) -> None:
    """Some are admitted again, as themselves, a day or more after they had left."""
    visits: dict[str, list[list[Seen]]] = defaultdict(list)
    for history in stays.values():
        visits[history[0].stay.person.patient_id].append(history)
    returned = [each for each in visits.values() if len(each) > 1]
    assert len(returned) > 20
    for histories in returned:
        for earlier, later in itertools.pairwise(sorted(histories, key=lambda h: h[0].hour)):
            assert earlier[-1].status == DISCHARGED
            assert earlier[-1].hour + HOME_FOR <= later[0].stay.admitted
            one, other = earlier[0].stay.person, later[0].stay.person
            assert one._replace(condition=0) == other._replace(condition=0)
            assert one.nature is not None


def test_patients_are_transferred(stays: dict[str, list[Seen]]) -> None:
    """From emergency to their diagnosis' ward, to intensive care and back."""
    ways: Counter[tuple[str, str]] = Counter()
    for history in stays.values():
        places = [each.department for each in history]
        ways.update(
            (DEPARTMENTS[a].name, DEPARTMENTS[b].name)
            for a, b in itertools.pairwise(places)
            if a != b
        )
    assert ways["Emergency", "Cardiology"] > 5
    assert ways["Emergency", "Pediatrics"] > 2
    assert sum(n for (_, to), n in ways.items() if to == "ICU") > 10
    assert sum(n for (source, _), n in ways.items() if source == "ICU") > 10


def test_nobodys_heart_leaps_because_the_bed_is_another_one(stays: dict[str, list[Seen]]) -> None:
    """Before and after a transfer the vital signs are on the average the same."""
    changes: dict[str, list[list[float]]] = defaultdict(list)
    kinds = {0: "emergency", INTENSIVE_CARE: "intensive"}
    for history in stays.values():
        for one, other in itertools.pairwise(history):
            if one.department != other.department and one.stay.person.age > OLDEST_CHILD:
                way = " ".join(kinds.get(each.department, "ward") for each in (one, other))
                changes[way].append(np.subtract(other.values, one.values).tolist())
    for way in ("emergency ward", "ward intensive", "intensive ward"):
        heart, systolic, _, breaths, *_ = np.mean(changes[way], axis=0)
        assert len(changes[way]) > 20
        assert abs(heart) < 7
        assert abs(systolic) < 10
        assert abs(breaths) < 4


def test_to_intensive_care_goes_who_was_seen_in_danger(stays: dict[str, list[Seen]]) -> None:
    """The last observation before it was one of 7 points or more."""
    moved = 0
    for history in stays.values():
        for one, other in itertools.pairwise(history):
            if other.department == INTENSIVE_CARE != one.department:
                assert score(one).total >= 7
                moved += 1
    assert moved > 10


def test_no_department_has_more_patients_than_beds() -> None:
    """And the hospital stays about as full as it is meant to be."""
    hospital = opened(seed=8)
    beds = np.bincount(hospital._beds.department, minlength=len(DEPARTMENTS))
    assert beds.sum() == BEDS
    full = []
    for _ in range(round(6 * 24 / TICK)):
        hospital.tick()
        taken = np.bincount(
            hospital._beds.department[hospital._beds.taken], minlength=len(DEPARTMENTS)
        )
        assert (taken <= beds).all()
        full.append(taken.sum() / BEDS)
        assert sum(stay is not None for stay in hospital._beds.stays) == taken.sum()
    assert np.mean(full[-500:]) == pytest.approx(OCCUPANCY, abs=0.1)


def test_arrivals_follow_the_time_of_day(stays: dict[str, list[Seen]]) -> None:
    """Far more come by day than by night, and the planned ones in the morning."""
    new = [h[0].stay for h in stays.values() if h[0].stay.admitted > 0]
    hours = Counter(int((OPENS_AT + stay.admitted) % 24) for stay in new)
    assert sum(hours[h] for h in range(9, 21)) > 2 * sum(hours[h] for h in (*range(7), 22, 23))
    planned = {int((OPENS_AT + s.admitted) % 24) for s in new if s.admission_type == "Elective"}
    assert planned <= set(range(6, 12))


def test_observed_within_the_interval_that_news2_asks_for(stays: dict[str, list[Seen]]) -> None:
    """No adult waits longer for the next observation, nor is observed without need."""
    waits: Counter[float] = Counter()
    for history in stays.values():
        if history[0].stay.person.age <= OLDEST_CHILD:
            continue
        for earlier, later in itertools.pairwise(history):
            wait = later.hour - earlier.hour
            allowed = score(earlier).observe_within.total_seconds() / 3600
            assert wait < allowed
            if later.department == earlier.department:
                assert wait > 0.84 * min(allowed, DEPARTMENTS[earlier.department].longest_interval)
            waits[allowed] += 1
    assert set(waits) == {0.25, 1.0, 4.0, 12.0}


def test_a_drop_out_leaves_a_patient_unobserved() -> None:
    """At the set rate observations are missing, so that patients are overdue."""

    def overdue(rate: float) -> float:
        late = made = 0
        for history in by_admission(live(opened(dropout_rate=rate), 3)).values():
            if history[0].stay.person.age > OLDEST_CHILD:
                for earlier, later in itertools.pairwise(history):
                    allowed = score(earlier).observe_within.total_seconds() / 3600
                    late += later.hour - earlier.hour > allowed
                    made += 1
        return late / made

    assert overdue(0.0) == 0
    assert 0.05 < overdue(0.3) < 0.4


def test_a_seed_repeats_everything() -> None:
    """Same seed, same observations to the last digit; another seed, other patients."""
    first, again, other = (live(opened(seed), 1) for seed in (5, 5, 6))
    assert first == again
    assert {each.stay.admission_id for each in first}.isdisjoint(
        each.stay.admission_id for each in other
    )


def test_the_order_of_hours_is_kept(seen: list[Seen]) -> None:
    """What is seen comes in the order it happens."""
    hours = [each.hour for each in seen]
    assert hours == sorted(hours)


def test_status_follows_the_stay(seen: list[Seen]) -> None:
    """Critical is who scores 7 or more, Stable who is well; every status occurs."""
    found = Counter(each.status for each in seen)
    assert set(found) == set(range(len(catalogue.STATUSES)))
    for each in seen:
        if each.stay.person.age > OLDEST_CHILD:
            if each.status == house.CRITICAL:
                assert score(each).total >= 7
            if each.status == house.STABLE:
                assert score(each).total <= 2


def test_scale_2_is_a_decision_for_some_patients_with_copd(seen: list[Seen]) -> None:
    """Never inferred: some have it, others with the same diagnosis have not, and nobody else."""
    assert {each.stay.person.condition for each in seen if each.scale_2} == {COPD}
    copd = [each for each in seen if each.stay.person.condition == COPD]
    assert {each.scale_2 for each in copd} == {False, True}
    on_two = [each.values[5] for each in copd if each.scale_2]
    on_one = [each.values[5] for each in copd if not each.scale_2]
    assert np.mean(on_two) < np.mean(on_one) - 1


def test_diagnoses_shape_the_vital_signs(seen: list[Seen]) -> None:
    """On the wards sepsis is fast, hot and low in pressure, hypertension high, COPD low in SpO2."""
    values: dict[str, list[list[float]]] = defaultdict(list)
    for each in seen:
        if each.department not in {INTENSIVE_CARE, PEDIATRICS}:
            values[CONDITIONS[each.stay.person.condition].name].append(each.values)
    mean = {name: np.mean(rows, axis=0) for name, rows in values.items()}
    assert mean["Sepsis"][0] > mean["Migraine"][0] + 5
    assert mean["Sepsis"][4] > mean["Migraine"][4] + 0.2
    assert mean["Sepsis"][1] < mean["Hypertension"][1] - 10
    assert mean["COPD"][5] < mean["Migraine"][5] - 0.5


def test_a_patient_who_comes_back_has_the_same_nature() -> None:
    """Every baseline is the person's own part, with age and diagnosis, at each admission."""
    hospital = opened()
    left = {each.stay.person.patient_id for each in live(hospital, 4) if each.status == DISCHARGED}
    beds = hospital._beds
    back = 0
    for bed in beds.taken.tolist():
        person = beds.stay(bed).person
        expected = Physiology.baselines(
            np.array([person.nature]),
            np.array([40.0 if person.age <= OLDEST_CHILD else float(person.age)]),
            np.array([CONDITIONS[person.condition].effect]),
        )
        assert beds.states.baseline[bed] == pytest.approx(expected[0])
        assert beds.states.scale_2[bed] == person.on_scale_2
        back += person.patient_id in left
    assert back > 5


def test_children_have_childrens_ranges(seen: list[Seen]) -> None:
    """The younger the faster heart and breath and the lower the pressure; adults only elsewhere."""
    ages: dict[bool, list[list[float]]] = defaultdict(list)
    for each in seen:
        age = each.stay.person.age
        if age <= OLDEST_CHILD:
            ages[age < 3].append(each.values)
        else:
            assert each.department != PEDIATRICS
    small, bigger = np.mean(ages[True], axis=0), np.mean(ages[False], axis=0)
    assert small[0] > 105
    assert 70 < bigger[0] < 105
    assert small[3] > 24 > bigger[3]
    assert small[1] < bigger[1] < 125


def test_wards_are_calmer_than_intensive_care(seen: list[Seen]) -> None:
    """Half the NEWS2 of intensive care, and less spread of the heart rate."""
    adults = [each for each in seen if each.stay.person.age > OLDEST_CHILD]
    ward = [each for each in adults if each.department > INTENSIVE_CARE]
    intensive = [each for each in adults if each.department == INTENSIVE_CARE]
    assert 2 * np.mean([score(e).total for e in ward]) < np.mean(
        [score(e).total for e in intensive]
    )
    assert np.std([e.values[0] for e in ward]) < np.std([e.values[0] for e in intensive])


def test_some_scores_are_incomplete(seen: list[Seen]) -> None:
    """Oxygen and consciousness are now and then not recorded, never made up."""
    incomplete = np.mean([not score(each).complete for each in seen])
    assert 0.01 < incomplete < 0.1


def test_the_truth_is_kept(tmp_path: Path) -> None:
    """Every stay's way is in the log, and patients in an episode score higher than before it."""
    truth = TruthLog(tmp_path / "truth.jsonl")
    seen = live(opened(truth=truth, artefact_rate=0.01, dropout_rate=0.02), 4)
    truth.close()
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    told = defaultdict(list)
    for line in lines:
        told[line["event"]].append(line)
    assert set(told) == {
        "admitted", "transferred", "deteriorates", "discharged", "artefact", "missed"
    }  # fmt: skip
    admitted = {e["admission_id"]: e["hour"] for e in told["admitted"]}
    for each in seen:
        assert admitted[each.stay.admission_id] == pytest.approx(each.stay.admitted, abs=0.001)
    made = {(each.stay.admission_id, round(each.hour, 3)) for each in seen}
    faults = {name: {(e["admission_id"], e["hour"]) for e in told[name]} for name in told}
    assert faults["artefact"] <= made
    assert faults["missed"].isdisjoint(made)
    assert len(faults["artefact"]) == pytest.approx(0.01 * len(seen), rel=0.5)
    assert len(faults["missed"]) == pytest.approx(0.02 * len(seen), rel=0.5)
    gone = {each.stay.admission_id for each in seen if each.status == DISCHARGED}
    assert gone == {each["admission_id"] for each in told["discharged"]}
    stays = by_admission(seen)
    before, during = [], []
    for line in told["deteriorates"]:
        top = line["hour"] + line["rise_hours"]
        for each in stays.get(line["admission_id"], []):
            if each.hour < line["hour"]:
                before.append(score(each).total)
            elif top <= each.hour <= top + line["hold_hours"]:
                during.append(score(each).total)
    assert np.mean(during) > np.mean(before) + 3


def test_an_unwritable_truth_log_is_one_line(tmp_path: Path) -> None:
    """It names the variable and the file."""
    with pytest.raises(TruthLogError, match=rf"PRODUCER_TRUTH_LOG={tmp_path}/no/log cannot be"):
        TruthLog(tmp_path / "no" / "log")


def test_a_hundred_thousand_beds_fit_in_a_gigabyte() -> None:
    """The process that keeps them needs less, imports and all, at every moment of some hours."""
    script = """
import resource
from vitalstream_producer.hospital.hospital import Hospital
from vitalstream_producer.hospital.truth import TruthLog
hospital = Hospital(100_000, 1, 0.005, 0.01, TruthLog(None))
print(sum(len(hospital.tick()) for _ in range(10)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    seen, kilobytes = map(int, run.stdout.split())
    assert seen > 50_000
    assert 100_000 < kilobytes < 1024**2


def test_artefacts_come_at_the_set_rate() -> None:
    """Without any a healthy saturation never drops by ten at once; with many it often does."""

    def drops(rate: float) -> int:
        found = 0
        for history in by_admission(live(opened(artefact_rate=rate, beds=100), 3)).values():
            calm = [e.values[5] for e in history if e.department not in {0, INTENSIVE_CARE}]
            found += sum(a >= 96 and b < 86 for a, b in itertools.pairwise(calm))
        return found

    assert drops(0.5) > drops(0.0) + 10
