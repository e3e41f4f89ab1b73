"""The chart as Helm renders it, as Python objects."""

import functools
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tests.chart import helm
from tests.chart.schema import CHART

CASES: Final = {
    **{path.stem.removesuffix("-values"): path for path in sorted((CHART / "ci").glob("*.yaml"))},
    "production": CHART / "values-production.yaml",
}
"""Every combination of values that is rendered, by name."""

WORKLOADS: Final = ("Deployment", "Job", "CronJob", "Pod")

Resource = dict[str, Any]


class RefusedError(Exception):
    """Helm's own words for why it does not render."""


def command(major: int, verb: str, *arguments: str) -> str:
    """What Helm says.

    Raises:
        RefusedError: It failed.
    """
    done = subprocess.run(
        [str(helm.path(major)), verb, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RefusedError(done.stderr + done.stdout)
    return done.stdout


@functools.cache
def rendered(
    *files: Path, values: str = "{}", major: int = 4, namespace: str = "ward"
) -> list[Resource]:
    """The resources of one rendering.

    Args:
        files: Values files, weakest first.
        values: Values as JSON, stronger than the files.
        major: Helm's major version.
        namespace: The release's.
    """
    arguments = ["demo", str(CHART), "--namespace", namespace]
    for file in files:
        arguments += ["--values", str(file)]
    for key, value in json.loads(values).items():
        arguments += ["--set-json", f"{key}={json.dumps(value)}"]
    text = command(major, "template", *arguments)
    return [one for one in yaml.safe_load_all(text) if one]


def render(values: Mapping[str, Any], case: str | None = None, major: int = 4) -> list[Resource]:
    """The resources with these values, by dotted path, on top of a case's."""
    files = [CASES[case]] if case else []
    return rendered(*files, values=json.dumps(values), major=major)


def case(name: str, major: int = 4) -> list[Resource]:
    """The resources of one of the cases."""
    return rendered(CASES[name], major=major)


def find(resources: list[Resource], kind: str, name: str) -> Resource:
    """The one resource of a kind whose name ends so."""
    found = [
        one for one in resources if one["kind"] == kind and one["metadata"]["name"].endswith(name)
    ]
    assert len(found) == 1, f"{len(found)} resources of kind {kind} end with {name}"
    return found[0]


def of_kind(resources: list[Resource], *kinds: str) -> list[Resource]:
    """The resources of some kinds."""
    return [one for one in resources if one["kind"] in kinds]


def pod(resource: Resource) -> Resource:
    """The pod, metadata and spec, that a workload makes."""
    match resource["kind"]:
        case "Pod":
            return resource
        case "CronJob":
            found: Resource = resource["spec"]["jobTemplate"]["spec"]["template"]
            return found
    template: Resource = resource["spec"]["template"]
    return template


def component(resource: Resource) -> str:
    """Which of our components a workload runs."""
    name: str = pod(resource)["metadata"]["labels"]["app.kubernetes.io/component"]
    return name


def pods(resources: list[Resource]) -> Iterator[tuple[str, Resource]]:
    """Component and pod of every workload of ours."""
    for one in of_kind(resources, *WORKLOADS):
        yield component(one), pod(one)


def containers(one: Resource) -> list[Resource]:
    """Containers of a pod, those for its beginning too."""
    return [*one["spec"].get("initContainers", []), *one["spec"]["containers"]]


def environment(container: Resource) -> dict[str, str]:
    """A container's variables that are values."""
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def write(folder: Path) -> None:
    """Write every case as one file, for programs that read manifests."""
    folder.mkdir(parents=True)
    for name in CASES:
        (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(case(name)), encoding="utf-8")


def secret_files(one: Resource) -> dict[str, tuple[str, str]]:
    """The files of a pod's folder of secrets: name to Secret and key."""
    sources = next(
        each["projected"]["sources"] for each in one["spec"]["volumes"] if each["name"] == "secrets"
    )
    return {
        item["path"]: (source["secret"]["name"], item["key"])
        for source in sources
        for item in source["secret"]["items"]
    }


if __name__ == "__main__":
    write(Path(sys.argv[1]))
