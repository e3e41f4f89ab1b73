"""Waiting for a broker, and telling what waiting will not mend."""

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from vitalstream_runtime.errors import (
    AuthenticationError,
    BrokerCertificateError,
    BrokerUnreachableError,
    KafkaStartupError,
)
from vitalstream_runtime.kafka.options import client_options, readable
from vitalstream_runtime.ops import Heartbeat, Readiness
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_runtime.shutdown import Shutdown
from vitalstream_runtime.waiting import Waiting

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
    waiting = Waiting("kafka", shutdown, readiness, heartbeat, give_up_after)
    where = f"KAFKA_BOOTSTRAP_SERVERS={settings.bootstrap_servers}"
    while waiting.goes_on():
        reason = probe.ask()
        if reason is None:
            waiting.over()
            _log.info("kafka_connected", bootstrap_servers=settings.bootstrap_servers)
            return True
        if waiting.expired:
            raise BrokerUnreachableError(
                f"{where}: {reason}; start the broker, or set the variable to where it is"
            )
        waiting.because(f"{where}: {reason}")
    return False


class _Probe:
    """Asks a broker for its metadata and tells the reasons apart why none answers."""

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        self._settings = settings
        self._errors: list[KafkaError] = []
        self._last_failure: str | None = None
        self._refusals = 0
        options = client_options(settings, client_id)
        self._admin = AdminClient(
            options
            | {
                "error_cb": self._errors.append,
                "logger": self,
                "reconnect.backoff.ms": 250,
                "reconnect.backoff.max.ms": 1_000,
            }
        )

    def log(self, _level: int, _format: str, facility: str, _client: str, text: str) -> None:
        """The client's logger: why a connection was closed is told nowhere else."""
        if facility == "FAIL":
            self._last_failure = text

    def ask(self) -> str | None:
        """None if a broker answered, else the reason why not."""
        self._errors.clear()
        self._last_failure = None
        try:
            self._admin.list_topics(timeout=_PROBE_SECONDS)
        except KafkaException:
            self._admin.poll(0)  # delivers errors and log lines
            return self._why()
        return None

    def _why(self) -> str:
        for error in self._errors:
            refusal = _refusal(self._settings, error)
            if refusal is not None:
                self._refusals += 1
                if self._refusals >= _REFUSALS:
                    raise refusal
                return str(refusal)
        self._refusals = 0
        if self._last_failure is None:
            return "no broker answers"
        reason = readable(self._last_failure)
        if reason.startswith("Disconnected"):
            reason += f"; is KAFKA_SECURITY_PROTOCOL={self._settings.security_protocol} right?"
        return reason


def _refusal(settings: KafkaSettings, error: KafkaError) -> KafkaStartupError | None:
    """The exception for what waiting will not mend; None for the rest."""
    reason = readable(error.str())
    if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001 - public, for all its underscore
        return AuthenticationError(
            f"the broker refuses the login, check KAFKA_SASL_USERNAME={settings.sasl_username}, "
            f"KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM={settings.sasl_mechanism}: {reason}"
        )
    if error.code() == KafkaError._SSL:  # noqa: SLF001
        return BrokerCertificateError(
            f"TLS with the broker failed, check that KAFKA_SSL_CA_LOCATION="
            f"{settings.ssl_ca_location or '(the system)'} signed the broker's certificate and "
            f"that it names this host: {reason}"
        )
    return None
