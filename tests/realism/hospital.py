"""The hospital as it runs, charted hour by hour: its intensive care, and its wards."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np

from tests.realism.measure import ARTEFACT_RATE, Figure, Floats, spread
from tests.realism.targets import TARGETS, WARD_RANGES
from vitalstream_producer.hospital.departments import EMERGENCY, INTENSIVE_CARE
from vitalstream_producer.hospital.flow import TICK
from vitalstream_producer.hospital.hospital import DISCHARGED, Hospital, Seen
from vitalstream_producer.hospital.profiles import OLDEST_CHILD
from vitalstream_producer.hospital.truth import TruthLog

BEDS: Final = 1500
DAYS: Final = 12
_DROPOUT_RATE: Final = 0.01  # PRODUCER_DROPOUT_RATE's default
_BELOW, _ABOVE = 0.05, 0.95


def adults(
    seed: int, beds: int = BEDS, days: int = DAYS, truth: TruthLog | None = None
) -> list[list[Seen]]:
    """What was observed of each adult's admission, in order."""
    hospital = Hospital(beds, seed, ARTEFACT_RATE, _DROPOUT_RATE, truth or TruthLog(None))
    stays: dict[str, list[Seen]] = defaultdict(list)
    for _ in range(round(days * 24 / TICK)):
        for seen in hospital.tick():
            if seen.stay.person.age > OLDEST_CHILD:
                stays[seen.stay.admission_id].append(seen)
    return list(stays.values())


def in_intensive_care(stays: Iterable[list[Seen]]) -> Floats:
    """(hours, admissions, vital signs): at each hour the last observation, NaN where elsewhere."""
    return _charted(stays, lambda department: department == INTENSIVE_CARE)


def on_wards(stays: Iterable[list[Seen]]) -> Floats:
    """The same of all adult wards."""
    return _charted(stays, lambda department: department not in {EMERGENCY, INTENSIVE_CARE})


def compare_wards(values: Floats) -> Iterator[Figure]:
    """5 and 95 % of each vital sign beside the ends of the source's normal range."""
    for number, ends in WARD_RANGES.items():
        target = TARGETS[number]
        for level, end in zip((_BELOW, _ABOVE), ends, strict=True):
            if end is not None:
                found = float(np.nanquantile(values[:, :, number], level))
                yield spread(target.name, f"{level:.0%}", end, found, target.step)


def _charted(stays: Iterable[list[Seen]], here: Callable[[int], bool]) -> Floats:
    columns = []
    for history in stays:
        column = {
            hour: one.values
            for one, other in itertools.pairwise(history)
            if here(one.department)
            for hour in range(int(np.ceil(one.hour)), int(np.ceil(other.hour)))
        }
        last = history[-1]
        if last.status != DISCHARGED and here(last.department):
            column[int(np.ceil(last.hour))] = last.values
        if column:
            columns.append(column)
    hours = 1 + max(max(column) for column in columns)
    charted = np.full((hours, len(columns), len(TARGETS)), np.nan)
    for place, column in enumerate(columns):
        charted[list(column), place] = list(column.values())
    return charted
