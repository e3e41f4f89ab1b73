"""Settings from the environment and from mounted secrets, checked before anything starts."""

import difflib
import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import pydantic_settings
from pydantic import (
    BeforeValidator,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from vitalstream_runtime.documentation import Variable, documented, markdown
from vitalstream_runtime.errors import SettingsError

__all__ = [
    "KafkaSettings",
    "ServiceSettings",
    "Settings",
    "SettingsError",
    "documented",
    "load",
    "markdown",
    "unknown_variables",
]

DEFAULT_SECRETS_DIR = Path("/run/secrets/vitalstream")
_LONGEST_SHOWN = 60
_SOUNDS_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY|URL|DSN|CONNINFO")
_BROKER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")

_SERVICES = {"PRODUCER_", "CONSUMER_", "DASHBOARD_"}
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT)|_PORT(_[0-9]+_(TCP|UDP).*)?$")

_S = TypeVar("_S", bound=BaseSettings)
_UpperCase = BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)
_LowerCase = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


class Settings(BaseSettings):
    """Base of every settings class: frozen, an empty variable counts as unset."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )


class ServiceSettings(Settings):
    """What every service has: its ops port and its logs."""

    ops_host: str = Field(
        default="0.0.0.0",  # noqa: S104 - a probe reaches a pod by its own address
        description="Address that the ops port (health and metrics) listens on.",
    )
    ops_port: int = Field(
        default=8080,
        ge=0,
        le=65535,
        description="Port of /livez, /readyz, /startupz, /metrics; 0: any.",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], _UpperCase] = Field(
        default="INFO", description="Least severe log level that is written."
    )
    log_format: Annotated[Literal["auto", "json", "console"], _LowerCase] = Field(
        default="auto", description="Form of a log line; auto: console on a terminal, else JSON."
    )
    log_id_key: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Key of the hash that stands for a patient_id in logs; without it a random "
        "key for each process.",
    )


class KafkaSettings(Settings):
    """How to reach Kafka, and the topic."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_")

    bootstrap_servers: str = Field(
        default="localhost:9092",
        description="Brokers to ask first, as host:port, separated by commas.",
    )
    topic: str = Field(
        default="patient_records",
        description="Topic of the patient records.",
    )
    topic_create: bool = Field(
        default=True, description="Whether a missing topic is created where the rights allow it."
    )
    topic_partitions: int = Field(
        default=3, ge=1, le=10_000, description="Partitions of a topic that is created."
    )
    topic_replication_factor: int = Field(
        default=-1,
        ge=-1,
        le=32_767,
        description="Replicas of a topic that is created; -1: the broker's.",
    )
    group_id: str = Field(
        default="patient-records-consumer-group",
        min_length=1,
        max_length=249,
        description="Consumer group that shares the partitions.",
    )
    group_protocol: Annotated[Literal["consumer", "classic"], _LowerCase] = Field(
        default="consumer",
        description="Group protocol: consumer is KIP-848 (Kafka 4), classic the one before it.",
    )
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], _UpperCase
    ] = Field(default="PLAINTEXT", description="Encryption and authentication towards the brokers.")
    sasl_mechanism: (
        Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], _UpperCase] | None
    ) = Field(default=None, description="Required by the SASL_* protocols.")
    sasl_username: str | None = Field(default=None, description="Required by KAFKA_SASL_MECHANISM.")
    sasl_password: SecretStr | None = Field(
        default=None, description="Required by KAFKA_SASL_MECHANISM."
    )
    ssl_ca_location: FilePath | None = Field(
        default=None,
        description="PEM file of the brokers' CA; without it the system's CAs are trusted.",
    )

    @field_validator("topic")
    @classmethod
    def _topic_name(cls, value: str) -> str:
        if not _TOPIC.fullmatch(value) or value in (".", ".."):
            msg = "a topic's name is 1 to 249 letters, digits, dots, underscores and hyphens"
            raise ValueError(msg)
        return value

    @field_validator("bootstrap_servers")
    @classmethod
    def _brokers(cls, value: str) -> str:
        brokers = [broker.strip() for broker in value.split(",")]
        if not all(_BROKER.fullmatch(broker) for broker in brokers):
            msg = "each broker is host:port, several are separated by commas"
            raise ValueError(msg)
        return ",".join(brokers)

    @field_validator("ssl_ca_location")
    @classmethod
    def _certificates(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.create_default_context(cafile=value)
            except ssl.SSLError as error:
                msg = "the file holds no PEM certificate"
                raise ValueError(msg) from error
            except OSError as error:
                raise ValueError(f"the file cannot be read: {error.strerror}") from error
        return value

    @field_validator("topic_replication_factor")
    @classmethod
    def _replicas(cls, value: int) -> int:
        if value == 0:
            msg = "-1 or at least 1"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _login(self) -> Self:
        mechanism = self.sasl_mechanism
        needs_login = self.security_protocol.startswith("SASL_")
        if needs_login and mechanism is None:
            raise ValueError(
                f"KAFKA_SASL_MECHANISM is required by KAFKA_SECURITY_PROTOCOL="
                f"{self.security_protocol} (PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512)"
            )
        if mechanism is not None and not needs_login:
            raise ValueError(
                f"KAFKA_SASL_MECHANISM={mechanism} needs KAFKA_SECURITY_PROTOCOL=SASL_SSL or "
                f"SASL_PLAINTEXT, not {self.security_protocol}"
            )
        for name in ("sasl_username", "sasl_password"):
            given = getattr(self, name) is not None
            if given and mechanism is None:
                raise ValueError(f"KAFKA_{name.upper()} is set, but KAFKA_SASL_MECHANISM is not")
            if mechanism is not None and not given:
                raise ValueError(f"KAFKA_{name.upper()} is required by KAFKA_SASL_MECHANISM")
        return self


def load(settings: type[_S]) -> _S:
    """Read a settings class from the environment and from the files of SECRETS_DIR.

    A file is named like its variable; the environment wins over it.

    Raises:
        SettingsError: one line that names each variable that is wrong and what it may hold; the
            value of a secret is never in it.
    """
    variables = documented(settings)
    try:
        return settings(_secrets_dir=_secrets_dir())
    except ValidationError as error:
        places: dict[str, list[Any]] = {}
        for detail in error.errors(include_url=False, include_context=False):
            places.setdefault(str(detail["loc"][:1]), []).append(detail)  # a union has several
        lines = [_sentence(variables, details) for details in places.values()]
    except pydantic_settings.SettingsError as error:
        lines = [_unreadable(variables, error)]
    raise SettingsError("; ".join(lines))


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Variables that look like a setting but are none, each with the one that may be meant.

    Looked at are the settings classes that are imported: a name close to one of theirs, and any
    name that begins as a service's own do. What Kubernetes adds for a Service is left out.
    """
    classes = _subclasses(Settings)
    known = {name for settings in classes for v in documented(settings) for name in v.names}
    prefixes = {str(settings.model_config.get("env_prefix")) for settings in classes}
    own = tuple(prefixes & _SERVICES)
    found: dict[str, str | None] = {}
    for name in sorted(environ):
        upper = name.upper()
        if upper in known or _SERVICE_LINK.search(upper):
            continue
        close = difflib.get_close_matches(upper, known, n=1, cutoff=0.9)
        if close or upper.startswith(own):
            found[name] = close[0] if close else None
    return found


def _subclasses(settings: type[BaseSettings]) -> set[type[BaseSettings]]:
    below = settings.__subclasses__()
    return {*below, *(one for each in below for one in _subclasses(each))}


def _secrets_dir() -> Path | None:
    chosen = os.environ.get("SECRETS_DIR")
    if chosen:
        if not Path(chosen).is_dir():
            raise SettingsError(f"SECRETS_DIR={chosen!r} is not a directory")
        return Path(chosen)
    return DEFAULT_SECRETS_DIR if DEFAULT_SECRETS_DIR.is_dir() else None


def _sentence(variables: list[Variable], details: list[Any]) -> str:
    """What is wrong with one variable, or with several together."""
    first = details[0]
    reasons = dict.fromkeys(str(one["msg"]).removeprefix("Value error, ") for one in details)
    reason = " or ".join(reasons)
    if not first["loc"]:
        return reason
    place = str(first["loc"][0])
    variable = next((v for v in variables if place == v.field or place.upper() in v.names), None)
    if variable is None:
        return f"{place}: {reason}"
    if first["type"] == "missing":
        return f"{variable.name} is required ({variable.allowed})"
    return f"{variable.name}{_shown(variable, first['input'])}: {reason} ({variable.allowed})"


def _unreadable(variables: list[Variable], error: pydantic_settings.SettingsError) -> str:
    """For what could not even be read; the library names the field in its text alone."""
    name = next((v.name for v in variables if f'"{v.field}"' in str(error)), "a variable")
    if isinstance(error.__cause__, OSError):
        return f"{name}: its file in SECRETS_DIR cannot be read: {error.__cause__.strerror}"
    if isinstance(error.__cause__, UnicodeDecodeError):
        return f"{name}: its file in SECRETS_DIR is not UTF-8 text"
    return f"{name}: not the JSON it has to be"


def _shown(variable: Variable, value: object) -> str:
    text = repr(value)
    if variable.secret or _SOUNDS_SECRET.search(variable.name) or "@" in text:
        return ""
    return "=" + (text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")
