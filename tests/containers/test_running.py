"""The built images, run as a cluster runs them: read-only, no capabilities, a user without a name.

They are those that `make images` built under IMAGE_PREFIX and TAG; without Docker, or without them,
these tests are skipped and say so.
"""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from vitalstream_devstack.ports import free_port

PREFIX = os.environ.get("IMAGE_PREFIX", "vitalstream-")
TAG = os.environ.get("TAG", "dev")
IMAGES = ("producer", "consumer", "dashboard", "storage")
SERVICES = ("producer", "consumer", "dashboard")
ANYBODY = "54321:0"  # a number that no image knows, in root's group, as OpenShift has it
ALLOWED_MEGABYTES = {"producer": 80, "consumer": 80, "storage": 80, "dashboard": 450}
OURS = {
    "producer": {"producer", "runtime", "schema"},
    "consumer": {"consumer", "runtime", "schema", "storage"},
    "dashboard": {"dashboard", "runtime", "schema", "storage"},
    "storage": {"runtime", "schema", "storage"},
}
NOT_AT_RUN_TIME = {"pip", "uv", "setuptools", "wheel", "hatchling", "pytest", "hypothesis", "mypy"}


def docker(*arguments: str) -> str:
    """What a docker command says."""
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture(scope="module", autouse=True)
def _images() -> None:
    if shutil.which("docker") is None:
        pytest.skip("no Docker here: the images were not run")
    for image in IMAGES:
        try:
            docker("image", "inspect", f"{PREFIX}{image}:{TAG}")
        except subprocess.CalledProcessError:
            pytest.skip(f"no image {PREFIX}{image}:{TAG}: make images builds it")


@contextmanager
def running(image: str, environment: dict[str, str]) -> Iterator[str]:
    """A confined container; it shares this machine's network to reach the test's servers."""
    name = f"vitalstream-test-{uuid.uuid4().hex[:12]}"
    variables = [f"--env={key}={value}" for key, value in environment.items()]
    docker(
        *("run", "--detach", "--name", name, "--network", "host", "--user", ANYBODY),
        *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),  # noqa: S108 - inside it
        *("--security-opt", "no-new-privileges", *variables, f"{PREFIX}{image}:{TAG}"),
    )
    try:
        yield name
    finally:
        docker("rm", "--force", name)


def answer(port: int, path: str) -> tuple[int, str]:
    """Status and body of the ops port; status 0 while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as got:
            return got.status, got.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def wait_ready(port: int, name: str) -> None:
    """Until /readyz says so; two minutes at most."""
    deadline = time.monotonic() + 110
    while (last := answer(port, "/readyz"))[0] != 200:
        assert time.monotonic() < deadline, f"{last}: {docker('logs', name)}"
        time.sleep(0.3)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_ready_is_alive_and_stops_cleanly(
    service: str, kafka: Any, topic: str, database: Any
) -> None:
    """As a nameless user on a read-only root: ready, metrics of its own, exit code 0 on SIGTERM."""
    port = free_port()
    environment = {
        "OPS_PORT": str(port),
        "OPS_HOST": "127.0.0.1",
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC": topic,
        "KAFKA_GROUP_ID": f"images-{uuid.uuid4().hex[:8]}",
        "DATABASE_URL": database.url(),
        "STREAMLIT_SERVER_PORT": str(free_port()),
        "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
    }
    with running(service, environment) as name:
        wait_ready(port, name)
        assert answer(port, "/livez")[0] == 200
        assert f"vitalstream_{service}_" in answer(port, "/metrics")[1]
        docker("stop", "--time", "40", name)
        state = json.loads(docker("inspect", "--format", "{{json .State}}", name))
        assert (state["ExitCode"], state["OOMKilled"]) == (0, False), docker("logs", name)


def test_migrations_run_as_anybody(database: Any) -> None:
    """On tables that are new enough there is nothing to do, which is a success."""
    with running("storage", {"DATABASE_URL": database.url()}) as name:
        assert docker("wait", name) == "0", docker("logs", name)
        assert "nothing to do" in docker("logs", name)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_its_own_packages_only(image: str) -> None:
    """No tools, no tests, no devstack, no other service's code, no server of the database."""
    script = (
        "import importlib.metadata as m, json, pathlib, sysconfig;"
        "p = pathlib.Path(sysconfig.get_path('purelib'));"
        "print(json.dumps([sorted(d.name.lower() for d in m.distributions(path=[str(p)])),"
        "sorted(str(t.relative_to(p)) for t in p.glob('vitalstream_*/**/test*'))]))"
    )
    told = docker("run", "--rm", "--entrypoint", "python", f"{PREFIX}{image}:{TAG}", "-c", script)
    packages, tests = json.loads(told)
    ours = {each.removeprefix("vitalstream-") for each in packages if "vitalstream" in each}
    assert {each.replace("vitalstream_", "") for each in ours} == OURS[image]
    assert not NOT_AT_RUN_TIME & {*packages}
    assert not tests


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_adds_no_more_to_its_base_than_it_may(image: str) -> None:
    """Layers from the user's, which is the first of ours, to the last."""
    history = docker(
        *("history", "--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}"),
        f"{PREFIX}{image}:{TAG}",
    ).splitlines()
    layers = [line.partition("\t") for line in history]
    first = next(at for at, (_, _, made_by) in enumerate(layers) if "useradd" in made_by)
    added = sum(int(size) for size, _, _ in layers[: first + 1]) / 1e6
    assert added <= ALLOWED_MEGABYTES[image], f"{added:.0f} MB"
