"""Trends as figures: departments by hour, as a map of colours and as lines (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from vitalstream_dashboard.canvas import TICKS, Figure, axis, clocks, label, layout
from vitalstream_dashboard.theme import Palette
from vitalstream_storage.reader import Hours, Measure

HOUR: Final = timedelta(hours=1)
ALL: Final = "All departments"
MOST_LINES: Final = 3
LINES: Final = 320
_ROW, _SCALE, _CLOCKS, _RIGHT = 30, 44, 48, 16
_NAME: Final = 18
_EDGE, _LETTER, _LEAST_LEFT = 16, 7, 72
"""Room for the names, the same in both charts, so that their hours stand below each other."""
_DASHES: Final = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is shown.

    Attributes:
        measure: The reader's name.
        title: For a person.
        unit: With which numbers are shown.
        digits: After the point.
        factor: By which the reader's value is multiplied.
    """

    measure: Measure
    title: str
    unit: str
    digits: int = 0
    factor: float = 1.0


QUANTITIES: Final = (
    Quantity("high_risk", "Share at high risk", "%", 1, 100),
    Quantity("critical_oxygen", "Share with SpO₂ < 90 %", "%", 1, 100),
    Quantity("risk_score", "Mean risk score", "points", 2),
    Quantity("heart_rate", "Mean heart rate", "/min", 1),
    Quantity("systolic", "Mean systolic pressure", "mmHg", 1),
    Quantity("diastolic", "Mean diastolic pressure", "mmHg", 1),
    Quantity("temperature", "Mean temperature", "°C", 2),
    Quantity("oxygen_saturation", "Mean SpO₂", "%", 1),
    Quantity("respiratory_rate", "Mean respiratory rate", "/min", 1),
)


def starts(since: datetime, until: datetime) -> list[datetime]:
    """All hours that begin within the bounds."""
    first = since.replace(minute=0, second=0, microsecond=0)
    first += HOUR if first < since else timedelta(0)
    count = max(0, -((first - until) // HOUR))
    return [first + n * HOUR for n in range(count)]


def whole(rows: Sequence[Hours]) -> Hours:
    """All departments as one: each hour's mean over all its observations."""
    sums: dict[datetime, tuple[int, float]] = {}
    for row in rows:
        for hour, number, value in zip(row.hours, row.observations, row.values, strict=True):
            count, total = sums.get(hour, (0, 0.0))
            sums[hour] = (count + number, total + number * value)
    hours = sorted(sums)
    counts = [sums[hour][0] for hour in hours]
    return Hours(ALL, hours, counts, [sums[hour][1] / sums[hour][0] for hour in hours])


class Trends:
    """Draws what the reader found.

    Args:
        rows: Of each department.
        quantity: What it is.
        hours: All hours of the range.
        palette: The colours.
        zone: Of the times shown.
    """

    def __init__(
        self,
        rows: Sequence[Hours],
        quantity: Quantity,
        hours: Sequence[datetime],
        palette: Palette,
        zone: tzinfo,
    ) -> None:
        self._rows, self._quantity, self._palette = rows, quantity, palette
        self._hours = hours
        self._zone = f"{hours[-1].astimezone(zone):%Z}" if hours else ""
        self._times = [f"{hour.astimezone(zone):%Y-%m-%dT%H:%M}" for hour in hours]
        longest = max((len(row.department) for row in rows), default=0)
        self._left = max(_LEAST_LEFT, _EDGE + _LETTER * min(longest, _NAME))
        self._revision = f"{quantity.measure} {hours[0] if hours else ''} {len(hours)}"

    def map(self) -> Figure:
        """A row for each department, a column for each hour; the scale beside it."""
        quantity, rows = self._quantity, self._rows
        names = [label(row.department, _NAME) for row in rows]
        height = _SCALE + _ROW * max(len(rows), 2) + _CLOCKS
        frame = self._frame(height, {"l": self._left, "r": _RIGHT, "t": _SCALE, "b": _CLOCKS})
        frame["yaxis"] = axis(
            self._palette,
            tickvals=list(range(len(rows))),
            ticktext=names,
            range=[len(rows) - 0.5, -0.5],
        )
        ink = {"color": self._palette.text, "size": 12}
        middle = [n / (len(self._palette.ramp) - 1) for n in range(len(self._palette.ramp))]
        tiles = {
            "type": "heatmap",
            "x": self._times,
            "y": list(range(len(rows))),
            "z": [self._values(row) for row in rows],
            "customdata": [[name] * len(self._times) for name in names],
            "hovertemplate": f"%{{customdata}}, %{{x}}: %{{z:.{quantity.digits}f}} "
            f"{quantity.unit}<extra></extra>",
            "hoverongaps": False,
            "ygap": 2,
            "colorscale": [list(pair) for pair in zip(middle, self._palette.ramp, strict=True)],
            "colorbar": {
                "title": {"text": quantity.unit, "font": ink, "side": "right"},
                "tickfont": ink,
                "nticks": 5,
                "thickness": 10,
                "outlinewidth": 0,
                "orientation": "h",
                "lenmode": "pixels",
                "len": 200,
                "x": 1,
                "xanchor": "right",
                "xpad": 0,
                "y": 1,
                "yanchor": "bottom",
                "ypad": 6,
            },
        }
        return {"data": [tiles], "layout": frame}

    def lines(self, chosen: Sequence[str]) -> Figure:
        """The whole house, and the chosen departments, each with a dash of its own."""
        frame = self._frame(LINES, {"l": self._left, "r": _RIGHT, "t": 36, "b": _CLOCKS})
        frame |= {
            "showlegend": True,
            "hovermode": "x unified",
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        }
        frame["yaxis"] = axis(self._palette, self._quantity.unit, showgrid=True, nticks=6)
        rows = [whole(self._rows), *(row for row in self._rows if row.department in chosen)]
        inks = [self._palette.text, *self._palette.lines]
        traces = [
            self._line(row, ink, dash) for row, ink, dash in zip(rows, inks, _DASHES, strict=False)
        ]
        return {"data": traces, "layout": frame}

    def _line(self, row: Hours, ink: str, dash: str) -> dict[str, Any]:
        unit = self._quantity.unit
        return {
            "type": "scatter",
            "mode": "lines+markers" if len(self._times) <= len(TICKS) * 24 else "lines",
            "x": self._times,
            "y": self._values(row),
            "name": label(row.department, _NAME),
            "hovertemplate": f"%{{y:.{self._quantity.digits}f}} {unit}",
            "line": {"color": ink, "width": 2, "dash": dash},
            "marker": {"size": 5},
            "connectgaps": False,
        }

    def _frame(self, height: int, margin: dict[str, int]) -> dict[str, Any]:
        frame = layout(
            self._palette,
            height,
            margin,
            dragmode="zoom",
            uirevision=self._revision,
            annotations=[clocks(self._palette, self._zone)],
        )
        frame["xaxis"] = axis(
            self._palette,
            fixedrange=False,
            type="date",
            hoverformat="%-d %b %H:%M",
            tickformatstops=TICKS,
            tickangle=0,
            nticks=7,
        )
        return frame

    def _values(self, row: Hours) -> list[float | None]:
        """In the order of the hours; None where nothing was observed."""
        found = {
            hour.astimezone(UTC): value for hour, value in zip(row.hours, row.values, strict=True)
        }
        factor = self._quantity.factor
        return [
            None if (value := found.get(hour)) is None else value * factor for hour in self._hours
        ]


def alt(quantity: Quantity, rows: Sequence[Hours]) -> str:
    """Both charts in words: the newest value of each department."""
    said = ", ".join(
        f"{row.department} {row.values[-1] * quantity.factor:.{quantity.digits}f} {quantity.unit}"
        for row in rows
        if row.values
    )
    return f"{quantity.title} by department and hour; the newest: {said or 'none'}"
