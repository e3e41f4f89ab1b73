"""kubectl and helm, with errors that say what they said."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable
from typing import Any, Final

from tests.chart import helm

NAMESPACE: Final = os.environ.get("CLUSTER_NAMESPACE", "vitalstream-test")
RELEASE: Final = "vs"
NAME: Final = "vs-vitalstream"
RESTRICTED: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
AS_NOBODY: Final = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "fsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}

Resource = dict[str, Any]


def run(*command: str, stdin: str | None = None, seconds: float = 600) -> str:
    """Standard output of a command; its errors are an AssertionError."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=False, timeout=seconds
    )
    assert done.returncode == 0, f"{' '.join(command[:6])}: {done.stderr}{done.stdout}"
    return done.stdout


def kubectl(*arguments: str, stdin: str | None = None, seconds: float = 600) -> str:
    """What kubectl says, in the suite's namespace."""
    return run("kubectl", "--namespace", NAMESPACE, *arguments, stdin=stdin, seconds=seconds)


def helm_(*arguments: str, seconds: float = 900) -> str:
    """What Helm 4 says, in the suite's namespace."""
    return run(str(helm.path(4)), "--namespace", NAMESPACE, *arguments, seconds=seconds)


def apply(*resources: Resource) -> None:
    """Make resources, or change them."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(resources)}
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listed))


def get(kind: str, *arguments: str) -> list[Resource]:
    """Resources of a kind."""
    found: list[Resource] = json.loads(kubectl("get", kind, *arguments, "-o", "json"))["items"]
    return found


def metadata(name: str, **labels: str) -> Resource:
    """The metadata of a resource of the suite's own."""
    return {"name": name, "namespace": NAMESPACE, "labels": {"suite": "vitalstream", **labels}}


def secret(name: str, data: dict[str, str]) -> Resource:
    """A Secret of the suite's own."""
    packed = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata(name), "data": packed}


def wait(what: str, true: Callable[[], bool], seconds: float = 300) -> None:
    """Wait for a condition; what fails meanwhile is said at the end."""
    deadline, last = time.monotonic() + seconds, "it is not so"
    while True:
        try:
            if true():
                return
        except (AssertionError, LookupError, ValueError) as error:
            last = str(error)
        assert time.monotonic() < deadline, f"{what}, after {seconds:.0f} s: {last}\n{state()}"
        time.sleep(1)


def state() -> str:
    """Pods and the last events, for whoever reads a failure."""
    events = kubectl("get", "events", "--sort-by=.lastTimestamp").splitlines()[-25:]
    return kubectl("get", "pods", "-o", "wide") + "\n".join(events)


def rolled_out(component: str, seconds: int = 300) -> None:
    """Wait until every replica of a component runs what was last asked for, and is ready."""
    kubectl(
        "rollout", "status", f"deployment/{NAME}-{component}", f"--timeout={seconds}s",
        seconds=seconds + 30,
    )  # fmt: skip
