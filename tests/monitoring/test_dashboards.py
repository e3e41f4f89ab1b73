"""The chart's dashboards: whole, of our own metrics, readable, and without patients."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.metrics.declared import SERVICES, declared
from tests.monitoring.dashboards.document import ALL, FOLDER, text
from tests.monitoring.dashboards.grafana import GREY, ORANGE, RED
from tests.monitoring.panels import (
    NEIGHBOURS,
    dashboards,
    expressions,
    metrics,
    of_neighbours,
    panels,
)

UNITS = {"none", "short", "s", "percentunit", "bytes", "Bps", "recps", "cps", "ops", "reqps", "mps"}
EVERYWHERE = {
    "ALERTS",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
}
LABELS = {
    "namespace", "pod", "container", "instance", "component", "version", "le",
    "partition", "reason", "kind", "department", "query", "trouble", "part", "dependency",
    "alertname", "alertstate", "severity",
    "resource", "persistentvolumeclaim", "topic", "datname", "application_name", "value",
}  # fmt: skip
FUNCTIONS = {
    "sum", "min", "max", "count", "rate", "increase", "changes", "round", "vector",
    "histogram_quantile", "deriv", "time", "sort_desc",
}  # fmt: skip
WORDS = {"by", "on", "or", "and", "offset", "bool", "group_left", "Inf"}

FOUND = dashboards()


@pytest.fixture(params=FOUND)
def dashboard(request: pytest.FixtureRequest) -> Any:
    """Each of the dashboards."""
    return FOUND[request.param]


def shown(dashboard: Any) -> list[Any]:
    """Its panels, rows apart."""
    return [panel for panel in panels(dashboard) if panel["type"] != "row"]


def test_files_are_what_their_modules_say() -> None:
    """The files are generated: `make docs` writes them, nobody else."""
    assert FOUND.keys() == {each.name for each in ALL}
    for each in ALL:
        written = (FOLDER / f"{each.name}.json").read_text(encoding="utf-8")
        assert written == text(each), f"{each.name}.json is out of date: run `make docs`"


def test_a_dashboard_is_one_that_grafana_11_and_12_read(dashboard: Any) -> None:
    """A fixed uid of its own, no id, a schema of Grafana 11 or 12, two variables to choose by."""
    assert re.fullmatch(r"vitalstream-[a-z]+", dashboard["uid"])
    assert "id" not in dashboard
    assert 39 <= dashboard["schemaVersion"] <= 42
    source, namespace = dashboard["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    assert namespace["query"]["query"] == "label_values(vitalstream_build_info, namespace)"
    assert len({each["uid"] for each in FOUND.values()}) == len(FOUND)


def test_no_datasource_is_wired_in(dashboard: Any) -> None:
    """Everything asks the Prometheus that was chosen."""
    sources = re.findall(r'"uid": "([^"]*)"', json.dumps(dashboard))
    assert set(sources) == {dashboard["uid"], "${datasource}"}
    for panel in shown(dashboard):
        for asks in (panel, *panel["targets"]):
            assert asks["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_panels_have_numbers_and_places_of_their_own(dashboard: Any) -> None:
    """No id twice, none outside the 24 columns, none upon another."""
    every = list(panels(dashboard))
    assert len({panel["id"] for panel in every}) == len(every)
    assert all(place(panel)[2] <= 24 for panel in every)
    collapsed = [row["panels"] for row in dashboard["panels"] if row.get("panels")]
    for group in (dashboard["panels"], *collapsed):
        for one, other in itertools.combinations(group, 2):
            assert not overlap(place(one), place(other)), (one["title"], other["title"])


def place(panel: Any) -> tuple[int, int, int, int]:
    """Left, top, right and bottom."""
    at = panel["gridPos"]
    return at["x"], at["y"], at["x"] + at["w"], at["y"] + at["h"]


def overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    """Whether two places share any of their area."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_every_panel_explains_itself(dashboard: Any) -> None:
    """A title of its own, a sentence on what it means, a unit, and words where nothing is."""
    titles = [panel["title"] for panel in shown(dashboard)]
    assert len(set(titles)) == len(titles)
    for panel in shown(dashboard):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["fieldConfig"]["defaults"]["noValue"], panel["title"]
        legends = [target["legendFormat"] for target in panel["targets"]]
        assert len(set(legends)) == len(legends), panel["title"]


def test_nothing_measured_never_looks_well(dashboard: Any) -> None:
    """Grafana gives a panel without data its lowest step's colour, which is often the good one."""
    for panel in shown(dashboard):
        if panel["type"] in ("stat", "bargauge"):
            defaults = panel["fieldConfig"]["defaults"]
            last = defaults["mappings"][-1]["options"]
            assert last["match"] == "null", panel["title"]
            assert last["result"]["text"] == defaults["noValue"]
            assert last["result"]["color"] in {RED, ORANGE, GREY}


def test_the_first_row_says_in_words_whether_all_is_well(dashboard: Any) -> None:
    """It is open, of large figures, most of which have words and colours."""
    head, *others = dashboard["panels"]
    assert (head["title"], head["collapsed"]) == ("Is all well?", False)
    first = list(itertools.takewhile(lambda panel: panel["type"] != "row", others))
    assert {panel["type"] for panel in first} == {"stat"}
    assert sum(panel["gridPos"]["w"] for panel in first) == 24
    worded = [panel for panel in first if len(panel["fieldConfig"]["defaults"]["mappings"]) > 1]
    assert len(worded) >= 5
    assert all(panel["options"]["colorMode"] == "background" for panel in first)


def test_every_metric_is_declared_somewhere() -> None:
    """A renamed metric is noticed here, not by a person before an empty panel."""
    ours = {series for service in SERVICES for each in declared(service) for series in each.series}
    asked = set().union(*(metrics(each.expr) for each in expressions()))
    assert asked <= ours | NEIGHBOURS | EVERYWHERE, asked - ours - NEIGHBOURS - EVERYWHERE
    assert asked >= NEIGHBOURS, "named as a neighbour's, and asked for nowhere"
    assert not [name for name in NEIGHBOURS | EVERYWHERE if name.startswith("vitalstream")]


def test_every_metric_of_ours_is_shown_somewhere() -> None:
    """What is worth measuring is worth a panel."""
    asked = set().union(*(metrics(each.expr) for each in expressions()))
    hidden = {
        each.name
        for service in SERVICES
        for each in declared(service)
        if not asked & set(each.series)
    }
    assert not hidden


def test_every_selector_is_held_to_the_namespace() -> None:
    """Two installations under one Prometheus are never added up."""
    for each in expressions(namespace="ward-7"):
        selectors = re.findall(r"\{[^}]*\}", each.expr)
        assert selectors, each
        assert all(selector.startswith('{namespace="ward-7"') for selector in selectors), each


def test_queries_name_nothing_else() -> None:
    """Metrics in selectors, labels that are bounded, functions and words of PromQL: no more.

    So no query can show a patient's name, id or diagnosis: no such label is let through.
    """
    for each in expressions():
        labels = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', each.expr))
        bare = re.sub(r'"[^"]*"|[A-Za-z_:][\w:]*\{[^}]*\}|\[\w+\]', " ", each.expr)
        for group in re.findall(r"\b(?:by|on|group_left)\s*\(([^)]*)\)", bare):
            labels |= set(re.findall(r"\w+", group))
        bare = re.sub(r"\b(by|on|group_left)\s*\([^)]*\)", " ", bare)
        assert labels <= LABELS, (each, labels - LABELS)
        assert set(re.findall(r"\b[A-Za-z_]\w*", bare)) <= FUNCTIONS | WORDS, each


def test_legends_name_labels_that_the_query_keeps(dashboard: Any) -> None:
    """A legend of a label that was summed away would be empty."""
    for panel in shown(dashboard):
        for target in panel["targets"]:
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert named <= LABELS, panel["title"]
            kept = [
                set(re.findall(r"\w+", group))
                for group in re.findall(r"^\S+ by \(([^)]*)\)", target["expr"])
            ]
            assert not kept or named <= kept[0], panel["title"]


def test_replicas_that_count_the_same_are_never_added_up() -> None:
    """Each replica of the dashboard counts all patients: the highest stands for all."""
    for each in expressions():
        for metric in ("current_patients", "high_risk_patients", "silent_patients"):
            parts = re.split(rf"vitalstream_dashboard_{metric}", each.expr)
            assert all(part.endswith("max by (department) (") for part in parts[:-1]), each


def test_neighbours_panels_are_folded_away() -> None:
    """Where there is no Kubernetes nobody looks at empty panels; ours are never folded."""
    for dashboard in FOUND.values():
        for row in dashboard["panels"]:
            for panel in row.get("panels", [row]):
                asked = [of_neighbours(target["expr"]) for target in panel.get("targets", [])]
                assert all(given == (row["type"] == "row") for given in asked), panel["title"]


@pytest.fixture(scope="module")
def promtool() -> str:
    """Prometheus' own checker."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool: install prometheus")
    return found


def test_prometheus_can_read_every_query(promtool: str, tmp_path: Path) -> None:
    """As recording rules, which promtool checks all at once."""
    rules = [
        {"record": "panel", "expr": each.expr, "labels": {"number": str(number)}}
        for number, each in enumerate(expressions())
    ]
    assert len(rules) > 60
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        [promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
