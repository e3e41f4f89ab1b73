"""Panels and dashboards as Grafana 11 and 12 keep them, in the few kinds that ours need."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "#6e7079"
WIDTH: Final = 24
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Word:
    """A word in place of a number.

    Attributes:
        text: What is read.
        color: Its background; never the only sign.
        low: The number, or the least of a range.
        high: The most of a range; None: the number alone.
    """

    text: str
    color: str
    low: float
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; `stat`, `lines`, `bars` and `states` make them.

    Attributes:
        title: Unique on its dashboard.
        description: What it shows, and what to think of it.
        queries: PromQL by legend. ``x{}`` stands for x of the chosen namespace.
        kind: Grafana's name of the panel.
        unit: Grafana's id of the unit.
        width: Of 24.
        height: In Grafana's units of some 30 pixels.
        words: In place of numbers.
        steps: Colour from which number on; the first has no number.
        nothing: What is shown where there is no series, and its colour: Grafana would take that of
            the lowest step, which is the one of all being well.
        instant: Only the newest value matters.
        options: Of this kind of panel.
        custom: Further settings of the fields.
        most: End of the axis.
    """

    title: str
    description: str
    queries: Mapping[str, str]
    kind: str
    unit: str
    width: int
    height: int
    words: Sequence[Word] = ()
    steps: Sequence[tuple[str, float | None]] = ((BLUE, None),)
    nothing: tuple[str, str] = ("No data", GREY)
    instant: bool = False
    options: Mapping[str, Any] | None = None
    custom: Mapping[str, Any] | None = None
    most: float | None = None

    def json(self, number: int, x: int, y: int) -> Json:
        """The panel in its place."""
        defaults: Json = {
            "unit": self.unit,
            "noValue": self.nothing[0],
            "color": {"mode": "palette-classic" if self.custom else "thresholds"},
            "thresholds": {
                "mode": "absolute",
                "steps": [{"color": color, "value": value} for color, value in self.steps],
            },
            "mappings": [_mapping(word, index) for index, word in enumerate(self.words)],
            "custom": dict(self.custom or {}),
        }
        if self.instant:
            defaults["mappings"].append(_special("null", *self.nothing, len(self.words)))
        if self.unit in ("s", "percentunit", "bytes", "recps", "Bps"):
            defaults["min"] = 0
        if self.most is not None:
            defaults["max"] = self.most
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": _SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [
                {
                    "refId": chr(ord("A") + index),
                    "datasource": _SOURCE,
                    "expr": of_namespace(query),
                    "legendFormat": legend,
                    "instant": self.instant,
                    "range": not self.instant,
                }
                for index, (legend, query) in enumerate(self.queries.items())
            ],
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": dict(self.options or {}),
        }


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together.

    Attributes:
        title: What they are about.
        panels: From left to right, then down.
        collapsed: Whether it is opened by a click.
    """

    title: str
    panels: Sequence[Panel]
    collapsed: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard.

    Attributes:
        name: Of its file, and the end of its uid.
        title: As it is listed.
        description: Whom it tells what.
        rows: From the top; the first is always in sight.
    """

    name: str
    title: str
    description: str
    rows: Sequence[Row]

    def json(self) -> Json:
        """As its file has it."""
        return {
            "uid": f"vitalstream-{self.name}",
            "title": f"Vitalstream: {self.title}",
            "description": self.description,
            "tags": ["vitalstream"],
            "schemaVersion": 41,
            "editable": True,
            "graphTooltip": 1,
            "refresh": "15s",
            "time": {"from": "now-1h", "to": "now"},
            "timezone": "browser",
            "links": [
                {
                    "title": "Vitalstream",
                    "type": "dashboards",
                    "icon": "dashboard",
                    "tooltip": "",
                    "tags": ["vitalstream"],
                    "asDropdown": False,
                    "includeVars": True,
                    "keepTime": True,
                    "targetBlank": False,
                }
            ],
            "templating": {"list": _variables()},
            "annotations": {"list": []},
            "panels": list(self._panels()),
        }

    def _panels(self) -> Iterator[Json]:
        number, y = 0, 0
        for row in self.rows:
            number += 1
            placed, bottom = _placed(row.panels, number + 1, y + 1)
            head = {
                "id": number,
                "type": "row",
                "title": row.title,
                "collapsed": row.collapsed,
                "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1},
                "panels": placed if row.collapsed else [],
            }
            yield head
            if not row.collapsed:
                yield from placed
            number += len(placed)
            y = y + 1 if row.collapsed else bottom


def of_namespace(query: str) -> str:
    """The query with every selector held to the chosen namespace."""
    return re.sub(r"\{(?=(.))", lambda found: _held(found[1]), " ".join(query.split()))


def _held(following: str) -> str:
    return '{namespace="$namespace"' + ("" if following == "}" else ", ")


def _mapping(word: Word, index: int) -> Json:
    if math.isnan(word.low):
        return _special("nan", word.text, word.color, index)
    result = {"text": word.text, "color": word.color, "index": index}
    if word.high is None:
        return {"type": "value", "options": {f"{word.low:g}": result}}
    low, high = (None if math.isinf(end) else end for end in (word.low, word.high))
    return {"type": "range", "options": {"from": low, "to": high, "result": result}}


def _special(match: str, text: str, color: str, index: int) -> Json:
    result = {"text": text, "color": color, "index": index}
    return {"type": "special", "options": {"match": match, "result": result}}


def _placed(panels: Sequence[Panel], number: int, y: int) -> tuple[list[Json], int]:
    """The panels in lines, each as high as its highest, and where the next line begins."""
    found: list[Json] = []
    x, height = 0, 0
    for index, panel in enumerate(panels):
        if x + panel.width > WIDTH:
            x, y, height = 0, y + height, 0
        found.append(panel.json(number + index, x, y))
        x, height = x + panel.width, max(height, panel.height)
    return found, y + height


def _variables() -> list[Json]:
    return [
        {
            "name": "datasource",
            "label": "Prometheus",
            "type": "datasource",
            "query": "prometheus",
            "hide": 0,
        },
        {
            "name": "namespace",
            "label": "Namespace",
            "type": "query",
            "datasource": _SOURCE,
            "query": {
                "qryType": 1,
                "query": "label_values(vitalstream_build_info, namespace)",
                "refId": "namespace",
            },
            "refresh": 2,
            "sort": 1,
            "multi": False,
            "includeAll": False,
            "hide": 0,
        },
    ]
