"""Makes the virtual environment from the hashed lock: `bootstrap.py VENV LOCK PACKAGE...`.

It runs on whatever Python the machine has, so it keeps to syntax that an old one can still
parse, and answers what goes wrong there with one line instead of a traceback.
"""

import os
import shutil
import subprocess
import sys
import time

MINIMUM = (3, 11)


# What a sign in a tool's output means, and the one line that answers it.
NO_VENV = (
    "ensurepip",
    "this Python cannot make environments; Debian: apt-get install python3-venv",
)
OFFLINE = "the package index cannot be reached; the first `make env` needs a network"
INSTALL_HINTS = [
    ("NewConnectionError", OFFLINE),
    ("Temporary failure in name resolution", OFFLINE),
    ("Name or service not known", OFFLINE),
    ("Network is unreachable", OFFLINE),
    (
        "do not match the hashes",
        "a downloaded package does not match the lock's hash; nothing of it was installed",
    ),
    (
        "No matching distribution",
        "no ready-made wheel of a locked package for this machine, and nothing is compiled here",
    ),
]


def fail(what):
    """Say in one line what is wrong and what mends it, and stop."""
    sys.stderr.write("make env: %s\n" % what)
    sys.exit(1)


def run(step, command, hints):
    """Run one step, showing its time; on failure print the hint that fits its output."""
    started = time.time()
    sys.stdout.write("  %s ... " % step)
    sys.stdout.flush()
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = done.communicate()[0].decode("utf-8", "replace")
    if done.returncode == 0:
        sys.stdout.write("%.1f s\n" % (time.time() - started))
        return
    sys.stdout.write("failed\n")
    for sign, hint in hints:
        if sign in output:
            fail(hint)
    lines = [line for line in output.splitlines() if line.strip()]
    sys.stderr.write(output)
    fail("%s failed: %s" % (step, lines[-1] if lines else "no output"))


def main(venv, lock, packages):
    """Build the environment anew when it is missing or broken, then install the lock and ours."""
    if sys.version_info < MINIMUM:
        found = "%d.%d" % sys.version_info[:2]
        fail("Python 3.11 or newer is needed, this is %s; try make PYTHON=python3.12" % found)
    python = os.path.join(venv, "bin", "python")
    if not os.path.exists(python) or subprocess.call(
        [python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ):
        shutil.rmtree(venv, ignore_errors=True)
        run("creating %s" % venv, [sys.executable, "-m", "venv", venv], [NO_VENV])
    pip = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-compile",
        "--retries=2",
    ]
    run(
        "installing %s" % lock,
        pip + ["--require-hashes", "--only-binary", ":all:", "-r", lock],
        INSTALL_HINTS,
    )
    ours = []
    for package in packages:
        ours += ["--editable", package]
    alone = ["--no-deps", "--no-build-isolation", "--no-index"]
    if ours:
        run("installing our packages", pip + alone + ours, [])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
