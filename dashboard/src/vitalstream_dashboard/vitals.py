"""The vital signs as pages show them: names, units, normal bands and NEWS2 points (pure)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol

from vitalstream_dashboard import words
from vitalstream_schema import news2


class Measured(Protocol):
    """What was measured at one time; the reader's rows have these."""

    @property
    def heart_rate(self) -> int:
        """Beats per minute."""

    @property
    def temperature_celsius(self) -> float:
        """Degrees Celsius."""

    @property
    def oxygen_saturation(self) -> int:
        """Percent."""

    @property
    def respiratory_rate(self) -> int:
        """Breaths per minute."""

    @property
    def supplemental_oxygen(self) -> bool | None:
        """Whether oxygen is given."""

    @property
    def consciousness(self) -> str | None:
        """A, C, V, P or U."""

    @property
    def spo2_scale(self) -> int:
        """1 or 2."""

    @property
    def news2(self) -> int | None:
        """The total; None where NEWS2 does not apply."""

    @property
    def news2_complete(self) -> bool:
        """Whether the total is more than a lower bound."""


@dataclass(frozen=True, slots=True)
class Vital:
    """One vital sign.

    Attributes:
        name: Of the reader's column.
        label: For a person.
        unit: With which every number is shown.
        part: NEWS2's name of it.
        steps: The values that its scale is looked at for, in its smallest step.
    """

    name: str
    label: str
    unit: str
    part: str
    steps: tuple[float, ...]


VITALS: Final = (
    Vital("heart_rate", "Heart rate", "/min", "heart_rate", tuple(range(20, 200))),
    Vital("systolic", "Blood pressure", "mmHg", "systolic", tuple(range(40, 260))),
    Vital(
        "temperature_celsius",
        "Temperature",
        "°C",
        "temperature",
        tuple(tenth / 10 for tenth in range(300, 430)),
    ),
    Vital("oxygen_saturation", "SpO₂", "%", "oxygen_saturation", tuple(range(60, 101))),
    Vital("respiratory_rate", "Resp. rate", "/min", "respiratory_rate", tuple(range(3, 60))),
)
PARTS: Final = {
    "respiratory_rate": "Resp. rate",
    "oxygen_saturation": "SpO₂",
    "supplemental_oxygen": "Oxygen given",
    "systolic": "Systolic pressure",
    "heart_rate": "Heart rate",
    "consciousness": "Consciousness",
    "temperature": "Temperature",
}
"""NEWS2's seven parts, in the chart's order."""
CONSCIOUSNESS: Final = {
    "A": "Alert",
    "C": "Confused",
    "V": "Voice",
    "P": "Pain",
    "U": "Unresponsive",
}
_NORMAL: Final[dict[str, Any]] = {
    "respiratory_rate": 16,
    "oxygen_saturation": 97,
    "systolic": 120,
    "heart_rate": 70,
    "temperature": 37.0,
}


@cache
def band(part: str, spo2_scale: int = 1, oxygen: bool | None = None) -> tuple[float, float]:  # noqa: FBT001 - as NEWS2 has it
    """The lowest and highest value without a point, by NEWS2's own tables.

    Args:
        part: NEWS2's name of a vital sign.
        spo2_scale: 1 or 2.
        oxygen: Whether oxygen is given, which counts on scale 2.
    """
    (vital,) = (vital for vital in VITALS if vital.part == part)
    given = {"supplemental_oxygen": oxygen, "spo2_scale": spo2_scale}
    free = [
        value
        for value in vital.steps
        if not news2.score(**{**_NORMAL, **given, part: value}).parameters[part]
    ]
    return min(free), max(free)


def points(systolic: int | None, seen: Measured) -> dict[str, int]:
    """NEWS2's points of each part that is known; nothing where NEWS2 does not apply."""
    if seen.news2 is None or systolic is None:
        return {}
    return news2.score(
        seen.respiratory_rate,
        seen.oxygen_saturation,
        systolic,
        seen.heart_rate,
        seen.temperature_celsius,
        seen.supplemental_oxygen,
        seen.consciousness,
        seen.spo2_scale,
    ).parameters


def systolic(pressure: str) -> int | None:
    """The first of "120/80"; None where another program wrote something else."""
    first = pressure.partition("/")[0]
    return int(first) if re.fullmatch(r"\d{1,3}", first, re.ASCII) else None


def pressure(text: str) -> str:
    """A blood pressure for a place that reads Markdown; another program may have written any text.

    Args:
        text: As stored: systolic and diastolic, "120/80".
    """
    return text if re.fullmatch(r"\d{1,3}/\d{1,3}", text, re.ASCII) else words.literal(text)


def total(value: int | None, *, complete: bool) -> str:
    """A NEWS2 total: "7", "≥ 7" where it is a lower bound, an em dash where there is none."""
    if value is None:
        return "\N{EM DASH}"
    return f"{value}" if complete else f"\N{GREATER-THAN OR EQUAL TO} {value}"


def number(vital: Vital) -> Callable[[float], str]:
    """How a value of it is written: a temperature with its tenth."""
    return (lambda value: f"{value:.1f}") if vital.name == "temperature_celsius" else str
