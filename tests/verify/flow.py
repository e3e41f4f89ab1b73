"""Do records flow, from the producer into the tables and onto the page? Argument: the page's URL.

It reads only, as the dashboard's login: `VERIFY_SECONDS` is how long it waits (default 240).
"""

import os
import sys
import time
import urllib.request
from collections.abc import Callable
from http import HTTPStatus

from vitalstream_runtime.settings import load
from vitalstream_storage.migrate import check_version
from vitalstream_storage.pool import connect
from vitalstream_storage.settings import DatabaseSettings


def page(url: str) -> bool:
    """Whether the page answers."""
    with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:  # noqa: S310 - a Service's address
        return bool(answer.status == HTTPStatus.OK)


def stored() -> int:
    """How many records have a verdict, over all partitions; 0 before the first claim."""
    with connect(load(DatabaseSettings), "vitalstream-verify") as connection:
        check_version(connection)
        row = connection.execute("SELECT sum(next_offset) FROM stream_offsets").fetchone()
    return int(row[0] or 0) if row else 0


def wait(what: str, true: Callable[[], bool], deadline: float) -> None:
    """Wait until it is true; whatever goes wrong meanwhile is said at the end."""
    reason = "it is not so"
    while time.monotonic() < deadline:
        try:
            if true():
                sys.stdout.write(f"ok: {what}\n")
                return
        except Exception as error:  # noqa: BLE001 - whatever it is, it may pass
            reason = f"{type(error).__name__}: {error}"
        time.sleep(1)
    sys.exit(f"not ok: {what}: {reason}")


def main() -> None:
    """The tables are there, they grow by ten records, and the page answers."""
    deadline = time.monotonic() + float(os.environ.get("VERIFY_SECONDS", "240"))
    wait("the tables are there", lambda: stored() >= 0, deadline)
    before = stored()
    wait("ten more records are stored", lambda: stored() >= before + 10, deadline)
    wait("the page answers", lambda: page(sys.argv[1]), deadline)


if __name__ == "__main__":
    main()
