"""The alerts: each fires where it should, is silent where it should, and says what to do."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.metrics.declared import SERVICES, declared
from tests.monitoring import document
from tests.monitoring.rules import alerts, rules, text
from tests.monitoring.scenarios import SITUATIONS, Situation, undeclared
from tests.monitoring.series import STEP

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool: install prometheus")
WATCHDOG = "VitalstreamWatchdog"
NEIGHBOURS = {
    "up",
    "process_start_time_seconds",
    "kube_pod_container_status_restarts_total",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
}


EVERY = rules(clusterMetrics=True)
"""With the alerts that not every cluster can have."""


def names(spec: dict[str, Any]) -> set[str]:
    """The alerts of a specification."""
    return {alert["alert"] for alert in alerts(spec)}


def promtool(*arguments: str, folder: Path) -> tuple[int, str]:
    """Exit code and words of promtool."""
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *arguments],
        cwd=folder,
        env=os.environ | {"GOGC": "400"},  # a fifth less CPU for 40 MB more
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def matchers(labels: dict[str, str]) -> str:
    """As PromQL writes them."""
    return ",".join(f'{key}="{value}"' for key, value in labels.items())


def unit_test(situation: Situation) -> dict[str, Any]:
    """A situation as promtool has it: what fires, all together, the watchdog left out.

    All have the namespace, and some have more, by which one alert inhibits another.
    """
    firing = (
        "count by (alertname, namespace, component, dependency) "
        '(ALERTS{alertstate="firing",alertname!="%s"}) ^ 0'
    )
    expected = [
        {"labels": f"{{{matchers(each.labels)}}}", "value": 1} for each in sorted(situation.fires)
    ]
    return {
        "interval": STEP,
        "input_series": [
            {"series": name, "values": values} for name, values in situation.all_series.items()
        ],
        "promql_expr_test": [
            {
                "expr": firing % WATCHDOG,
                "eval_time": f"{360 + situation.minutes}m",
                "exp_samples": expected,
            }
        ],
    }


@needs_promtool
def test_promtool_has_no_objection(tmp_path: Path) -> None:
    """`promtool check rules` finds the file well-formed, each expression too."""
    (tmp_path / "rules.yml").write_text(text(EVERY))
    code, said = promtool("check", "rules", "rules.yml", folder=tmp_path)
    assert code == 0, said


@needs_promtool
@pytest.mark.parametrize("name", SITUATIONS)
def test_exactly_these_alerts_fire(name: str, tmp_path: Path) -> None:
    """In each situation the alerts that belong to it, and no other."""
    (tmp_path / "rules.yml").write_text(text(EVERY))
    tests = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": STEP,
        "tests": [unit_test(SITUATIONS[name])],
    }
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(tests))
    code, said = promtool("test", "rules", "tests.yml", folder=tmp_path)
    assert code == 0, said


def test_every_alert_has_a_situation_in_which_it_fires() -> None:
    """None is there that nobody has seen fire; "all is well" is where none of them does."""
    seen = {alert for situation in SITUATIONS.values() for alert in situation.names}
    assert seen == names(EVERY) - {WATCHDOG}


def test_every_service_has_a_situation_without_it() -> None:
    """Series that are gone fire nothing by themselves: something else must."""
    assert {each.without for each in SITUATIONS.values()} == {"", *SERVICES}


def test_every_metric_is_declared() -> None:
    """A name in an alert, and in a situation, leads back to what a service declares."""
    known = NEIGHBOURS | {
        name for service in SERVICES for each in declared(service) for name in each.series
    }
    recorded = {
        rule["record"] for group in EVERY["groups"] for rule in group["rules"] if "record" in rule
    }
    used = {
        name
        for group in EVERY["groups"]
        for rule in group["rules"]
        for name in re.findall(r"([a-zA-Z_:][\w:]*)\{", rule["expr"])
    }
    assert used <= known | recorded
    assert not undeclared()


@pytest.mark.parametrize("alert", list(alerts(EVERY)), ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_what_to_do(alert: dict[str, Any]) -> None:
    """Severity, summary, an impact in one sentence, and a page that confirms, mends, prevents."""
    assert alert["labels"]["severity"] in {"critical", "warning", "none"}
    words = alert["annotations"]
    assert words["summary"]
    assert re.fullmatch(r"[^.]+\.", words["impact"])
    assert words["runbook_url"] == f"docs/runbooks/{alert['alert']}.md"
    page = (RUNBOOKS / f"{alert['alert']}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {alert['alert']}\n")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == ["Confirm", "Mend", "Prevent"]


def test_every_page_belongs_to_an_alert() -> None:
    """A page of an alert that is gone misleads."""
    pages = {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == names(EVERY)


def test_an_alert_can_be_left_out_or_moved() -> None:
    """Thresholds are values; null silences the one that needs somebody on the ward."""
    spec = rules(silentPatients=None, lagRecords=7, runbooks="https://runbooks.example")
    assert "VitalstreamSilentPatients" not in names(spec)
    (lag,) = (each for each in alerts(spec) if each["alert"] == "VitalstreamLagGrowing")
    assert "[10m]) > 7" in lag["expr"]
    assert lag["annotations"]["runbook_url"].startswith("https://runbooks.example/")


def test_compose_has_the_same_alerts() -> None:
    """Its file is generated: `make docs` writes it, nobody else."""
    assert document.FILE.read_text(encoding="utf-8") == document.content(), "run `make docs`"
