"""Who the patients are: invented people, some of whom come back."""

import random
from collections import deque
from typing import Final, NamedTuple, TypeVar

from vitalstream_producer import catalogue
from vitalstream_producer.hospital.conditions import COPD
from vitalstream_producer.hospital.departments import DEPARTMENTS
from vitalstream_producer.hospital.profiles import OLDEST_CHILD

RETURNING: Final = 0.15
"""Share of the admissions that are a former patient's, as far as there are any."""

REMEMBERED: Final = 10_000
"""How many former patients may come back; a new one then takes the place of a random one."""

HOME_FOR: Final = 24.0
"""In hours: nobody comes back before."""

_TRIES: Final = 6  # at finding somebody who had the same before
_HYPERCAPNIC: Final = 0.6  # of patients with COPD
_PATIENT_ID_BITS: Final = 48
_ADMISSION_ID_BITS: Final = 80
_PHYSICIANS: Final = 6
_MEAN_AGE, _AGES_SPREAD = 63.0, 18.0
_YOUNGEST, _OLDEST = 18, 95

_T = TypeVar("_T")


class Person(NamedTuple):
    """Somebody who is or was a patient.

    Attributes:
        condition: What this admission is for.
        hypercapnic: Whether, with COPD, a clinician decides for NEWS2's SpO2 scale 2.
        nature: The own part of the baseline, by vital sign; None until the first admission.
    """

    patient_id: str
    name: str
    age: int
    gender: str
    insurer: str
    condition: int
    hypercapnic: bool
    nature: tuple[float, ...] | None = None

    @property
    def on_scale_2(self) -> bool:
        """Whether NEWS2's SpO2 scale 2 holds for this admission."""
        return self.condition == COPD and self.hypercapnic


class People:
    """Invents people, and remembers those who have left.

    Args:
        seed: The same seed gives the same people.
    """

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 -- invents patients, no cryptography
        self._names = catalogue.names(seed)
        self._former: list[Person] = []
        self._gone_home: deque[tuple[float, Person]] = deque()
        self.city = self._pick(self._names.cities)
        given = self._names.first["Male"] + self._names.first["Female"]
        self._physicians = [
            [f"Dr. {self._pick(given)} {self._pick(self._names.last)}" for _ in range(_PHYSICIANS)]
            for _ in DEPARTMENTS
        ]

    def arrive(self, condition: int, hour: float, *, child: bool) -> Person:
        """Somebody who falls ill: now and then somebody who has been here before."""
        self._remember(hour)
        if self._former and self._rng.random() < RETURNING:
            place = self._find(condition)
            person = self._former[place]
            if (person.age <= OLDEST_CHILD) == child:
                self._former[place] = self._former[-1]
                self._former.pop()
                return person._replace(condition=condition)
        gender = self._pick(catalogue.GENDERS)
        return Person(
            patient_id=f"{self._rng.getrandbits(_PATIENT_ID_BITS):012x}",
            name=f"{self._pick(self._names.first[gender])} {self._pick(self._names.last)}",
            age=self._age(child=child),
            gender=gender,
            insurer=self._pick(catalogue.INSURERS),
            condition=condition,
            hypercapnic=not child and self._rng.random() < _HYPERCAPNIC,
        )

    def leave(self, person: Person, hour: float) -> None:
        """Somebody goes home; to be called in the order of the hours."""
        self._gone_home.append((hour, person))

    def _remember(self, hour: float) -> None:
        """Whoever has been at home for long enough may come back."""
        while self._gone_home and self._gone_home[0][0] <= hour - HOME_FOR:
            _, person = self._gone_home.popleft()
            if len(self._former) < REMEMBERED:
                self._former.append(person)
            else:
                self._former[self._rng.randrange(REMEMBERED)] = person

    def _find(self, condition: int) -> int:
        """The place of somebody among the former patients, if possible with the same diagnosis."""
        for _ in range(_TRIES):
            place = self._rng.randrange(len(self._former))
            if self._former[place].condition == condition:
                break
        return place

    def admission_id(self) -> str:
        """A new one."""
        return f"{self._rng.getrandbits(_ADMISSION_ID_BITS):020x}"

    def physician(self, department: int) -> str:
        """Somebody who works there."""
        return self._pick(self._physicians[department])

    def _age(self, *, child: bool) -> int:
        if child:
            return self._rng.randint(0, OLDEST_CHILD)
        age = round(self._rng.gauss(_MEAN_AGE, _AGES_SPREAD))
        return min(max(age, _YOUNGEST), _OLDEST)

    def _pick(self, choices: "tuple[_T, ...] | list[_T]") -> _T:
        return choices[int(self._rng.random() * len(choices))]
