"""`python -m tests.monitoring.dashboards.document` writes the dashboards into the chart."""

import json
import sys
from pathlib import Path
from typing import Final

from tests.monitoring.dashboards.clinical import CLINICAL
from tests.monitoring.dashboards.grafana import Dashboard
from tests.monitoring.dashboards.pipeline import PIPELINE
from tests.monitoring.dashboards.services import SERVICES

FOLDER: Final = Path(__file__).parents[3] / "charts" / "vitalstream" / "files" / "dashboards"
ALL: Final = (PIPELINE, CLINICAL, SERVICES)


def text(dashboard: Dashboard) -> str:
    """As its file has it."""
    return json.dumps(dashboard.json(), indent=1, allow_nan=False) + "\n"


def main() -> int:
    """Write each that has changed, and say so."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for dashboard in ALL:
        path = FOLDER / f"{dashboard.name}.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text(dashboard):
            path.write_text(text(dashboard), encoding="utf-8")
            print(f"{path.name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
