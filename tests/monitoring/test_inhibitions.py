"""Of alerts that fire together Alertmanager sends the cause alone."""

import re
from dataclasses import dataclass

import pytest

from tests.chart import rendering
from tests.monitoring.rules import alerts, rules
from tests.monitoring.scenarios import SITUATIONS, Fired

EVERY = rules(clusterMetrics=True)
NAMES = {alert["alert"] for alert in alerts(EVERY)}


@dataclass(frozen=True)
class Inhibition:
    """One rule of Alertmanager's."""

    source: dict[str, str]
    muted: set[str]
    equal: list[str]

    def mutes(self, cause: Fired, effect: Fired) -> bool:
        """Whether an alert mutes another."""
        ours, theirs = cause.labels, effect.labels
        return (
            self.source.items() <= ours.items()
            and effect.alert in self.muted
            and all(ours.get(label) == theirs.get(label) for label in self.equal)
        )


@pytest.fixture(scope="module")
def inhibitions() -> list[Inhibition]:
    """Alertmanager's rules, as the chart has them."""
    config = rendering.find(
        rendering.render({"monitoring.inhibitions.enabled": True}),
        "AlertmanagerConfig",
        "vitalstream",
    )
    found = []
    for rule in config["spec"]["inhibitRules"]:
        assert {each["matchType"] for each in rule["sourceMatch"]} == {"="}
        source = {each["name"]: each["value"] for each in rule["sourceMatch"]}
        (target,) = rule["targetMatch"]
        muted = {each for each in NAMES if re.fullmatch(target["value"], each)}
        assert len(muted) == len(target["value"].split("|"))
        found.append(Inhibition(source, muted, rule["equal"]))
    return found


def test_only_alerts_that_are_there_inhibit_others(inhibitions: list[Inhibition]) -> None:
    """A renamed one must not leave its effects unmuted; none mutes itself, or another release's."""
    for each in inhibitions:
        assert each.source["alertname"] in NAMES - each.muted
        assert "namespace" in each.equal


def test_every_inhibition_is_seen_at_work(inhibitions: list[Inhibition]) -> None:
    """None is there that no situation needs."""
    idle = [
        each
        for each in inhibitions
        if not any(
            each.mutes(cause, effect)
            for situation in SITUATIONS.values()
            for cause in situation.fires
            for effect in situation.fires
        )
    ]
    assert not idle


@pytest.mark.parametrize(
    "name", [name for name, situation in SITUATIONS.items() if len(situation.fires) > 1]
)
def test_of_alerts_that_fire_together_the_cause_is_sent(
    name: str, inhibitions: list[Inhibition]
) -> None:
    """One page for one trouble, and it is a critical one."""
    fires = SITUATIONS[name].fires
    muted = {
        effect
        for each in inhibitions
        for cause in fires
        for effect in fires
        if each.mutes(cause, effect)
    }
    (sent,) = {each.alert for each in fires - muted}
    (alert,) = (each for each in alerts(EVERY) if each["alert"] == sent)
    assert alert["labels"]["severity"] == "critical"
