"""The ops port: probes, metrics, and clients that misbehave."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.registry import Collector

from vitalstream_runtime import ops
from vitalstream_runtime.errors import PortInUseError, SettingsError
from vitalstream_runtime.ops import Heartbeat, OpsServer, Readiness
from vitalstream_runtime.settings import ServiceSettings


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The heartbeat's time."""
    return Clock()


@pytest.fixture
def heartbeat(clock: Clock) -> Heartbeat:
    """Stuck after ten seconds."""
    return Heartbeat(10.0, clock)


@pytest.fixture
def readiness() -> Readiness:
    """Waits for kafka and database."""
    return Readiness("kafka", "database")


@pytest.fixture
def registry() -> CollectorRegistry:
    """Metrics of this test alone."""
    return CollectorRegistry()


@pytest.fixture
def server(
    heartbeat: Heartbeat, readiness: Readiness, registry: CollectorRegistry
) -> Iterator[OpsServer]:
    """A running server on a free port of the loopback interface."""
    running = OpsServer(local(0), heartbeat, readiness, registry)
    running.start()
    yield running
    running.stop()


def local(port: int) -> ServiceSettings:
    """Settings of a server on the loopback interface."""
    return ServiceSettings(ops_host="127.0.0.1", ops_port=port)


def ask(
    server: OpsServer, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """One request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_livez_follows_the_heartbeat_alone(
    server: OpsServer, heartbeat: Heartbeat, clock: Clock
) -> None:
    """Alive while the loop goes round, whatever is not ready; stuck is 503, a beat revives."""
    assert ask(server, "/livez")[0].status == 200
    clock.now += 10.1
    response, body = ask(server, "/livez")
    assert response.status == 503
    assert json.loads(body) == {"status": "unavailable", "age_seconds": 10.1}
    heartbeat.beat()
    assert ask(server, "/livez")[0].status == 200


def test_startupz_waits_for_the_first_beat(server: OpsServer, heartbeat: Heartbeat) -> None:
    """Started is started for good, and looks at no dependency."""
    assert ask(server, "/startupz")[0].status == 503
    heartbeat.beat()
    assert ask(server, "/startupz")[0].status == 200


def test_readyz_gives_the_reasons(server: OpsServer, readiness: Readiness) -> None:
    """Not ready names each dependency and why; ready when none is left."""
    readiness.set("kafka", "no broker answers")
    response, body = ask(server, "/readyz")
    assert response.status == 503
    assert json.loads(body)["reasons"] == {"kafka": "no broker answers", "database": "not yet"}
    readiness.set("kafka", None)
    readiness.set("database", None)
    readiness.set("database", None)
    response, body = ask(server, "/readyz")
    assert response.status == 200
    assert json.loads(body) == {"status": "ok", "reasons": {}}
    assert readiness.ready


def test_metrics_are_prometheus_text(server: OpsServer, registry: CollectorRegistry) -> None:
    """/metrics shows the registry, in OpenMetrics for whoever asks for it."""
    Counter("vitalstream_test_things_total", "Things.", registry=registry).inc(3)
    response, body = ask(server, "/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    assert b"vitalstream_test_things_total 3.0" in body
    response, body = ask(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_head_is_get_without_the_body(server: OpsServer) -> None:
    """HEAD has the status and the headers of GET."""
    response, body = ask(server, "/readyz", method="HEAD")
    full, content = ask(server, "/readyz")
    assert (response.status, body) == (full.status, b"")
    assert response.headers["Content-Length"] == str(len(content))


def test_query_is_ignored(server: OpsServer) -> None:
    """A probe may add a query to get past a cache."""
    assert ask(server, "/livez?verbose=1")[0].status == 200


@pytest.mark.parametrize("path", ["/", "/metrics/", "/livez/../metrics", "/%6civez"])
def test_other_paths_are_not_found(server: OpsServer, path: str) -> None:
    """Only the four paths, to the letter."""
    assert ask(server, path)[0].status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(server: OpsServer, method: str) -> None:
    """The port only answers questions."""
    response, _ = ask(server, "/livez", method=method)
    assert response.status == 501
    assert "Server" not in response.headers


@pytest.mark.parametrize("path", ["/livez", "/nothing", "/metrics"])
def test_no_banner(server: OpsServer, path: str) -> None:
    """The answer does not tell which Python serves it."""
    response, body = ask(server, path)
    assert "Server" not in response.headers
    assert "python" not in str(response.headers).lower()
    assert response.headers["Cache-Control"] == "no-store"
    assert b"<html" not in body


def test_broken_collector_does_not_silence_the_probes(
    server: OpsServer, registry: CollectorRegistry
) -> None:
    """A metric that fails is an error of /metrics only, and says no more to the outside."""

    class Broken(Collector):
        def collect(self) -> Iterator[None]:  # type: ignore[override]
            yield from ()
            raise RuntimeError("secret detail")

        def describe(self) -> Iterator[None]:
            yield from ()

    registry.register(Broken())
    response, body = ask(server, "/metrics")
    assert response.status == 500
    assert b"secret" not in body
    assert ask(server, "/livez")[0].status == 200


def test_port_in_use_names_variable_and_port(
    server: OpsServer, heartbeat: Heartbeat, readiness: Readiness
) -> None:
    """A taken port is one line with OPS_PORT and its value."""
    with pytest.raises(PortInUseError) as caught:
        OpsServer(local(server.port), heartbeat, readiness).start()
    assert f"OPS_PORT={server.port}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_host_of_another_machine_names_variable(heartbeat: Heartbeat, readiness: Readiness) -> None:
    """An address that is none of this machine's, or no address, is one line with OPS_HOST."""
    for host in ("192.0.2.1", "no such host"):
        with pytest.raises((SettingsError, PortInUseError), match="OPS_HOST"):
            OpsServer(ServiceSettings(ops_host=host, ops_port=0), heartbeat, readiness).start()


def test_stop_frees_the_port(heartbeat: Heartbeat, readiness: Readiness) -> None:
    """After stop the same port can be opened again at once, and stop may be repeated."""
    first = OpsServer(local(0), heartbeat, readiness)
    first.start()
    port = first.port
    ask(first, "/livez")
    first.stop()
    first.stop()
    second = OpsServer(local(port), heartbeat, readiness)
    second.start()
    assert second.port == port
    second.stop()


def test_idle_clients_do_not_block_a_probe(
    server: OpsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More silent connections than are allowed at once leave room for the next probe."""
    monkeypatch.setattr(ops, "_MOST_CONNECTIONS", 4)
    monkeypatch.setattr(ops, "_CONNECTION_SECONDS", 600)
    monkeypatch.setattr(ops._Handler, "timeout", 600)
    silent = [socket.create_connection(("127.0.0.1", server.port), 20) for _ in range(12)]
    assert ask(server, "/livez")[0].status == 200
    assert silent[0].recv(1) == b"", "the oldest should have been hung up on"
    for connection in silent:
        connection.close()


def test_dripping_client_is_cut_off(server: OpsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends a byte now and then is hung up on when its time is over."""
    monkeypatch.setattr(ops, "_CONNECTION_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.settimeout(0.2)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                slow.sendall(b"G")
                if slow.recv(1) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return
    pytest.fail("still connected")


def test_garbage_is_answered_and_survived(server: OpsServer) -> None:
    """What is no HTTP gets an error without an echo of it, and the next probe its answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        answer = client.recv(65536)
    assert b"400" in answer
    assert b"hello" not in answer
    assert ask(server, "/livez")[0].status == 200


def test_readiness_is_safe_between_threads(readiness: Readiness) -> None:
    """Reading the reasons while other threads set them never fails."""
    done = threading.Event()

    def flip(name: str) -> Callable[[], None]:
        def run() -> None:
            while not done.is_set():
                readiness.set(name, "away")
                readiness.set(name, None)

        return run

    threads = [threading.Thread(target=flip(str(n))) for n in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2_000):
        assert set(readiness.reasons) <= {"0", "1", "2", "kafka", "database"}
    done.set()
    for thread in threads:
        thread.join()
