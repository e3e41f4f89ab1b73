"""Development only: runs `python -m MODULE` from PYTHONPATH and starts it anew when a file changes.

The installed packages are copied there first, so that a synced file replaces one of a whole
package. A restart of the container would wait longer each time; this one does not.
"""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

SOURCE = Path(os.environ["PYTHONPATH"])
WATCHED = (".py", ".js", ".css")
INTERVAL = 0.5


def seed() -> None:
    """Copy our installed packages, unless a start before this one did."""
    installed = Path(sysconfig.get_path("purelib"))
    for marker in installed.glob("vitalstream_*/__init__.py"):
        target = SOURCE / marker.parent.name
        if not target.exists():
            shutil.copytree(marker.parent, target)


def stamp() -> int:
    """A number that changes when a file is changed, added or removed."""
    files = (path for path in SOURCE.rglob("*") if path.suffix in WATCHED)
    return hash(tuple(sorted((str(path), path.stat().st_mtime_ns) for path in files)))


def main() -> int:
    """Run, watch, run again; a SIGTERM is passed on and ends both."""
    seed()
    child: subprocess.Popen[bytes] | None = None
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        if child is not None:
            child.terminate()

    signal.signal(signal.SIGTERM, stop)
    while not stopping:
        seen = stamp()
        child = subprocess.Popen([sys.executable, "-m", sys.argv[1]])  # noqa: S603 - our own program
        while child.poll() is None and (stopping or stamp() == seen):
            time.sleep(INTERVAL)
        if child.poll() is None:
            sys.stdout.write("a file changed: starting anew\n")
            child.terminate()
            child.wait()
        elif not stopping:
            sys.stdout.write(f"ended with {child.returncode}: waiting for a change\n")
            while not stopping and stamp() == seen:
                time.sleep(INTERVAL)
    return child.wait() if child else 0


if __name__ == "__main__":
    sys.exit(main())
