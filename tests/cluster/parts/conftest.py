"""A namespace that enforces the restricted level, with a broker in it; gone at the end."""

import os
from collections.abc import Iterator

import pytest
import trustme

from tests.cluster import broker
from tests.cluster.inventory import Inventory, inventory
from tests.cluster.kubernetes import NAMESPACE, run


@pytest.fixture(scope="session", autouse=True)
def authority() -> Iterator[trustme.CA]:
    """The CA of the broker's certificate."""
    run("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s")
    run("kubectl", "create", "namespace", NAMESPACE)
    level = "pod-security.kubernetes.io/enforce=restricted"
    run("kubectl", "label", "namespace", NAMESPACE, level)
    yield broker.start()
    if os.environ.get("CLUSTER_KEEP") != "1":
        run("kubectl", "delete", "namespace", NAMESPACE, "--timeout=300s")


@pytest.fixture(scope="session", autouse=True)
def before(authority: trustme.CA) -> Inventory:  # noqa: ARG001 - the broker is there before
    """What the namespace holds before anything is installed."""
    return inventory()
