"""compose's profile monitoring: Prometheus and Grafana find our services, alerts and dashboards."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "compose" / "monitoring"
SERVICES: Any = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def mounted(service: str, inside: str) -> Path:
    """The repository's file or folder behind a path in a container."""
    for mount in SERVICES[service]["volumes"]:
        source, target, *_ = str(mount).split(":")
        if source.startswith(".") and inside.startswith(target):
            return ROOT / source / inside.removeprefix(target).lstrip("/")
    raise AssertionError(f"{inside} is nothing of ours")


def test_they_are_there_only_when_asked_for() -> None:
    """The rest starts without them and needs nothing of them."""
    for name, service in SERVICES.items():
        watches = name in ("prometheus", "grafana")
        assert service.get("profiles") == (["monitoring"] if watches else None)
        assert watches or not {"prometheus", "grafana"} & set(service.get("depends_on", {}))
        assert all(
            mount.endswith(":ro")
            for mount in service.get("volumes", [])
            if mount.startswith(".") and watches
        )


def test_prometheus_takes_its_configuration_and_the_charts_alerts(tmp_path: Path) -> None:
    """`promtool check config`, with the files where the container has them."""
    (given,) = (
        each.partition("=")[2]
        for each in SERVICES["prometheus"]["command"]
        if each.startswith("--config.file=")
    )
    config = mounted("prometheus", given)
    (rules,) = yaml.safe_load(config.read_text())["rule_files"]
    alerts = mounted("prometheus", str(Path(given).parent / rules))
    assert alerts == FOLDER / "alerts.yml"
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool: install prometheus")
    for file in (config, alerts):
        shutil.copy(file, tmp_path)
    done = subprocess.run(
        [promtool, "check", "config", str(tmp_path / config.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_scrapes_every_service_of_ours() -> None:
    """By compose's names, at the port where they show metrics, as of the one namespace."""
    (job,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    (names,) = job["dns_sd_configs"]
    assert names["names"] == ["producer", "consumer", "dashboard"]
    assert set(names["names"]) < set(SERVICES)
    assert all(str(names["port"]) in str(SERVICES[name]["healthcheck"]) for name in names["names"])
    assert {"target_label": "namespace", "replacement": "vitalstream"} in job["relabel_configs"]


def test_the_alerts_are_of_the_namespace_that_targets_get() -> None:
    """Alerts of another would never fire."""
    asked = re.findall(r'namespace="([^"]*)"', (FOLDER / "alerts.yml").read_text())
    assert set(asked) == {"vitalstream"}


def test_grafana_has_one_source_and_the_charts_dashboards() -> None:
    """Prometheus by compose's name, and the folder that the chart hands over in a cluster."""
    provisioning = "/etc/grafana/provisioning"
    sources = yaml.safe_load(
        mounted("grafana", f"{provisioning}/datasources/vitalstream.yml").read_text()
    )
    (source,) = sources["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    scraped = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped
    providers = yaml.safe_load(
        mounted("grafana", f"{provisioning}/dashboards/vitalstream.yml").read_text()
    )
    (provider,) = providers["providers"]
    folder = mounted("grafana", provider["options"]["path"])
    assert folder == ROOT / "charts" / "vitalstream" / "files" / "dashboards"
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert json.loads(mounted("grafana", home).read_text())["title"] == "Vitalstream: Pipeline"


@pytest.mark.parametrize("profiles", ["", "monitoring", "other,monitoring"])
def test_make_up_says_where_things_are(tmp_path: Path, profiles: str) -> None:
    """The page always; Grafana and Prometheus where they run, else how to have them."""
    stand_in = tmp_path / "docker"
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    made = subprocess.run(
        ["make", "--file", str(ROOT / "Makefile"), "up", f"PYTHON={sys.executable}"],
        cwd=tmp_path,
        env={
            "PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin",
            "COMPOSE_PROFILES": profiles,
            "GRAFANA_PORT": "3333",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    command, page, *others = made.stdout.splitlines()
    assert command == "compose up --build --detach"
    assert "http://localhost:8501" in page
    if "monitoring" in profiles:
        assert others[0].startswith("Grafana: http://localhost:3333 ")
        assert others[1] == "Prometheus: http://localhost:9090/alerts"
    else:
        assert others == ["with Prometheus and Grafana: COMPOSE_PROFILES=monitoring make up"]
