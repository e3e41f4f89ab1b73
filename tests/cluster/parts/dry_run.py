"""What the API server says to everything that the chart can make, operators' resources included."""

import copy
import json
from typing import Any

import pytest

from tests.chart import rendering
from tests.cluster.kubernetes import kubectl, run


@pytest.mark.parametrize("name", rendering.CASES)
def test_the_api_server_takes_every_combination(name: str) -> None:
    """A server-side dry run of each; operators' resources where the server knows their kind."""
    known = run("kubectl", "api-versions").split()
    resources = copy.deepcopy(rendering.case(name))
    for pod in rendering.of_kind(resources, "Pod"):  # its account is not there in a dry run
        pod["spec"]["serviceAccountName"] = "default"
    needs = {_needs(one) for one in resources} - {*known}
    taken = [one for one in resources if _needs(one) not in needs]
    if needs:
        print(f"left out, not known here: {', '.join(sorted(needs))}")
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": taken})
    kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=listed)


def _needs(resource: dict[str, Any]) -> str:
    """What a server must know to take it: CloudNativePG asks for what a backup's method needs."""
    if resource["kind"] == "ScheduledBackup" and resource["spec"]["method"] == "volumeSnapshot":
        return "snapshot.storage.k8s.io/v1"
    return str(resource["apiVersion"])
