"""Options of every Kafka client, and its errors as structured events."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import KafkaError

from vitalstream_runtime.limiter import Limiter
from vitalstream_runtime.settings import KafkaSettings

_log = structlog.get_logger(__name__)
_REPEAT_SECONDS = 10.0
_PREFIX = re.compile(r"^(\[thrd:\S+\]: )?(\S+/(bootstrap|\d+): )?")
_SUFFIX = re.compile(r" \(after \d+ms in state \w+.*\)$")


def client_options(
    settings: KafkaSettings,
    client_id: str,
    on_error: Callable[[KafkaError], None] | None = None,
) -> dict[str, Any]:
    """Options for any confluent_kafka client; they hold the password, so never log them.

    The client's errors and log lines become structured events, each kind at most once in ten
    seconds. They are delivered from within the client's own ``poll`` or ``consume``.

    Args:
        settings: brokers, encryption and credentials.
        client_id: shown in the broker's logs and metrics.
        on_error: also called with each error; must not raise.
    """
    options: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": client_id,
        "security.protocol": settings.security_protocol,
        "error_cb": _ErrorLog(client_id, on_error),
        "logger": _ClientLog(client_id),
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": 5_000,
        "enable.metrics.push": False,
    }
    if settings.security_protocol in ("SSL", "SASL_SSL"):
        options["ssl.endpoint.identification.algorithm"] = "https"
        if settings.ssl_ca_location is not None:
            options["ssl.ca.location"] = str(settings.ssl_ca_location)
    if settings.sasl_mechanism is not None and settings.sasl_password is not None:
        options["sasl.mechanism"] = settings.sasl_mechanism
        options["sasl.username"] = settings.sasl_username
        options["sasl.password"] = settings.sasl_password.get_secret_value()
    return options


def readable(text: str) -> str:
    """The client's message without its thread, broker and timing, which change all the time."""
    return _SUFFIX.sub("", _PREFIX.sub("", text))


class _ErrorLog:
    """The ``error_cb`` of a client."""

    def __init__(
        self,
        client_id: str,
        on_error: Callable[[KafkaError], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client_id, self._on_error = client_id, on_error
        self._limiter = Limiter(_REPEAT_SECONDS, clock)

    def __call__(self, error: KafkaError) -> None:
        if self._on_error is not None:
            self._on_error(error)
        suppressed = self._limiter.admit(error.code())
        if suppressed is not None:
            _log.error(
                "kafka_error",
                client_id=self._client_id,
                code=error.name(),
                reason=readable(error.str()),
                fatal=error.fatal(),
                suppressed=suppressed,
            )


class _ClientLog:
    """The ``logger`` of a client, which asks for nothing but ``log``."""

    def __init__(self, client_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client_id = client_id
        self._limiter = Limiter(_REPEAT_SECONDS, clock)

    def log(self, level: int, _format: str, facility: str, _client: str, text: str) -> None:
        """Called by the client with its own facility (FAIL, CONFWARN, ...) and text."""
        if facility == "FAIL" and level >= logging.ERROR:
            return  # error_cb gets the same
        suppressed = self._limiter.admit(facility)
        if suppressed is not None:
            _log.log(
                level,
                "kafka_client_log",
                client_id=self._client_id,
                facility=facility,
                reason=readable(text),
                suppressed=suppressed,
            )
