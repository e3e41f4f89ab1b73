"""The one visual language: colours, symbols and sizes, for Streamlit's configuration and charts."""

from dataclasses import dataclass
from typing import Final

RISK_LEVELS: Final = ("Low", "Medium", "High")
RISK_SYMBOLS: Final = {"Low": "●", "Medium": "◆", "High": "▲"}
RISK_FILLS: Final = {"Low": "#2B78B2", "Medium": "#976300", "High": "#BF2A3A"}
"""Backgrounds of white text and marks in charts; the same in both themes."""
POINT_FILLS: Final = (RISK_FILLS["Low"], RISK_FILLS["Medium"], RISK_FILLS["High"])
"""The same for one, two and three points of NEWS2."""
KIND_FILLS: Final = ("#0B6E8A", "#6A5AA8", "#56697A", "#2F7D5C")
"""The same for kinds that carry no risk."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme, as #RRGGBB.

    Attributes:
        background: the page.
        surface: sidebar, cards and table headings.
        text: ink on both of them.
        muted: ink of less weight, on both of them.
        accent: what can be used, and bars that carry no risk.
        line: borders and grid lines.
        band: behind normal values in charts.
        lines: of lines in charts that carry no risk, told apart by dashes too.
        ramp: from few to much, where a colour stands for a number.
        notes: (ink, background) of a message, by Streamlit's colour name.
    """

    background: str
    surface: str
    text: str
    muted: str
    accent: str
    line: str
    band: str
    lines: tuple[str, str, str]
    ramp: tuple[str, str, str]
    notes: dict[str, tuple[str, str]]


LIGHT: Final = Palette(
    background="#FFFFFF",
    surface="#F3F6F9",
    text="#14212B",
    muted="#4F5F6B",
    accent="#0B6E8A",
    line="#D5DEE5",
    band="#E3F1EA",
    lines=("#0B6E8A", "#A8480F", "#6A5AA8"),
    ramp=("#EDF4F8", "#6FAFCB", "#0A4A66"),
    notes={
        "green": ("#0B5A3C", "#E6F5EE"),
        "blue": ("#17507A", "#E6F1F9"),
        "yellow": ("#714700", "#FFF4DB"),
        "orange": ("#714700", "#FFF4DB"),
        "gray": ("#4F5F6B", "#EEF2F5"),
        "red": ("#941D2A", "#FDEBEC"),
    },
)
DARK: Final = Palette(
    background="#0E1620",
    surface="#16222F",
    text="#E6EDF3",
    muted="#A3B3C0",
    accent="#5CC3DE",
    line="#2A3947",
    band="#152B26",
    lines=("#5CC3DE", "#F0A46B", "#B7A8F0"),
    ramp=("#16222F", "#2F7D9C", "#B9EAF8"),
    notes={
        "green": ("#86E0B6", "#10301F"),
        "blue": ("#9CD0F5", "#122C42"),
        "yellow": ("#FFD27A", "#3A2B0A"),
        "orange": ("#FFD27A", "#3A2B0A"),
        "gray": ("#A3B3C0", "#1C2A38"),
        "red": ("#FFA9AE", "#431920"),
    },
)


def palette(theme: str | None) -> Palette:
    """The colours for ``"light"`` or ``"dark"``; light where the browser has not said."""
    return DARK if theme == "dark" else LIGHT


def risk_label(level: str) -> str:
    """A risk level as symbol and word, so that colour is never alone."""
    return f"{RISK_SYMBOLS.get(level, '?')} {level}"


def options() -> dict[str, str | int | bool]:
    """Streamlit's theme options, light and dark; a viewer's system or menu chooses."""
    common: dict[str, str | int | bool] = {
        "theme.paddingTop": "0.5rem",
        "theme.baseRadius": "0.5rem",
        "theme.headingFontSizes": "1.75rem, 1.25rem, 1.25rem",
        "theme.metricValueFontSize": "2rem",
        "theme.metricValueFontWeight": 600,
        "theme.showSidebarBorder": True,
    }
    return {**common, **_section("light", LIGHT), **_section("dark", DARK)}


def _section(name: str, colours: Palette) -> dict[str, str]:
    section = {
        "backgroundColor": colours.background,
        "secondaryBackgroundColor": colours.surface,
        "textColor": colours.text,
        "primaryColor": colours.accent,
        "linkColor": colours.accent,
        "borderColor": colours.line,
        "dataframeBorderColor": colours.line,
        "dataframeHeaderBackgroundColor": colours.surface,
        "dataframeHeaderTextColor": colours.muted,
    }
    for colour, (ink, ground) in colours.notes.items():
        section[f"{colour}TextColor"] = ink
        section[f"{colour}BackgroundColor"] = ground
    return {f"theme.{name}.{option}": value for option, value in section.items()}
