"""Pods that look: the audit, and who can connect to whom."""

import json
from pathlib import Path
from typing import Final, NamedTuple

from tests.chart.rendering import environment
from tests.cluster import broker, images
from tests.cluster.kubernetes import (
    AS_NOBODY,
    NAME,
    RELEASE,
    RESTRICTED,
    Resource,
    apply,
    get,
    kubectl,
    metadata,
    wait,
)

_AUDIT: Final = Path(__file__).with_name("audit.py").read_text(encoding="utf-8")
# Policies reach a new pod a moment after it has started, so it looks until it sees what it should.
_CONNECT: Final = """\
import socket, sys, time
host, port, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3]
for _ in range(20):
    try:
        socket.create_connection((host, port), timeout=4).close()
        found = "yes"
    except OSError:
        found = "no"
    if found == wanted:
        break
    time.sleep(1)
print(found)
"""


class Probe(NamedTuple):
    """A connection that one component may make and another may not.

    Attributes:
        name: For the test's name.
        allowed_from: Component whose labels let it through; empty: a pod of nobody's.
        denied_from: Component whose labels do not.
        host: Where to.
        port: And which port.
    """

    name: str
    allowed_from: str
    denied_from: str
    host: str
    port: int


API_SERVER: Final = "kubernetes.default.svc"
DENIED: Final = [
    Probe("consumer-to-elsewhere", "", "consumer", API_SERVER, 443),
    Probe("dashboard-to-broker", "consumer", "dashboard", broker.HOST, 9093),
    Probe("producer-to-database", "consumer", "producer", f"{NAME}-postgres-rw", 5432),
    Probe("stranger-to-database", "dashboard", "", f"{NAME}-postgres-rw", 5432),
    Probe("stranger-to-page", "test", "", f"{NAME}-dashboard", 80),
]


def connects(component: str, host: str, port: int, *, wanted: bool) -> bool:
    """Whether a pod with a component's labels gets a connection; `wanted` is what it looks for."""
    look = ["python", "-c", _CONNECT, host, str(port), "yes" if wanted else "no"]
    return _run_pod(f"probe-{component or 'stranger'}", component, look).startswith("yes")


def audit() -> dict[str, int]:
    """What audit.py says, run with the consumer's Kafka user and replay's database login."""
    (replay,) = get("cronjob", "-l", "app.kubernetes.io/component=replay")
    spec = replay["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    container = spec["containers"][0]
    variables = environment(container) | {"KAFKA_SASL_USERNAME": "consumer"}
    volumes = json.loads(json.dumps(spec["volumes"]).replace('"kafka-replay"', '"kafka-consumer"'))
    said = _run_pod(
        "audit",
        "replay",
        ["python", "-c", _AUDIT],
        env=[{"name": name, "value": value} for name, value in variables.items()],
        volumes=volumes,
        mounts=container["volumeMounts"],
    )
    found: dict[str, int] = json.loads(said.splitlines()[-1])
    return found


def _run_pod(
    name: str,
    component: str,
    command: list[str],
    *,
    env: list[Resource] | None = None,
    volumes: list[Resource] | None = None,
    mounts: list[Resource] | None = None,
) -> str:
    """Run a confined pod of the consumer's image to its end, and return what it said."""
    labels = {"app.kubernetes.io/component": component} if component else {}
    if component:
        labels |= {
            "app.kubernetes.io/name": "vitalstream",
            "app.kubernetes.io/instance": RELEASE,
        }
    container = {
        "name": "probe",
        "image": f"{images.PREFIX}consumer:{images.TAG}",
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": env or [],
        "securityContext": RESTRICTED,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "volumeMounts": mounts or [],
    }
    kubectl("delete", "pod", name, "--ignore-not-found", "--timeout=60s")
    apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata(name, **labels),
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "securityContext": AS_NOBODY,
                "containers": [container],
                "volumes": volumes or [],
            },
        }
    )
    ends = ("Succeeded", "Failed")
    wait(f"{name} ends", lambda: _phase(name) in ends)
    said = kubectl("logs", name)
    assert _phase(name) == "Succeeded", said
    kubectl("delete", "pod", name, "--timeout=60s")
    return said


def _phase(name: str) -> str:
    return kubectl("get", "pod", name, "-o", "jsonpath={.status.phase}")
