"""The runbooks: what they tell a person to type or to look at is there."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from prometheus_client import CollectorRegistry

from tests.chart import rendering
from tests.metrics.declared import SERVICES, declared
from tests.monitoring.rules import rules
from vitalstream_devstack.databases import Database
from vitalstream_runtime.ops import Heartbeat, OpsServer, Readiness
from vitalstream_runtime.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "runbooks"
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in sorted(FOLDER.glob("*.md"))}
RELEASE = "demo-vitalstream"
OTHERS = {"pg_replication_slots"}
"""PostgreSQL's own."""


def spans(page: str) -> Iterator[str]:
    """What a page sets as code, a line's end being a space."""
    for block in re.findall(r"```\n(.*?)```", page, re.DOTALL):
        yield from block.splitlines()
    for span in re.findall(r"`([^`]+)`", re.sub(r"```\n.*?```", "", page, flags=re.DOTALL)):
        yield " ".join(span.split())


EVERY = {span for page in PAGES.values() for span in spans(page)}


def found(pattern: str) -> set[Any]:
    """Every match in what any page sets as code."""
    return {match for span in EVERY for match in re.findall(pattern, span)}


@pytest.fixture(scope="module")
def resources() -> list[rendering.Resource]:
    """A release with everything in it."""
    return rendering.rendered(rendering.CASES["production"])


@pytest.mark.parametrize("statement", sorted(span for span in EVERY if span.startswith("SELECT")))
def test_sql_runs(statement: str, database: Database) -> None:
    """Tables and columns are there, by whatever name the page gives them."""
    with psycopg.connect(database.admin_url) as connection:
        connection.execute(statement.encode())


def test_kubectl_finds_what_it_is_told_to(resources: list[rendering.Resource]) -> None:
    """Objects by their names and kinds, pods and jobs by their labels."""
    names = {(each["kind"], each["metadata"]["name"]) for each in resources}
    kinds = {"deployment": "Deployment", "cronjob": "CronJob", "cnpg.io/cluster=": "Cluster"}
    told = found(r"(deployment/|cronjob/|cnpg\.io/cluster=)\$NAME-(\w+)")
    assert len(told) >= 3
    for where, what in told:
        assert (kinds[where.rstrip("/")], f"{RELEASE}-{what}") in names
    labelled = {
        each["metadata"]["labels"].get("app.kubernetes.io/component")
        for each in resources
        if each["kind"] in ("Deployment", "Job", "CronJob")
    }
    components = found(r"component=(\w+)") - {"COMPONENT"}
    assert components
    assert components <= labelled
    for each in resources:
        if each["kind"] == "Deployment":
            assert each["metadata"]["labels"]["app.kubernetes.io/name"] == "vitalstream"


def test_readyz_is_told_in_words() -> None:
    """The command of the first page shows the reason; 503 is no error of its own."""
    (script,) = found(r'-- python -c "(.+)"$')
    readiness = Readiness("database")
    readiness.set("database", "nobody listens")
    server = OpsServer(
        ServiceSettings(ops_host="127.0.0.1", ops_port=0),
        Heartbeat(60),
        readiness,
        CollectorRegistry(),
    )
    server.start()
    try:
        done = subprocess.run(
            [sys.executable, "-c", script.replace("8080", str(server.port))],
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        server.stop()
    assert '"database": "nobody listens"' in done.stdout


def test_metrics_are_declared() -> None:
    """A renamed metric is named anew in the runbooks."""
    declarations = {each.name for service in SERVICES for each in declared(service)}
    recorded = {
        rule["record"] for group in rules()["groups"] for rule in group["rules"] if "record" in rule
    }
    told = found(r"\bvitalstream(?:_[a-z]+_[a-z_]+|:[a-z_:0-9]+)\b")
    assert len(told) > 3
    assert told <= declarations | recorded


def test_events_reasons_and_columns_are_in_the_code() -> None:
    """A line of a log, or a value of a label, that nothing writes is looked for in vain."""
    files = [*ROOT.glob("*/src/**/*.py"), *ROOT.glob("libs/*/src/**/*.py")]
    files += ROOT.glob("libs/*/src/**/*.sql")
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    words = found(r"^(?!vitalstream)[a-z]+(?:_[a-z]+)+$")
    assert len(words) > 10
    assert not {word for word in words - OTHERS if not re.search(rf"\b{word}\b", code)}


def test_values_are_in_the_chart() -> None:
    """A setting of the chart is where the page says."""
    values = yaml.safe_load((ROOT / "charts/vitalstream/values.yaml").read_text(encoding="utf-8"))
    told = found(r"^(?:monitoring|consumer|pods|networkPolicy)(?:\.\w+)+$")
    assert len(told) > 5
    for path in told:
        inner = values
        for key in path.split("."):
            assert key in inner, path
            inner = inner[key]


def test_settings_are_those_of_the_services() -> None:
    """A variable is one that docs/configuration.md has."""
    known = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    told = found(r"^(?:KAFKA|CONSUMER|PRODUCER|DASHBOARD|DATABASE|MAINTENANCE)_[A-Z_]+$")
    assert len(told) > 3
    assert not {name for name in told if f"`{name}`" not in known}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """Pages, and headings in them."""
    for path, anchor in re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", PAGES[name]):
        target = FOLDER / path
        assert target.is_file(), path
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
        assert not anchor or anchor in anchors, f"{path}#{anchor}"
