"""`python -m tests.monitoring.document` writes compose/monitoring/alerts.yml from the chart."""

import sys
from pathlib import Path

from tests.monitoring.rules import rules, text

FILE = Path(__file__).parents[2] / "compose" / "monitoring" / "alerts.yml"
_HEAD = """\
# Written by `make docs` from the chart's alerts with their default thresholds; a test holds it.
"""


def content() -> str:
    """The whole file."""
    return _HEAD + text(rules("vitalstream"))


def main() -> int:
    """Write the file; says so if it has changed."""
    new = content()
    if FILE.exists() and FILE.read_text(encoding="utf-8") == new:
        return 0
    FILE.write_text(new, encoding="utf-8")
    print(f"{FILE.name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
