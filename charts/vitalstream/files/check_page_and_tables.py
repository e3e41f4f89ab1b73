"""The default helm test: the page answers and the tables fill. Arguments: its URL, seconds."""

import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus

from vitalstream_runtime.settings import load
from vitalstream_storage.migrate import check_version
from vitalstream_storage.pool import connect
from vitalstream_storage.settings import DatabaseSettings


def page(url: str) -> str | None:
    """What is wrong with the page; None: nothing."""
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:  # noqa: S310 - a Service's address, given by the chart
            return None if answer.status == HTTPStatus.OK else f"the page answers {answer.status}"
    except (urllib.error.URLError, OSError) as error:
        return f"the page does not answer: {error}"


def tables() -> str | None:
    """What is wrong with the tables; None: nothing. It reads, as the dashboard's login."""
    try:
        with connect(load(DatabaseSettings), "vitalstream-test") as connection:
            check_version(connection)
            row = connection.execute("SELECT count(*) FROM stream_offsets").fetchone()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this test's answer
        return f"the tables cannot be read: {type(error).__name__}: {error}"
    return None if row and row[0] else "no consumer has claimed a partition yet"


def main() -> int:
    """Try both until they are right or the time is over."""
    deadline = time.monotonic() + float(sys.argv[2])
    while True:
        wrong = [reason for reason in (page(sys.argv[1]), tables()) if reason]
        if not wrong:
            sys.stdout.write("the page answers, and the tables are there and claimed\n")
            return 0
        if time.monotonic() > deadline:
            sys.stderr.write("; ".join(wrong) + "\n")
            return 1
        time.sleep(2)


if __name__ == "__main__":
    sys.exit(main())
