"""What the producer can be told, beside the shared Kafka and service settings."""

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from vitalstream_runtime.settings import Settings

_LowerCase = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)

_Max = BeforeValidator(lambda value: math.inf if str(value).lower() == "max" else value)


class ProducerSettings(Settings):
    """How fast records are invented, how they are sent, and when to stop."""

    model_config = SettingsConfigDict(env_prefix="PRODUCER_")

    profile: Annotated[Literal["seed", "hospital"], _LowerCase] = Field(
        default="seed",
        description="What is invented. seed: each record an admission of its own, vital signs even "
        "in their ranges. hospital: patients who are admitted, observed again and again, and "
        "discharged.",
    )
    beds: int = Field(
        default=1000, ge=20, le=1_000_000, description="Beds of the hospital (profile hospital)."
    )
    time_scale: float = Field(
        default=1.0,
        gt=0,
        le=100_000,
        description="By how much the hospital's time runs faster than the clock: at 60 NEWS2's "
        "four hours are four minutes. DASHBOARD_TIME_SCALE must be the same.",
    )
    artefact_rate: float = Field(
        default=0.005,
        ge=0,
        le=1,
        description="Share of the hospital's observations with something measured wrong.",
    )
    dropout_rate: float = Field(
        default=0.01,
        ge=0,
        lt=1,
        description="Share of the hospital's observations that are never made, so that a patient "
        "goes silent.",
    )
    truth_log: Path | None = Field(
        default=None,
        description="File that gets one JSON line for each admission, transfer, deterioration, "
        "artefact, missed observation and discharge of the hospital, in its own hours.",
    )
    min_delay_seconds: float = Field(
        default=0.5,
        ge=0,
        le=3600,
        description="Least delay between two records when no rate is set (profile seed).",
    )
    max_delay_seconds: float = Field(
        default=2.0,
        ge=0,
        le=3600,
        description="Greatest delay between two records when no rate is set (profile seed).",
    )
    rate: Annotated[float, _Max] | None = Field(
        default=None,
        gt=0,
        description="Steady rate in records/s instead of the delays, or of the hospital's own "
        "pace; max: as many as the broker acknowledges.",
    )
    max_records: int | None = Field(
        default=None, ge=1, description="Stop, everything acknowledged, after so many records."
    )
    seed: int | None = Field(
        default=None,
        description="The same number gives the same records again, ids and names included (only "
        "the timestamps differ); without it every start invents new ones.",
    )
    ack_log: Path | None = Field(
        default=None,
        description="File that gets one JSON line (partition, offset, record) for each record the "
        "broker has acknowledged.",
    )
    buffer_records: int = Field(
        default=100_000, ge=1, le=10_000_000, description="Most records that wait for the broker."
    )
    buffer_kilobytes: int = Field(
        default=131_072, ge=1, le=2_097_151, description="Most kilobytes that wait for the broker."
    )
    batch_bytes: int = Field(
        default=1_000_000,
        ge=1,
        le=1_000_000,
        description="Most bytes of one batch, before compression; the topic's max.message.bytes "
        "must allow it.",
    )
    linger_ms: float = Field(
        default=5.0,
        ge=0,
        le=10_000,
        description="How long a record waits for others to share a batch.",
    )
    compression: Annotated[Literal["none", "lz4", "zstd", "snappy", "gzip"], _LowerCase] = Field(
        default="lz4", description="Compression of the batches."
    )
    delivery_timeout_seconds: float = Field(
        default=120.0,
        ge=1,
        le=86_400,
        description="A record not acknowledged by then is counted as an error and sent again.",
    )
    traces_per_second: float = Field(
        default=4.0,
        ge=0,
        le=1000,
        description="Most records a second that have a span, where OTEL_EXPORTER_OTLP_ENDPOINT is "
        "set; every record has a trace id.",
    )
    drain_seconds: float = Field(
        default=20.0,
        ge=0,
        le=3600,
        description="How long a stop waits for the last acknowledgements; keep it below the "
        "grace period.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_delay_seconds > self.max_delay_seconds:
            msg = (
                f"PRODUCER_MIN_DELAY_SECONDS={self.min_delay_seconds} is above "
                f"PRODUCER_MAX_DELAY_SECONDS={self.max_delay_seconds}"
            )
            raise ValueError(msg)
        return self

    @property
    def target_rate(self) -> float:
        """Records per second that are aimed at.

        Infinite where there is no aim but speed, not a number where the hospital decides.
        """
        if self.rate is not None:
            return self.rate
        if self.profile == "hospital":
            return math.nan
        mean_delay = (self.min_delay_seconds + self.max_delay_seconds) / 2
        return 1 / mean_delay if mean_delay else math.inf
