"""`python -m tests.cluster.archives restore|keep`: images that need no building again, for CI.

An image is an archive in the user's cache folder, named by a hash of all that it is made of.
`restore` loads those that are there and prints the rooms whose images are to be built; `keep` makes
the archives that are missing, and removes what they replace.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from tests.chart.helm import cache

ROOT: Final = Path(__file__).parents[2]
PREFIX: Final = os.environ.get("IMAGE_PREFIX", "vitalstream-")
TAG: Final = os.environ.get("TAG", "dev")
_BASES: Final = f"{os.environ.get('PYTHON_IMAGE')} {os.environ.get('DEBIAN_IMAGE')}"
ROOMS: Final = ("producer", "consumer", "dashboard", "libs/storage")
_SHARED: Final = ("requirements/build.lock", "libs/schema", "libs/runtime", "libs/storage")


def image(room: str) -> str:
    """Name of a room's image."""
    return f"{PREFIX}{room.rpartition('/')[2]}:{TAG}"


def archive(name: str, made_of: Iterable[Path]) -> Path:
    """Where the archive of an image is, made of these files."""
    digest = hashlib.sha256(_BASES.encode())
    for file in sorted(made_of):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return cache() / "images" / f"{_stem(name)}-{digest.hexdigest()[:12]}.tar"


def _stem(name: str) -> str:
    return name.replace(":", "-").replace("/", "-")


def of_room(room: str) -> Path:
    """The archive of a room's image."""
    command = ["git", "ls-files", "-z", *_SHARED, room]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return archive(image(room), [ROOT / name for name in listed.split("\0") if name])


def load(file: Path) -> bool:
    """Load an archive into the Docker engine; False if there is none."""
    if not file.exists():
        return False
    command = ["docker", "load", "--quiet", "--input", str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return True


def save(name: str, file: Path) -> None:
    """Make an image's archive, in place of older ones."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    subprocess.run(["docker", "save", "--output", str(draft), name], check=True)
    for older in file.parent.glob(f"{_stem(name)}-????????????.tar"):
        older.unlink()
    draft.rename(file)


def kept(name: str, made_of: Iterable[Path], build: Callable[[], None]) -> None:
    """Have an image: out of its archive, or built and archived."""
    file = archive(name, made_of)
    if not load(file):
        build()
        save(name, file)


def main(verb: str) -> int:
    """Do what is asked."""
    for room in ROOMS:
        file = of_room(room)
        if verb == "keep" and not file.exists():
            save(image(room), file)
        elif verb == "restore" and not load(file):
            print(room)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
