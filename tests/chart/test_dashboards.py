"""The dashboards reach Grafana as they are, where its sidecar looks for them."""

import json
import re
from typing import Any

import yaml

from tests.chart import rendering, schema
from tests.monitoring.panels import NEIGHBOURS

FILES = schema.CHART / "files" / "dashboards"
SIDECAR: Any = yaml.safe_load(
    (schema.CHART.parents[1] / "k8s" / "operators" / "monitoring.yaml").read_text()
)["grafana"]["sidecar"]["dashboards"]
OURS = {f"vitalstream-{path.name}": path.read_text() for path in FILES.glob("*.json")}


def dashboards(resources: list[rendering.Resource]) -> list[rendering.Resource]:
    """The ConfigMaps of dashboards."""
    return [
        one
        for one in rendering.of_kind(resources, "ConfigMap")
        if "-grafana-" in one["metadata"]["name"]
    ]


def test_every_file_is_handed_over_unchanged() -> None:
    """Helm templates nothing in them: a legend's {{reason}} stays; none is too big to be kept."""
    found: dict[str, str] = {}
    for one in dashboards(rendering.case("monitoring")):
        assert len(json.dumps(one)) < 262_144, "kubectl apply refuses it"
        found |= one["data"]
    assert {name: json.loads(text) for name, text in found.items()} == {
        name: json.loads(text) for name, text in OURS.items()
    }
    assert len(OURS) == 3


def test_the_development_clusters_grafana_finds_them() -> None:
    """Label and folder annotation are those that k8s/operators tells its sidecar."""
    for one in dashboards(rendering.case("monitoring")):
        assert one["metadata"]["labels"][SIDECAR["label"]] == SIDECAR["labelValue"]
        assert one["metadata"]["annotations"][SIDECAR["folderAnnotation"]] == "Vitalstream"
    assert SIDECAR["searchNamespace"] == "ALL"
    assert SIDECAR["provider"]["foldersFromFilesStructure"] is True


def test_another_sidecar_is_told_by_values() -> None:
    """Labels and folder are the installation's to choose; by default there are no dashboards."""
    values = {
        "monitoring.dashboards.enabled": True,
        "monitoring.dashboards.labels": {"dashboards": "wards"},
        "monitoring.dashboards.folder": "Hospital: one",
    }
    for one in dashboards(rendering.render(values)):
        assert one["metadata"]["labels"]["dashboards"] == "wards"
        assert one["metadata"]["annotations"] == {"grafana_folder": "Hospital: one"}
    assert not dashboards(rendering.case("default"))


def test_brokers_report_what_the_dashboards_ask_for() -> None:
    """Every metric of Kafka on a dashboard is one that its reporter lets through, and scraped."""
    resources = rendering.case("monitoring")
    kafka = next(iter(rendering.of_kind(resources, "Kafka")))
    config = kafka["spec"]["kafka"]["metricsConfig"]
    assert config["type"] == "strimziMetricsReporter"
    allowed = [re.compile(each) for each in config["values"]["allowList"]]
    asked = {name for name in NEIGHBOURS if name.startswith("kafka_")}
    assert all(any(each.fullmatch(name) for each in allowed) for name in asked)
    assert all(any(each.fullmatch(name) for name in asked) for each in allowed)
    monitor = rendering.find(resources, "PodMonitor", kafka["metadata"]["name"])
    chosen = monitor["spec"]["selector"]["matchLabels"]
    assert chosen["strimzi.io/cluster"] == kafka["metadata"]["name"]
    unwatched = next(iter(rendering.of_kind(rendering.case("default"), "Kafka")))
    assert "metricsConfig" not in unwatched["spec"]["kafka"]
