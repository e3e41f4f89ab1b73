"""The ops port: is it alive, is it ready, has it started, and its metrics."""

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import structlog
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder

from vitalstream_runtime.errors import PortInUseError, SettingsError
from vitalstream_runtime.settings import ServiceSettings

_log = structlog.get_logger(__name__)
_CONNECTION_SECONDS = 10.0
_MOST_CONNECTIONS = 64


class Heartbeat:
    """A loop's own sign of life.

    Args:
        max_age_seconds: how long the loop may take for one round before it counts as stuck.
        clock: monotonic seconds.
    """

    def __init__(self, max_age_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_age_seconds = max_age_seconds
        self._clock = clock
        self._last = clock()
        self._started = False

    def beat(self) -> None:
        """Say that the loop goes round; the first time that the service has started."""
        self._last = self._clock()
        self._started = True

    @property
    def started(self) -> bool:
        """Whether it has beaten at all."""
        return self._started

    @property
    def age_seconds(self) -> float:
        """Seconds since the last beat, or since it was made."""
        return self._clock() - self._last

    @property
    def alive(self) -> bool:
        """Whether the last beat is recent enough."""
        return self.age_seconds <= self.max_age_seconds


class Readiness:
    """Why a service cannot do its work now; ready when there is no reason left.

    Args:
        waiting_for: names that are not ready until they are set.
    """

    def __init__(self, *waiting_for: str) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, str | None] = dict.fromkeys(waiting_for, "not yet")

    def set(self, name: str, reason: str | None) -> None:
        """State why ``name`` is not ready; None: it is."""
        with self._lock:
            self._states[name] = reason

    @property
    def states(self) -> dict[str, str | None]:
        """Each name with the reason why it is not ready, None where it is."""
        with self._lock:
            return dict(self._states)

    @property
    def reasons(self) -> dict[str, str]:
        """Each name that is not ready, with its reason."""
        return {name: reason for name, reason in self.states.items() if reason is not None}

    @property
    def ready(self) -> bool:
        """Whether nothing is in the way."""
        return not self.reasons


class OpsServer:
    """Serves /livez, /startupz, /readyz and /metrics from a thread of its own.

    Args:
        settings: OPS_HOST and OPS_PORT.
        heartbeat: decides /livez and /startupz, which look at no dependency.
        readiness: decides /readyz.
        registry: what /metrics shows.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        heartbeat: Heartbeat,
        readiness: Readiness,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._host, self._asked = settings.ops_host, settings.ops_port
        self._heartbeat, self._readiness, self._registry = heartbeat, readiness, registry
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that is listened on (of use where OPS_PORT is 0)."""
        if self._server is None:
            raise RuntimeError("the ops server has not been started")
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Open the port.

        Raises:
            PortInUseError: another process listens there, or the port needs more rights.
            SettingsError: OPS_HOST is no address of this machine.
        """
        try:
            family, _, _, _, address = socket.getaddrinfo(
                self._host, self._asked, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self._server = _Server(family, address, self._answer)
        except socket.gaierror as error:
            raise SettingsError(f"OPS_HOST={self._host!r}: {error.strerror}") from error
        except OSError as error:
            raise PortInUseError(
                f"OPS_PORT={self._asked} cannot be opened on OPS_HOST={self._host}: "
                f"{error.strerror}; set OPS_PORT to a free port or stop what listens there"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.25,), name="ops", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def _answer(self, path: str, accept: str) -> tuple[int, str, bytes]:
        match path:
            case "/livez":
                age = round(self._heartbeat.age_seconds, 3)
                return _json(self._heartbeat.alive, {"age_seconds": age})
            case "/startupz":
                return _json(self._heartbeat.started, {})
            case "/readyz":
                reasons = self._readiness.reasons
                return _json(not reasons, {"reasons": reasons})
            case "/metrics":
                encode, kind = choose_encoder(accept)
                return 200, kind, encode(self._registry)
        return 404, "text/plain", b"not found\n"


def _json(good: bool, details: dict[str, Any]) -> tuple[int, str, bytes]:  # noqa: FBT001
    body = {"status": "ok" if good else "unavailable", **details}
    return 200 if good else 503, "application/json", json.dumps(body).encode() + b"\n"


class _Server(socketserver.ThreadingTCPServer):
    """One short-lived thread a connection; slow or idle clients are cut off."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self,
        family: int,
        address: Any,
        answer: Callable[[str, str], tuple[int, str, bytes]],
    ) -> None:
        self.address_family = family
        self.answer = answer
        self._deadlines: dict[socket.socket, float] = {}
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Make room for the newcomer, who may be a probe, and note its deadline."""
        open_now = list(self._deadlines.items())
        if len(open_now) >= _MOST_CONNECTIONS:
            oldest, _ = min(open_now, key=lambda connection: connection[1])
            _hang_up(oldest)
        self._deadlines[request] = time.monotonic() + _CONNECTION_SECONDS
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._deadlines.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        now = time.monotonic()
        for request, deadline in list(self._deadlines.items()):
            if now > deadline:
                _hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's
        _log.debug("ops_connection_failed", client=client_address[0], exc_info=True)


def _hang_up(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client has gone already


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5.0
    error_message_format = "%(code)d %(message)s\n"
    error_content_type = "text/plain"

    def do_GET(self) -> None:
        self._respond(body=True)

    def do_HEAD(self) -> None:
        self._respond(body=False)

    def _respond(self, *, body: bool) -> None:
        try:
            code, kind, content = self.server.answer(
                self.path.partition("?")[0], self.headers.get("Accept", "")
            )
        except Exception:  # noqa: BLE001 - a broken collector must not silence the probes' thread
            _log.exception("ops_request_failed", path=self.path)
            code, kind, content = 500, "text/plain", b"failed; the log says why\n"
        self.send_response_only(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if body:
            self.wfile.write(content)

    def send_response(self, code: int, message: str | None = None) -> None:
        self.send_response_only(code, message)  # without Server and Date

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        _log.debug("ops_request", line=format % args)
