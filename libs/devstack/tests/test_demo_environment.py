"""What the demo tells its services beyond addresses."""

from pathlib import Path

import pytest

from vitalstream_devstack.demo.environment import for_dashboard, for_producer
from vitalstream_devstack.demo.settings import DemoSettings


@pytest.mark.parametrize(
    ("given", "profile", "scale"),
    [
        ({}, "hospital", "60"),
        ({"PRODUCER_PROFILE": "seed"}, "seed", "1"),
        ({"PRODUCER_TIME_SCALE": "1"}, "hospital", "1"),
        ({"DASHBOARD_TIME_SCALE": "5"}, "hospital", "5"),
    ],
)
def test_producer_and_dashboard_agree_on_the_time_scale(
    given: dict[str, str], profile: str, scale: str
) -> None:
    """A hospital at sixty times the clock, unless a person wants otherwise for either."""
    producer = for_producer(given, DemoSettings(), Path("log"))
    dashboard = for_dashboard(given, 8501)
    assert (producer["PRODUCER_PROFILE"], producer["PRODUCER_TIME_SCALE"]) == (profile, scale)
    assert dashboard["DASHBOARD_TIME_SCALE"] == scale
