"""Every pod replaced under load: by a rolling restart, by an upgrade, one killed without grace."""

from pathlib import Path

import pytest

from tests.cluster.commits import watched
from tests.cluster.kubernetes import NAME, kubectl, rolled_out
from tests.cluster.release import ProducerEnds, audit, equal, flowing, of, pods, upgrade

SERVICES = ("producer", "consumer", "dashboard")


def test_a_rolling_restart_loses_nothing() -> None:
    """All three services. Prints the longest gap in commits that the consumer's rollout made."""
    flowing(5)
    with watched() as commits:
        flowing(5)
        kubectl("rollout", "restart", f"deployment/{NAME}-consumer")
        rolled_out("consumer")
        flowing(20)
    print(f"one consumer, restarted: {commits.gaps()}")
    producer = ProducerEnds()
    kubectl("rollout", "restart", f"deployment/{NAME}-producer", f"deployment/{NAME}-dashboard")
    for service in SERVICES:
        rolled_out(service)
    assert producer.lossy() == 0
    flowing(5)
    assert equal(audit())


def test_an_upgrade_loses_nothing(tmp_path: Path) -> None:
    """`helm upgrade` that changes every pod. Prints the longest gap in commits."""
    flowing(5)
    with watched() as commits:
        flowing(5)
        upgrade(tmp_path, pods={"annotations": {"changed": "by an upgrade"}})
        flowing(20)
    print(f"one consumer, upgraded: {commits.gaps()}")
    assert equal(audit())


@pytest.mark.long
def test_an_upgrade_of_three_consumers_loses_nothing(tmp_path: Path) -> None:
    """The same with three. Prints the longest gap in commits, of one partition and of them all."""
    upgrade(tmp_path, consumer={"replicas": 3})
    flowing(10)
    with watched() as commits:
        flowing(5)
        kubectl("rollout", "restart", f"deployment/{NAME}-consumer")
        rolled_out("consumer")
        flowing(30)
    print(f"three consumers, restarted: {commits.gaps()}")
    upgrade(tmp_path)
    assert equal(audit())


@pytest.mark.long
def test_a_killed_consumer_loses_nothing() -> None:
    """Grace period 0, three times under load."""
    for _ in range(3):
        victim = pods("consumer")[0]["metadata"]["name"]
        kubectl("delete", "pod", victim, "--grace-period=0", "--force")
        flowing(5)
    kubectl("wait", "--for=condition=Ready", "pod", *of("consumer"), "--timeout=180s")
    assert equal(audit())
