"""Print the documents of the event, or write those that the repository keeps."""

import argparse
import json
import sys
from pathlib import Path

from vitalstream_schema.dictionary import data_dictionary
from vitalstream_schema.documents import Json, asyncapi, json_schema


def main(arguments: list[str]) -> int:
    """Do what the command line asks.

    Returns:
        The exit code.
    """
    texts = {
        "asyncapi": _text(asyncapi()),
        "json-schema": _text(json_schema()),
        "data-dictionary": data_dictionary(),
    }
    parser = argparse.ArgumentParser("python -m vitalstream_schema", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in texts:
        commands.add_parser(name, help=f"print the {name}")
    docs = commands.add_parser("docs", help="write asyncapi.json and data-dictionary.md")
    docs.add_argument("folder", type=Path, nargs="?", default=Path("docs"))
    chosen = parser.parse_args(arguments)
    if chosen.command in texts:
        sys.stdout.write(texts[chosen.command])
        return 0
    try:
        (chosen.folder / "asyncapi.json").write_text(texts["asyncapi"], encoding="utf-8")
        (chosen.folder / "data-dictionary.md").write_text(texts["data-dictionary"], "utf-8")
    except OSError as error:
        parser.exit(1, f"cannot write {error.filename}: {error.strerror}\n")
    return 0


def _text(document: Json) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
