"""What more than one dashboard shows."""

from math import inf, nan
from typing import Final

from tests.monitoring.dashboards.grafana import GREEN, GREY, ORANGE, RED, Panel, Word
from tests.monitoring.dashboards.kinds import stat

NONE_ELSE_RED: Final = (Word("None", GREEN, 0),)
RED_FROM_ONE: Final = ((GREEN, None), (RED, 1.0))
ORANGE_FROM_ONE: Final = ((GREEN, None), (ORANGE, 1.0))
NOT_YET: Final = Word("None yet", GREY, nan)
REPLICA: Final = "{{pod}} {{instance}}"
"""A replica's name: Kubernetes knows its pod, compose only its address."""

SERVICE: Final = "max by (namespace, instance, component) (vitalstream_build_info{})"
"""Joins a target's own metrics to the service it runs, and leaves other targets out."""


def quantile(share: float, histogram: str, by: str = "") -> str:
    """The value that this share of the observations stays below."""
    labels = f"le, {by}" if by else "le"
    return (
        f"histogram_quantile({share}, "
        f"sum by ({labels}) (rate({histogram}_bucket{{}}[$__rate_interval])))"
    )


def alerts() -> Panel:
    """How many alerts fire; the watchdog tells none from not watched."""
    return stat(
        "Alerts",
        "Alerts of this namespace that are firing now; each has a runbook. Without the rules "
        "(monitoring.rules of the chart) nothing is watched.",
        'count(ALERTS{alertname=~"Vitalstream.+", alertstate="firing", severity!="none"})'
        ' or 0 * count(ALERTS{alertname="VitalstreamWatchdog"})',
        words=(Word("None firing", GREEN, 0),),
        steps=RED_FROM_ONE,
        nothing=("Not watched", ORANGE),
    )


def dead_letters() -> Panel:
    """Records that came and could not be stored."""
    return stat(
        "Dead letters, last hour",
        "Records that could not be stored. Each is kept with its reason, and can be sent again "
        "once that is mended: the dashboard's Operations page tells how.",
        "round(sum(increase(vitalstream_consumer_dead_letters_total{}[1h])))",
        "short",
        words=NONE_ELSE_RED,
        steps=ORANGE_FROM_ONE,
        nothing=("No consumer", RED),
    )


def up_to(limit: float, good: str, late: str, bad: str, bad_from: float) -> tuple[Word, ...]:
    """Words for an age: good below limit, bad from bad_from on, NaN before the first."""
    return (
        Word(good, GREEN, -inf, limit),
        Word(late, ORANGE, limit, bad_from),
        Word(bad, RED, bad_from, inf),
        NOT_YET,
    )
