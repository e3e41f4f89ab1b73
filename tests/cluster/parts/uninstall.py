"""What uninstalling leaves, that it is found again, and how to remove it."""

from pathlib import Path

from tests.cluster.inventory import Inventory, left
from tests.cluster.kubernetes import RELEASE, get, helm_, run, wait
from tests.cluster.release import (
    CLUSTER,
    DATABASE_KIND,
    audit,
    equal,
    flowing,
    stop_producer,
    stored,
    upgrade,
)

KEPT = (f"Cluster/{CLUSTER}", "ConfigMap/cnpg-default-monitoring")
"""CloudNativePG puts the second into each namespace."""


def test_uninstall_keeps_the_data_and_nothing_else(before: Inventory) -> None:
    """Of every kind there is: only what NOTES names, and what belongs to the Cluster."""
    notes = helm_("get", "notes", RELEASE)
    for kind, name in (kept.split("/") for kept in KEPT):
        assert f" {name}" in notes, kind
    stop_producer()
    helm_("uninstall", RELEASE, "--wait")
    wait("nothing else is left", lambda: not left(before, KEPT) or _tell(before))
    assert [one["metadata"]["name"] for one in get(DATABASE_KIND)] == [CLUSTER]


def _tell(before: Inventory) -> bool:
    raise ValueError(f"left behind: {', '.join(left(before, KEPT))}")


def test_a_reinstall_finds_the_data_again(tmp_path: Path) -> None:
    """The same name takes the kept Cluster over, with new passwords, and the stream goes on."""
    had = stored()
    assert had > 0
    upgrade(tmp_path)
    assert stored() >= had
    flowing(5)
    assert equal(audit(), loaded=False)


def test_the_notes_tell_how_to_remove_the_rest(before: Inventory) -> None:
    """Their commands, run as they stand, leave the namespace as it was; no volume either."""
    notes = helm_("get", "notes", RELEASE)
    helm_("uninstall", RELEASE, "--wait")
    commands = [line.strip() for line in notes.splitlines() if " delete " in line]
    assert commands
    for command in commands:
        run(*command.split())
    wait("nothing is left", lambda: not left(before) or _tell(before))
