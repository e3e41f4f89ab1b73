"""What more than one dashboard shows."""

from math import inf, nan
from typing import Final

from tests.monitoring.dashboards.grafana import GREEN, GREY, ORANGE, RED, Panel, Word
from tests.monitoring.dashboards.kinds import stat, states

NONE_ELSE_RED: Final = (Word("None", GREEN, 0),)
RED_FROM_ONE: Final = ((GREEN, None), (RED, 1.0))
ORANGE_FROM_ONE: Final = ((GREEN, None), (ORANGE, 1.0))
NOT_YET: Final = Word("None yet", GREY, nan)
REPLICA: Final = "{{pod}} {{instance}}"
"""A replica's name: Kubernetes knows its pod, compose only its address."""

SERVICE: Final = "max by (namespace, instance, component) (vitalstream_build_info{})"
"""Joins a target's own metrics to the service it runs, and leaves other targets out."""


READY: Final = (
    "min(vitalstream_ready{{}} * on (namespace, instance) group_left () "
    'vitalstream_build_info{{component="{}"}})'
)
"""1 where every replica of a service has all that it needs, 0 where one lacks something."""

_SECONDS: Final = {"1h": "3600", "1d": "86400", "$__rate_interval": "$__rate_interval_ms / 1000"}


def counted(counter: str, window: str, by: str = "") -> str:
    """What a counter rose by, as the chart's alerts reckon it.

    increase() alone does not see what a process counted before it was first scraped, which is when
    a gap is found: after a long outage. So a process younger than the window gives its whole count.
    """
    return (
        f"sum{f' by ({by})' if by else ''} ({counter}{{}} > 0 and on (namespace, instance) "
        f"process_start_time_seconds{{}} > time() - {_SECONDS[window]} "
        f"or increase({counter}{{}}[{window}]))"
    )


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


def alerts_by_name() -> Panel:
    """Which alerts fire and have fired; the watchdog is always there."""
    return states(
        "Alerts by name",
        "Which alerts fire and have fired, each with a runbook of its name. Without a line of the "
        "watchdog nothing is watched.",
        {
            "{{alertname}}": 'max by (alertname) (ALERTS{alertname=~"Vitalstream.+", '
            'alertstate="firing", severity!="none"})'
            ' or 0 * max by (alertname) (ALERTS{alertname="VitalstreamWatchdog"})'
        },
        (Word("Firing", RED, 1), Word("Watching", GREEN, 0)),
    )


def dead_letters() -> Panel:
    """Records that came and could not be stored."""
    return stat(
        "Dead letters, last hour",
        "Records that could not be stored. Each is kept with its reason, and can be sent again "
        "once that is mended: the dashboard's Operations page tells how.",
        f"round({counted('vitalstream_consumer_dead_letters_total', '1h')})",
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
