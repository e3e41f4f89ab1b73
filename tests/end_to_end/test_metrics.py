"""What the running services show at /metrics, held against what they declare."""

import re
import shutil
import subprocess
import urllib.request

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.pipeline import Pipeline
from tests.metrics.declared import SERVICES, declared

_LATER = {"partition", "query", "department"}  # labels whose values come with what they name


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """Each of the services."""
    return str(request.param)


@pytest.fixture
def scraped(service: str, pipeline: Pipeline) -> str:
    """Its metrics when it has just become ready."""
    match service:
        case "producer":
            running = pipeline.producer(rate=50)
        case "consumer":
            running = pipeline.consumer()
        case _:
            running = pipeline.dashboard()
    with urllib.request.urlopen(running.metrics_url, timeout=10) as answer:  # noqa: S310 - our own
        return str(answer.read().decode())


def ours(text: str) -> dict[str, Metric]:
    """Our own metrics by their declared names."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in text_string_to_metric_families(text)
        if family.name.startswith("vitalstream_")
    }


def labels(family: Metric) -> set[str]:
    """The label names of its series."""
    return {name for sample in family.samples for name in sample.labels} - {"le"}


def test_all_that_is_declared_is_shown_and_nothing_else(service: str, scraped: str) -> None:
    """Names, kinds, labels and meanings of a running service are those on the page.

    Every label value is there from the start: a series that begins with its first event hides that
    event from increase().
    """
    shown = ours(scraped)
    expected = {each.name: each for each in declared(service)}
    assert shown.keys() == expected.keys()
    for name, family in shown.items():
        each = expected[name]
        assert (family.type, family.documentation) == (each.kind, each.meaning)
        if family.samples or not _LATER & set(each.labels):
            assert labels(family) == set(each.labels)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: install prometheus")
def test_promtool_has_no_objection(scraped: str) -> None:
    """Prometheus' own linter finds nothing in our metrics."""
    promtool = shutil.which("promtool")
    assert promtool is not None
    own = re.sub(r"(?m)^(# (HELP|TYPE) )?(python|process)_.*\n", "", scraped)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=own, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
