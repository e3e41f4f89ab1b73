"""Some patients' courses as a picture, with the truth behind them: do they look like patients?"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from tests.realism.drawing import FAINT, INK, line, text
from tests.realism.hospital import adults
from vitalstream_producer.hospital.conditions import CONDITIONS
from vitalstream_producer.hospital.departments import DEPARTMENTS, INTENSIVE_CARE
from vitalstream_producer.hospital.hospital import Seen
from vitalstream_producer.hospital.physiology import States
from vitalstream_producer.hospital.truth import TruthLog

_BEDS, _DAYS, _HOURS = 400, 7, 96
_WIDTH, _PANEL, _LEFT, _TOP = 940, 190, 40, 56
_HIGHEST: Final = 200.0
_SIGNS: Final = (
    (0, "heart rate", "#dc2626"),
    (1, "systolic", "#2563eb"),
    (3, "respiratory rate", "#15803d"),
    (5, "SpO₂", "#334155"),
)
_TRUTH: Final = "#fca5a5"
_PER_SEVERITY: Final = 30
"""So much of the scale of the vital signs is a severity of 1."""


class Course(NamedTuple):
    """A stay, and what the truth's log says of its episodes."""

    seen: Sequence[Seen]
    episodes: Sequence[dict[str, Any]]


def courses(seed: int) -> list[Course]:
    """Two who were brought to intensive care and back, and two who fell ill on their ward."""
    episodes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.jsonl"
        truth = TruthLog(path)
        stays = adults(seed, _BEDS, _DAYS, truth)
        truth.close()
        for each in map(json.loads, path.read_text().splitlines()):
            if each["event"] == "deteriorates":
                episodes[each["admission_id"]].append(each)
    found = [Course(stay, episodes[stay[0].stay.admission_id]) for stay in stays]
    long = [each for each in found if each.seen[-1].hour - each.seen[0].hour > _HOURS]
    places = [[one.department for one in each.seen] for each in long]
    moved = [
        each
        for each, place in zip(long, places, strict=True)
        if INTENSIVE_CARE in place and INTENSIVE_CARE not in {place[0], place[-1]}
    ]
    stayed = [
        each
        for each, place in zip(long, places, strict=True)
        if INTENSIVE_CARE not in place and any(_shows(each, e) for e in each.episodes)
    ]
    return [*moved[:2], *stayed[:2]]


def _shows(course: Course, episode: dict[str, Any]) -> bool:
    """Whether an episode is a grave one and begins within what is drawn."""
    since = episode["hour"] - course.seen[0].hour
    return bool(episode["peak"] > 1.3 and 12 < since < _HOURS / 2)


def draw(shown: Sequence[Course]) -> str:
    """A panel for each, as an SVG."""
    height = _TOP + len(shown) * _PANEL + 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        f' font-family="sans-serif" font-size="12" fill="{INK}">'
    )
    return "\n".join(
        [
            head,
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            *_legend(),
            *(part for n, each in enumerate(shown) for part in _panel(n, each)),
            "</svg>\n",
        ]
    )


def _legend() -> Iterator[str]:
    yield text(16, 22, f"The first {_HOURS} hours of {_BEDS} beds' patients, some of them", 15)
    for place, (_, name, colour) in enumerate(_SIGNS):
        yield line((16 + 150 * place, 38), (36 + 150 * place, 38), colour, 2)
        yield text(42 + 150 * place, 42, name)
    yield f'<rect x="616" y="32" width="20" height="12" fill="{_TRUTH}" fill-opacity="0.5"/>'
    yield text(642, 42, "how ill by the truth, of which no record tells")


def _panel(number: int, course: Course) -> Iterator[str]:
    floor = _TOP + (number + 1) * _PANEL - 24
    began = course.seen[0].hour
    seen = [each for each in course.seen if each.hour <= began + _HOURS]

    def at(hour: float, value: float) -> str:
        x = _LEFT + (hour - began) / _HOURS * (_WIDTH - _LEFT - 16)
        return f"{x:.1f},{floor - min(value, _HIGHEST) / _HIGHEST * (_PANEL - 50):.1f}"

    def across(hour: float) -> float:
        return float(at(hour, 0).split(",")[0])

    person = seen[0].stay.person
    yield text(_LEFT, floor - _PANEL + 38, f"{person.age}, {CONDITIONS[person.condition].name}", 13)
    for level in (0, 50, 100, 150):
        _, y = map(float, at(began, level).split(","))
        yield line((_LEFT, y), (_WIDTH - 16, y), FAINT, 0.5)
        yield text(_LEFT - 26, y + 4, str(level))
    for episode in course.episodes:
        hours = [began + half / 2 for half in range(2 * _HOURS + 1)]
        tops = [at(hour, _severity(episode, hour) * _PER_SEVERITY) for hour in hours]
        points = " ".join([at(began, 0), *tops, at(hours[-1], 0)])
        yield f'<polygon points="{points}" fill="{_TRUTH}" fill-opacity="0.5"/>'
    for sign, _, colour in _SIGNS:
        points = " ".join(at(each.hour, each.values[sign]) for each in seen)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.2"/>'
    here, moves = None, 0
    for each in seen:
        if each.department != here:
            x, y = across(each.hour), floor - _PANEL + 58 + moves % 2 * 14  # names may be near
            yield line((x, floor), (x, floor - _PANEL + 50), INK, 0.8)
            yield text(x + 4, y, DEPARTMENTS[each.department].name)
            here, moves = each.department, moves + 1


def _severity(episode: dict[str, Any], hour: float) -> float:
    """As the generator has it."""
    states = States.of(1)
    states.onset[:], states.peak[:] = episode["hour"], episode["peak"]
    for name in ("rise", "hold", "fall"):
        getattr(states, name)[:] = episode[f"{name}_hours"]
    return float(states.severity(np.zeros(1, np.int64), np.array([hour]))[0])
