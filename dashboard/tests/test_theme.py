"""Colours that everybody can read."""

import itertools
import math

import pytest
from streamlit import config

from vitalstream_dashboard import theme
from vitalstream_dashboard.theme import DARK, LIGHT, Palette

# Machado, Oliveira & Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
THEMES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


def linear(colour: str) -> list[float]:
    """#RRGGBB as linear RGB."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""

    def luminance(colour: str) -> float:
        red, green, blue = linear(colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: list[float]) -> tuple[float, float, float]:
    """Linear RGB as CIE L*a*b* under D65."""
    red, green, blue = (min(max(part, 0.0), 1.0) for part in rgb)
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def seen(colour: str, vision: str) -> tuple[float, float, float]:
    """A colour as somebody with that vision sees it."""
    rgb = linear(colour)
    return lab([sum(a * b for a, b in zip(row, rgb, strict=True)) for row in VISION[vision]])


@THEMES
def test_text_has_aa_contrast(palette: Palette) -> None:
    """Every ink reaches 4.5 to 1 on every ground it is used on."""
    for ink, ground in itertools.product(
        (palette.text, palette.muted, palette.accent), (palette.background, palette.surface)
    ):
        assert contrast(ink, ground) >= 4.5, (ink, ground)
    for ink, ground in palette.notes.values():
        assert contrast(ink, ground) >= 4.5, (ink, ground)
    for fill in (*theme.RISK_FILLS.values(), *theme.KIND_FILLS):
        assert contrast("#FFFFFF", fill) >= 4.5, fill


@THEMES
def test_marks_have_aa_contrast(palette: Palette) -> None:
    """Marks in charts reach 3 to 1 on the page."""
    for mark in (*theme.RISK_FILLS.values(), *theme.KIND_FILLS):
        assert contrast(mark, palette.background) >= 3.0, mark


@THEMES
def test_lines_have_aa_contrast(palette: Palette) -> None:
    """Lines reach 3 to 1 on the page and on the band of normal values."""
    for ink, ground in itertools.product(
        (*palette.lines, palette.accent, palette.muted), (palette.background, palette.band)
    ):
        assert contrast(ink, ground) >= 3.0, (ink, ground)


@THEMES
@pytest.mark.parametrize("vision", VISION)
def test_much_is_told_from_little_by_lightness(palette: Palette, vision: str) -> None:
    """A ramp goes one way from the page's colour, whoever looks."""
    lightness = [seen(colour, vision)[0] for colour in palette.ramp]
    assert lightness in (sorted(lightness), sorted(lightness, reverse=True))
    assert min(abs(a - b) for a, b in itertools.pairwise(lightness)) >= 15


@pytest.mark.parametrize("vision", VISION)
def test_risks_are_told_apart_with_any_colour_vision(vision: str) -> None:
    """The three risk colours differ by far more than a just noticeable difference (2.3)."""
    for one, other in itertools.combinations(theme.RISK_FILLS.values(), 2):
        assert math.dist(seen(one, vision), seen(other, vision)) >= 15, (one, other)


def test_options_are_streamlit_s_with_its_types() -> None:
    """Each theme option exists and can be set; a wrong type would break every page."""
    known = config.get_config_options()
    for name, value in theme.options().items():
        assert name in known, name
        wanted = known[name].type
        assert wanted in (str, None) or isinstance(value, wanted), name


def test_risk_has_a_word_and_a_symbol() -> None:
    """Colour is never alone, and no two levels share a symbol."""
    labels = [theme.risk_label(level) for level in theme.RISK_LEVELS]
    assert labels == ["● Low", "◆ Medium", "▲ High"]
