"""A namespace that enforces the restricted level, with a broker in it; gone at the end.

CLUSTER_KEEP=1 leaves it as it is; CLUSTER_GO_ON=1 goes on in one that was left, with other parts.
"""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import broker
from tests.cluster.inventory import Inventory, inventory
from tests.cluster.kubernetes import NAMESPACE, get, kubectl, run
from tests.cluster.release import audit, of

_SEEN = Path(__file__).parents[3] / "build" / "cluster-before.json"


@pytest.fixture(scope="session", autouse=True)
def _namespace() -> Iterator[None]:
    if os.environ.get("CLUSTER_GO_ON") == "1":
        if get("deployment", *of("producer")):
            audit()  # the load is counted from here on
    else:
        run("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s")
        run("kubectl", "create", "namespace", NAMESPACE)
        level = "pod-security.kubernetes.io/enforce=restricted"
        run("kubectl", "label", "namespace", NAMESPACE, level)
        broker.start()
        _SEEN.parent.mkdir(exist_ok=True)
        _SEEN.write_text(json.dumps(inventory()), encoding="utf-8")
    yield
    if os.environ.get("CLUSTER_KEEP") != "1":
        run("kubectl", "delete", "namespace", NAMESPACE, "--timeout=300s")


@pytest.fixture(scope="session")
def before() -> Inventory:
    """What the namespace held before anything was installed."""
    found: Inventory = json.loads(_SEEN.read_text("utf-8"))
    return found


@pytest.fixture
def authority() -> str:
    """The CA of the broker's certificate, as clients have it now."""
    packed = kubectl("get", "secret", "kafka-ca", "-o", r"jsonpath={.data.ca\.crt}")
    return base64.b64decode(packed).decode()
