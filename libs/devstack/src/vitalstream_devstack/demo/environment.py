"""What the services find in their environment: a person's settings, with the demo's addresses."""

import os
import re
from pathlib import Path

from vitalstream_devstack.demo.settings import DemoSettings, ReusedSettings
from vitalstream_runtime.settings import KafkaSettings, load

# Of another broker or database than the demo's own; they would lead a service astray.
_OF_A_BROKER = re.compile(r"KAFKA_(BOOTSTRAP_SERVERS|SECURITY_PROTOCOL|SASL_\w+|SSL_\w+)")
_OF_A_DATABASE = re.compile(r"DATABASE_URL|PG[A-Z]+")
# A day of the hospital in under half an hour; producer and dashboard must agree on it.
_TIME_SCALE = "60"
_PLAINTEXT = {
    "security_protocol": "PLAINTEXT",
    "sasl_mechanism": None,
    "sasl_username": None,
    "sasl_password": None,
    "ssl_ca_location": None,
}


def compose(reused: ReusedSettings, bootstrap_servers: str) -> dict[str, str]:
    """The environment that all services share."""
    dropped = [re.compile(r"OPS_(HOST|PORT)")]
    if reused.kafka_bootstrap_servers is None:
        dropped.append(_OF_A_BROKER)
    if reused.database_url is None:
        dropped.append(_OF_A_DATABASE)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not any(pattern.fullmatch(name) for pattern in dropped)
    }
    return {**kept, "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers}


def for_producer(shared: dict[str, str], settings: DemoSettings, ack_log: Path) -> dict[str, str]:
    """The producer's: its lines as a person reads them, and a log to check against."""
    chosen = {
        "LOG_FORMAT": "console",
        "PRODUCER_PROFILE": "hospital",
        "PRODUCER_TIME_SCALE": _time_scale(shared),
        **shared,
    }
    if settings.seconds is not None:  # without an end the log would have none either
        chosen["PRODUCER_ACK_LOG"] = str(ack_log)
    return chosen


def _time_scale(shared: dict[str, str]) -> str:
    """The hospital's, which a person may set for either service; seed's patients keep real time."""
    default = "1" if shared.get("PRODUCER_PROFILE", "").lower() == "seed" else _TIME_SCALE
    chosen = shared.get("PRODUCER_TIME_SCALE") or shared.get("DASHBOARD_TIME_SCALE")
    return chosen or default


def for_dashboard(shared: dict[str, str], page: int) -> dict[str, str]:
    """The dashboard's: its page on this machine alone unless a person wants otherwise."""
    return {
        "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
        "DASHBOARD_TIME_SCALE": _time_scale(shared),
        **shared,
        "STREAMLIT_SERVER_PORT": str(page),
    }


def kafka_settings(reused: ReusedSettings, bootstrap_servers: str) -> KafkaSettings:
    """How the demo itself reaches the broker."""
    if reused.kafka_bootstrap_servers is not None:
        return load(KafkaSettings)
    return KafkaSettings.model_validate({"bootstrap_servers": bootstrap_servers, **_PLAINTEXT})
