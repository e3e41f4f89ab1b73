"""What the consumer can be told, beside the shared Kafka, database and service settings."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vitalstream_runtime.settings import Settings


class ConsumerSettings(Settings):
    """How much is read ahead, written together, and waited for."""

    model_config = SettingsConfigDict(env_prefix="CONSUMER_")

    writers: int = Field(
        2, ge=1, le=16, description="Connections that write at the same time, each its partitions."
    )
    batch_records: int = Field(
        15_000, ge=1, le=1_000_000, description="A batch closes at so many records."
    )
    batch_bytes: int = Field(
        16_777_216, ge=1, le=1_073_741_824, description="A batch closes at so many bytes."
    )
    synchronous_commit: bool = Field(
        default=True,
        description="Whether a commit waits for PostgreSQL's disk, and its synchronous standbys. "
        "Without, a crash of the server loses its last second of commits, the ledger's steps among "
        "them, so that the same records are read again: sooner visible, and nothing is lost as "
        "long as Kafka keeps them.",
    )
    fetch_queue_kilobytes: int = Field(
        16_384,
        ge=1_024,
        le=2_097_151,
        description="Most kilobytes that the Kafka client reads ahead of the decoder.",
    )
    max_poll_interval_seconds: float = Field(
        300,
        ge=6,
        le=86_400,
        description="The group takes the partitions away from a consumer that does not poll for "
        "so long; above the session timeout.",
    )
    session_timeout_seconds: float = Field(
        45,
        ge=1,
        le=3_600,
        description="KAFKA_GROUP_PROTOCOL=classic only: the group gives up a silent consumer "
        "after so long; under consumer the broker decides.",
    )
    max_ahead_seconds: float = Field(
        300,
        ge=0,
        le=86_400,
        description="A record whose timestamps are further ahead of our clock is a dead letter.",
    )
    retry_seconds: float = Field(
        5,
        gt=0,
        le=300,
        description="Longest pause before the database or a claim is tried again.",
    )
    survey_seconds: float = Field(
        2,
        gt=0,
        le=300,
        description="How often the broker is asked for the log's ends, and the ledger told.",
    )
    drain_seconds: float = Field(
        15,
        ge=0,
        le=3_600,
        description="How long a stop or a rebalance waits for the batch in hand; keep it ten "
        "seconds below the grace period.",
    )
