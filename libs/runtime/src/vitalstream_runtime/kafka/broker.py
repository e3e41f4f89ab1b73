"""Waiting for a broker, and telling what waiting will not mend."""

import time

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from vitalstream_runtime.errors import (
    AuthenticationError,
    BrokerCertificateError,
    BrokerUnreachableError,
    KafkaStartupError,
)
from vitalstream_runtime.kafka.options import client_options
from vitalstream_runtime.ops import Heartbeat, Readiness
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_runtime.shutdown import Shutdown

_log = structlog.get_logger(__name__)
_PROBE_SECONDS = 1.0
_REFUSALS = 3


def wait_for_broker(  # noqa: PLR0913 - each of the service's organs takes part
    settings: KafkaSettings,
    client_id: str,
    *,
    shutdown: Shutdown | None = None,
    readiness: Readiness | None = None,
    heartbeat: Heartbeat | None = None,
    give_up_after: float | None = None,
) -> bool:
    """Wait until a broker answers; returns False if asked to stop before.

    Meanwhile readiness ``kafka`` is false with the reason, the heart beats, and a log line says
    every few seconds what is being waited for.

    Args:
        settings: where the broker is.
        client_id: shown in the broker's logs.
        shutdown: ends the waiting.
        readiness: gets the reason under the name ``kafka``.
        heartbeat: beaten while waiting.
        give_up_after: seconds to wait; None: for ever.

    Raises:
        AuthenticationError: the credentials were refused several times.
        BrokerCertificateError: TLS failed several times.
        BrokerUnreachableError: nothing answered within ``give_up_after``.
    """
    probe = _Probe(settings, client_id)
    deadline = None if give_up_after is None else time.monotonic() + give_up_after
    next_line = 0.0
    while not (shutdown and shutdown.requested):
        if heartbeat:
            heartbeat.beat()
        reason = probe.ask()
        if readiness:
            readiness.set("kafka", reason)
        if reason is None:
            _log.info("kafka_connected", bootstrap_servers=settings.bootstrap_servers)
            return True
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            raise BrokerUnreachableError(
                f"KAFKA_BOOTSTRAP_SERVERS={settings.bootstrap_servers}: {reason}; "
                "start the broker or set the variable to where it is"
            )
        if now >= next_line:
            next_line = now + 5.0
            _log.warning(
                "kafka_waiting", bootstrap_servers=settings.bootstrap_servers, reason=reason
            )
        if shutdown:
            shutdown.wait(0.25)
        else:
            time.sleep(0.25)
    return False


class _Probe:
    """Asks a broker for its metadata and tells the reasons apart why none answers."""

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        self._settings = settings
        self._errors: list[KafkaError] = []
        self._refusals = 0
        options = client_options(settings, client_id)
        options |= {"error_cb": self._errors.append, "reconnect.backoff.max.ms": 1_000}
        self._admin = AdminClient(options)

    def ask(self) -> str | None:
        """None if a broker answered, else the reason why not."""
        self._errors.clear()
        try:
            self._admin.list_topics(timeout=_PROBE_SECONDS)
        except KafkaException as error:
            self._admin.poll(0)
            return self._judge([*self._errors, error.args[0]])
        return None

    def _judge(self, errors: list[KafkaError]) -> str:
        for error in errors:
            refusal = _refusal(self._settings, error)
            if refusal is not None:
                self._refusals += 1
                if self._refusals >= _REFUSALS:
                    raise refusal
                return str(refusal)
        return next(
            (error.str() for error in errors if error.code() != KafkaError._ALL_BROKERS_DOWN),  # noqa: SLF001
            "no broker answers",
        )


def _refusal(settings: KafkaSettings, error: KafkaError) -> KafkaStartupError | None:
    """The exception for what waiting will not mend; None for the rest."""
    where = f"KAFKA_BOOTSTRAP_SERVERS={settings.bootstrap_servers}"
    if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001 - public, for all its underscore
        return AuthenticationError(
            f"{where} refused KAFKA_SASL_USERNAME={settings.sasl_username} or its "
            f"KAFKA_SASL_PASSWORD ({settings.sasl_mechanism}): {error.str()}"
        )
    if error.code() == KafkaError._SSL:  # noqa: SLF001
        return BrokerCertificateError(
            f"{where}: TLS failed, check KAFKA_SSL_CA_LOCATION={settings.ssl_ca_location}, the "
            f"host name and KAFKA_SECURITY_PROTOCOL: {error.str()}"
        )
    return None
