"""The release under test: its values, its upgrades, what its tables hold, and the comparison."""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tests.chart.schema import CHART
from tests.cluster import archives, broker, images, probes
from tests.cluster.kubernetes import (
    NAME,
    NAMESPACE,
    RELEASE,
    Resource,
    get,
    helm_,
    kubectl,
    metadata,
    wait,
)

LEAST_RATE: Final = 1000
"""Records/s below which "under load" is not said."""
RATE: Final = int(os.environ.get("CLUSTER_RATE", "1250"))
"""Records/s that the producer is asked for."""
CLUSTER: Final = f"{NAME}-postgres"
DATABASE_KIND: Final = "cluster.postgresql.cnpg.io"
_ENOUGH_SECONDS: Final = 5.0

_since: dict[str, int] = {}


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Values as Helm merges them: maps key by key, everything else replaced."""
    both = dict(below)
    for key, value in above.items():
        under = both.get(key)
        both[key] = (
            merged(under, value)
            if isinstance(under, Mapping) and isinstance(value, Mapping)
            else value
        )
    return both


def image(name: str, tag: str = archives.TAG) -> dict[str, str]:
    """Values of one of our images."""
    return {"repository": f"{archives.PREFIX}{name}", "tag": tag}


def values(**more: Any) -> dict[str, Any]:
    """An external broker, PostgreSQL by CloudNativePG, a steady stream; changed by `more`."""
    told: dict[str, Any] = {
        "images": {name: image(name) for name in images.SERVICES},
        "kafka": {
            "mode": "external",
            "external": {
                "bootstrapServers": f"{broker.HOST}:9093",
                "ca": {"existingSecret": "kafka-ca"},
                "peers": [{"podSelector": {"matchLabels": {"app": "kafka"}}}],
            },
            "users": {
                user: {"username": user, "existingSecret": f"kafka-{user}"} for user in broker.USERS
            },
        },
        "database": {
            "cnpg": {
                "imageName": images.POSTGRES,
                "storage": {"size": "2Gi"},
                "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}},
            }
        },
        # Scaled by kubectl around each audit: Helm must not own the number.
        "producer": {"replicas": None, "settings": {"PRODUCER_RATE": RATE}},
        # Three and one more, in a rollout, find room on a node of two processors.
        "consumer": {"replicas": 1, "resources": {"requests": {"cpu": "50m"}}},
    }
    return merged(told, more)


def upgrade(
    tmp_path: Path,
    *options: str,
    release: str = RELEASE,
    chart: Path = CHART,
    told: dict[str, Any] | None = None,
    **more: Any,
) -> None:
    """Install a release or change it, and wait until it stands.

    Args:
        tmp_path: Where the values are written.
        options: Of Helm, in place of waiting for ten minutes.
        release: Its name.
        chart: The chart's folder.
        told: The values, in place of `values`.
        more: What differs from `values`.
    """
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(told or values(**more)), encoding="utf-8")
    waiting = options or ("--wait", "--timeout", "10m")
    helm_("upgrade", "--install", release, str(chart), "--values", str(file), *waiting)


def revision() -> int:
    """Number of the release's revision that is deployed."""
    return int(json.loads(helm_("status", RELEASE, "--output", "json"))["version"])


def primary() -> str:
    """Name of the primary's pod."""
    (found,) = get("pod", "-l", f"cnpg.io/cluster={CLUSTER},cnpg.io/instanceRole=primary")
    return str(found["metadata"]["name"])


def psql(statement: str) -> str:
    """What the primary says, to the superuser inside its own pod."""
    command = ["psql", "--no-psqlrc", "-At", "-d", "vitalstream", "-c", statement]
    return kubectl("exec", primary(), "-c", "postgres", "--", *command).strip()


def stored() -> int:
    """How many records have a verdict, by the ledger."""
    return int(psql("SELECT coalesce(sum(stored + duplicates), 0) FROM stream_offsets"))


def flowing(seconds: float, rate: float = LEAST_RATE) -> None:
    """Wait until as many more records are stored as the load brings in some seconds."""
    goal = reached() + int(seconds * rate)
    wait(f"{seconds:g} s of records more are stored", lambda: reached() >= goal)


def reached() -> int:
    """The sum of the ledger's next offsets."""
    return int(psql("SELECT coalesce(sum(next_offset), 0) FROM stream_offsets"))


def audit() -> dict[str, Any]:
    """Stop the producer, wait until all is stored, compare; the producer goes on afterwards.

    Returns:
        audit.py's report of the whole topic, with the rate since the audit before, and `lossy`: how
        many of the producer's pods could not deliver what they invented.
    """
    lossy = stop_producer()
    found = probes.audit(_since)
    _since.clear()
    _since.update(found.pop("ends"))
    start_producer()
    found["lossy"] = lossy
    print(json.dumps(found))
    return found


def equal(found: Mapping[str, Any], *, loaded: bool = True) -> bool:
    """Whether what was produced is stored, each record once.

    Args:
        found: What the audit says.
        loaded: Whether the load that was promised must have been there meanwhile.
    """
    wrong = ("missing", "unknown", "doubled", "dead", "behind", "lossy")
    if found["produced"] <= 0 or any(found[what] for what in wrong):
        return False
    slow = loaded and found["seconds"] >= _ENOUGH_SECONDS and found["rate"] < LEAST_RATE
    assert not slow, f"too slow a load to prove anything, on this machine: {found}"
    return True


def stop_producer() -> int:
    """Scale it to nothing; returns how many of its pods could not deliver all they had."""
    ends = ProducerEnds()
    kubectl("scale", f"deployment/{NAME}-producer", "--replicas=0")
    return ends.lossy()


class ProducerEnds:
    """Watches the producer's pods that run now, until they are gone."""

    def __init__(self) -> None:
        code = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}{'\\n'}"
        command = ["kubectl", "--namespace", NAMESPACE, "get", "pod", "--watch", "-o", code]
        self._watching = {
            pod["metadata"]["name"]: subprocess.Popen(
                [*command, pod["metadata"]["name"]], stdout=subprocess.PIPE, text=True
            )
            for pod in pods("producer")
        }

    def lossy(self) -> int:
        """How many of them have lost records: the producer's exit code says so."""
        gone = [f"pod/{name}" for name in self._watching]
        if gone:
            kubectl("wait", "--for=delete", *gone, "--timeout=120s")
        return sum(_exit_code(pod, watching) != 0 for pod, watching in self._watching.items())


def _exit_code(pod: str, watching: "subprocess.Popen[str]") -> int:
    watching.terminate()
    words = watching.communicate()[0].split()
    assert words, f"{pod} is gone without an exit code"
    return int(words[-1])


def start_producer() -> None:
    """Scale it to one."""
    kubectl("scale", f"deployment/{NAME}-producer", "--replicas=1")


def of(component: str, release: str = RELEASE) -> tuple[str, str]:
    """Kubectl's words for the resources of a component of a release."""
    labels = f"app.kubernetes.io/instance={release},app.kubernetes.io/component={component}"
    return "-l", labels


def pods(component: str, release: str = RELEASE) -> list[Resource]:
    """The pods of a component that are not on their way out."""
    found = get("pod", *of(component, release))
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def restarts(release: str = RELEASE) -> dict[str, int]:
    """How often containers of each pod of a release were started again."""
    return {
        pod["metadata"]["name"]: sum(one["restartCount"] for one in statuses)
        for pod in get("pod", "-l", f"app.kubernetes.io/instance={release}")
        for statuses in [pod["status"].get("containerStatuses", [])]
    }


def job_from(cronjob: str, name: str, arguments: list[str] | None = None) -> str:
    """Run a Job from one of the release's CronJobs to its end; returns what it says."""
    create = ("create", "job", name, f"--from=cronjob/{NAME}-{cronjob}")
    made = json.loads(kubectl(*create, "--dry-run=client", "-o", "json"))
    if arguments:
        made["spec"]["template"]["spec"]["containers"][0]["args"] = arguments
    made["metadata"] |= metadata(name)
    kubectl("create", "-f", "-", stdin=json.dumps(made))
    wait(f"job {name} ends", lambda: bool(_end(name)), 600)
    said = kubectl("logs", "-l", f"job-name={name}", "--tail=-1")
    assert _end(name) == ["Complete"], said
    kubectl("delete", "job", name)
    return said


def _end(job: str) -> list[str]:
    """How it has ended, after all its tries."""
    (found,) = [one for one in get("job") if one["metadata"]["name"] == job]
    told = found["status"].get("conditions", [])
    ends = {one["type"] for one in told if one["status"] == "True"}
    return sorted(ends & {"Complete", "Failed"})


def ready_in(seconds: float, *components: str, release: str = RELEASE) -> None:
    """Wait until every pod of these components is ready, and none is on its way out."""

    def ready() -> bool:
        found = [pod for component in components for pod in get("pod", *of(component, release))]
        return bool(found) and all(
            condition["status"] == "True"
            for pod in found
            for condition in pod["status"].get("conditions", [])
            if condition["type"] == "Ready"
        )

    started = time.monotonic()
    wait(f"{', '.join(components)} ready", ready, seconds)
    print(f"ready after {time.monotonic() - started:.0f} s: {', '.join(components)}")
