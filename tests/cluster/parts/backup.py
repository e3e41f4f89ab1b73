"""A backup under load, and the database lost: restored as docs/operations.md says, word by word.

The cluster has neither an object store nor volume snapshots, so it is the logical dump.
"""

import json
from pathlib import Path

import pytest

from tests.cluster.kubernetes import NAMESPACE, RELEASE, get, kubectl, run, wait
from tests.cluster.release import (
    CLUSTER,
    DATABASE_KIND,
    audit,
    equal,
    flowing,
    job_from,
    primary,
    psql,
    reached,
    upgrade,
)

pytestmark = pytest.mark.long
DOCUMENT = Path(__file__).parents[3] / "docs" / "operations.md"


def test_a_lost_database_is_restored_and_catches_up(tmp_path: Path) -> None:
    """The ledger in the backup stands where it was taken; Kafka has what came since."""
    back_up, restore = _commands()
    flowing(5)
    _run(back_up, tmp_path)
    taken = reached()
    flowing(10)
    kubectl("delete", DATABASE_KIND, CLUSTER)
    wait("its volume is gone", lambda: not get("persistentvolumeclaim"))
    # As the page says: nothing makes tables, and nothing writes, until the backup is in.
    upgrade(tmp_path, "--timeout=60s", migrations={"enabled": False}, consumer={"replicas": 0})
    wait("an empty database is there", lambda: bool(primary()) and psql("SELECT 1") == "1")
    _run(restore, tmp_path)
    assert 0 < reached() <= taken
    assert "wrong before: 0" in job_from("maintain", "recount-restored", ["recount"])
    upgrade(tmp_path)
    flowing(10)
    assert equal(audit())


def _commands() -> tuple[str, str]:
    """Those under the heading for Kubernetes, as they stand."""
    section = DOCUMENT.read_text("utf-8").split("### In Kubernetes\n")[1].split("\n## ")[0]
    blocks = [block for block in section.split("```")[1::2] if "pg_" in block]
    assert len(blocks) == 2, "one block to back up, one to restore"
    return blocks[0], blocks[1]


def _run(commands: str, folder: Path) -> None:
    """Run them in a shell, with the namespace set as a user's context would have it."""
    config = json.loads(run("kubectl", "config", "view", "--raw", "--minify", "-o", "json"))
    for context in config["contexts"]:
        context["context"]["namespace"] = NAMESPACE
    own = folder / "kubeconfig"
    own.touch(mode=0o600)
    own.write_text(json.dumps(config), encoding="utf-8")
    told = commands.replace("RELEASE", RELEASE)
    run("sh", "-ec", f"cd {folder}; export KUBECONFIG={own}; {told}")
