"""The chart's alerts, as a rule file that Prometheus and promtool read."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from tests.chart import rendering

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_DURATION: Final = re.compile(r"\b(\d+)([smh])\b")
_AGO: Final = re.compile(r"\btime\(\) - (\d+)\b")


def rules(namespace: str = "ward", **values: Any) -> dict[str, Any]:
    """The groups of rules.

    Args:
        namespace: The release's; every metric is asked for there alone.
        values: Of `monitoring.rules`, beside the defaults.
    """
    chosen = {f"monitoring.rules.{key}": value for key, value in values.items()}
    resources = rendering.rendered(
        values=json.dumps({"monitoring.rules.enabled": True, **chosen}), namespace=namespace
    )
    spec: dict[str, Any] = rendering.find(resources, "PrometheusRule", "vitalstream")["spec"]
    return spec


def text(spec: Mapping[str, Any]) -> str:
    """As a rule file."""
    return yaml.safe_dump(spec, sort_keys=False, width=1_000)


def alerts(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each alert of the groups."""
    for group in spec["groups"]:
        yield from (rule for rule in group["rules"] if "alert" in rule)


def hastened(spec: Mapping[str, Any], factor: int) -> dict[str, Any]:
    """The same rules with every duration divided: a window of 5m and a factor of 20 make 15s.

    A process' youth, in `time() - 600`, is one of them.
    """

    def shorter(match: re.Match[str]) -> str:
        return f"{int(match[1]) * _SECONDS[match[2]] * 1000 // factor}ms"

    def younger(match: re.Match[str]) -> str:
        return f"time() - {int(match[1]) / factor:g}"

    def of(rule: dict[str, Any]) -> dict[str, Any]:
        timed = {key: _DURATION.sub(shorter, rule[key]) for key in ("expr", "for") if key in rule}
        timed["expr"] = _AGO.sub(younger, timed["expr"])
        return rule | timed

    groups = [{**group, "rules": [of(rule) for rule in group["rules"]]} for group in spec["groups"]]
    return {"groups": groups}
