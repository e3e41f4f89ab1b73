"""The database away, and lost with its tail: the ledger goes back with it, and nothing is lost."""

import json
from pathlib import Path

import pytest

from tests.cluster.kubernetes import get, kubectl, wait
from tests.cluster.release import (
    CLUSTER,
    DATABASE_KIND,
    audit,
    equal,
    flowing,
    of,
    primary,
    reached,
    restarts,
    upgrade,
)

pytestmark = pytest.mark.long


def test_a_deleted_database_pod_loses_nothing() -> None:
    """It comes back on its volume; the consumer waits without a restart."""
    before = restarts()
    kubectl("delete", "pod", primary())
    wait("the database is back", lambda: reached() > 0)
    flowing(10)
    assert restarts() == before
    assert equal(audit())


def test_a_failover_that_loses_the_tail_loses_nothing(tmp_path: Path) -> None:
    """Two instances, the replica asynchronous and behind; the primary and its volume destroyed.

    What the primary alone had is gone, with the ledger's steps in it: the consumer claims its
    partitions at offsets that it had passed, and reads those records again.
    """
    upgrade(tmp_path, database={"cnpg": {"instances": 2}})
    wait("both are ready", lambda: _ready() == 2, 300)
    flowing(5)
    old = primary()
    (replica,) = [name for name in _instances() if name != old]
    receiver = _psql(replica, "SELECT pid FROM pg_stat_wal_receiver")
    _shell(replica, f"kill -STOP {receiver}")
    flowing(5)  # committed by the primary, received by nobody
    had = _ledger(replica)
    passed = _ledger(old)
    ahead = sum(passed.values()) - sum(had.values())
    print(f"the primary has {ahead} records more than the replica")
    assert ahead > 0
    lost = _volumes()[old]
    kubectl("delete", "persistentvolumeclaim", old, "--wait=false")
    kubectl("delete", "pod", old, "--grace-period=0", "--force")
    # Killed before it can take what waits in its socket; promoting waits for its end.
    _shell(replica, f"kill -TERM {receiver}; kill -CONT {receiver}; true")
    wait("the replica is the primary", lambda: primary() == replica, 300)
    flowing(10)
    claimed = _claimed()
    assert sum(claimed.values()) < sum(passed.values()), (claimed, passed)
    assert equal(audit())
    wait("the lost instance is made anew", lambda: _ready() == 2, 300)
    assert lost not in _volumes().values()  # the name may be taken again


def test_back_to_one_instance(tmp_path: Path) -> None:
    """The other is removed with its volume, under load."""
    upgrade(tmp_path)
    wait("one is left", lambda: len(_instances()) == 1, 300)
    flowing(5)
    assert equal(audit())
    assert len(_volumes()) == 1


def _instances() -> list[str]:
    return [
        one["metadata"]["name"]
        for one in get("pod", "-l", f"cnpg.io/cluster={CLUSTER},cnpg.io/podRole=instance")
    ]


def _volumes() -> dict[str, str]:
    """Unique id of each instance's claim."""
    found = [one["metadata"] for one in get("persistentvolumeclaim")]
    return {one["name"]: one["uid"] for one in found}


def _ready() -> int:
    (cluster,) = get(DATABASE_KIND)
    return int(cluster["status"].get("readyInstances", 0))


def _psql(pod: str, statement: str) -> str:
    command = ["psql", "--no-psqlrc", "-At", "-d", "vitalstream", "-c", statement]
    return kubectl("exec", pod, "-c", "postgres", "--", *command).strip()


def _ledger(pod: str) -> dict[int, int]:
    rows = _psql(pod, "SELECT partition, next_offset FROM stream_offsets").split()
    return {int(row.split("|")[0]): int(row.split("|")[1]) for row in rows}


def _claimed() -> dict[int, int]:
    """Where the consumer last began to read each partition, by its log."""
    lines = kubectl("logs", *of("consumer"), "--tail=-1", "-c", "consumer").splitlines()
    events = [json.loads(line) for line in lines if '"partition_claimed"' in line]
    return {event["partition"]: event["next_offset"] for event in events}


def _shell(pod: str, command: str) -> None:
    kubectl("exec", pod, "-c", "postgres", "--", "sh", "-c", command)
