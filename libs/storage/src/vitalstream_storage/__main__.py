"""`python -m vitalstream_storage`: migrate, maintain, recount, erase: the tables' own commands."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from vitalstream_runtime.errors import StartupError
from vitalstream_runtime.settings import load
from vitalstream_storage import erasure, maintain
from vitalstream_storage.errors import StorageError, describe
from vitalstream_storage.migrate import REQUIRED_VERSION, check_version, migrate
from vitalstream_storage.pool import Connection, connect
from vitalstream_storage.settings import DatabaseSettings, MaintenanceSettings

WRONG = 65  # EX_DATAERR of sysexits.h


Done = tuple[str, int]


def _migrate(given: argparse.Namespace) -> Done:
    done = ", ".join(migrate(load(DatabaseSettings))) or "nothing to do"
    said = f"tables at version {REQUIRED_VERSION} or newer: {done}"
    if not given.maintain:
        return said, 0
    maintained, code = _maintain(given)
    return f"{said}\n{maintained}", code


def _maintain(_: argparse.Namespace) -> Done:
    settings = load(MaintenanceSettings)
    with _connected("vitalstream-maintain") as connection:
        report = maintain.maintain(connection, settings)
    kept = f"kept from {report.kept_from}" if report.kept_from else "all kept"
    said = (
        f"observations: {len(report.created)} days made, {len(report.dropped)} dropped, "
        f"{report.stale} stale rows removed; {kept}; "
        f"dead letters: {report.dead_letters} dropped"
    )
    return said, 0


def _recount(_: argparse.Namespace) -> Done:
    with _connected("vitalstream-recount") as connection:
        wrong = maintain.recount(connection)
    said = "recounted; wrong before: " + ", ".join(f"{n} {what}" for what, n in wrong.items())
    return said, WRONG if any(wrong.values()) else 0


def _erase(given: argparse.Namespace) -> Done:
    patient = given.patient
    if patient == "-":
        if sys.stdin.isatty():
            sys.stderr.write("patient_id: ")
            sys.stderr.flush()
        patient = sys.stdin.readline().rstrip("\r\n")
    if not patient:
        raise StorageError("erase needs a patient_id, and - needs one on standard input")
    settings = load(MaintenanceSettings)
    with _connected("vitalstream-erase") as connection:
        gone = erasure.erase(connection, settings, patient)
    said = (
        f"erased: {gone.admissions} admissions, {gone.observations} observations, "
        f"{gone.dead_letters} dead letters; older records of this patient are stale from now on"
    )
    return said, 0


@contextmanager
def _connected(name: str) -> Iterator[Connection]:
    with connect(load(DatabaseSettings), name) as connection:
        check_version(connection)
        yield connection


COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], Done], str]] = {
    "migrate": (_migrate, "bring the tables to the version this code needs"),
    "maintain": (_maintain, "make the partitions around today, drop what is past its time"),
    "recount": (_recount, f"make every counter anew; exit code {WRONG} if one was wrong"),
    "erase": (_erase, "erase all that the tables hold of one patient"),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vitalstream_storage")
    commands = parser.add_subparsers(dest="command", required=True)
    added = {
        name: commands.add_parser(name, help=summary, description=summary)
        for name, (_, summary) in COMMANDS.items()
    }
    added["migrate"].add_argument(
        "--maintain",
        action="store_true",
        help="then maintain: what comes before its first run would have to be moved by it",
    )
    added["erase"].add_argument(
        "patient", metavar="PATIENT_ID", help="as the records have it; - asks for it"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; what goes wrong is one line on standard error, its code the exit code."""
    given = _parser().parse_args(arguments)
    try:
        said, code = COMMANDS[given.command][0](given)
    except (StartupError, StorageError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return error.exit_code if isinstance(error, StartupError) else 1
    except psycopg.Error as error:
        named = ", ".join(f"{key} {value}" for key, value in describe(error).items())
        sys.stderr.write(f"{given.command} failed: {named}\n")
        return 1
    sys.stdout.write(said + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
