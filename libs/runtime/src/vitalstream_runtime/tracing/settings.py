"""What a service can be told of tracing; the rest OpenTelemetry reads by itself."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from vitalstream_runtime.settings import Settings

_LowerCase = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


class TracingSettings(Settings):
    """Whether spans are exported, and where to."""

    model_config = SettingsConfigDict(env_prefix="OTEL_EXPORTER_OTLP_")

    endpoint: str | None = Field(
        default=None,
        pattern="^https?://[^/@ ]+(/[^@ ]*)?$",
        description="Base URL of an OpenTelemetry collector, such as http://collector:4318; spans "
        "go to its /v1/traces. Unset: no spans are made. Needs the extra `tracing`. The SDK's "
        "other OTEL_* variables hold as well.",
    )
    headers: SecretStr | None = Field(
        default=None,
        description="Headers that the collector asks for, as name=value, separated by commas.",
    )
    protocol: Annotated[Literal["http/protobuf"], _LowerCase] = Field(
        default="http/protobuf", description="The one protocol that spans are exported by."
    )
