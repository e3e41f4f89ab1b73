"""The chart's variables, the settings classes and docs/configuration.md say the same."""

import pytest

from tests.chart import rendering, surface
from tests.configuration import document
from vitalstream_runtime.settings import documented

PARTS = {
    "producer": "producer",
    "consumer": "consumer",
    "dashboard": "dashboard",
    "migrate": "migrations",
    "maintain": "maintenance",
    "replay": "replay",
    "test": "dashboard",
    "test-write": "replay",
}
"""Part of the values whose settings a component reads."""
EXTRA = "MALLOC_ARENA_MAX"  # an extraEnv of ci/settings-values.yaml


@pytest.mark.parametrize("name", rendering.CASES)
def test_every_variable_of_a_pod_is_one_its_program_reads(name: str) -> None:
    """Values and mounted files alike; a renamed setting must be renamed in the chart too."""
    for component, pod in rendering.pods(rendering.case(name)):
        read = _read(PARTS[component]) | {*surface.NOT_OURS}
        for container in rendering.containers(pod):
            given = {*rendering.environment(container)} - {EXTRA}
            assert given <= read, f"{component}: {given - read}"
        files = {each for each in rendering.secret_files(pod) if not each.endswith(".crt")}
        assert files <= read, f"{component}: {files - read}"


def test_what_the_chart_is_said_to_set_it_sets_somewhere() -> None:
    """SET_BY_THE_CHART, which keeps these names out of `settings`, is no wish."""
    given = set()
    for name in rendering.CASES:
        for _, pod in rendering.pods(rendering.case(name)):
            given |= {*rendering.secret_files(pod)}
            for container in rendering.containers(pod):
                given |= {*rendering.environment(container)}
    assert not surface.SET_BY_THE_CHART - given
    assert not {*surface.NOT_IN_A_POD} & given


@pytest.mark.parametrize("part", surface.CLASSES)
def test_every_setting_can_be_said_in_the_values(part: str) -> None:
    """Each variable of a program is free, secret, set by a template, or left alone and why."""
    free = {one.name for secret in (True, False) for one in surface.free(part, secret=secret)}
    elsewhere = surface.SET_BY_THE_CHART | {*surface.NOT_IN_A_POD}
    assert _read(part) <= free | elsewhere
    assert not free & elsewhere


def test_every_variable_of_the_values_is_on_the_page() -> None:
    """docs/configuration.md has each of them."""
    page = document.text()
    missing = {
        one.name
        for part in surface.CLASSES
        for secret in (True, False)
        for one in surface.free(part, secret=secret)
        if f"`{one.name}`" not in page
    }
    assert not missing


@pytest.mark.parametrize("part", ["producer", "consumer", "dashboard"])
def test_a_secret_setting_has_a_place_to_come_from(part: str) -> None:
    """Where a program has secrets of its own, the values name their Secrets: they are mounted."""
    secrets = {one.name: {"secret": "own", "key": "it"} for one in surface.free(part, secret=True)}
    resources = rendering.render({f"{part}.secretSettings": secrets})
    files = rendering.secret_files(
        rendering.pod(rendering.find(resources, "Deployment", f"-{part}"))
    )
    assert all(files[name] == ("own", "it") for name in secrets)


def test_numbers_reach_the_program_as_they_were_written() -> None:
    """Helm would write 16777216 as 1.6777216e+07, which is no whole number."""
    resources = rendering.case("settings")
    consumer = _environment(resources, "consumer")
    assert consumer["CONSUMER_BATCH_BYTES"] == "16777216"
    assert consumer["CONSUMER_RETRY_SECONDS"] == "2.5"
    assert _environment(resources, "producer")["PRODUCER_BUFFER_RECORDS"] == "10000000"
    assert _environment(resources, "dashboard")["DASHBOARD_IDENTIFIED_DOWNLOADS"] == "false"


def _environment(resources: list[rendering.Resource], component: str) -> dict[str, str]:
    pod = rendering.pod(rendering.find(resources, "Deployment", f"-{component}"))
    return rendering.environment(pod["spec"]["containers"][0])


def _read(part: str) -> set[str]:
    return {
        name
        for settings in surface.CLASSES[part]
        for variable in documented(settings)
        for name in variable.names
    }
