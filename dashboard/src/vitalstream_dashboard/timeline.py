"""A patient's course as one figure: each vital sign with its normal band, scores below (pure)."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from vitalstream_dashboard.canvas import TICKS, Figure, axis, clocks, layout
from vitalstream_dashboard.theme import POINT_FILLS, Palette
from vitalstream_dashboard.vitals import PARTS, VITALS, Vital, band, number, points, total
from vitalstream_storage.reader import Observation

_PANEL, _SCORES, _PARTS, _GAP = 104, 104, 150, 14
_TOP, _BOTTOM = 8, 44
HEIGHT: Final = _TOP + 5 * (_PANEL + _GAP) + _SCORES + _GAP + _PARTS + _BOTTOM
_FEW: Final = 150
_ROOMY: Final = 50
_SHORT: Final = timedelta(minutes=10)
_PLOTTED: Final = HEIGHT - _TOP - _BOTTOM


def course(seen: Sequence[Observation], palette: Palette, zone: tzinfo, revision: str) -> Figure:
    """The figure.

    Args:
        seen: What was observed, the oldest first.
        palette: Its colours.
        zone: Of the times shown.
        revision: Zoom and selection are kept while it stays the same.
    """
    drawing = _Drawing(seen, palette, zone, revision)
    for vital in VITALS:
        drawing.vital(vital)
    drawing.scores()
    drawing.parts()
    return {"data": drawing.traces, "layout": drawing.frame}


class _Drawing:
    """Panels one below the other over one axis of time."""

    def __init__(
        self, seen: Sequence[Observation], palette: Palette, zone: tzinfo, revision: str
    ) -> None:
        self._seen, self._palette = seen, palette
        self._points = [points(one.systolic, one) for one in seen]
        self._top, self._place = 1.0, 0
        self._line: dict[str, Any] = {
            "type": "scatter",
            "mode": "lines+markers" if len(seen) <= _FEW else "lines",
            "x": [_written(one.observed_at, zone) for one in seen],
            "line": {"color": palette.accent, "width": 2},
            "marker": {"size": 5},
        }
        self.traces: list[dict[str, Any]] = []
        self.frame = layout(
            palette,
            HEIGHT,
            {"l": 92, "r": 16, "t": _TOP, "b": _BOTTOM},
            dragmode="zoom",
            hovermode="x unified",
            uirevision=revision,
            selectionrevision=revision,
            shapes=[],
            annotations=[clocks(palette, f"{seen[-1].observed_at.astimezone(zone):%Z}")]
            if seen
            else [],
            xaxis={**_time(palette), **_around(seen, zone)},
        )

    def vital(self, vital: Vital) -> None:
        """A vital sign over its normal band."""
        self._panel(_PANEL, f"{vital.label}<br>{vital.unit}")
        newest = self._seen[-1] if self._seen else None
        scale, oxygen = (newest.spo2_scale, newest.supplemental_oxygen) if newest else (1, None)
        self._shade(*band(vital.part, scale, oxygen))
        write = number(vital)
        values = [getattr(one, vital.name) for one in self._seen]
        said = [
            f"{write(value)} {vital.unit}{_said(part.get(vital.part))}"
            for value, part in zip(values, self._points, strict=True)
        ]
        pressure = vital.name == "systolic"
        self._draw("Systolic" if pressure else vital.label, values, said)
        if pressure:
            low = [one.diastolic for one in self._seen]
            self._draw("Diastolic", low, [f"{value} mmHg" for value in low], second=True)

    def scores(self) -> None:
        """NEWS2 and the risk score."""
        self._panel(_SCORES, "Scores<br>points", rangemode="tozero")
        totals = [one.news2 for one in self._seen]
        said = [total(one.news2, complete=one.news2_complete) for one in self._seen]
        self._draw("NEWS2", totals, said, shape="hv")
        risks = [one.risk_score for one in self._seen]
        self._draw("Risk score", risks, [str(risk) for risk in risks], second=True, shape="hv")

    def parts(self) -> None:
        """Each part's points: colour, and the number itself where there is room."""
        labels = {
            "tickvals": list(range(len(PARTS))),
            "ticktext": list(PARTS.values()),
            "range": [len(PARTS) - 0.5, -0.5],
            "showgrid": False,
            "tickfont": {"color": self._palette.text, "size": 11},
        }
        self._panel(_PARTS, "", **labels)
        table = [[part.get(name) for part in self._points] for name in PARTS]
        fills = [self._palette.surface, *POINT_FILLS]
        self.traces.append(
            {
                "type": "heatmap",
                "x": self._line["x"],
                "y": list(range(len(PARTS))),
                "z": table,
                "yaxis": f"y{self._place}",
                "zmin": -0.5,
                "zmax": 3.5,
                "colorscale": [
                    [edge, fill] for n, fill in enumerate(fills) for edge in (n / 4, (n + 1) / 4)
                ],
                "showscale": False,
                "ygap": 2,
                "text": [["" if value is None else str(value) for value in row] for row in table],
                "texttemplate": "%{text}" if len(self._seen) <= _ROOMY else "",
                "hoverinfo": "skip",
                "hoverongaps": False,
            }
        )

    def _draw(
        self,
        name: str,
        values: Sequence[float | None],
        said: Sequence[str],
        *,
        second: bool = False,
        shape: str = "linear",
    ) -> None:
        """A line of the newest panel; a second one is told apart by its dots too."""
        ink = {"color": self._palette.muted, "width": 1.5, "dash": "dot"}
        line = ink if second else self._line["line"]
        self.traces.append(
            {
                **self._line,
                "y": list(values),
                "yaxis": self._axis,
                "name": name,
                "customdata": list(said),
                "hovertemplate": f"{name} %{{customdata}}<extra></extra>",
                "line": {**line, "shape": shape},
            }
        )

    def _panel(self, pixels: int, title: str, **more: Any) -> None:
        self._place += 1
        bottom = max(0.0, self._top - pixels / _PLOTTED)
        ink = {"color": self._palette.muted, "size": 11}
        grid = {"showgrid": True, "nticks": 5, "tickfont": ink, "anchor": "x"}
        self.frame[self._axis.replace("y", "yaxis")] = axis(
            self._palette, title, **{**grid, "domain": [bottom, self._top], **more}
        )
        self._top = bottom - _GAP / _PLOTTED

    def _shade(self, low: float, high: float) -> None:
        self.frame["shapes"].append(
            {
                "type": "rect",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "yref": self._axis,
                "y0": low,
                "y1": high,
                "fillcolor": self._palette.band,
                "line": {"width": 0},
                "layer": "below",
            }
        )

    @property
    def _axis(self) -> str:
        """The newest panel's."""
        return "y" if self._place == 1 else f"y{self._place}"


def _time(palette: Palette) -> dict[str, Any]:
    return axis(
        palette,
        fixedrange=False,
        type="date",
        anchor="y7",
        hoverformat="%-d %b %H:%M:%S",
        tickformatstops=TICKS,
        tickangle=0,
        nticks=8,
        showspikes=True,
        spikemode="across",
        spikethickness=1,
        spikedash="dot",
        spikecolor=palette.muted,
    )


def _around(seen: Sequence[Observation], zone: tzinfo) -> dict[str, Any]:
    """Bounds for what would else fill the width with one moment."""
    if not seen or seen[-1].observed_at - seen[0].observed_at > _SHORT:
        return {}
    bounds = (seen[0].observed_at - _SHORT, seen[-1].observed_at + _SHORT)
    return {"range": [_written(bound, zone) for bound in bounds]}


def _written(moment: datetime, zone: tzinfo) -> str:
    """As Plotly reads it: the time there, without a zone."""
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M:%S}"


def _said(count: int | None) -> str:
    if count is None:
        return ""
    return f", {count} point" + ("" if count == 1 else "s")


def alt(seen: Sequence[Observation]) -> str:
    """The figure in words."""
    if not seen:
        return "Course of vital signs: nothing observed"
    newest = seen[-1]
    said = ", ".join(f"{v.label} {getattr(newest, v.name)} {v.unit}" for v in VITALS)
    score = total(newest.news2, complete=newest.news2_complete)
    return f"Course of {len(seen):,} observations; the newest: {said}, NEWS2 {score}"


LEGEND: Final = (
    "Shaded: normal, no NEWS2 point. Dotted: diastolic pressure, risk score. "
    "Drag to zoom in time, double-click to see all."
)
