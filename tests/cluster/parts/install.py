"""From nothing to records on the page, and that a loss would be seen."""

import threading
import time
from pathlib import Path

import pytest

from tests.cluster.kubernetes import NAME, RELEASE, get, helm_, kubectl, rolled_out, wait
from tests.cluster.page import opened
from tests.cluster.release import audit, equal, flowing, of, psql, restarts, stored, upgrade


def test_it_installs_from_nothing_and_records_reach_the_page(tmp_path: Path) -> None:
    """With --wait, nothing there before; a browser has the page open and looks for the first one.

    Prints the time from `helm install` to the first record on the page.
    """
    failed: list[Exception] = []

    def install() -> None:
        try:
            upgrade(tmp_path)
        except Exception as error:  # noqa: BLE001 - raised below, in the test's own thread
            failed.append(error)

    started = time.monotonic()
    installing = threading.Thread(target=install)
    installing.start()
    wait("the page's pod is ready", lambda: not installing.is_alive() or _page_is_ready(), 600)
    if not failed:
        with opened() as page:
            page.shows_records()
            print(f"install to first record on the page: {time.monotonic() - started:.0f} s")
            first = page.admissions()
            page.shows_more_than(first)
            page.says_live()
    installing.join()
    if failed:
        raise failed[0]
    print(f"helm --wait returned after {time.monotonic() - started:.0f} s at most")
    (migrate,) = get("job", *of("migrate"))
    assert migrate["status"].get("succeeded") == 1


def _page_is_ready() -> bool:
    (deployment,) = get("deployment", *of("dashboard"))
    return bool(deployment["status"].get("readyReplicas"))


def test_helm_test_passes() -> None:
    """The page answers and the tables are claimed, from a pod with the tests' own policy."""
    assert "Succeeded" in helm_("test", RELEASE, "--timeout", "5m")


def test_nothing_restarted() -> None:
    """Waiting is not crashing: from nothing to ready without a single restart."""
    assert not any(restarts().values()), restarts()


@pytest.mark.long
def test_helm_test_fails_where_nothing_is_consumed(tmp_path: Path) -> None:
    """Where no partition is claimed it says so; a consumer claims them again by itself."""
    upgrade(tmp_path, consumer={"replicas": 0})
    kubectl("wait", "--for=delete", "pod", *of("consumer"), "--timeout=120s")
    psql("DELETE FROM stream_offsets")
    with pytest.raises(AssertionError):
        helm_("test", RELEASE, "--timeout", "4m")
    said = kubectl("logs", f"{NAME}-test-read")
    assert "no consumer has claimed a partition yet" in said
    upgrade(tmp_path)
    helm_("test", RELEASE, "--timeout", "5m")


def test_records_flow_and_a_loss_would_be_seen() -> None:
    """Produced and stored are the same set; with one row taken away, or doubled, they are not."""
    flowing(20)
    assert equal(audit())
    assert psql("SELECT count(*) FROM observations_default") == "0"  # they are in their days
    one = "SELECT tableoid, ctid FROM observations LIMIT 1"
    psql(f"DELETE FROM observations WHERE (tableoid, ctid) IN ({one})")  # noqa: S608 - no input
    lost = audit()
    assert lost["missing"] == 1
    assert not equal(lost)
    psql("DELETE FROM stream_offsets")  # the whole topic again: idempotent, and it fills the hole
    kubectl("rollout", "restart", f"deployment/{NAME}-consumer")
    rolled_out("consumer")
    assert equal(audit())
    assert stored() > 0
