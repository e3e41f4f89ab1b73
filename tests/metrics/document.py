"""`python -m tests.metrics.document` writes docs/metrics.md from what the services declare."""

import sys
from pathlib import Path

from tests.metrics.declared import SERVICES, declared

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
_HEAD = """\
# Metrics
<!-- Written by `make docs` from what the services declare; a test holds it to them. -->

Each service shows its own at `/metrics` on its ops port (`OPS_PORT`), in Prometheus' text format.
Every label value is there from the start with 0, so that the first increase counts; only
`partition`, `query` and `department` come with what they name, and a partition's lag goes when it
is revoked. No metric carries anything about a patient; departments are counted as a whole, the 50
with the most patients each, all others as one. Beside these there are the client library's own:
`process_*` (CPU, memory, file descriptors) and `python_*`.

"""


def text() -> str:
    """The whole page."""
    lines = [_HEAD.rstrip("\n")]
    for service in SERVICES:
        lines += [
            "",
            f"## {service.capitalize()}",
            "",
            "| metric | kind | labels | meaning |",
            "|---|---|---|---|",
        ]
        for each in declared(service):
            labels = ", ".join(f"`{label}`" for label in each.labels)
            lines.append(f"| `{each.name}` | {each.kind} | {labels} | {each.meaning} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page; says so if it has changed."""
    new = text()
    if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == new:
        return 0
    DOCUMENT.write_text(new, encoding="utf-8")
    print(f"{DOCUMENT.name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
