"""The first rows' words, each brought about by series as the services would show them."""

import math
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.monitoring.panels import dashboards, expressions, panels

IN = 'namespace="vitalstream"'
SENT = f"vitalstream_consumer_records_committed_total{{{IN}}}"
LAG = f'vitalstream_consumer_lag_records{{{IN},partition="0"}}'
AGE = "vitalstream_dashboard_data_age_seconds"
UP = "vitalstream_dashboard_database_up"
SILENT = "vitalstream_dashboard_silent_patients"
AGES = "vitalstream_consumer_record_age_seconds"


def ages(in_time: str, of: str, there: str = "1x40") -> dict[str, str]:
    """A consumer and its histogram of the records' age, so many of them in time."""
    within = {f'{AGES}_bucket{{{IN},le="{bound}"}}': in_time for bound in ("1.0", "5.0")}
    beyond = {f'{AGES}_bucket{{{IN},le="{bound}"}}': of for bound in ("10.0", "+Inf")}
    consumer = {f"vitalstream_consumer_writers{{{IN}}}": there}
    return {**within, **beyond, **consumer, f"{AGES}_count{{{IN}}}": of}


def stands(partition: str, offset: str, lag: str = "3x40") -> dict[str, str]:
    """Where the tables stand in a partition, and how many wait in it."""
    return {
        f'vitalstream_consumer_next_offset{{{IN},partition="{partition}"}}': offset,
        f'vitalstream_consumer_lag_records{{{IN},partition="{partition}"}}': lag,
    }


QUICK, NEW = ages("0+10x40", "0+10x40"), ages("0x40", "0x40")
SLOW = ages("0+9x40", "0+10x40")
GONE = ages("0+10x38 stale", "0+10x38 stale", "1x38 stale")
BUILD = f'vitalstream_build_info{{{IN},component="consumer"'
READY = "vitalstream_ready"
ALERT = f'ALERTS{{{IN},alertstate="firing"'
WATCHDOG = f'{ALERT},alertname="VitalstreamWatchdog",severity="none"}}'


@dataclass(frozen=True)
class Case:
    """Series by their selector, every 15 s, and what a panel says ten minutes later."""

    panel: str
    says: str
    series: dict[str, str]


CASES = [
    Case("Stream", "Live", {SENT: "0+10x40", LAG: "3x40", **QUICK}),
    Case("Stream", "Late", {SENT: "0+10x40", LAG: "3x40", **SLOW}),
    Case("Stream", "Stopped", {SENT: "50x40", LAG: "3x40", **NEW}),
    Case("Stream", "Nothing arrives", {SENT: "50x40", LAG: "0x40", **NEW}),
    Case("Stream", "Nothing arrives", {SENT: "50x40", **NEW}),
    Case(
        "Stream",
        "Stopped",
        {
            SENT: "0x40",
            f'{BUILD},instance="a"}}': "1x40",
            f'{READY}{{{IN},instance="a",dependency="database"}}': "0x40",
            **NEW,
        },
    ),
    Case(
        "Stream",
        "Partly stopped",
        {SENT: "0+10x40", LAG: "3x40", **stands("0", "0+10x40"), **stands("1", "7x40"), **QUICK},
    ),
    Case("Stream", "Stopped", {SENT: "50x40", LAG: "3x40", **stands("0", "7x40"), **NEW}),
    Case("Stream", "Live", {SENT: "0+10x40", **stands("1", "7x40", lag="1x40"), **QUICK}),
    Case("Stream", "No consumer", {}),
    Case("Stream", "No consumer", {SENT: "0+10x38 stale", **GONE}),
    Case("How late", "No records", NEW),
    Case("How late", "No consumer", GONE),
    Case("How late", "9.5", SLOW),
    Case("Waiting in Kafka", "None", {LAG: "0x40"}),
    Case("Waiting in Kafka", "Nobody reads", {SENT: "0x40"}),
    Case(
        "Dead letters, last hour",
        "3",
        {
            f'vitalstream_consumer_dead_letters_total{{{IN},reason="{reason}"}}': values
            for reason, values in [("not_json", "0x20 2x20"), ("conflict", "0x30 1x10")]
        },
    ),
    Case(
        "Gaps, last day",
        "None",
        {f'vitalstream_consumer_gaps_total{{{IN},kind="deleted"}}': "4x40"},
    ),
    Case(
        "Gaps, last day",
        "2",
        {
            f'vitalstream_consumer_gaps_total{{{IN},kind="deleted",instance="a"}}': "_x20 2x20",
            f'process_start_time_seconds{{{IN},instance="a"}}': "_x20 300x20",
        },
    ),
    Case("Alerts", "Not watched", {}),
    Case("Alerts", "None firing", {WATCHDOG: "1x40"}),
    Case("Alerts", "1", {WATCHDOG: "1x40", f'{ALERT},alertname="VitalstreamGap"}}': "1x40"}),
    Case("Patients' data", "Live", {f'{AGE}{{{IN},pod="a"}}': "3x40"}),
    Case(
        "Patients' data",
        "Live",
        {f'{AGE}{{{IN},pod="a"}}': "3x40", f'{AGE}{{{IN},pod="b"}}': "900x40"},
    ),
    Case("Patients' data", "Late", {f'{AGE}{{{IN},pod="a"}}': "60x40"}),
    Case("Patients' data", "Stopped", {f'{AGE}{{{IN},pod="a"}}': "600x40"}),
    Case("Patients' data", "None yet", {f'{AGE}{{{IN},pod="a"}}': "NaN " * 41}),
    Case(
        "Overdue for observation",
        "5",
        {
            f'{SILENT}{{{IN},department="{ward}",pod="{pod}"}}': f"{silent}x40"
            for ward, silent in [("ICU", 2), ("Oncology", 3)]
            for pod in "ab"
        },
    ),
    Case("Overdue for observation", "Database away", {}),
    Case("Overdue for observation", "Database away", {f"{UP}{{{IN}}}": "0x40"}),
    Case("Overdue for observation", "Nobody", {f"{UP}{{{IN}}}": "1x40"}),
    Case("At high risk", "No patients", {f"{UP}{{{IN}}}": "1x40"}),
    Case(
        "Consumer",
        "Ready",
        {f'{BUILD},instance="a"}}': "1x40", f'{READY}{{{IN},instance="a",dependency="x"}}': "1x40"},
    ),
    Case(
        "Consumer",
        "Waiting",
        {
            f'{BUILD},instance="a"}}': "1x40",
            f'{BUILD},instance="b"}}': "1x40",
            f'{READY}{{{IN},instance="a",dependency="x"}}': "1x40",
            f'{READY}{{{IN},instance="a",dependency="y"}}': "1x40",
            f'{READY}{{{IN},instance="b",dependency="x"}}': "1x40",
            f'{READY}{{{IN},instance="b",dependency="y"}}': "0x40",
        },
    ),
    Case("Consumer", "Not running", {f'{READY}{{{IN},instance="a",dependency="x"}}': "1x40"}),
    Case("Database", "Away", {f"{UP}{{{IN}}}": "0x40"}),
    Case(
        "Restarts, last hour",
        "1",
        {
            f'{BUILD},instance="a"}}': "1x40",
            f'process_start_time_seconds{{{IN},instance="a"}}': "100x20 200x20",
            f'process_start_time_seconds{{{IN},instance="another\'s"}}': "1+1x40",
        },
    ),
]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[float | None]:
    """Each case's figure by Prometheus; None where there is no series."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool: install prometheus")
    queries = {each.panel: each.expr for each in expressions()}
    tests = [_asking(queries[case.panel], case) for case in CASES]
    file = tmp_path_factory.mktemp("words") / "cases.yml"
    file.write_text(yaml.safe_dump({"rule_files": [], "tests": tests}))
    done = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    got = re.findall(r"got: (?:nil|.* (\S+))$", done.stdout + done.stderr, flags=re.MULTILINE)
    return [float(figure) if figure else None for figure in got]


def _asking(query: str, case: Case) -> dict[str, Any]:
    """Expects what cannot be: promtool tells what it got where that is something else."""
    return {
        "interval": "15s",
        "input_series": [
            {"series": series, "values": values} for series, values in case.series.items()
        ],
        "promql_expr_test": [
            {"expr": query, "eval_time": "10m", "exp_samples": [{"labels": "{no='way'}"}]}
        ],
    }


def shown(panel: Any, figure: float | None) -> str:
    """What Grafana makes of a figure: the first mapping that fits, else the figure."""
    for mapping in panel["fieldConfig"]["defaults"]["mappings"]:
        if (word := _mapped(mapping, figure)) is not None:
            return word
    return f"{figure:.4g}"


def _mapped(mapping: Any, figure: float | None) -> str | None:
    options = mapping["options"]
    result = options.get("result", {})
    match mapping["type"], options.get("match"):
        case "special", "null":
            fits = figure is None
        case _ if figure is None:
            fits = False
        case "special", _:
            fits = math.isnan(figure)
        case "range", _:
            low, high = options["from"], options["to"]
            fits = (low is None or figure >= low) and (high is None or figure <= high)
        case _:
            fits = f"{figure:g}" in options
            result = options.get(f"{figure:g}")
    return str(result["text"]) if fits else None


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda each: CASES[each].panel)
def test_a_panel_says_what_is_so(number: int, said: list[float | None]) -> None:
    """Live, late, stopped or away: the word is the one that a person would choose."""
    assert len(said) == len(CASES)
    case = CASES[number]
    found = [
        panel
        for dashboard in dashboards().values()
        for panel in panels(dashboard)
        if panel["title"] == case.panel
    ]
    assert {shown(panel, said[number]) for panel in found} == {case.says}
