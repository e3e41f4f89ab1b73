"""`python -m tests.chart.document` writes the chart's values.schema.json and README.md."""

import sys

from tests.chart import readme, schema


def main() -> int:
    """Write both; says so if one has changed."""
    for path, text in [(schema.FILE, schema.text()), (readme.FILE, readme.text())]:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"{path.name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
