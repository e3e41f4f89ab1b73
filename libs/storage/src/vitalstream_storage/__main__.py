"""`python -m vitalstream_storage migrate`: the tables' own commands."""

import argparse
import sys

from vitalstream_runtime.errors import SettingsError
from vitalstream_runtime.settings import load
from vitalstream_storage.errors import StorageError
from vitalstream_storage.migrate import REQUIRED_VERSION, migrate
from vitalstream_storage.settings import DatabaseSettings


def main(arguments: list[str] | None = None) -> int:
    """Run one command; what goes wrong is one line on standard error and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m vitalstream_storage")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the tables to the version this code needs")
    parser.parse_args(arguments)
    try:
        settings = load(DatabaseSettings)
        applied = migrate(settings)
    except (SettingsError, StorageError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    done = ", ".join(applied) or "nothing to do"
    sys.stdout.write(f"tables at version {REQUIRED_VERSION} or newer: {done}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
