"""Waits for the database to let this container's login in; argument: for how many seconds."""

import sys
import time

from vitalstream_runtime.settings import SettingsError, load
from vitalstream_storage.errors import StorageError
from vitalstream_storage.pool import connect
from vitalstream_storage.settings import DatabaseSettings

INTERVAL = 1.0
SAY_AGAIN_AFTER = 10.0


def main() -> int:
    """Try until it answers, saying what is waited for when it changes and every ten seconds."""
    deadline = time.monotonic() + float(sys.argv[1])
    said, again = "", 0.0
    while True:
        try:
            # Read each time: a mounted password that is put right is seen a minute later.
            connect(load(DatabaseSettings), "vitalstream-wait").close()
        except (SettingsError, StorageError) as error:
            reason = f"{type(error).__name__}: {error}"
        else:
            sys.stdout.write("the database answers\n")
            return 0
        left = deadline - time.monotonic()
        if left <= 0:
            sys.stderr.write(f"given up after {sys.argv[1]} s: {reason}\n")
            return 1
        if reason != said or time.monotonic() >= again:
            sys.stdout.write(f"waiting for the database, {left:.0f} s more: {reason}\n")
            sys.stdout.flush()
            said, again = reason, time.monotonic() + SAY_AGAIN_AFTER
        time.sleep(INTERVAL)


if __name__ == "__main__":
    sys.exit(main())
