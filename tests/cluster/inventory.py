"""Everything that a namespace holds, of every kind, and who owns it."""

import json
from typing import Any, Final

from tests.cluster.kubernetes import NAMESPACE, kubectl, run

# Made by the cluster itself about what others made.
_NOT_ASKED: Final = ("events", "pods.metrics.k8s.io", "endpoints", "controllerrevisions.apps")

Inventory = dict[str, list[str]]
"""`kind/name` to the owners' names, by `kind/name` too."""


def inventory() -> Inventory:
    """What is there now; persistent volumes that the namespace claims too."""
    listed = run("kubectl", "api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    kinds = [kind for kind in listed if not kind.startswith(_NOT_ASKED)]
    items = json.loads(kubectl("get", ",".join(kinds), "-o", "json"))["items"]
    found = {_name(one["kind"], one["metadata"]): _owners(one) for one in items}
    for volume in json.loads(run("kubectl", "get", "persistentvolume", "-o", "json"))["items"]:
        claim = volume["spec"].get("claimRef", {})
        if claim.get("namespace") == NAMESPACE:
            owner = f"PersistentVolumeClaim/{claim['name']}"
            found[_name("PersistentVolume", volume["metadata"])] = [owner]
    return found


def left(before: Inventory, kept: tuple[str, ...] = ()) -> list[str]:
    """What is there now, was not there before, and neither is `kept` nor belongs to it."""
    now = inventory()
    return sorted(one for one in now if one not in before and not _belongs(one, now, kept))


def _belongs(one: str, now: Inventory, kept: tuple[str, ...]) -> bool:
    return one in kept or any(_belongs(owner, now, kept) for owner in now.get(one, []))


def _name(kind: str, metadata: dict[str, Any]) -> str:
    return f"{kind}/{metadata['name']}"


def _owners(one: dict[str, Any]) -> list[str]:
    return [_name(owner["kind"], owner) for owner in one["metadata"].get("ownerReferences", [])]
