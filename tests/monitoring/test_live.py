"""The running services under load and under faults, as a real Prometheus sees them."""

import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from confluent_kafka import Producer

from tests.chaos.proxy import Proxy
from tests.end_to_end.pipeline import Pipeline
from tests.monitoring import panels
from tests.monitoring.prometheus import PROGRAM, Prometheus
from tests.monitoring.rules import alerts, hastened, rules, text
from vitalstream_devstack.databases import Database
from vitalstream_devstack.pytest_plugin import KafkaHandle
from vitalstream_devstack.service import Service

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no prometheus: install Debian's prometheus"),
    pytest.mark.timeout(400),
]
HASTE = 20  # a window of five minutes is one of 15 seconds
LESS_HASTE = 4  # a process is young for longer than the services and Prometheus need to start
PATIENCE_SECONDS = 120.0
CALM_SECONDS = 10.0
ALWAYS = {"VitalstreamWatchdog"}


@dataclass(frozen=True)
class Running:
    """What runs."""

    services: dict[str, Service]
    proxy: Proxy
    topic: str
    kafka: KafkaHandle


@dataclass(frozen=True)
class Watched:
    """What runs, and who watches it."""

    running: Running
    prometheus: Prometheus

    def firing(self) -> set[str]:
        """The alerts that fire now, beside the one that always does."""
        return {name.removeprefix("Vitalstream") for name in self.prometheus.firing() - ALWAYS}


@pytest.fixture
def running(
    tmp_path: Path, kafka: KafkaHandle, topic: str, database: Database
) -> Iterator[Running]:
    """All three services at work, the database behind a proxy."""
    with Proxy(urlsplit(database.url()).port or 0) as proxy:
        behind = replace(database, admin_url=proxy.url(database.admin_url))
        with Pipeline(tmp_path, kafka, topic, behind) as pipeline:
            services = {
                "consumer": pipeline.consumer(),
                "dashboard": pipeline.dashboard(),
                "producer": pipeline.producer(rate=200),
            }
            yield Running(services, proxy, topic, kafka)


@contextmanager
def watching(running: Running, folder: Path, haste: int) -> Iterator[Watched]:
    """Have Prometheus watch them from now on."""
    folder.mkdir()
    hasty = text(hastened(rules(dataAgeSeconds=6, partitionDays=1), haste))
    with Prometheus(folder, running.services, hasty, "ward") as prometheus:
        yield Watched(running, prometheus)


@pytest.fixture
def watched(running: Running, tmp_path: Path) -> Iterator[Watched]:
    """All of them watched, and nothing firing."""
    with watching(running, tmp_path / "prometheus", HASTE) as watched:
        until(lambda: watched.prometheus.query("vitalstream:records_late:ratio_rate5m == 0"))
        until(lambda: not watched.firing())
        yield watched


def until(condition: Callable[[], object], what: Callable[[], object] = lambda: "") -> None:
    """Wait for something that must come, and say what is still awaited if it does not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain {what()}"
        time.sleep(0.5)


def selectors(expression: str) -> list[str]:
    """The series that an expression asks for."""
    return re.findall(r"[a-zA-Z_:][\w:]*\{[^}]*\}", expression)


def test_all_is_well(watched: Watched) -> None:
    """Under load nothing fires; every series that an alert looks at is there, and every panel's.

    Those of kubelet, Strimzi and CloudNativePG are there in a cluster alone.
    """
    awaited = {
        *(selector for alert in alerts(rules()) for selector in selectors(alert["expr"])),
        *(panel.expr for panel in panels.expressions("ward", 10)),
    }
    awaited -= {each for each in awaited if panels.of_neighbours(each) or "kube" in each}

    def all_there() -> bool:
        awaited.difference_update([each for each in awaited if watched.prometheus.query(each)])
        return not awaited

    until(all_there, lambda: awaited)
    calm = time.monotonic() + CALM_SECONDS
    while time.monotonic() < calm:
        assert watched.firing() == set()
        time.sleep(1)


def consumer_stopped(running: Running) -> None:
    """Nobody stores anything any more, and nobody says so."""
    running.services["consumer"].kill()


def database_away(running: Running) -> None:
    """Connections are cut, new ones as well."""
    running.proxy.refuse()


def poison_flood(running: Running) -> None:
    """A device that sends what is no record."""
    client = Producer({"bootstrap.servers": running.kafka.bootstrap_servers})
    for _ in range(500):
        client.produce(running.topic, b"no record")
    assert client.flush(30) == 0


@pytest.mark.parametrize(
    ("fault", "must", "may"),
    [
        (consumer_stopped, {"ServiceGone", "TargetDown", "DashboardStale"}, set()),
        (
            database_away,
            {"NotReady", "DatabaseAway", "WritesFailing", "ConsumerStalled", "DashboardStale"},
            {"ConsumerPaused", "RecordsLateFast", "RecordsLateSlow"},
        ),
        (poison_flood, {"DeadLetters"}, set()),
    ],
)
def test_a_fault_fires_its_alerts(
    watched: Watched, fault: Callable[[Running], None], must: set[str], may: set[str]
) -> None:
    """Each that belongs to it fires, and none that does not."""
    fault(watched.running)
    seen: set[str] = set()

    def all_seen() -> bool:
        seen.update(watched.firing())
        assert seen <= must | may
        return must <= seen

    until(all_seen)


def test_what_was_counted_before_the_first_scrape_fires(running: Running, tmp_path: Path) -> None:
    """A consumer that comes back to a bad backlog has taken it in before anybody looks at it."""
    poison_flood(running)
    until(lambda: 'dead_letters_total{reason="not_json"} 500' in metrics_of(running, "consumer"))
    with watching(running, tmp_path / "prometheus", LESS_HASTE) as watched:
        until(lambda: watched.firing() == {"DeadLetters"}, watched.firing)


def metrics_of(running: Running, service: str) -> str:
    """What it shows."""
    url = running.services[service].metrics_url
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own
        return str(answer.read().decode())
