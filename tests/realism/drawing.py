"""The comparison as a picture: an SVG of a few kilobytes that any page can show.

Written by hand because no library here writes one: plotly needs a browser for it.
"""

from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

import numpy as np

from tests.realism.measure import Figure, Floats
from tests.realism.targets import LEVELS, TARGETS

_WIDTH, _HEIGHT, _COLUMNS = 940, 640, 3
_PANEL = (300, 210)
_MARGIN = 46
Point = tuple[float, float]
_BARS: Final = 46
_MEASURED, _GENERATED, INK, FAINT = "#c2410c", "#2563eb", "#334155", "#cbd5e1"


def draw(values: Floats, figures: Sequence[Figure]) -> str:
    """Each vital sign's distribution with both sets of quantiles, and all correlations below."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        f' font-family="sans-serif" font-size="12" fill="{INK}">'
    )
    return "\n".join(
        [
            head,
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
            *_legend(),
            *(line for n in range(len(TARGETS)) for line in _panel(n, values[:, :, n].ravel())),
            *_correlations([e for e in figures if e.what in {"lag 1 h", "correlation"}]),
            "</svg>\n",
        ]
    )


def _legend() -> Iterator[str]:
    yield text(16, 24, "Intensive care: generated (blue) and measured (orange)", 15)
    yield text(16, 42, "Bars: what is generated. Ticks: 5, 25, 50, 75 and 95 % of both.")


def _panel(number: int, one: Floats) -> Iterator[str]:
    """A histogram, and under it both rows of quantiles."""
    left = 16 + number % _COLUMNS * (_PANEL[0] + 8)
    top = 58 + number // _COLUMNS * _PANEL[1]
    target = TARGETS[number]
    low, high = np.quantile(one, [0.002, 0.998])
    low, high = min(low, target.quantiles[0]), max(high, target.quantiles[-1])
    step = max(target.step, np.ceil((high - low) / _BARS / target.step) * target.step)
    counts, edges = np.histogram(one, np.arange(low - step / 2, high + step, step))
    scale = (_PANEL[0] - 20) / (edges[-1] - edges[0])

    def across(value: float) -> float:
        return left + (value - float(edges[0])) * float(scale)

    yield text(left, top + 14, target.name, 13)
    floor, most = top + 130, counts.max()
    for count, edge in zip(counts, edges, strict=False):
        height = 104 * count / most
        yield (
            f'<rect x="{across(edge):.1f}" y="{floor - height:.1f}" width="{step * scale - 1:.1f}"'
            f' height="{height:.1f}" fill="{FAINT}"/>'
        )
    rows = (
        (floor + 14, target.quantiles, _MEASURED),
        (floor + 32, np.quantile(one, LEVELS), _GENERATED),
    )
    for middle, quantiles, colour in rows:
        ends = across(quantiles[0]), across(quantiles[-1])
        yield line((ends[0], middle), (ends[1], middle), colour, 1.5)
        for value in quantiles:
            yield line((across(value), middle - 6), (across(value), middle + 6), colour, 2.5)
    for value in (target.quantiles[0], target.quantiles[2], target.quantiles[-1]):
        yield text(across(value) - 8, floor + 54, f"{value:g}")


def _correlations(figures: Sequence[Figure]) -> Iterator[str]:
    top = 58 + 2 * _PANEL[1] + 12
    yield text(16, top, "Correlations, measured ± 0.1", 13)
    rows = (len(figures) + 1) // 2
    for number, each in enumerate(figures):
        left = 16 + number // rows * 460
        middle = top + 26 + number % rows * 26
        zero = left + 290

        def across(value: float, zero: float = zero) -> float:
            return zero + 150 * value

        what = "with an hour later" if each.what == "lag 1 h" else ""
        yield text(left, middle + 4, f"{each.of.rsplit(' ', 1)[0] if what else each.of} {what}")
        yield line((zero, middle - 9), (zero, middle + 9), FAINT, 1)
        low, high = across(each.target - each.within), across(each.target + each.within)
        yield line((low, middle), (high, middle), _MEASURED, 7)
        yield (f'<circle cx="{across(each.found):.1f}" cy="{middle}" r="5" fill="{_GENERATED}"/>')


def line(one: Point, other: Point, colour: str, width: float) -> str:
    """A straight line."""
    (x1, y1), (x2, y2) = one, other
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"'
        f' stroke-width="{width}"/>'
    )


def text(x: float, y: float, words: str, size: int = 11) -> str:
    """Words that begin there."""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}">{escape(words)}</text>'
