"""`make env` on a machine where something is missing: one clear line, never a traceback."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

BOOTSTRAP = Path(__file__).parents[2] / "requirements" / "bootstrap.py"
UNREACHABLE_INDEX = "http://127.0.0.1:9/simple"


def run_bootstrap(
    folder: Path, lock: str, *, minimum: str = "(3, 11)", **pip: str
) -> subprocess.CompletedProcess[str]:
    """Run the bootstrap in `folder`, unless `pip` says otherwise with an index nobody serves."""
    (folder / "some.lock").write_text(lock)
    code = (
        "import runpy, sys\n"
        f"module = runpy.run_path({str(BOOTSTRAP)!r})\n"
        f"module['main'].__globals__['MINIMUM'] = {minimum}\n"
        "module['main']('venv', 'some.lock', [])\n"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**clean, "PIP_INDEX_URL": UNREACHABLE_INDEX, "PIP_CONFIG_FILE": os.devnull, **pip},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], sentence: str) -> None:
    """The failure is one line on stderr, it holds the sentence, and make sees it."""
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_an_older_python_is_named(tmp_path: Path) -> None:
    """A Python below the minimum is refused before anything is made."""
    done = run_bootstrap(tmp_path, "", minimum="(99, 0)")
    assert_one_line(done, "Python 3.11 or newer is needed")
    assert not (tmp_path / "venv").exists()


def test_no_network_is_said_in_one_line(tmp_path: Path) -> None:
    """Without a reachable index the line says that the first run needs a network."""
    done = run_bootstrap(tmp_path, f"faker==40.54.0 --hash=sha256:{'0' * 64}\n")
    assert_one_line(done, "the package index cannot be reached")
    assert (tmp_path / "venv" / "bin" / "python").exists(), "it failed before it could download"


def source_package(folder: Path) -> str:
    """Put a package there that is source alone; returns the hash of its file."""
    content = b"from setuptools import setup\nsetup(name='needs-building', version='1.0')\n"
    with tarfile.open(folder / "needs-building-1.0.tar.gz", "w:gz") as archive:
        setup = tarfile.TarInfo("needs-building-1.0/setup.py")
        setup.size = len(content)
        archive.addfile(setup, io.BytesIO(content))
    return hashlib.sha256((folder / "needs-building-1.0.tar.gz").read_bytes()).hexdigest()


def test_what_would_need_a_compiler_is_said_in_one_line(tmp_path: Path) -> None:
    """Nothing is ever built from source; a machine that no wheel fits is told so."""
    lock = f"needs-building==1.0 --hash=sha256:{source_package(tmp_path)}\n"
    done = run_bootstrap(tmp_path, lock, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert_one_line(done, "no ready-made wheel of a locked package for this machine")
