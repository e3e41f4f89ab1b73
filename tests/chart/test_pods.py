"""Every pod of ours is confined, probed and stopped as it should be, whatever the values."""

import re

import pytest

from tests.chart import rendering

SERVICES = ["producer", "consumer", "dashboard"]


@pytest.fixture(params=rendering.CASES)
def resources(request: pytest.FixtureRequest) -> list[rendering.Resource]:
    """The resources of each combination of values."""
    return rendering.case(request.param)


def test_pods_fit_the_restricted_level(resources: list[rendering.Resource]) -> None:
    """Not root by number, nothing gained, nothing written but where a volume is, no token."""
    for _, pod in rendering.pods(resources):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in rendering.containers(pod):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_pods_say_what_they_need(resources: list[rendering.Resource]) -> None:
    """Requests, and a limit of memory; no limit of processor, which would only slow them."""
    for _, pod in rendering.pods(resources):
        for container in rendering.containers(pod):
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert set(container["resources"]["limits"]) == {"memory"}


def test_no_password_is_a_variable(resources: list[rendering.Resource]) -> None:
    """Passwords and keys are files, readable by the pod's group alone."""
    for _, pod in rendering.pods(resources):
        volume = next(each for each in pod["spec"]["volumes"] if each["name"] == "secrets")
        assert volume["projected"]["defaultMode"] == 0o440
        for container in rendering.containers(pod):
            for variable in container["env"]:
                assert "valueFrom" not in variable
                assert not re.search("PASSWORD|SECRET_|KEY$", variable["name"])


def test_probes_look_where_they_should(resources: list[rendering.Resource]) -> None:
    """Start and life never ask for a dependency; readiness alone does."""
    for one in rendering.of_kind(resources, "Deployment"):
        container = rendering.pod(one)["spec"]["containers"][0]
        paths = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness")}
        assert paths == {
            "startup": {"path": "/startupz", "port": "ops"},
            "liveness": {"path": "/livez", "port": "ops"},
        }
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "ops"}


def test_names_fit_in_a_label(resources: list[rendering.Resource]) -> None:
    """Operators and controllers make labels of 63 characters of them."""
    names = [(one["kind"], one["metadata"]["name"]) for one in resources]
    assert all(len(name) <= 63 for _, name in names)
    assert len(set(names)) == len(names)


def test_long_names_fit_too() -> None:
    """A release's name may have 53 characters."""
    long = "a" * 53
    for one in rendering.render({"fullnameOverride": long}):
        # A CronJob's Jobs get eleven characters more.
        assert len(one["metadata"]["name"]) <= (52 if one["kind"] == "CronJob" else 63)


def test_operators_resources_have_no_label_that_matters_to_a_pod() -> None:
    """Operators hand labels on to their pods.

    Our default deny would cut these off, and a label that changes with the chart restart them.
    """
    for name in ("default", "production"):
        for one in rendering.case(name):
            if one["apiVersion"].startswith(("kafka.strimzi.io", "postgresql.cnpg.io")):
                labels = {*one["metadata"]["labels"]}
                assert labels <= {"app.kubernetes.io/part-of", "strimzi.io/cluster"}


@pytest.mark.parametrize("kind", ["Cluster", "Kafka", "KafkaNodePool", "KafkaTopic"])
def test_uninstall_keeps_what_holds_data(kind: str) -> None:
    """The resources that own volumes stay."""
    (one,) = rendering.of_kind(rendering.case("default"), kind)
    assert one["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_nothing_else_is_kept() -> None:
    """What holds no data goes with the release."""
    for one in rendering.case("default"):
        if one["kind"] not in ("Cluster", "Kafka", "KafkaNodePool", "KafkaTopic"):
            assert "helm.sh/resource-policy" not in one["metadata"].get("annotations", {})


@pytest.mark.parametrize("service", SERVICES)
def test_replicas_null_leaves_the_field_out(service: str) -> None:
    """So that kubectl scale and an upgrade do not fight over it."""
    shown = rendering.find(rendering.case("default"), "Deployment", f"-{service}")
    assert shown["spec"]["replicas"] == 1
    left_out = rendering.render({f"{service}.replicas": None})
    assert "replicas" not in rendering.find(left_out, "Deployment", f"-{service}")["spec"]


@pytest.mark.parametrize("name", ["autoscaling-keda", "autoscaling-hpa"])
def test_autoscaling_leaves_the_field_out_and_is_capped(name: str) -> None:
    """A consumer beyond the partitions would stand idle."""
    resources = rendering.case(name)
    assert "replicas" not in rendering.find(resources, "Deployment", "-consumer")["spec"]
    (scaler,) = rendering.of_kind(resources, "ScaledObject", "HorizontalPodAutoscaler")
    most = scaler["spec"].get("maxReplicas") or scaler["spec"].get("maxReplicaCount")
    assert most == {"autoscaling-keda": 3, "autoscaling-hpa": 6}[name]


def test_migrations_are_a_job_of_their_own_name() -> None:
    """No hook; another name as soon as anything in it changes, since a Job cannot be changed."""
    before = rendering.of_kind(rendering.case("default"), "Job")
    after = rendering.of_kind(rendering.render({"images.storage.tag": "0.2.0"}), "Job")
    same = rendering.of_kind(rendering.render({"consumer.replicas": 2}), "Job")
    names = [one["metadata"]["name"] for (one,) in (before, after, same)]
    assert names[0] != names[1]
    assert names[0] == names[2]
    assert "helm.sh/hook" not in before[0]["metadata"].get("annotations", {})


def test_the_first_days_are_made_with_the_tables() -> None:
    """Unless somebody else maintains them."""
    for values, arguments in [
        ({}, ["migrate", "--maintain"]),
        ({"maintenance.enabled": False}, ["migrate"]),
    ]:
        (job,) = rendering.of_kind(rendering.render(values), "Job")
        assert rendering.pod(job)["spec"]["containers"][0]["args"] == arguments


def test_replay_waits_for_a_person() -> None:
    """It is suspended, is not tried twice, and only says what it would do."""
    replay = rendering.find(rendering.case("default"), "CronJob", "-replay")
    assert replay["spec"]["suspend"] is True
    assert replay["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert rendering.pod(replay)["spec"]["containers"][0]["args"] == ["replay", "--all"]


def test_images_by_tag_registry_and_digest() -> None:
    """A digest is stronger than a tag, a global registry stronger than the chart's."""
    resources = rendering.case("httproute")
    images = {
        one["metadata"]["name"]: rendering.pod(one)["spec"]["containers"][0]["image"]
        for one in rendering.of_kind(resources, "Deployment")
    }
    assert images == {
        "demo-vitalstream-producer": "registry.example.com/acme/vitalstream-producer:0.1.0",
        "demo-vitalstream-consumer": "registry.example.com/acme/vitalstream-consumer:0.1.0",
        "demo-vitalstream-dashboard": "registry.example.com/acme/vitalstream-dashboard@sha256:"
        + "1" * 64,
    }
    for _, pod in rendering.pods(resources):
        assert pod["spec"]["imagePullSecrets"] == [{"name": "registry-login"}]
    moved = rendering.render({"global.imageRegistry": "other.example.com"}, "httproute")
    for _, pod in rendering.pods(moved):
        assert pod["spec"]["containers"][0]["image"].startswith("other.example.com/vitalstream-")


def test_a_budget_comes_with_a_second_replica() -> None:
    """With one replica it would only keep a node from being drained."""
    assert not rendering.of_kind(rendering.case("default"), "PodDisruptionBudget")
    found = rendering.of_kind(rendering.case("production"), "PodDisruptionBudget")
    assert {one["metadata"]["name"].rpartition("-")[2] for one in found} == {
        "consumer",
        "dashboard",
    }
    assert all(one["spec"]["maxUnavailable"] == 1 for one in found)
