"""The figures, from counts."""

import html

import plotly.graph_objects as go

from vitalstream_dashboard import charts
from vitalstream_dashboard.canvas import Figure
from vitalstream_dashboard.theme import DARK, KIND_FILLS, LIGHT, RISK_FILLS


def drawn(figure: Figure) -> go.Figure:
    """What Plotly makes of it; raises on what it does not know."""
    return go.Figure(figure)


MANY = [(f"Value {number:02}", 1_000 - number) for number in range(30)]


def test_departments_keep_their_places() -> None:
    """Bars are in order of name, whatever their numbers, so that a refresh moves none."""
    (bar,) = drawn(charts.departments([("B", 9), ("C", 5), ("A", 1)], LIGHT)).data
    assert list(bar.customdata) == ["A", "B", "C"]
    assert list(bar.y) == [1, 9, 5]


def test_what_does_not_fit_is_summed_up() -> None:
    """No admission is left out of the department bars: the smallest ones are one bar, last."""
    (bar,) = drawn(charts.departments(MANY, LIGHT)).data
    assert len(bar.y) == charts.MOST_DEPARTMENTS
    assert sum(bar.y) == sum(number for _, number in MANY)
    assert bar.customdata[-1] == "Other"


def test_top_diagnoses_are_the_ten_most_frequent() -> None:
    """The first ten, the most frequent on top, and no more."""
    figure = drawn(charts.diagnoses(MANY, LIGHT))
    assert list(figure.data[0].x) == [number for _, number in MANY[:10]]
    assert figure.layout.yaxis.autorange == "reversed"


def test_risks_have_their_colours_symbols_and_order() -> None:
    """A risk keeps its colour and place though levels are missing; a strange level is shown too."""
    (pie,) = drawn(charts.risks([("Low", 5), ("High", 2)], DARK)).data
    assert list(pie.labels) == ["● Low", "▲ High"]
    assert list(pie.marker.colors) == [RISK_FILLS["Low"], RISK_FILLS["High"]]
    (pie,) = drawn(charts.risks([("Odd", 9), ("Medium", 1)], DARK)).data
    assert list(pie.labels) == ["◆ Medium", "? Odd"]
    assert list(pie.values) == [1, 9]


def test_admission_types_keep_their_colours() -> None:
    """The colour follows the name, not the rank."""
    types = [("Urgent", 4), ("Emergency", 3), ("Elective", 2), ("Observation", 1)]
    (one,) = drawn(charts.admission_types(types, LIGHT)).data
    (other,) = drawn(charts.admission_types(types[::-1], LIGHT)).data
    assert list(one.labels) == list(other.labels) == sorted(name for name, _ in types)
    assert tuple(one.marker.colors) == KIND_FILLS


def test_names_are_escaped_and_shortened() -> None:
    """Markup stays text in ticks, legends and hovers; two names shortened alike stay two bars."""
    bold = "<b>bold</b> & <a href='x'>"
    long = ["Ear, Nose and Throat Surgery East", "Ear, Nose and Throat Surgery West"]
    counts = [(bold, 3), (long[0], 2), (long[1], 1)]
    for build in (charts.departments, charts.diagnoses, charts.risks, charts.admission_types):
        figure = drawn(build(counts, LIGHT))
        text = figure.to_json().encode().decode("unicode_escape")
        assert "<b>" not in text.replace("<br>", "")
        assert "<a" not in text
    (bar,) = drawn(charts.diagnoses(counts, LIGHT)).data
    assert list(bar.y) == [0, 1, 2]
    assert bar.customdata[0] == html.escape(bold, quote=False)


def test_nothing_to_show_is_a_figure_too() -> None:
    """Without any count there is an empty figure and words for it, no error."""
    for build in (charts.departments, charts.diagnoses, charts.risks, charts.admission_types):
        assert drawn(build([], LIGHT)).layout.height == charts.HEIGHT
    assert charts.alt("Risk levels", []) == "Risk levels: none"


def test_alt_text_has_the_numbers() -> None:
    """Who cannot see the chart gets its title and numbers."""
    assert charts.alt("Types", [("Urgent", 1_234), ("Elective", 2)]) == (
        "Types: Urgent 1,234, Elective 2"
    )


def test_long_numbers_stand_upright_over_many_bars() -> None:
    """Side by side they would run into each other; none is made smaller to fit."""
    few, many = [("A", 83_333)] * 6, [("A", 83_333)] * 12
    for counts, angle in ((few, 0), (many, -90), ([("A", 999)] * 12, 0)):
        (bar,) = drawn(charts.departments(counts, LIGHT)).data
        assert (bar.textangle, bar.constraintext) == (angle, "none")


def test_names_are_seen_and_keep_their_direction_to_themselves() -> None:
    """A blank name has a word; one that turns the writing round does not turn its number."""
    (bar,) = drawn(charts.diagnoses([(" ", 1), ("\N{RIGHT-TO-LEFT OVERRIDE}x", 1)], LIGHT)).data
    assert bar.customdata[0] == "(none)"
    assert bar.customdata[1][-1] == "\N{POP DIRECTIONAL ISOLATE}"
