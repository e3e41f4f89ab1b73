"""Options of every Kafka client, and its errors as structured events."""

import logging
import time
from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import KafkaError

from vitalstream_runtime.settings import KafkaSettings

_log = structlog.get_logger(__name__)
_REPEAT_SECONDS = 10.0


def client_options(
    settings: KafkaSettings,
    client_id: str,
    on_error: Callable[[KafkaError], None] | None = None,
) -> dict[str, Any]:
    """Options for any confluent_kafka client; it contains the password, so never log it.

    The client's errors and log lines become structured events. They are delivered from the
    client's own ``poll``.

    Args:
        settings: brokers, encryption and credentials.
        client_id: shown in the broker's logs and metrics.
        on_error: also called with each error.
    """
    options: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": client_id,
        "security.protocol": settings.security_protocol,
        "error_cb": _ErrorLog(client_id, on_error),
        "logger": logging.getLogger("vitalstream_runtime.kafka.client"),
        "log.connection.close": False,
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


class _ErrorLog:
    """Writes a client's errors, each kind at most once in ten seconds."""

    def __init__(
        self, client_id: str, on_error: Callable[[KafkaError], None] | None = None
    ) -> None:
        self._client_id, self._on_error = client_id, on_error
        self._next: dict[int, float] = {}
        self._suppressed: dict[int, int] = {}

    def __call__(self, error: KafkaError) -> None:
        if self._on_error is not None:
            self._on_error(error)
        now, code = time.monotonic(), error.code()
        if now < self._next.get(code, 0.0):
            self._suppressed[code] = self._suppressed.get(code, 0) + 1
            return
        self._next[code] = now + _REPEAT_SECONDS
        _log.error(
            "kafka_error",
            client_id=self._client_id,
            code=error.name(),
            reason=error.str(),
            fatal=error.fatal(),
            suppressed=self._suppressed.pop(code, 0),
        )
