"""Pods that look: the audit, and who can connect to whom."""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.chart.rendering import environment
from tests.cluster import archives, broker
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
# Policies reach a new pod a moment after it has started, so it looks until it has seen what it
# should three times in a row.
_CONNECT: Final = """\
import socket, sys, time
host, port, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3]
found, same = "", 0
for _ in range(30):
    try:
        socket.create_connection((host, port), timeout=3).close()
        now = "yes"
    except OSError:
        now = "no"
    found, same = now, same + 1 if now == found else 1
    if found == wanted and same == 3:
        break
    time.sleep(0.5)
print(found if same >= 3 else "now and then")
"""


_LOGIN: Final = """\
import os, time
import psycopg
if "CA" in os.environ:
    os.environ["PGSSLROOTCERT"] = "/tmp/ca.crt"
    open("/tmp/ca.crt", "w").write(os.environ["CA"])
for _ in range(20):
    try:
        psycopg.connect(connect_timeout=5).close()
        said = "let in"
    except psycopg.OperationalError as error:
        said = str(error)
    if said == "let in" or "authentication failed" in said or "verify failed" in said:
        break
    time.sleep(1)
print(said)
"""
_TRUST: Final = """\
import os, socket, ssl, time
context = ssl.create_default_context(cadata=os.environ["CA"])
host, port = os.environ["HOST"], int(os.environ["PORT"])
for _ in range(20):
    try:
        with socket.create_connection((host, port), timeout=5) as plain:
            context.wrap_socket(plain, server_hostname=host).close()
        said = "trusted"
        break
    except ssl.SSLError as error:
        said = str(error)
        break
    except OSError as error:
        said = str(error)
        time.sleep(1)
print(said)
"""

_SEND: Final = """\
import os
from confluent_kafka import Producer
from vitalstream_runtime.kafka import client_options
from vitalstream_runtime.settings import KafkaSettings, load
kafka, failed = load(KafkaSettings), []
producer = Producer(client_options(kafka, "probe"))
told = lambda error, _: failed.append(error)
producer.produce(kafka.topic, os.environ["RECORD"].encode(), on_delivery=told)
producer.flush(60)
print("sent" if failed == [None] else failed)
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


def connects(component: str, host: str, port: int, *, wanted: bool) -> str:
    """Whether a pod with a component's labels gets a connection: yes, no, or now and then.

    It looks until it has seen three times what is `wanted`, or for half a minute and more.
    """
    look = ["python", "-c", _CONNECT, host, str(port), "yes" if wanted else "no"]
    return run_pod(f"probe-{component or 'stranger'}", component, look).strip()


def login(role: str, password: str) -> str:
    """What PostgreSQL says to a role and its password: "let in", or why not."""
    told = {"PGHOST": f"{NAME}-postgres-rw", "PGUSER": role, "PGPASSWORD": password}
    return _ask(_LOGIN, told | {"PGDATABASE": "vitalstream", "PGSSLMODE": "require"})


def verifies(host: str, authority: str) -> bool:
    """Whether PostgreSQL's certificate there is by this CA; nobody is logged in."""
    told = {"PGHOST": host, "PGUSER": "nobody", "PGPASSWORD": "none", "PGDATABASE": "postgres"}
    said = _ask(_LOGIN, told | {"PGSSLMODE": "verify-ca", "CA": authority})
    assert "certificate verify failed" in said or "authentication failed" in said, said
    return "authentication failed" in said


def trusts(host: str, port: int, authority: str) -> str:
    """What TLS says to a server where only this CA is trusted: "trusted", or why not."""
    return _ask(_TRUST, {"HOST": host, "PORT": str(port), "CA": authority})


def _ask(script: str, told: dict[str, str]) -> str:
    """Run a script in a pod that the consumer's policies let through."""
    env = [{"name": name, "value": value} for name, value in told.items()]
    return run_pod("probe-asks", "consumer", ["python", "-c", script], env=env).strip()


def audit(since: dict[str, int]) -> dict[str, Any]:
    """What audit.py says, run with the consumer's Kafka user and replay's database login.

    Args:
        since: The `ends` of the audit before.
    """
    (replay,) = get("cronjob", "-l", "app.kubernetes.io/component=replay")
    spec = replay["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    spec = json.loads(json.dumps(spec).replace('"kafka-replay"', '"kafka-consumer"'))
    said = _as("replay", spec, [_AUDIT, json.dumps(since)], {"KAFKA_SASL_USERNAME": "consumer"})
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def send(record: str) -> None:
    """Send one record as the producer does, with its user."""
    (producer,) = get("deployment", "-l", "app.kubernetes.io/component=producer")
    said = _as("producer", producer["spec"]["template"]["spec"], [_SEND], {"RECORD": record})
    assert said.strip() == "sent", said


def _as(component: str, spec: Resource, script: list[str], told: dict[str, str]) -> str:
    """Run a script with the variables and secrets of a component's first container."""
    container = spec["containers"][0]
    variables = environment(container) | told
    return run_pod(
        f"as-{component}",
        component,
        ["python", "-c", *script],
        env=[{"name": name, "value": value} for name, value in variables.items()],
        volumes=spec["volumes"],
        mounts=container["volumeMounts"],
    )


def run_pod(
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
        "image": f"{archives.PREFIX}consumer:{archives.TAG}",
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": env or [],
        "securityContext": RESTRICTED,
        "resources": {"requests": {"cpu": "10m", "memory": "128Mi"}},
        "volumeMounts": mounts or [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
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
                "volumes": volumes or [{"name": "tmp", "emptyDir": {}}],
            },
        }
    )
    try:
        wait(f"{name} ends", lambda: _phase(name) in {"Succeeded", "Failed"})
        said = kubectl("logs", name)
        assert _phase(name) == "Succeeded", said
    finally:  # later parts look at what is left behind
        kubectl("delete", "pod", name, "--grace-period=1", "--timeout=60s")
    return said


def _phase(name: str) -> str:
    return kubectl("get", "pod", name, "-o", "jsonpath={.status.phase}")
