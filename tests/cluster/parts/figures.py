"""What each pod takes, idle and at 10,000 records/s. Prints a table; nothing is judged by it."""

import os
import time
from pathlib import Path

import pytest

from tests.cluster.kubernetes import kubectl, wait
from tests.cluster.release import (
    audit,
    equal,
    flowing,
    psql,
    reached,
    start_producer,
    stop_producer,
    upgrade,
)

pytestmark = pytest.mark.long
FAST = int(os.environ.get("CLUSTER_FAST_RATE", "10000"))
SETTLE = 90.0
"""Seconds until the cluster's metrics are of this load alone."""


def test_what_each_pod_takes(tmp_path: Path) -> None:
    """With one consumer; then the records of the fast minutes are compared like any others."""
    stop_producer()
    time.sleep(SETTLE)
    _tell("idle")
    upgrade(tmp_path, producer={"settings": {"PRODUCER_RATE": FAST}})
    start_producer()
    time.sleep(20)
    first, started = reached(), time.monotonic()
    time.sleep(SETTLE)
    rate = (reached() - first) / (time.monotonic() - started)
    _tell(f"{FAST} records/s asked for, {rate:.0f} stored")
    stop_producer()
    time.sleep(15)  # the ledger knows the log's end again
    wait("what was sent too fast is stored", lambda: _behind() == 0, 1200)
    upgrade(tmp_path)
    start_producer()
    flowing(5)
    assert equal(audit())


def _behind() -> int:
    return int(psql("SELECT coalesce(sum(log_end_offset - next_offset), 1) FROM stream_offsets"))


def _tell(what: str) -> None:
    print(f"\n{what}:")
    wait("the cluster has metrics of the pods", lambda: bool(kubectl("top", "pod")), 120)
    print(kubectl("top", "pod", "--sum=true"))
