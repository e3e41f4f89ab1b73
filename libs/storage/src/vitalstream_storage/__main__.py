"""`python -m vitalstream_storage migrate | maintain | recount`: the tables' own commands."""

import argparse
import sys
from collections.abc import Callable

import psycopg

from vitalstream_runtime.errors import StartupError
from vitalstream_runtime.settings import load
from vitalstream_storage import maintain
from vitalstream_storage.errors import StorageError, describe
from vitalstream_storage.migrate import REQUIRED_VERSION, check_version, migrate
from vitalstream_storage.pool import connect
from vitalstream_storage.settings import DatabaseSettings, MaintenanceSettings


def _migrate() -> str:
    done = ", ".join(migrate(load(DatabaseSettings))) or "nothing to do"
    return f"tables at version {REQUIRED_VERSION} or newer: {done}"


def _maintain() -> str:
    settings = load(MaintenanceSettings)
    with connect(load(DatabaseSettings), "vitalstream-maintain") as connection:
        check_version(connection)
        report = maintain.maintain(connection, settings)
    kept = f"kept from {report.kept_from}" if report.kept_from else "all kept"
    return (
        f"observations: {len(report.created)} days made, {len(report.dropped)} dropped, "
        f"{report.stale} stale rows removed; {kept}"
    )


def _recount() -> str:
    with connect(load(DatabaseSettings), "vitalstream-recount") as connection:
        check_version(connection)
        wrong = maintain.recount(connection)
    return "recounted; wrong before: " + ", ".join(f"{n} {what}" for what, n in wrong.items())


COMMANDS: dict[str, tuple[Callable[[], str], str]] = {
    "migrate": (_migrate, "bring the tables to the version this code needs"),
    "maintain": (_maintain, "make the partitions around today, drop those past retention"),
    "recount": (_recount, "make every counter anew and say how many were wrong"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; what goes wrong is one line on standard error, its code the exit code."""
    parser = argparse.ArgumentParser(prog="python -m vitalstream_storage")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, summary) in COMMANDS.items():
        commands.add_parser(name, help=summary, description=summary)
    chosen = parser.parse_args(arguments).command
    try:
        sys.stdout.write(COMMANDS[chosen][0]() + "\n")
    except (StartupError, StorageError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return error.exit_code if isinstance(error, StartupError) else 1
    except psycopg.Error as error:
        named = ", ".join(f"{key} {value}" for key, value in describe(error).items())
        sys.stderr.write(f"{chosen} failed: {named}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
