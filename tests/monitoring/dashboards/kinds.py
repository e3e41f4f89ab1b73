"""The four kinds of panels that our dashboards are made of."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.monitoring.dashboards.grafana import BLUE, GREY, Panel, Word

_LINES: Final = {
    "drawStyle": "line",
    "lineWidth": 2,
    "fillOpacity": 10,
    "showPoints": "never",
    "spanNulls": False,
    "axisSoftMin": 0,
    "stacking": {"mode": "none", "group": "A"},
    "thresholdsStyle": {"mode": "off"},
}
_SHORT_AXIS: Final = {"short": 1.0, "cps": 1.0, "percentunit": 0.01}
"""Where an axis ends at the least: one of zeros alone would end at 100, or at 10000 %."""
_ROOM_FOR_TABLE: Final = 8
"""The width from which on a table of names leaves room for the bars beside it."""
_BARS: Final = {
    **_LINES,
    "drawStyle": "bars",
    "lineWidth": 0,
    "fillOpacity": 80,
    "stacking": {"mode": "normal", "group": "A"},
}


def stat(
    title: str,
    description: str,
    query: str,
    unit: str = "none",
    *,
    words: Sequence[Word] = (),
    steps: Sequence[tuple[str, float | None]] = ((BLUE, None),),
    nothing: tuple[str, str] = ("No data", GREY),
    width: int = 4,
) -> Panel:
    """One figure or word, large, of this moment."""
    options = {
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "textMode": "value",
        "wideLayout": True,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return Panel(
        title,
        description,
        {"": query},
        "stat",
        unit,
        width,
        4,
        words=words,
        steps=steps,
        nothing=nothing,
        instant=True,
        options=options,
    )


def lines(
    title: str,
    description: str,
    queries: Mapping[str, str],
    unit: str,
    *,
    width: int = 8,
    bars: bool = False,
    limit: float | None = None,
    most: float | None = None,
) -> Panel:
    """Series over time.

    Args:
        title: Of the panel.
        description: Of the panel.
        queries: PromQL by legend.
        unit: Of all of them.
        width: Of 24.
        bars: What happened in each interval, stacked, instead of lines.
        limit: From here on it is too much; drawn as a line. A share's axis then shows the whole.
        most: End of the axis.
    """
    custom: dict[str, Any] = dict(_BARS if bars else _LINES)
    if unit in _SHORT_AXIS:
        custom["axisSoftMax"] = _SHORT_AXIS[unit]
    table = bars and width >= _ROOM_FOR_TABLE
    steps: list[tuple[str, float | None]] = [("green", None)]
    if limit is not None:
        custom["thresholdsStyle"] = {"mode": "dashed"}
        steps.append(("red", limit))
        if unit == "percentunit":
            custom["axisSoftMax"] = 1.0
    options = {
        "legend": {
            "displayMode": "table" if table else "list",
            "placement": "right" if table else "bottom",
            "showLegend": True,
            # Not their sum: the intervals overlap.
            "calcs": ["max"] if table else [],
            **({"sortBy": "Max", "sortDesc": True} if table else {}),
        },
        "tooltip": {"mode": "multi", "sort": "desc", "hideZeros": True},
    }
    return Panel(
        title,
        description,
        queries,
        "timeseries",
        unit,
        width,
        8,
        steps=steps,
        options=options,
        custom=custom,
        most=most,
    )


def gauges(
    title: str,
    description: str,
    queries: Mapping[str, str],
    unit: str,
    *,
    width: int = 12,
    steps: Sequence[tuple[str, float | None]] = ((BLUE, None),),
    nothing: tuple[str, str] = ("No data", GREY),
) -> Panel:
    """A bar for each series, of this moment."""
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
        "namePlacement": "left",
        "sizing": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return Panel(
        title,
        description,
        queries,
        "bargauge",
        unit,
        width,
        8,
        steps=steps,
        nothing=nothing,
        instant=True,
        options=options,
    )


def states(
    title: str, description: str, queries: Mapping[str, str], words: Sequence[Word], width: int = 24
) -> Panel:
    """A band for each series, in words, over time."""
    options = {
        "showValue": "auto",
        "rowHeight": 0.8,
        "mergeValues": True,
        "alignValue": "left",
        "legend": {
            "displayMode": "list",
            "placement": "bottom",
            "showLegend": False,
            "calcs": [],
        },
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {"fillOpacity": 70, "lineWidth": 0}
    return Panel(
        title,
        description,
        queries,
        "state-timeline",
        "none",
        width,
        8,
        words=words,
        options=options,
        custom=custom,
    )
