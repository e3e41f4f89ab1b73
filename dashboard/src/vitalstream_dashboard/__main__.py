"""`python -m vitalstream_dashboard`: Streamlit, the ops port, and a clean end."""

import logging
import math
import signal
import socket
import sys
from pathlib import Path
from typing import Any, ClassVar

import structlog
from streamlit.web import bootstrap
from uvicorn.config import LOGGING_CONFIG

from vitalstream_dashboard import access, metrics, theme
from vitalstream_dashboard.monitor import Monitor
from vitalstream_dashboard.service import service
from vitalstream_dashboard.settings import StreamlitSettings
from vitalstream_dashboard.source import Kind
from vitalstream_runtime import program
from vitalstream_runtime.errors import PortInUseError, StartupError
from vitalstream_runtime.logging import configure, version_of
from vitalstream_runtime.ops import Heartbeat, OpsServer, Readiness
from vitalstream_runtime.settings import ServiceSettings, load
from vitalstream_runtime.state import export_state

_log = structlog.get_logger(__name__)
_APP = Path(__file__).with_name("app.py")
_STUCK_SECONDS = 30.0
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to reach what listens everywhere


class DatabaseRefusedError(StartupError):
    """The database does not let the dashboard in; waiting would not mend it (EX_NOPERM)."""

    exit_code: ClassVar[int] = 77


def options(settings: StreamlitSettings) -> dict[str, Any]:
    """Streamlit's configuration: ours wins over config.toml and over its own variables.

    Telemetry and the look-up of the public address are off, XSRF protection is on, errors show no
    details, and the table's own CSV export is off: it would carry names.
    """
    return {
        "server.port": settings.port,
        "server.address": settings.address,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.enableXsrfProtection": True,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
        "client.disableDataExport": True,
        "logger.hideWelcomeMessage": True,
        **theme.options(),
    }


def main() -> int:
    """Run until asked to stop.

    Raises:
        StartupError: a setting is wrong, a port is taken, or the database refuses the login.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until Streamlit takes it over
    general, streamlit = load(ServiceSettings), load(StreamlitSettings)
    shared = service()
    configure("dashboard", general)
    metrics.DATA_AGE_SECONDS.set(math.nan)
    metrics.PARTITION_HEADROOM_SECONDS.set(math.nan)
    _check_port(streamlit)
    heartbeat, readiness = Heartbeat(_STUCK_SECONDS), Readiness("page", "database")
    export_state("dashboard", version_of("dashboard"), readiness)
    ops = OpsServer(general, heartbeat, readiness)
    ops.start()
    host = _ANY.get(streamlit.address, streamlit.address)
    monitor = Monitor(shared, (host, streamlit.port), heartbeat, readiness)
    try:
        monitor.round()
        _check_login()
        monitor.start()
        access.hand_over(shared.sign_in)
        _log.info("listening", address=streamlit.address, port=streamlit.port, ops_port=ops.port)
        _serve(options(streamlit))
        monitor.stop()
    finally:
        ops.stop()
        shared.close()
    _log.info("stopped")
    return 0


def _serve(flags: dict[str, Any]) -> None:
    bootstrap.load_config_options(flags)
    _adopt_logs()
    bootstrap.run(str(_APP), is_hello=False, args=[], flag_options=flags)


def _check_port(settings: StreamlitSettings) -> None:
    """Streamlit would say it in its own way, after the ops port is open."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.address, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise PortInUseError(
            f"STREAMLIT_SERVER_PORT={settings.port} cannot be opened on "
            f"STREAMLIT_SERVER_ADDRESS={settings.address}: {error.strerror}; set "
            f"STREAMLIT_SERVER_PORT to a free port or stop what listens there"
        ) from error


def _check_login() -> None:
    trouble = service().source.blocked
    if trouble is not None and trouble.kind is Kind.REFUSED:
        raise DatabaseRefusedError(trouble.detail)


def _adopt_logs() -> None:
    """Streamlit and uvicorn bring handlers of their own; ours has one form for all."""
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        if hasattr(logger, "streamlit_console_handler"):
            logger.removeHandler(logger.streamlit_console_handler)
            logger.propagate = True
    quiet = {"level": "WARNING", "handlers": [], "propagate": True}
    LOGGING_CONFIG["loggers"] = dict.fromkeys(("uvicorn", "uvicorn.error", "uvicorn.access"), quiet)


if __name__ == "__main__":
    program.run(main)
