"""skaffold.yaml fits Skaffold's schema, and everything it names exists.

No package registry has the program, so this is as far as it can be held here; k8s/README.md tells
what was seen of the real one.
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.chart import helm, rendering

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads(Path(__file__).with_name("skaffold-v4beta14.json").read_text(encoding="utf-8"))
ARTIFACTS = {one["image"]: one for one in CONFIG["build"]["artifacts"]}
(RELEASE,) = CONFIG["deploy"]["helm"]["releases"]
ROOMS = {"vitalstream-storage": "libs/storage"}


def profile(name: str) -> dict[str, Any]:
    """The configuration with a profile's patches applied."""
    patched: dict[str, Any] = json.loads(json.dumps(CONFIG))
    chosen = next(one for one in CONFIG["profiles"] if one["name"] == name)
    for patch in chosen.get("patches", []):
        *above, key = patch["path"].strip("/").split("/")
        parent: Any = patched
        for part in above:
            parent = parent[int(part) if isinstance(parent, list) else part]
        assert (key in parent) == (patch["op"] != "add"), patch
        if patch["op"] == "remove":
            del parent[key]
        else:
            parent[key] = patch["value"]
    for part in ("build", "deploy"):
        patched[part] |= chosen.get(part, {})
    return patched


def test_it_fits_skaffolds_schema() -> None:
    """The whole file, by the schema of the version that it says."""
    assert CONFIG["apiVersion"] == "skaffold/v4beta14"
    jsonschema.validate(CONFIG, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(CONFIG | {"deploi": {}}, SCHEMA)


@pytest.mark.parametrize("name", [one["name"] for one in CONFIG["profiles"]])
def test_a_profiles_patches_find_their_place(name: str) -> None:
    """Each path that is replaced or removed is there, and what comes out fits the schema."""
    jsonschema.validate(profile(name), SCHEMA)


def test_the_profiles_are_those_that_are_promised() -> None:
    """Their names are typed by people."""
    names = {one["name"] for one in CONFIG["profiles"]}
    assert names == {"minikube", "external", "ci", "classic-builder"}


@pytest.mark.parametrize("image", ARTIFACTS)
def test_an_artifacts_dockerfile_exists(image: str) -> None:
    """In its context; a required image is an artifact too and the Dockerfile takes it."""
    artifact = ARTIFACTS[image]
    context = ROOT / artifact.get("context", ".")
    dockerfile = context / artifact.get("docker", {}).get("dockerfile", "Dockerfile")
    assert dockerfile.is_file()
    for needed in artifact.get("requires", []):
        assert needed["image"] in ARTIFACTS
        # Without a default, for which skaffold would ask a registry before the image is built.
        assert f"ARG {needed['alias']}\n" in dockerfile.read_text(encoding="utf-8")


@pytest.mark.parametrize("image", ARTIFACTS)
def test_synced_files_exist_and_land_where_python_looks(image: str) -> None:
    """Each rule finds files, all of a package, and puts them below the chart's /src."""
    rules = ARTIFACTS[image].get("sync", {}).get("manual", [])
    copied = (ROOT / ARTIFACTS[image].get("docker", {}).get("dockerfile", "README.md")).read_text()
    for rule in rules:
        assert list(ROOT.glob(rule["src"])), rule
        assert rule["src"].startswith(rule["strip"])
        room = rule["strip"].removesuffix("/src/")
        assert f"COPY {room} {room}" in copied, "synced, but not part of the image"
        assert rule["dest"] == "/src"


def test_every_service_can_be_synced() -> None:
    """The three that run for long, with every library that their image has."""
    for service in ("producer", "consumer", "dashboard"):
        copied = re.findall(
            r"(?m)^COPY (\S+) \1$", (ROOT / service / "Dockerfile").read_text(encoding="utf-8")
        )
        synced = {
            rule["strip"].removesuffix("/src/")
            for rule in ARTIFACTS[f"vitalstream-{service}"]["sync"]["manual"]
        }
        assert synced == {room for room in copied if not room.endswith(".lock")}


def test_the_base_is_the_dockerfiles_unless_the_environment_names_another() -> None:
    """PYTHON_IMAGE, as `make images` has it; the default is said in both places."""
    for image, artifact in ARTIFACTS.items():
        if image == "vitalstream-verify":
            continue
        docker = artifact["docker"]
        text = (ROOT / docker["dockerfile"]).read_text(encoding="utf-8")
        default = re.search(r"(?m)^ARG PYTHON_IMAGE=(\S+)$", text)
        assert default
        template = '{{default "%s" .PYTHON_IMAGE}}' % default[1]  # noqa: UP031 - braces
        assert docker["buildArgs"] == {"PYTHON_IMAGE": template}


def test_migrations_are_left_as_they_are_between_two_runs() -> None:
    """A Job cannot be changed, and skaffold labels every run anew."""
    (rule,) = CONFIG["resourceSelector"]["deny"]
    assert rule == {"groupKind": "Job.batch", "labels": [".*"]}


def test_nothing_requires_an_image_that_files_are_synced_into() -> None:
    """Skaffold ignores the sync rules of such an image, and builds it anew for every change."""
    required = {one["image"] for each in ARTIFACTS.values() for one in each.get("requires", [])}
    assert required == {"vitalstream-storage"}
    assert not [image for image in required if "sync" in ARTIFACTS[image]]


def test_the_release_sets_values_that_exist_from_images_that_are_built() -> None:
    """Each value is in values.yaml, each variable is that of an artifact."""
    values = yaml.safe_load((ROOT / RELEASE["chartPath"] / "values.yaml").read_text())
    for path, template in RELEASE["setValueTemplates"].items():
        here = values
        for part in path.split("."):
            assert part in here, path
            here = here[part]
        variable = re.fullmatch(r"\{\{\.IMAGE_(REPO|TAG)_(\w+)\}\}", template)
        assert variable, template
        assert variable[2].replace("_", "-") in ARTIFACTS
    told = {path.split(".")[1] for path in RELEASE["setValueTemplates"]}
    assert told == {"producer", "consumer", "dashboard", "storage"}


def rendered(values: str) -> list[rendering.Resource]:
    """What the release installs with a values file."""
    text = rendering.command(
        4,
        "template",
        RELEASE["name"],
        str(ROOT / RELEASE["chartPath"]),
        *("--namespace", RELEASE["namespace"]),
        *("--values", str(ROOT / values)),
    )
    return [one for one in yaml.safe_load_all(text) if one]


@pytest.fixture(scope="module")
def development() -> list[rendering.Resource]:
    """What `skaffold dev` installs."""
    try:
        helm.path(4)
    except helm.NoHelmError as error:
        pytest.skip(str(error))
    return rendered(RELEASE["valuesFiles"][0])


def test_every_values_file_renders(development: list[rendering.Resource]) -> None:
    """Those of the profiles too."""
    assert development
    for name in ("external", "ci"):
        for values in profile(name)["deploy"]["helm"]["releases"][0]["valuesFiles"]:
            assert rendered(values)


def test_pods_take_synced_files(development: list[rendering.Resource]) -> None:
    """A volume at /src comes first on Python's path, and the reloader runs the service."""
    for one in rendering.of_kind(development, "Deployment"):
        (container,) = rendering.pod(one)["spec"]["containers"]
        mounts = {each["mountPath"] for each in container["volumeMounts"]}
        assert {"/src", "/opt/development"} <= mounts
        assert rendering.environment(container)["PYTHONPATH"] == "/src"
        assert container["command"][1] == "/opt/development/reload.py"


def test_forwarded_ports_are_those_of_services(development: list[rendering.Resource]) -> None:
    """Ours by the chart; Grafana's is named by the release of k8s/operators/releases."""
    ours, grafana = CONFIG["portForward"]
    service = rendering.find(development, "Service", ours["resourceName"])
    assert ours["port"] in [one["port"] for one in service["spec"]["ports"]]
    assert ours["namespace"] == RELEASE["namespace"]
    releases = (ROOT / "k8s/operators/releases").read_text(encoding="utf-8")
    assert re.search(r"(?m)^monitoring monitoring kube-prometheus-stack ", releases)
    assert (grafana["resourceName"], grafana["namespace"]) == ("monitoring-grafana", "monitoring")


def test_kinds_port_is_the_dashboards(development: list[rendering.Resource]) -> None:
    """The NodePort of the development values is the one that kind.yaml maps, to this machine."""
    kind = yaml.safe_load((ROOT / "k8s/kind.yaml").read_text(encoding="utf-8"))
    (mapping,) = kind["nodes"][0]["extraPortMappings"]
    service = rendering.find(development, "Service", "-dashboard")["spec"]
    assert service["ports"][0]["nodePort"] == mapping["containerPort"]
    assert mapping["listenAddress"] == "127.0.0.1"
    assert mapping["hostPort"] != CONFIG["portForward"][0]["localPort"], "both would listen there"
    assert [one["role"] for one in kind["nodes"]].count("worker") == 3


def test_the_job_of_verify_fits_the_release(development: list[rendering.Resource]) -> None:
    """Its Secrets, host, login and labels are those that the chart gives its own test."""
    (case,) = CONFIG["verify"]
    assert case["container"]["image"] in ARTIFACTS
    path = case["executionMode"]["kubernetesCluster"]["jobManifestPath"]
    job = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    kubernetes_validate.validate(job, "1.34", strict=True)
    assert job["metadata"]["namespace"] == RELEASE["namespace"]
    pod, own = rendering.pod(job), rendering.find(development, "Pod", "-test-read")
    assert pod["metadata"]["labels"] == own["metadata"]["labels"]
    assert pod["spec"]["securityContext"] == own["spec"]["securityContext"]
    (container,), (theirs,) = pod["spec"]["containers"], own["spec"]["containers"]
    assert container["name"] == case["container"]["name"]
    given = rendering.environment(theirs)
    assert rendering.environment(container).items() <= given.items()
    files = rendering.secret_files(own)
    assert rendering.secret_files(pod).items() <= files.items()
    service = rendering.find(development, "Service", "-dashboard")
    # skaffold replaces the Job's own arguments, with nothing if the case has none.
    assert case["container"]["args"] == [f"http://{service['metadata']['name']}"]
    assert "args" not in container
    assert service["spec"]["ports"][0]["port"] == 80


def test_operators_have_values_and_a_pinned_version() -> None:
    """Each release of k8s/operators has a file of values and is no `latest`."""
    lines = (ROOT / "k8s/operators/releases").read_text(encoding="utf-8").splitlines()
    releases = [line.split() for line in lines if not line.startswith("#")]
    files = {path.stem for path in (ROOT / "k8s/operators").glob("*.yaml")}
    assert {name for name, *_ in releases} == files
    for _, _, _, version, repository in releases:
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert repository.startswith("https://")
