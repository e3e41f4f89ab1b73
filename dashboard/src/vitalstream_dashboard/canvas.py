"""What all charts have in common: ink, margins, axes, labels (pure)."""

import html
from typing import Any, Final

from vitalstream_dashboard import words
from vitalstream_dashboard.theme import Palette

Figure = dict[str, Any]
"""A figure as Plotly's JavaScript takes it: data and layout."""

FONT: Final = '"Source Sans", "Source Sans 3", sans-serif'
TICKS: Final = (
    {"dtickrange": [None, 60_000], "value": "%H:%M:%S\n%-d %b"},
    {"dtickrange": [60_000, 86_400_000], "value": "%H:%M\n%-d %b"},
    {"dtickrange": [86_400_000, None], "value": "%-d %b\n%Y"},
)
"""Times on an axis: 24 hours, and the date below where it changes."""


def layout(palette: Palette, height: int, margin: dict[str, int], **more: Any) -> dict[str, Any]:
    """A figure's frame; nothing of it is drawn anew while `uirevision` stays the same."""
    ink = {"family": FONT, "color": palette.text, "size": 13}
    return {
        "height": height,
        "autosize": True,
        "margin": {**margin, "autoexpand": False},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": ink,
        "hoverlabel": {
            "bgcolor": palette.surface,
            "bordercolor": palette.line,
            "font": ink,
            "align": "left",
        },
        "showlegend": False,
        "dragmode": False,
        "uirevision": "kept",
        **more,
    }


def clocks(palette: Palette, zone: str) -> dict[str, Any]:
    """Says left of an axis of time in which zone its times are.

    Args:
        palette: Its colours.
        zone: The zone's short name.
    """
    return {
        "text": zone,
        "font": {"color": palette.muted, "size": 12},
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": 0,
        "xanchor": "right",
        "yanchor": "top",
        "xshift": -32,
        "yshift": -4,
    }


def axis(palette: Palette, title: str = "", **more: Any) -> dict[str, Any]:
    """One axis, fixed unless told otherwise."""
    return {
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "gridcolor": palette.line,
        "linecolor": palette.line,
        "automargin": False,
        "tickfont": {"color": palette.text, "size": 12},
        "title": {
            "text": title,
            "font": {"color": palette.muted, "size": 12},
            "standoff": 4,
        },
        **more,
    }


def label(name: str, longest: int | None = None) -> str:
    """A name as Plotly shows it literally, shortened."""
    name = words.named(name)
    if longest is not None and len(name) > longest:
        name = name[: longest - 1].rstrip() + "…"
    return html.escape(words.isolated(name), quote=False)
