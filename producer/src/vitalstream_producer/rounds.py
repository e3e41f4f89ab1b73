"""The hospital's observations as records, either at its own pace or as fast as they are wanted."""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Final

from vitalstream_producer import catalogue
from vitalstream_producer.hospital.conditions import CONDITIONS
from vitalstream_producer.hospital.departments import DEPARTMENTS
from vitalstream_producer.hospital.hospital import DISCHARGED, Hospital, Seen
from vitalstream_producer.hospital.scoring import RISK_LEVELS
from vitalstream_schema.record import Consciousness, Record

_NAMES: Final = tuple(each.name for each in DEPARTMENTS)
_CONSCIOUSNESS: Final[tuple[Consciousness | None, ...]] = ("A", "C", "V", "P", "U", None)


def _now() -> datetime:
    return datetime.now(UTC)


class Rounds:
    """Records of a hospital whose time runs as its records are asked for: each is of now.

    Args:
        hospital: Which one.
        clock: Says what time it is, in UTC.
    """

    def __init__(self, hospital: Hospital, clock: Callable[[], datetime] = _now) -> None:
        self._hospital = hospital
        self._clock = clock
        self._seen: deque[Seen] = deque()

    def record(self) -> Record:
        """The next observation."""
        while not self._seen:
            self._seen.extend(self._hospital.tick())
        seen, observed = self._seen.popleft(), self._clock()
        return self._record(seen, observed, self._admitted(seen, observed))

    def close(self) -> Iterator[Record]:
        """The last records: everybody goes home now."""
        gone = [seen for seen in self._seen if seen.status == DISCHARGED]
        self._seen.clear()
        for seen in (*gone, *self._hospital.close()):
            observed = self._clock()
            yield self._record(seen, observed, self._admitted(seen, observed))

    def _admitted(self, seen: Seen, observed: datetime) -> datetime:
        """When the stay began, as all its records say it."""
        if seen.stay.admitted_at is None:
            seen.stay.admitted_at = observed + timedelta(hours=min(0.0, seen.stay.admitted))
        return seen.stay.admitted_at

    def _record(self, seen: Seen, observed: datetime, admitted: datetime) -> Record:
        stay, person = seen.stay, seen.stay.person
        heart_rate, systolic, diastolic, respiratory_rate, temperature, saturation = seen.values
        return Record(
            patient_id=person.patient_id,
            admission_id=stay.admission_id,
            timestamp=observed,
            admission_timestamp=admitted,
            patient_name=person.name,
            age=person.age,
            gender=person.gender,
            department=_NAMES[seen.department],
            primary_diagnosis=CONDITIONS[person.condition].name,
            admission_type=stay.admission_type,
            status=catalogue.STATUSES[seen.status],
            insurance_provider=person.insurer,
            heart_rate=int(heart_rate),
            blood_pressure=f"{int(systolic)}/{int(diastolic)}",
            temperature_celsius=temperature,
            oxygen_saturation=int(saturation),
            respiratory_rate=int(respiratory_rate),
            risk_score=seen.risk,
            risk_level=RISK_LEVELS[seen.risk],
            attending_physician=stay.physician,
            hospital_location=self._hospital.city,
            supplemental_oxygen=seen.oxygen,
            consciousness=_CONSCIOUSNESS[seen.consciousness],
            spo2_scale=2 if seen.scale_2 else 1,
        )


class TimedRounds(Rounds):
    """Records of a hospital whose time runs so many times as fast as the clock.

    It is its own schedule: an observation is due when its hour has come, and bears that time, so
    that a producer that was held up goes on where it was.

    Args:
        hospital: Which one.
        time_scale: By how much its time runs faster.
        now: Monotonic seconds at which it opens.
        clock: Says what time it is, in UTC.
    """

    def __init__(
        self,
        hospital: Hospital,
        time_scale: float,
        now: float,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        super().__init__(hospital, clock)
        self._hours_a_second = time_scale / 3600
        self._opened, self._opened_on = clock(), now

    def due(self, now: float) -> int:
        """How many observations' hour has come, as far as they are known yet."""
        hour = self._hour(now)
        while not self._seen and self._hospital.hour <= hour:
            self._seen.extend(self._hospital.tick())
        return sum(1 for _ in takewhile(lambda seen: seen.hour <= hour, self._seen))

    def sent(self, count: int) -> None:
        """Note nothing: `record` has taken them away."""

    def wait(self, now: float) -> float:
        """Seconds until the next observation, or until the next ones are known."""
        hour = self._seen[0].hour if self._seen else self._hospital.hour
        return max(0.0, (hour - self._hour(now)) / self._hours_a_second)

    def record(self) -> Record:
        """The next observation; only of those that are due."""
        seen = self._seen.popleft()
        observed = min(self._time(seen.hour), self._clock())
        return self._record(seen, observed, self._admitted(seen, observed))

    def _admitted(self, seen: Seen, observed: datetime) -> datetime:
        if seen.stay.admitted_at is None:
            seen.stay.admitted_at = min(self._time(seen.stay.admitted), observed)
        return seen.stay.admitted_at

    def _time(self, hour: float) -> datetime:
        return self._opened + timedelta(seconds=hour / self._hours_a_second)

    def _hour(self, now: float) -> float:
        return (now - self._opened_on) * self._hours_a_second
