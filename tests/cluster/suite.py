"""Install, flow, scale, break, upgrade, uninstall: on a real cluster, in a restricted namespace.

`make cluster-test` runs it; every test goes on where the one before it ended. It needs KUBECONFIG
with the rights to make a namespace, CloudNativePG's operator in `cnpg-system`, and the images of
tests/cluster/images.py in the cluster. Kafka is a plain pod, used as an external broker.
"""

import copy
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.chart import rendering
from tests.chart.schema import CHART
from tests.cluster import broker, images, probes
from tests.cluster.kubernetes import (
    NAME,
    NAMESPACE,
    RELEASE,
    apply,
    get,
    helm_,
    kubectl,
    metadata,
    rolled_out,
    run,
    wait,
)

RATE: Final = int(os.environ.get("CLUSTER_RATE", "1000"))
CLUSTER: Final = f"{NAME}-postgres"
pytestmark = pytest.mark.timeout(1800)


def values(**more: Any) -> dict[str, Any]:
    """The release's values: an external broker, PostgreSQL by CloudNativePG, a steady stream."""
    told: dict[str, Any] = {
        "images": {name: _image(name) for name in ("producer", "consumer", "dashboard", "storage")},
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
                "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}},
            }
        },
        # Scaled by kubectl around each audit: Helm must not own the number.
        "producer": {"replicas": None, "settings": {"PRODUCER_RATE": RATE}},
        "consumer": {"replicas": 1},
    }
    for part, change in more.items():
        told[part] = told.get(part, {}) | change
    return told


def _image(name: str) -> dict[str, str]:
    return {"repository": f"{images.PREFIX}{name}", "tag": images.TAG}


def upgrade(tmp_path: Path, **more: Any) -> None:
    """Install the release or change it, and wait until it stands."""
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values(**more)), encoding="utf-8")
    helm_(
        *("upgrade", "--install", RELEASE, str(CHART), "--values", str(file)),
        *("--wait", "--timeout", "10m"),
    )


def psql(statement: str) -> str:
    """What the primary says, to the superuser inside its own pod."""
    (primary,) = get("pod", "-l", f"cnpg.io/cluster={CLUSTER},cnpg.io/instanceRole=primary")
    name = primary["metadata"]["name"]
    command = ["psql", "--no-psqlrc", "-At", "-d", "vitalstream", "-c", statement]
    return kubectl("exec", name, "-c", "postgres", "--", *command).strip()


def stored() -> int:
    """How many observations there are."""
    return int(psql("SELECT count(*) FROM observations"))


def flowing(records: int) -> None:
    """Wait until so many more records are stored."""
    goal = stored() + records
    wait(f"{records} more records are stored", lambda: stored() >= goal)


def audit() -> dict[str, int]:
    """Stop the producer, wait until all is stored, compare; the producer goes on afterwards."""
    kubectl("scale", f"deployment/{NAME}-producer", "--replicas=0")
    kubectl(
        "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/component=producer",
        "--timeout=120s",
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while (found := probes.audit())["behind"] > 0:
        assert time.monotonic() < deadline, found
    kubectl("scale", f"deployment/{NAME}-producer", "--replicas=1")
    print(json.dumps(found))
    return found


def equal(found: dict[str, int]) -> bool:
    """Whether what was produced is what is stored, each record once."""
    return found["produced"] > 0 and not any(
        found[what] for what in ("missing", "unknown", "doubled", "dead", "behind")
    )


@pytest.fixture(scope="module", autouse=True)
def _namespace() -> Iterator[None]:
    run("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s")
    run("kubectl", "create", "namespace", NAMESPACE)
    level = "pod-security.kubernetes.io/enforce=restricted"
    run("kubectl", "label", "namespace", NAMESPACE, level)
    broker.start()
    yield
    if os.environ.get("CLUSTER_KEEP") != "1":
        run("kubectl", "delete", "namespace", NAMESPACE, "--timeout=300s")


@pytest.mark.parametrize("name", rendering.CASES)
def test_the_api_server_takes_every_combination(name: str) -> None:
    """A server-side dry run of each; operators' resources where the server knows their kind."""
    known = run("kubectl", "api-versions").split()
    resources = copy.deepcopy(rendering.case(name))
    for pod in rendering.of_kind(resources, "Pod"):  # its account is not there in a dry run
        pod["spec"]["serviceAccountName"] = "default"
    needs = {_needs(one) for one in resources} - {*known}
    taken = [one for one in resources if _needs(one) not in needs]
    if needs:
        print(f"left out, not known here: {', '.join(sorted(needs))}")
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": taken})
    kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=listed)


def _needs(resource: dict[str, Any]) -> str:
    """What a server must know to take it: CloudNativePG asks for what a backup's method needs."""
    if resource["kind"] == "ScheduledBackup" and resource["spec"]["method"] == "volumeSnapshot":
        return "snapshot.storage.k8s.io/v1"
    return str(resource["apiVersion"])


def test_it_installs_from_nothing(tmp_path: Path) -> None:
    """With --wait: migrations, consumer and dashboard find their database by themselves."""
    started = time.monotonic()
    upgrade(tmp_path)
    wait("a record is stored", lambda: stored() > 0)
    print(f"install to first record: {time.monotonic() - started:.0f} s")
    (migrate,) = get("job", "-l", "app.kubernetes.io/component=migrate")
    assert migrate["status"].get("succeeded") == 1


def test_helm_test_passes() -> None:
    """The page answers and the tables are claimed, from a pod with the tests' own policy."""
    assert "Succeeded" in helm_("test", RELEASE, "--timeout", "5m")


def test_nothing_restarted() -> None:
    """Waiting is not crashing: from nothing to ready without a single restart."""
    restarts = {
        pod["metadata"]["name"]: status["restartCount"]
        for pod in get("pod", "-l", f"app.kubernetes.io/instance={RELEASE}")
        for status in pod["status"]["containerStatuses"]
    }
    assert not any(restarts.values()), restarts


def test_records_flow_and_a_loss_would_be_seen() -> None:
    """Produced and stored are the same set; with one row taken away they are not."""
    flowing(20 * RATE)
    assert equal(audit())
    psql(
        "DELETE FROM observations WHERE ctid IN (SELECT ctid FROM observations LIMIT 1) RETURNING 1"
    )
    found = audit()
    assert found["missing"] == 1
    assert not equal(found)
    psql("DELETE FROM stream_offsets")  # the whole topic again: idempotent, and it fills the hole
    kubectl("rollout", "restart", f"deployment/{NAME}-consumer")
    rolled_out("consumer")
    assert equal(audit())


def test_scaling_by_values_loses_nothing(tmp_path: Path) -> None:
    """1 -> 3 -> 1 by helm upgrade, under load."""
    upgrade(tmp_path, consumer={"replicas": 3})
    flowing(10 * RATE)
    owners = int(psql("SELECT count(DISTINCT owner_token) FROM stream_offsets"))
    assert owners == 3
    upgrade(tmp_path)
    flowing(10 * RATE)
    assert equal(audit())


def test_scaling_by_kubectl_loses_nothing(tmp_path: Path) -> None:
    """With replicas left out of the values, kubectl's number survives an upgrade."""
    upgrade(tmp_path, consumer={"replicas": None})
    kubectl("scale", f"deployment/{NAME}-consumer", "--replicas=3")
    rolled_out("consumer")
    flowing(5 * RATE)
    upgrade(tmp_path, consumer={"replicas": None, "podAnnotations": {"changed": "yes"}})
    (consumer,) = get("deployment", "-l", "app.kubernetes.io/component=consumer")
    assert consumer["spec"]["replicas"] == 3
    flowing(5 * RATE)
    assert equal(audit())


def test_a_killed_consumer_loses_nothing() -> None:
    """Grace period 0, three times under load."""
    for _ in range(3):
        victim = get("pod", "-l", "app.kubernetes.io/component=consumer")[0]["metadata"]["name"]
        kubectl("delete", "pod", victim, "--grace-period=0", "--force")
        flowing(5 * RATE)
    assert equal(audit())


def test_a_deleted_database_pod_loses_nothing() -> None:
    """It comes back on its volume; the consumer waits without a restart."""
    (primary,) = get("pod", "-l", f"cnpg.io/cluster={CLUSTER}")
    kubectl("delete", "pod", primary["metadata"]["name"])
    wait("the database is back", lambda: stored() > 0)
    flowing(10 * RATE)
    assert equal(audit())


@pytest.mark.parametrize("probe", probes.DENIED, ids=lambda probe: probe.name)
def test_a_denied_connection_is_denied(probe: probes.Probe) -> None:
    """And the same connection is allowed from where it should be."""
    told = (probe.host, probe.port)
    assert probes.connects(probe.allowed_from, *told, wanted=True), "the positive twin"
    assert not probes.connects(probe.denied_from, *told, wanted=False)


def test_uninstall_keeps_the_data_and_nothing_else() -> None:
    """Only what NOTES names is left; what is left has no consumer and no page."""
    helm_("uninstall", RELEASE, "--wait")
    ours = ["-l", f"app.kubernetes.io/instance={RELEASE}"]
    wait("our pods are gone", lambda: not get("pod", *ours))
    kinds = "deployment,job,cronjob,service,secret,configmap,networkpolicy,poddisruptionbudget"
    assert not get(f"{kinds},serviceaccount", *ours)
    assert [one["metadata"]["name"] for one in get("cluster.postgresql.cnpg.io")] == [CLUSTER]


def test_a_reinstall_finds_the_data_again(tmp_path: Path) -> None:
    """The same name takes the kept Cluster over, with new passwords, and the stream goes on."""
    before = stored()
    upgrade(tmp_path)
    assert stored() >= before
    flowing(5 * RATE)
    assert equal(audit())


def test_the_notes_tell_how_to_remove_the_rest() -> None:
    """Their commands, run as they stand, leave no Cluster and no volume."""
    notes = helm_("get", "notes", RELEASE)
    helm_("uninstall", RELEASE, "--wait")
    commands = [line.strip() for line in notes.splitlines() if " delete " in line]
    assert commands
    for command in commands:
        run(*command.split())
    wait("its volumes are gone", lambda: not get("persistentvolumeclaim"))
    apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("done")})
