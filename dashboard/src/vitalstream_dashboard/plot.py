"""Plotly figures that are changed in place.

`st.plotly_chart` derives a chart's identity from its figure (Streamlit 1.67; its pull request 16052
is open), so that every change of a number makes a new element and takes zoom, hover and selection
away; and its frontend never looks at a second figure of the same element. A component keeps its
element by its key; Plotly itself then says what has changed. The library is the one that the plotly
package brings.
"""

from pathlib import Path
from typing import Final

import plotly
import streamlit as st
from streamlit import config
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

from vitalstream_dashboard.canvas import Figure

_NAME: Final = "vitalstream.plot"
_SCRIPT: Final = Path(__file__).with_name("plot.js").read_text()
_CONFIG: Final = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}
_draw = st.components.v2.component(
    _NAME, html='<div class="vs-plot" role="img"></div>', js=_SCRIPT, isolate_styles=False
)


def plot(figure: Figure, *, key: str, alt: str) -> None:
    """Draw a figure; one with the same key changes what is there.

    Args:
        figure: With its height in the layout.
        key: Names the chart on its page.
        alt: The chart in words.
    """
    _serve_library()
    height = figure["layout"]["height"]
    data = {
        "figure": figure,
        "config": _CONFIG,
        "alt": alt,
        "height": height,
        "library": f"{_root()}/_stcore/bidi-components/{_NAME}/plotly.min.js",
    }
    _draw(key=key, data=data, height=height)


def _serve_library() -> None:
    manager = get_bidi_component_manager()
    if manager.get_component_asset_root(_NAME) is None:
        room, part = _NAME.split(".")
        manifest = ComponentManifest(room, "1", [ComponentConfig(part, "package_data")])
        manager.register_from_manifest(manifest, Path(plotly.__path__[0]))


def _root() -> str:
    path = str(config.get_option("server.baseUrlPath")).strip("/")
    return f"/{path}" if path else ""
