"""What the dashboard can be told through the environment."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from vitalstream_runtime.settings import Settings

REFRESH_SECONDS = (2, 20)
RECORD_LIMIT = (50, 500)


class DashboardSettings(Settings):
    """What the page starts with, and when it calls the data late."""

    model_config = SettingsConfigDict(env_prefix="DASHBOARD_")

    refresh_seconds: int = Field(
        5,
        ge=REFRESH_SECONDS[0],
        le=REFRESH_SECONDS[1],
        description="Seconds between two refreshes until a viewer chooses others.",
    )
    record_limit: int = Field(
        100,
        ge=RECORD_LIMIT[0],
        le=RECORD_LIMIT[1],
        description="Rows of the table of recent records until a viewer chooses others.",
    )
    behind_seconds: float = Field(
        10.0,
        gt=0,
        description="Delay from produced to stored, in seconds, from which the consumer counts "
        "as behind.",
    )
    silent_seconds: float = Field(
        30.0,
        gt=0,
        description="Seconds without a new record, or without a sign of the consumer, after which "
        "the page says so.",
    )
    query_seconds: float = Field(
        5.0,
        gt=0,
        le=60,
        description="Seconds after which the database gives up one query of the page.",
    )
    identified_downloads: bool = Field(
        default=True,
        description="Whether a viewer may download the table with names, ids, dates and places.",
    )
    time_scale: float = Field(
        1.0,
        gt=0,
        le=100_000,
        description="By how much the hospital's time runs faster than the clock; the intervals "
        "after which a patient counts as silent are divided by it. As the producer's "
        "PRODUCER_TIME_SCALE; 1 for patients who are real.",
    )
    time_zone: str = Field(
        "UTC", description="Time zone of every time shown, by its IANA name (Europe/Berlin)."
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            msg = "no such time zone; IANA names look like Europe/Berlin"
            raise ValueError(msg) from error
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of every time shown."""
        return ZoneInfo(self.time_zone)


class StreamlitSettings(Settings):
    """Where Streamlit listens, in Streamlit's own variables."""

    model_config = SettingsConfigDict(env_prefix="STREAMLIT_SERVER_")

    port: int = Field(8501, ge=1, le=65535, description="Port of the page.")
    address: str = Field(
        "0.0.0.0",  # noqa: S104 - a container is reached by its own address
        description="Address that the page listens on.",
    )
