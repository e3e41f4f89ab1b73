"""The seed's generator: every record one admission, its vital signs uniform in the seed's ranges.

A patient may come back: one record in five is another admission of somebody seen before (same
patient_id, name, age, gender and insurer; a new admission_id; admitted after the last record about
them), because unique patients and admissions are different figures on the dashboard.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from vitalstream_producer import catalogue
from vitalstream_schema import risk
from vitalstream_schema.record import Record

_T = TypeVar("_T")

RETURNING: Final = 0.2
"""Share of the admissions that are a known patient's."""

KNOWN_PATIENTS: Final = 10_000
"""How many patients are remembered; a new one then takes the place of a random one."""

_LONGEST_STAY: Final = timedelta(days=7)
_ID_BITS: Final = 128
_PATIENT_ID_DIGITS: Final = 12  # hexadecimal; the other 20 are the admission's: never twice


def _now() -> datetime:
    return datetime.now(UTC)


class _Patient(NamedTuple):
    """Somebody who may come back."""

    patient_id: str
    name: str
    age: int
    gender: str
    insurer: str
    last_seen: datetime


class PatientGenerator:
    """Invents patient records, one admission each.

    Args:
        seed: The same seed gives the same records, ids and names included; only the timestamps
            follow the clock.
        clock: Says what time it is, in UTC.
    """

    def __init__(self, seed: int, clock: Callable[[], datetime] = _now) -> None:
        self._rng = random.Random(seed)  # noqa: S311 -- invents patients, no cryptography
        self._names = catalogue.names(seed)
        self._clock = clock
        self._known: list[_Patient] = []

    def record(self) -> Record:
        """Invent the next record."""
        draw = self._rng.random
        now = self._clock()
        digits = f"{self._rng.getrandbits(_ID_BITS):032x}"
        patient, admitted = self._admit(digits[:_PATIENT_ID_DIGITS], now)
        department = _pick(catalogue.DEPARTMENTS, draw())
        heart_rate = 50 + int(draw() * 71)
        systolic = 90 + int(draw() * 91)
        diastolic = 60 + int(draw() * (min(110, systolic - 20) - 59))
        temperature = (360 + int(draw() * 36)) / 10
        oxygen_saturation = 85 + int(draw() * 16)
        respiratory_rate = 12 + int(draw() * 19)
        score = risk.score(heart_rate, systolic, temperature, oxygen_saturation, respiratory_rate)
        return Record(
            patient_id=patient.patient_id,
            admission_id=digits[_PATIENT_ID_DIGITS:],
            timestamp=now,
            admission_timestamp=admitted,
            patient_name=patient.name,
            age=patient.age,
            gender=patient.gender,
            department=department,
            primary_diagnosis=_pick(catalogue.CONDITIONS, draw()),
            admission_type=_pick(catalogue.ADMISSION_TYPES, draw()),
            status=_pick(catalogue.STATUSES, draw()),
            insurance_provider=patient.insurer,
            heart_rate=heart_rate,
            blood_pressure=f"{systolic}/{diastolic}",
            temperature_celsius=temperature,
            oxygen_saturation=oxygen_saturation,
            respiratory_rate=respiratory_rate,
            risk_score=score,
            risk_level=risk.level(score),
            attending_physician=_pick(self._names.physicians[department], draw()),
            hospital_location=_pick(self._names.cities, draw()),
        )

    @staticmethod
    def close() -> tuple[Record, ...]:
        """No last records: each was of an admission of its own."""
        return ()

    def _admit(self, new_id: str, now: datetime) -> tuple[_Patient, datetime]:
        """Choose who is admitted, somebody known or somebody new, and since when."""
        draw = self._rng.random
        known = self._known
        if known and draw() < RETURNING:
            place = int(draw() * len(known))
            patient = known[place]._replace(last_seen=now)
            admitted = now - max(now - known[place].last_seen, timedelta()) * draw()
            known[place] = patient
            return patient, admitted
        patient = self._invent(new_id, now)
        if len(known) < KNOWN_PATIENTS:
            known.append(patient)
        else:
            known[int(draw() * KNOWN_PATIENTS)] = patient
        return patient, now - _LONGEST_STAY * draw()

    def _invent(self, new_id: str, now: datetime) -> _Patient:
        draw = self._rng.random
        gender = _pick(catalogue.GENDERS, draw())
        return _Patient(
            patient_id=new_id,
            name=f"{_pick(self._names.first[gender], draw())} {_pick(self._names.last, draw())}",
            age=18 + int(draw() * 78),
            gender=gender,
            insurer=_pick(catalogue.INSURERS, draw()),
            last_seen=now,
        )


def _pick(choices: tuple[_T, ...], fraction: float) -> _T:
    """Take the choice at a fraction (0 <= fraction < 1); ten times faster than random.choice."""
    return choices[int(fraction * len(choices))]
