"""The chart's README: its head, and a table of every value with the comment above it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from tests.chart.schema import CHART

FILE: Final = CHART / "README.md"
HEAD: Final = Path(__file__).with_name("readme_head.md")
_KEY: Final = re.compile(r"( *)([A-Za-z][A-Za-z0-9]*):")
_SECTION: Final = re.compile(r"# ---- (.+?) -+$")


def rows(text: str) -> Iterator[tuple[str, str]]:
    """Each key's dotted path and its comment, in order; a section's title has no path."""
    above: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        if section := _SECTION.match(line):
            yield "", section[1]
            comment = []
        elif line.lstrip().startswith("#"):
            comment.append(line.lstrip()[1:].strip())
        elif not line.strip():
            comment = []
        elif key := _KEY.match(line):
            depth = len(key[1])
            above = [*((at, name) for at, name in above if at < depth), (depth, key[2])]
            yield ".".join(name for _, name in above), " ".join(comment)
            comment = []


def text() -> str:
    """The whole page."""
    source = (CHART / "values.yaml").read_text(encoding="utf-8")
    defaults = yaml.safe_load(source)
    lines = [HEAD.read_text(encoding="utf-8").rstrip(), "", *_table_head()]
    for path, comment in rows(source):
        if not path:
            lines += ["", f"### {comment}", "", *_table_head()]
        elif comment:
            lines.append(f"| `{path}` | {_default(defaults, path)} | {comment} |")
    return "\n".join(lines).replace("| default | meaning |\n|---|---|---|\n\n###", "\n###") + "\n"


def _table_head() -> list[str]:
    return ["| value | default | meaning |", "|---|---|---|"]


def _default(values: Any, path: str) -> str:
    for name in path.split("."):
        values = values[name]
    if values == "":
        return "empty"
    shown = yaml.safe_dump(values, default_flow_style=True, width=10_000, sort_keys=False)
    shown = shown.removesuffix("...\n").strip()
    longest = 60
    return f"`{shown}`" if len(shown) <= longest else "see values.yaml"
