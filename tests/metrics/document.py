"""`python -m tests.metrics.document` writes docs/metrics.md from what the services declare."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.metrics.declared import SERVICES, declared
from tests.monitoring import panels

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
_OTHERS = """\
## Others' metrics
The last rows of the dashboards are about what others run and measure: the kubelet with
kube-state-metrics, Strimzi's metrics reporter, CloudNativePG's exporter. `make test` evaluates
every panel but these on a real Prometheus. These `promtool` parses, and a list holds their names,
but nothing evaluates them: no exporter of theirs runs without a cluster, and `make cluster-test`
brings no Prometheus. Their names were compared in August 2026 with Strimzi's own dashboard for its
reporter and with CloudNativePG's default queries.

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
    return "\n".join([*lines, *_neighbours()]) + "\n"


def _neighbours() -> Iterator[str]:
    """The panels that no test of ours can evaluate, with what they ask for."""
    yield from ("", *_OTHERS.splitlines(), "| dashboard | panel | metrics |", "|---|---|---|")
    for each in panels.expressions():
        if panels.of_neighbours(each.expr):
            asked = ", ".join(f"`{name}`" for name in sorted(panels.metrics(each.expr)))
            yield f"| {each.dashboard} | {each.panel} | {asked} |"


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
