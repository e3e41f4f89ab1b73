"""Traffic made by hand, the same for the same seed: what clients send when all is well, and not."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

from tests.oracle.poison import POISONS

_START = datetime(2026, 3, 1, tzinfo=UTC)
_HEADERS = (("schema-version", b"1"),)
_DEPARTMENTS = ("Emergency", "ICU", "Cardiology", "Ward 3\tEast", "Médecine", "\\N", "Ops\\.")
_DIAGNOSES = ("Hypertension", "Diabetes", "COPD", 'so-called "flu"', "a\nb\rc", "心不全", "\\.")
_ZONES = (UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8)), None)


class Message(NamedTuple):
    """What is handed to a Kafka producer."""

    key: bytes | None
    payload: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = _HEADERS


@dataclass(frozen=True)
class Mix:
    """How likely each unusual record is, 0 to 1 each; the rest are new observations.

    Attributes:
        duplicate: A record is delivered once more, byte for byte.
        late: A record is delivered after a newer one of its admission.
        conflict: The same admission and instant, with another content.
        takeover: An admission arrives with another patient's id.
        poison: A record that is none.
    """

    duplicate: float = 0.03
    late: float = 0.05
    conflict: float = 0.003
    takeover: float = 0.002
    poison: float = 0.01


class Hospital:
    """Admissions observed again and again.

    Args:
        seed: Decides everything.
        admissions: How many are in the house.
        mix: What arrives beside new observations.
        keyed: Records bear their patient's id as key, so that an admission stays in one
            partition; without it they bear none.
        padding: Bytes of a field that no contract knows, in every 50th record; with it the large
            poisons come too.
    """

    def __init__(
        self,
        seed: int,
        *,
        admissions: int = 500,
        mix: Mix | None = None,
        keyed: bool = True,
        padding: int = 0,
    ) -> None:
        self._random = random.Random(seed)
        self._mix = mix or Mix()
        self._keyed = keyed
        self._padding = padding
        self._poisons = [p for p in POISONS if padding or len(p.payload or b"") < 10_000]
        self._name = f"{seed:x}"
        self._admissions = [self._admit(number) for number in range(admissions)]
        self._recent: list[tuple[bytes | None, dict[str, Any]]] = []

    def messages(self, count: int) -> Iterator[Message]:
        """The next records to be sent, in order."""
        for _ in range(count):
            yield self._next()

    def _next(self) -> Message:
        dice = self._random.random()
        mix = self._mix
        if dice < mix.poison:
            return self._poison()
        if not self._recent:
            return self._observe()
        for likelihood, make in (
            (mix.poison + mix.duplicate, self._duplicate),
            (mix.poison + mix.duplicate + mix.conflict, self._conflict),
            (mix.poison + mix.duplicate + mix.conflict + mix.takeover, self._takeover),
        ):
            if dice < likelihood:
                return make()
        return self._observe()

    def _poison(self) -> Message:
        poison = self._random.choice(self._poisons)
        key = self._random.choice(self._admissions)["patient_id"].encode()
        return Message(key if self._keyed else None, poison.payload, poison.headers)

    def _duplicate(self) -> Message:
        return self._message(*self._random.choice(self._recent))

    def _conflict(self) -> Message:
        key, fields = self._random.choice(self._recent)
        return self._message(key, fields | {"heart_rate": (fields["heart_rate"] + 7) % 300})

    def _takeover(self) -> Message:
        key, fields = self._random.choice(self._recent)
        return self._message(key, fields | {"patient_id": "somebody-else"})

    def _observe(self) -> Message:
        admission = self._random.choice(self._admissions)
        step = timedelta(seconds=self._random.randint(30, 900), microseconds=1)
        if self._random.random() < self._mix.late:
            observed = admission["latest"] - timedelta(seconds=self._random.randint(1, 20))
        else:
            observed = admission["latest"] = admission["latest"] + step
        fields = self._fields(admission, observed)
        key = admission["patient_id"].encode() if self._keyed else None
        self._recent.append((key, fields))
        if len(self._recent) > 2_000:
            del self._recent[:1_000]
        return self._message(key, fields)

    def _message(self, key: bytes | None, fields: dict[str, Any]) -> Message:
        payload = json.dumps(fields, ensure_ascii=self._random.random() < 0.5)
        headers = _HEADERS if self._random.random() < 0.9 else ()
        return Message(key, payload.encode(), headers)

    def _admit(self, number: int) -> dict[str, Any]:
        chance = self._random
        admitted = _START + timedelta(minutes=chance.randint(0, 3 * 24 * 60))
        return {
            "patient_id": f"p{self._name}-{number // 2}",
            "admission_id": f"a{self._name}-{number}",
            "admission_timestamp": admitted.isoformat(),
            "latest": admitted,
            "patient_name": f"Name {number} \t O'\"Neil \\ é",
            "age": chance.choice((0, 15, 16, 40, 95, 130)),
            "gender": chance.choice(("Male", "Female", "Other")),
            "department": chance.choice(_DEPARTMENTS),
            "primary_diagnosis": chance.choice(_DIAGNOSES),
        }

    def _fields(self, admission: dict[str, Any], observed: datetime) -> dict[str, Any]:
        chance = self._random
        zone = chance.choice(_ZONES)
        clock = observed.astimezone(zone) if zone else observed.replace(tzinfo=None)
        fields = {name: value for name, value in admission.items() if name != "latest"} | {
            "timestamp": clock.isoformat(),
            "admission_type": chance.choice(("Emergency", "Elective", "Urgent", "Observation")),
            "status": chance.choice(("Admitted", "Stable", "Critical", "")),
            "insurance_provider": "Insurer " + chance.choice("ABC"),
            "heart_rate": chance.randint(35, 140),
            "blood_pressure": f"{chance.randint(85, 225)}/{chance.randint(40, 85)}",
            "temperature_celsius": chance.choice(
                (chance.randint(35, 40), chance.randint(3450, 4050) / 100, 36.45, 38.05, 39.05)
            ),
            "oxygen_saturation": chance.randint(82, 100),
            "respiratory_rate": chance.randint(7, 32),
            "risk_score": chance.randint(0, 6),
            "risk_level": chance.choice(("Low", "Medium", "High")),
            "attending_physician": "Dr. Ñ",
            "hospital_location": "Köln",
        }
        optional = {
            "supplemental_oxygen": chance.choice((True, False, None)),
            "consciousness": chance.choice(("A", "C", "V", "P", "U", None)),
            "spo2_scale": chance.choice((1, 2)),
            "a_field_of_tomorrow": [{"n": 1}],
        }
        fields |= {name: v for name, v in optional.items() if chance.random() < 0.5}
        if self._padding and chance.random() < 0.02:
            fields["padding"] = "x" * self._padding
        return fields
