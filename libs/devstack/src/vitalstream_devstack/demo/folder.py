"""The demo's data directory: one demo at a time, its passwords, and forgetting it."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vitalstream_devstack.errors import AlreadyRunningError, DataDirectoryError

_OURS = ("kafka", "postgres", "logs", "acknowledged.jsonl", "logins.json")
"""All that DEMO_FRESH removes: DEMO_DIR may be a folder that holds other things as well."""


@contextmanager
def claimed(folder: Path, *, fresh: bool) -> Iterator[Path]:
    """The data directory, made if missing and ours alone until the end.

    Raises:
        AlreadyRunningError: Another demo runs on it.
        DataDirectoryError: It cannot be written.
    """
    with ExitStack() as ends:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = ends.enter_context((folder / "lock").open("a+"))
            _take(lock.fileno(), folder)
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            if fresh:
                _forget(folder)
            (folder / "logs").mkdir(exist_ok=True)
        except OSError as error:
            raise DataDirectoryError(
                f"cannot write the data directory {folder}: {error.strerror};"
                " set DEMO_DIR to a folder you may write"
            ) from error
        yield folder.resolve()


def logins(folder: Path) -> dict[str, tuple[str, str]]:
    """Names and passwords of the demo's database logins by role, made once for each folder."""
    file = folder / "logins.json"
    if not file.exists():
        # Two demos may share one server: the names are each folder's own.
        mark = secrets.token_hex(3)
        made = {
            role: (f"vitalstream_demo_{mark}_{role}", secrets.token_urlsafe(18))
            for role in ("owner", "writer", "viewer", "operator")
        }
        draft = folder / "logins.draft"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(made))
        draft.rename(file)
    return {
        role: (name, password) for role, (name, password) in json.loads(file.read_text()).items()
    }


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = (folder / "lock").read_text().strip() or "unknown"
        raise AlreadyRunningError(
            f"another demo (process {pid}) runs on {folder}; stop it, or set DEMO_DIR to another"
            " folder"
        ) from error


def _forget(folder: Path) -> None:
    for name in _OURS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
