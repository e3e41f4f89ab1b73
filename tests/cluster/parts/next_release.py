"""The next release and back again, under load: the tables older and newer than the programs.

There is no released chart yet. The next one is made here: the chart under a higher version, and the
images of tests/cluster/next_release, the same programs with one migration more. So what runs before
is the previous chart version, with programs that do not know the next one's tables.
"""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.chart.schema import CHART
from tests.cluster import archives, images
from tests.cluster.kubernetes import RELEASE, Resource, get, helm_, kubectl, wait
from tests.cluster.release import (
    audit,
    equal,
    flowing,
    image,
    of,
    pods,
    psql,
    restarts,
    revision,
    upgrade,
)

VERSION = "1000.0.0"
NEXT = {name: image(name, images.NEXT) for name in images.MIGRATED}


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart as the next release has it."""
    folder = tmp_path_factory.mktemp("next") / "vitalstream"
    shutil.copytree(CHART, folder)
    file = folder / "Chart.yaml"
    told = yaml.safe_load(file.read_text("utf-8"))
    told |= {"version": VERSION, "appVersion": VERSION}
    file.write_text(yaml.safe_dump(told), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def release_before() -> int:
    """The revision to go back to."""
    return revision()


def _tables() -> int:
    return int(psql("SELECT version FROM schema_version"))


def test_programs_newer_than_the_tables_wait_for_them(
    tmp_path: Path, chart: Path, release_before: int
) -> None:
    """Unready, with a reason, without a restart; those of this release go on meanwhile."""
    assert release_before
    before = _tables()
    upgrade(tmp_path, "--timeout=60s", chart=chart, images=NEXT, migrations={"enabled": False})
    needed = f"the tables are at version {before}, {before + 1} is needed"
    wait(
        "a consumer of the next release says what it waits for",
        lambda: needed in kubectl("logs", *of("consumer"), "-c", "consumer", "--tail=-1"),
    )
    flowing(10)
    waiting = [pod for pod in pods("consumer") if _tag(pod) == images.NEXT]
    assert [_ready(pod) for pod in waiting] == ["False"]
    assert not any(restarts()[pod["metadata"]["name"]] for pod in waiting)


def test_the_upgrade_loses_nothing(tmp_path: Path, chart: Path) -> None:
    """With the migration they take over, and all of it carries the next version."""
    before = _tables()
    upgrade(tmp_path, chart=chart, images=NEXT)
    assert _tables() == before + 1
    assert {_tag(pod) for pod in pods("consumer")} == {images.NEXT}
    (listed,) = yaml.safe_load(helm_("list", "--output", "yaml"))
    assert listed["chart"] == f"vitalstream-{VERSION}"
    flowing(10)
    assert equal(audit())


def test_the_rollback_loses_nothing(release_before: int) -> None:
    """Programs older than the tables work, and their migrations' Job finds nothing to do."""
    newer = _tables()
    helm_("rollback", RELEASE, str(release_before), "--wait", "--timeout", "10m")
    assert {_tag(pod) for pod in pods("consumer")} == {archives.TAG}
    assert _tables() == newer
    wait("the migrations' Job has ended well", _migrated, 120)
    flowing(10)
    assert equal(audit())


def _migrated() -> bool:
    (migrate,) = get("job", *of("migrate"))
    return bool(migrate["status"].get("succeeded") == 1)


def _tag(pod: Resource) -> str:
    return str(pod["spec"]["containers"][0]["image"]).rpartition(":")[2]


def _ready(pod: Resource) -> str:
    conditions = pod["status"]["conditions"]
    (found,) = [one["status"] for one in conditions if one["type"] == "Ready"]
    return str(found)
