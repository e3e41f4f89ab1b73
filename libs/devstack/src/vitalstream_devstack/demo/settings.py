"""What the demo can be told through the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vitalstream_runtime.settings import Settings

_FREE = "without it a free one."


class DemoSettings(Settings):
    """How long the demo runs, where its data is, and which ports it takes on 127.0.0.1."""

    model_config = SettingsConfigDict(env_prefix="DEMO_")

    seconds: float | None = Field(
        default=None,
        gt=0,
        description="Stop by itself after so long, start-up not counted, and check that no record "
        "was lost; without it the demo runs until Ctrl-C.",
    )
    fresh: bool = Field(default=False, description="Whether to forget the data of earlier runs.")
    dir: Path = Field(
        default=Path(".demo"), description="Folder of the demo's data, logs and passwords."
    )
    kafka_port: int | None = Field(
        default=None, ge=1, le=65535, description="Kafka's port; without it 9092 or a free one."
    )
    postgres_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="PostgreSQL's port; without it 5432 or a free one.",
    )
    producer_ops_port: int | None = Field(
        default=None, ge=1, le=65535, description=f"The producer's OPS_PORT; {_FREE}"
    )
    consumer_ops_port: int | None = Field(
        default=None, ge=1, le=65535, description=f"The consumer's OPS_PORT; {_FREE}"
    )
    dashboard_ops_port: int | None = Field(
        default=None, ge=1, le=65535, description=f"The dashboard's OPS_PORT; {_FREE}"
    )


class ReusedSettings(Settings):
    """What the demo shares with the services: servers that run already, and the page's port."""

    kafka_bootstrap_servers: str | None = Field(
        default=None, description="A running broker to use instead of starting one."
    )
    database_url: str | None = Field(
        default=None,
        repr=False,
        description="A running database to use instead of starting one; its user must be allowed "
        "to create tables and logins.",
    )
    streamlit_server_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of the page; without it 8501 or a free one."
    )
