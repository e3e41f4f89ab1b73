"""More consumers and fewer, under load: by values, and by kubectl where values name no number."""

from pathlib import Path

import pytest

from tests.cluster.kubernetes import NAME, get, kubectl, rolled_out, wait
from tests.cluster.release import audit, equal, flowing, of, psql, upgrade


def _owners() -> int:
    return int(psql("SELECT count(DISTINCT owner_token) FROM stream_offsets"))


def test_scaling_by_values_loses_nothing(tmp_path: Path) -> None:
    """1 -> 3 -> 1 by helm upgrade, under load; three consumers share the three partitions."""
    upgrade(tmp_path, consumer={"replicas": 3})
    wait("each of three has one partition", lambda: _owners() == 3, 120)
    flowing(10)
    upgrade(tmp_path)
    wait("one has all partitions", lambda: _owners() == 1, 120)
    flowing(10)
    assert equal(audit())


@pytest.mark.long
def test_scaling_by_kubectl_loses_nothing(tmp_path: Path) -> None:
    """1 -> 3 -> 1 with `replicas: null`; kubectl's number survives an upgrade in between."""
    upgrade(tmp_path, consumer={"replicas": None})
    kubectl("scale", f"deployment/{NAME}-consumer", "--replicas=3")
    rolled_out("consumer")
    wait("each of three has one partition", lambda: _owners() == 3, 120)
    flowing(5)
    changed = {"replicas": None, "podAnnotations": {"changed": "yes"}}
    upgrade(tmp_path, consumer=changed)
    (consumer,) = get("deployment", *of("consumer"))
    assert consumer["spec"]["replicas"] == 3
    flowing(5)
    kubectl("scale", f"deployment/{NAME}-consumer", "--replicas=1")
    wait("one has all partitions", lambda: _owners() == 1, 120)
    flowing(5)
    assert equal(audit())
    # Helm has the number again, alone once it has set another one, as the chart's README says.
    upgrade(tmp_path, "--force-conflicts", "--wait", consumer={"replicas": 2})
    upgrade(tmp_path)
