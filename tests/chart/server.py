"""The chart before a real API server, with real definitions: `make chart-server`.

Every combination of values in a server-side dry run, then a release whose pods may run nowhere, to
see what upgrades do to its number of replicas. It needs kubectl and a KUBECONFIG that may make
namespaces; nothing stays. Kinds that the cluster does not know are left out, and it says so.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.chart import helm, rendering
from tests.chart.schema import CHART

NAMESPACE: Final = os.environ.get("CHART_NAMESPACE", "vitalstream-chart")
DEPLOYMENT: Final = "demo-vitalstream-consumer"
NOWHERE: Final = {"pods": {"nodeSelector": {"kubernetes.io/hostname": "nowhere"}}}
pytestmark = pytest.mark.timeout(600)


def kubectl(*arguments: str, stdin: str | None = None, check: bool = True) -> tuple[str, str]:
    """What kubectl says, on both its outputs, in this suite's namespace."""
    done = subprocess.run(
        ["kubectl", "--namespace", NAMESPACE, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout, done.stderr


def dry_run(resources: list[rendering.Resource]) -> str:
    """What the API server has against resources, its warnings too; empty: nothing.

    A pod's account has to be there, which it is not before the release is; every namespace has one.
    """
    told: list[rendering.Resource] = json.loads(json.dumps(resources))
    for one in rendering.of_kind(told, "Pod"):
        one["spec"]["serviceAccountName"] = "default"
    listed = yaml.safe_dump_all(told)
    return kubectl(
        *("apply", "--server-side", "--dry-run=server", "--filename", "-"),
        stdin=listed,
        check=False,
    )[1]


@pytest.fixture(scope="module", autouse=True)
def _namespace() -> Iterator[None]:
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    metadata = {"name": NAMESPACE, "labels": levels}
    kubectl(
        *("apply", "--server-side", "--filename", "-"),
        stdin=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}),
    )
    yield
    kubectl("delete", "namespace", NAMESPACE, "--timeout=120s")


@pytest.fixture(scope="module")
def known() -> set[tuple[str, str]]:
    """Version and kind of everything that the API server knows."""
    said = kubectl("api-resources", "--no-headers")[0].splitlines()
    return {(words[-3], words[-1]) for words in (line.split() for line in said)}


@pytest.mark.parametrize("name", rendering.CASES)
def test_the_api_server_takes_every_combination(name: str, known: set[tuple[str, str]]) -> None:
    """Without a word: no unknown field, no rule of a definition broken, no pod out of its level."""
    resources = rendering.rendered(rendering.CASES[name], namespace=NAMESPACE)
    told = [one for one in resources if (one["apiVersion"], one["kind"]) in known]
    assert len(told) > 10
    assert dry_run(told) == ""
    if unknown := {one["kind"] for one in resources if one not in told}:
        pytest.skip(f"taken but for {', '.join(unknown)}, which this cluster does not know")


@pytest.mark.parametrize(
    ("kind", "path", "wrong", "words"),
    [
        ("Kafka", ["spec", "kafka", "listeners", 0, "type"], "inside", "Unsupported value"),
        ("Kafka", ["spec", "kafka", "listners"], [], "field not declared in schema"),
        ("Cluster", ["spec", "instances"], 0, "spec.instances"),
        ("Pod", ["spec", "securityContext", "runAsNonRoot"], False, "violates PodSecurity"),
    ],
)
def test_the_api_server_refuses_what_is_wrong(  # the dry run can fail
    kind: str, path: list[Any], wrong: Any, words: str
) -> None:
    """By the operators' own definitions and by the namespace's level."""
    resources = rendering.rendered(rendering.CASES["default"], namespace=NAMESPACE)
    one = json.loads(json.dumps(rendering.of_kind(resources, kind)[0]))
    place = one
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = wrong
    assert words in dry_run([one])


@pytest.fixture(params=[3, 4])
def upgrade(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Installs or upgrades a release that runs nowhere, by Helm 3 or 4; says what Helm says."""

    def go(**consumer: Any) -> str:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump(NOWHERE | {"consumer": consumer}), encoding="utf-8")
        return rendering.command(
            request.param,
            *("upgrade", "--install", "demo", str(CHART), "--namespace", NAMESPACE),
            *("--values", str(rendering.CASES["external"]), "--values", str(file)),
        )

    yield go
    subprocess.run(
        [str(helm.path(request.param)), "uninstall", "demo", "--namespace", NAMESPACE, "--wait"],
        check=True,
        capture_output=True,
    )


@contextmanager
def replicas() -> Iterator[list[int]]:
    """Every number of replicas that the Deployment is told meanwhile, the first and last too."""
    command = ["kubectl", "--namespace", NAMESPACE, "get", "deployment", DEPLOYMENT]
    shown = ["--output", "jsonpath={.spec.replicas}{'\\n'}"]
    seen: list[int] = []
    with subprocess.Popen(
        [*command, "--watch", *shown], stdout=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        seen.append(int(watching.stdout.readline()))
        yield seen
        kubectl("annotate", "deployment", DEPLOYMENT, "seen=all", "--overwrite")
        watching.terminate()
        seen += [int(line) for line in watching.stdout.read().split()]


def now() -> int:
    """The Deployment's number of replicas."""
    shown = ["--output", "jsonpath={.spec.replicas}"]
    return int(kubectl("get", "deployment", DEPLOYMENT, *shown)[0])


AUTOSCALED: Final = {"kind": "hpa", "minReplicas": 2, "maxReplicas": 3}
NOT_SCALED: Final = {"kind": "none"}


def test_kubectl_scale_is_left_alone(upgrade: Any) -> None:
    """With `replicas: null`: no conflict, nothing set back, and no fall to 1 on the way there."""
    upgrade(replicas=2, autoscaling=NOT_SCALED)
    with replicas() as seen:
        upgrade(replicas=None, autoscaling=NOT_SCALED)
        kubectl("scale", "deployment", DEPLOYMENT, "--replicas=3")
        upgrade(replicas=None, autoscaling=NOT_SCALED, podLabels={"changed": "once"})
        upgrade(replicas=None, autoscaling=NOT_SCALED, podLabels={"changed": "twice"})
    assert sorted(set(seen)) == [2, 3]
    assert now() == 3


def test_autoscaling_begins_at_its_minimum(upgrade: Any) -> None:
    """Turned on and upgraded since, the number never falls below what was there or the minimum."""
    upgrade(replicas=2, autoscaling=NOT_SCALED)
    with replicas() as seen:
        upgrade(autoscaling=AUTOSCALED)
        upgrade(autoscaling=AUTOSCALED, podLabels={"changed": "once"})
        upgrade(autoscaling=AUTOSCALED | {"minReplicas": 3}, podLabels={"changed": "twice"})
    assert min(seen) == 2
    assert now() == 3


def test_an_installation_names_the_secrets_that_are_missing(upgrade: Any) -> None:
    """And the key alone, where the Secret is there without it."""
    kubectl("create", "secret", "generic", "kafka-consumer", "--from-literal=password=x")
    try:
        said = upgrade(autoscaling=NOT_SCALED)
    finally:
        kubectl("delete", "secret", "kafka-consumer")
    assert "Secret kafka-consumer, key user\n" in said
    assert "Secret database-ca, key root.pem\n" in said
    assert "Secret kafka-consumer, key password" not in said
