"""The Dockerfiles, as far as they can be held without building: `make images` builds them."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ["producer", "consumer", "dashboard", "libs/storage"]
TRACED = ["producer", "consumer"]
# Room of each of our packages, by the name that dependencies use.
OURS = {
    f"vitalstream-{room.rpartition('/')[2]}": room
    for room in [*ROOMS, "libs/schema", "libs/runtime"]
}


def instructions(room: str) -> list[str]:
    """A Dockerfile's instructions, continued lines joined, comments left out."""
    text = (ROOT / room / "Dockerfile").read_text()
    lines = re.sub(r"(?m)^#.*\n", "", text).replace("\\\n", "").splitlines()
    return [re.sub(r"\s+", " ", line) for line in lines if line]


def needed(room: str) -> set[str]:
    """The rooms of a package and of everything of ours that it depends on."""
    project = tomllib.loads((ROOT / room / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[\[<>=]", each)[0] for each in project["dependencies"]} & OURS.keys()
    return {room}.union(*(needed(OURS[name]) for name in names))


@pytest.mark.parametrize("room", ROOMS)
def test_the_image_installs_what_the_package_needs(room: str) -> None:
    """Every package of ours that it imports is copied and built, and none beside."""
    found = instructions(room)
    copied = {line.split()[1] for line in found if re.fullmatch(r"COPY (\S+) \1", line)}
    assert {path for path in copied if not path.endswith(".lock")} == needed(room)
    wheel = next(line for line in found if " wheel " in line)
    assert set(re.findall(r" \./(\S+)", wheel)) == needed(room)
    assert f"{room}/requirements.lock" in copied


@pytest.mark.parametrize("room", ROOMS)
def test_everything_from_an_index_is_hashed(room: str) -> None:
    """Each pip command takes a hashed lock, or is cut off from the index."""
    commands = [
        each
        for line in instructions(room)
        if line.startswith("RUN")
        for each in line.split("&&")
        if re.search(r"pip\b.* (install|wheel) ", each)
    ]
    assert len(commands) == 4
    assert all("--require-hashes" in each or "--no-index" in each for each in commands)


@pytest.mark.parametrize("room", ROOMS)
def test_the_image_runs_as_a_number_that_is_not_root(room: str) -> None:
    """From an argument's base, user 10001, the program itself as process 1, no shell between."""
    found = instructions(room)
    assert found[0] == "ARG PYTHON_IMAGE=python:3.13-slim-bookworm"
    assert [line.split()[1] for line in found if line.startswith("FROM")] == ["${PYTHON_IMAGE}"] * 2
    assert "USER 10001:10001" in found
    module = f"vitalstream_{room.rpartition('/')[2]}"
    assert f'ENTRYPOINT ["python", "-m", "{module}"]' in found
    assert any("org.opencontainers.image.version" in line for line in found)
    assert any("PYTHONUNBUFFERED=1" in line for line in found)


@pytest.mark.parametrize("room", ROOMS)
def test_the_classic_builder_takes_it(room: str) -> None:
    """No RUN --mount, no heredoc, no COPY --link or --chmod."""
    for line in instructions(room):
        assert not re.search(r"<<|--mount|--link|--chmod", line)


@pytest.mark.parametrize("room", ROOMS)
def test_the_four_have_one_shape(room: str) -> None:
    """Instruction for instruction they are the producer's, but for names, packages and ports.

    Two of them have an argument more, the one for tracing.
    """

    def shape(which: str) -> list[str]:
        kinds = [line.split()[0] for line in instructions(which) if line != "ARG TRACING="]
        return [kind for kind in kinds if kind not in ("COPY", "EXPOSE", "CMD")]

    assert shape(room) == shape("producer")


@pytest.mark.parametrize("room", TRACED)
def test_an_argument_adds_opentelemetry(room: str) -> None:
    """TRACING picks the lock with the extra, which pins all else as the one without it does."""
    found = instructions(room)
    assert "ARG TRACING=" in found
    lock = f"-r {room}/requirements${{TRACING:+-tracing}}.lock"
    assert any(line.endswith(lock) for line in found)
    plain, traced = (
        set(re.findall(r"(?m)^\S+==\S+", (ROOT / room / f"requirements{kind}.lock").read_text()))
        for kind in ("", "-tracing")
    )
    assert plain < traced
    assert {each.split("==")[0] for each in traced - plain} >= {
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp-proto-http",
    }


def test_the_context_holds_what_is_copied_and_no_more() -> None:
    """The ignore file lets each copied lock, pyproject and source through, and nothing of tests."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    wanted = {"requirements/build.lock"}
    for room in ROOMS:
        wanted |= {f"{path}/{part}" for path in needed(room) for part in ("pyproject.toml", "src")}
        wanted.add(f"{room}/requirements.lock")
    wanted |= {f"{room}/requirements-tracing.lock" for room in TRACED}
    assert allowed == wanted
    assert all((ROOT / path).exists() for path in allowed)


def test_make_images_builds_the_four(tmp_path: Path) -> None:
    """Each under its own name and tag, with version and revision (a stand-in says what it got)."""
    stand_in = tmp_path / "docker"
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    made = subprocess.run(
        ["make", "images", "IMAGE_PREFIX=registry.example/v-", "TAG=1.2", "PYTHON_IMAGE=base:1"],
        cwd=ROOT,
        env={"PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = made.stdout.splitlines()
    assert len(lines) == 4
    for room, line in zip(ROOMS, lines, strict=True):
        name = f"registry.example/v-{room.rpartition('/')[2]}:1.2"
        assert line.startswith(f"build --tag {name} --file {room}/Dockerfile")
        assert re.search(r"VERSION=\d+\.\d+\.\d+ .*REVISION=[0-9a-f]{40} ", line)
        assert line.endswith("--build-arg PYTHON_IMAGE=base:1 .")
