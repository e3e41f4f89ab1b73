"""The overview's charts as Plotly figures (pure): counts in, figure out.

Plotly reads labels as a kind of HTML, and they may come from anybody: each is escaped. Bars are
placed by number and named beside it, so that two names that are shortened alike stay two bars.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from vitalstream_dashboard.canvas import Figure, axis, label, layout
from vitalstream_dashboard.theme import KIND_FILLS, RISK_FILLS, RISK_LEVELS, Palette, risk_label

Counts = Sequence[tuple[str, int]]

HEIGHT: Final = 250
MOST_DEPARTMENTS: Final = 12
MOST_DIAGNOSES: Final = 10
_FLAT_NAME, _SIDE_NAME = 16, 22
_OTHER = "Other"
_LEGEND_ROW = 3
_FLAT_DIGITS, _ROOMY_BARS = 4, 6
"""Longer numbers over more bars than these would run into each other, so they stand upright."""


def departments(counts: Counts, palette: Palette) -> Figure:
    """Admissions by department, as upright bars by name, so that each keeps its place.

    What does not fit is summed up as Other.
    """
    top = _topped(counts, MOST_DEPARTMENTS)
    shown = sorted(top, key=lambda pair: (pair[0] == _OTHER, pair[0]))
    bar = _bars(shown, palette, upright=True)
    crowded = len(shown) > _ROOMY_BARS and max(map(len, bar["text"])) > _FLAT_DIGITS
    bar["textangle"] = -90 if crowded else 0
    names = [label(name, _FLAT_NAME) for name, _ in shown]
    above = 64 if crowded else 24
    frame = layout(palette, HEIGHT, {"l": 52, "r": 8, "t": above, "b": 84}, bargap=0.35)
    frame["xaxis"] = axis(
        palette, tickvals=bar["x"], ticktext=names, tickangle=-40, ticklabeloverflow="allow"
    )
    frame["yaxis"] = axis(palette, "admissions", rangemode="tozero", showticklabels=False)
    return {"data": [bar], "layout": frame}


def diagnoses(counts: Counts, palette: Palette) -> Figure:
    """The most frequent diagnoses, as lying bars, the first on top."""
    shown = list(counts[:MOST_DIAGNOSES])
    bar = _bars(shown, palette, upright=False)
    names = [label(name, _SIDE_NAME) for name, _ in shown]
    frame = layout(palette, HEIGHT, {"l": 152, "r": 48, "t": 4, "b": 28}, bargap=0.35)
    frame["xaxis"] = axis(palette, "admissions", rangemode="tozero", showticklabels=False)
    frame["yaxis"] = axis(
        palette, tickvals=bar["y"], ticktext=names, autorange="reversed", ticklen=6
    )
    return {"data": [bar], "layout": frame}


def risks(counts: Counts, palette: Palette) -> Figure:
    """Admissions by risk level, as a pie in the risk colours, with symbol and word."""
    found = dict(counts)
    known = [(level, found[level]) for level in RISK_LEVELS if level in found]
    others = [pair for pair in counts if pair[0] not in RISK_LEVELS]
    fills = [RISK_FILLS.get(level, KIND_FILLS[2]) for level, _ in [*known, *others]]
    named = [(risk_label(level), number) for level, number in [*known, *others]]
    return _pie(named, fills, palette)


def admission_types(counts: Counts, palette: Palette) -> Figure:
    """Admissions by type, as a pie; a type keeps its colour whatever its rank."""
    return _pie(sorted(_topped(counts, len(KIND_FILLS))), KIND_FILLS, palette)


def alt(title: str, counts: Counts) -> str:
    """The chart in words, for those who cannot see it."""
    spoken = ", ".join(f"{name} {number:,}" for name, number in counts[:MOST_DEPARTMENTS])
    return f"{title}: {spoken or 'none'}"


def _topped(counts: Counts, most: int) -> list[tuple[str, int]]:
    if len(counts) <= most:
        return list(counts)
    rest = sum(number for _, number in counts[most - 1 :])
    return [*counts[: most - 1], (_OTHER, rest)]


def _bars(counts: Counts, palette: Palette, *, upright: bool) -> dict[str, Any]:
    places, numbers = list(range(len(counts))), [number for _, number in counts]
    return {
        "type": "bar",
        "orientation": "v" if upright else "h",
        "x": places if upright else numbers,
        "y": numbers if upright else places,
        "text": [f"{number:,}" for number in numbers],
        "textposition": "outside",
        "textangle": 0,
        "textfont": {"color": palette.text},
        "cliponaxis": False,
        "constraintext": "none",
        "marker": {"color": KIND_FILLS[0]},
        "customdata": [label(name) for name, _ in counts],
        "hovertemplate": "%{customdata}: %{text}<extra></extra>",
    }


def _pie(counts: Counts, fills: Iterable[str], palette: Palette) -> Figure:
    one_row = len(counts) <= _LEGEND_ROW
    pie = {
        "type": "pie",
        "labels": [label(name, _SIDE_NAME) for name, _ in counts],
        "values": [number for _, number in counts],
        "domain": {"y": [0.14 if one_row else 0.22, 1.0]},
        "hole": 0.5,
        "sort": False,
        "direction": "clockwise",
        "texttemplate": "%{value:,}<br>%{percent:.0%}",
        "textposition": "inside",
        "insidetextorientation": "horizontal",
        "insidetextfont": {"color": "#FFFFFF", "size": 13},
        "marker": {
            "colors": list(fills)[: len(counts)],
            "line": {"color": palette.background, "width": 2},
        },
        "hovertemplate": "%{label}: %{value:,} (%{percent})<extra></extra>",
    }
    legend = {
        "orientation": "h",
        "x": 0.5,
        "xanchor": "center",
        "y": 0,
        "yanchor": "bottom",
        "entrywidth": 0.96 / (max(len(counts), 1) if one_row else 2),
        "entrywidthmode": "fraction",
    }
    font = {"color": palette.text, "size": 13}
    frame = layout(
        palette,
        HEIGHT,
        {"l": 4, "r": 4, "t": 4, "b": 4},
        showlegend=True,
        legend={**legend, "traceorder": "normal", "font": font},
    )
    return {"data": [pie], "layout": frame}
