"""compose.yaml: what it names exists, what it sets is known, what it opens stays on the machine."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg.errors import InsufficientPrivilege
from pydantic_settings import BaseSettings

from vitalstream_consumer.settings import ConsumerSettings
from vitalstream_dashboard.settings import DashboardSettings, SignInSettings, StreamlitSettings
from vitalstream_devstack.postgres import POSTGRES_BIN_PATH, EmbeddedPostgres
from vitalstream_producer.settings import ProducerSettings
from vitalstream_runtime.settings import KafkaSettings, ServiceSettings, documented
from vitalstream_runtime.tracing import TracingSettings
from vitalstream_storage.settings import DatabaseSettings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text()
OURS: dict[str, list[type[BaseSettings]]] = {
    "migrate": [DatabaseSettings, ServiceSettings],
    "producer": [KafkaSettings, ServiceSettings, ProducerSettings, TracingSettings],
    "consumer": [
        KafkaSettings,
        ServiceSettings,
        DatabaseSettings,
        ConsumerSettings,
        TracingSettings,
    ],
    "dashboard": [
        ServiceSettings,
        DatabaseSettings,
        DashboardSettings,
        SignInSettings,
        StreamlitSettings,
    ],
}

MONITORING = ("prometheus", "grafana")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services, anchors resolved, variables as they stand."""
    found: dict[str, Any] = yaml.safe_load(TEXT)["services"]
    return found


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `make compose-env` writes where there is no .env."""
    folder = tmp_path_factory.mktemp("env")
    command = ["make", "--file", str(ROOT / "Makefile"), "compose-env", f"PYTHON={sys.executable}"]
    subprocess.run(command, cwd=folder, check=True)
    path = folder / ".env"
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_text()
    subprocess.run(command, cwd=folder, check=True)
    assert path.read_text() == before, "an existing .env was written again"
    path.write_text(before.partition("\n")[2].rstrip() + "\n# own\nKAFKA_PORT=9999")
    subprocess.run(command, cwd=folder, check=True)
    kept, _, added = path.read_text().partition("KAFKA_PORT=9999\n")
    assert kept.splitlines() == [*before.splitlines()[1:], "# own"], "what was there is lost"
    assert added.partition("=")[0] == before.partition("=")[0], "what was missing was not added"
    return dict(line.split("=", 1) for line in before.splitlines())


def test_every_secret_is_generated_and_none_has_a_default(secrets: dict[str, str]) -> None:
    """What compose requires is what .env brings; long, random, each another one."""
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert required == set(secrets)
    assert len(set(secrets.values())) == len(secrets)
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in secrets.values())
    for line in TEXT.splitlines():
        if re.search(r"PASSWORD|LOG_ID_KEY", line) and ":" in line:
            assert re.search(r": \$\{\w+:\?run make compose-env\}$", line), line


def test_ports_are_open_on_this_machine_only(services: dict[str, Any]) -> None:
    """Every published port is bound to 127.0.0.1 and can be moved."""
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert len(published) == 5
    assert all(re.fullmatch(r"127\.0\.0\.1:\$\{\w+_PORT:-\d+\}:\d+", each) for each in published)


def test_every_variable_of_ours_is_a_setting(services: dict[str, Any]) -> None:
    """A renamed setting must be renamed here too."""
    for name, classes in OURS.items():
        known = {one for each in classes for v in documented(each) for one in v.names}
        assert set(services[name]["environment"]) <= known, name


def test_services_start_when_what_they_need_is_there(services: dict[str, Any]) -> None:
    """Each waits for the healthy server, or for the migrations' end, and those can say so."""
    needs = {name: set(service.get("depends_on", {})) for name, service in services.items()}
    assert needs == {
        "kafka": set(),
        "postgres": set(),
        "migrate": {"postgres"},
        "producer": {"kafka"},
        "consumer": {"kafka", "migrate"},
        "dashboard": {"migrate"},
        "prometheus": set(),
        "grafana": {"prometheus"},
    }
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[name]
            else:
                assert how["condition"] == "service_completed_successfully"
                assert services[name]["restart"] == "no"


def test_what_it_names_exists(services: dict[str, Any]) -> None:
    """Dockerfiles and mounted files are in the repository, volumes are declared."""
    volumes = yaml.safe_load(TEXT)["volumes"]
    for service in services.values():
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in volumes


def test_our_containers_are_confined(services: dict[str, Any]) -> None:
    """Read-only, without capabilities, and with more time to stop than the drain takes.

    So are those that watch them.
    """
    for name in (*OURS, *MONITORING):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        grace = float(service["stop_grace_period"].removesuffix("s"))
        assert grace > ProducerSettings().drain_seconds + 5


def test_images_are_pinned(services: dict[str, Any]) -> None:
    """The neighbours by version, ours by what `make images` was told."""
    assert services["kafka"]["image"] == "apache/kafka:4.3.1"
    for name in MONITORING:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", services[name]["image"])
    assert services["postgres"]["image"] == "postgres:18"
    for service, image in [("migrate", "storage"), ("producer", "producer")]:
        assert services[service]["image"] == f"${{IMAGE_PREFIX:-vitalstream-}}{image}:${{TAG:-dev}}"


def test_compose_itself_takes_it(secrets: dict[str, str]) -> None:
    """`docker compose config`, where there is one."""
    compose = ["docker", "compose"]
    if (
        shutil.which("docker") is None
        or subprocess.run([*compose, "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no docker compose here")
    subprocess.run(
        [*compose, "--project-directory", str(ROOT), "config", "--quiet"],
        env=os.environ | secrets,
        cwd=ROOT,
        check=True,
    )


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of this test's own: the logins' names are fixed."""
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        yield server


def test_the_logins_can_do_their_work(
    own_postgres: EmbeddedPostgres, secrets: dict[str, str], services: dict[str, Any]
) -> None:
    """After the script the owner migrates; the consumer writes, the dashboard only reads."""
    script = services["postgres"]["volumes"][1].split(":")[0]
    subprocess.run(
        [
            POSTGRES_BIN_PATH / "psql",
            "--quiet",
            "--no-psqlrc",
            "--set=ON_ERROR_STOP=1",
            f"--file={ROOT / script}",
            own_postgres.url(),
        ],
        env=os.environ | secrets,
        check=True,
    )
    given = {name: services[name]["environment"] for name in ("migrate", "consumer", "dashboard")}
    logins = {
        name: own_postgres.url(
            variables["PGDATABASE"],
            variables["PGUSER"],
            secrets[re.findall(r"\$\{(\w+):", variables["PGPASSWORD"])[0]],
        )
        for name, variables in given.items()
    }
    subprocess.run(
        [sys.executable, "-m", "vitalstream_storage", *services["migrate"]["command"]],
        env=os.environ | {"DATABASE_URL": logins["migrate"]},
        check=True,
    )
    with psycopg.connect(logins["consumer"], autocommit=True) as consumer:
        consumer.execute("UPDATE stream_offsets SET next_offset = next_offset")
        consumer.execute("CREATE TEMPORARY TABLE staging (LIKE observations)")
        with pytest.raises(InsufficientPrivilege):
            consumer.execute("DROP TABLE observations")
    with psycopg.connect(logins["dashboard"], autocommit=True) as dashboard:
        dashboard.execute("SELECT count(*) FROM patient_records")
        for refused in ("DELETE FROM patient_records", "SELECT payload FROM dead_letters"):
            with pytest.raises(InsufficientPrivilege):
                dashboard.execute(refused)
