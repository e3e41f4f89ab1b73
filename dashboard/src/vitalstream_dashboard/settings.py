"""What the dashboard can be told through the environment."""

from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationInfo, field_validator
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
    operator_database_url: SecretStr | None = Field(
        None,
        description="Connection URL of a login with the role vitalstream_operator, with which "
        "operators are shown samples of dead letters. Everything else is read with DATABASE_URL.",
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


_LEAST_SECRET = 32
_CALLBACK = "/oauth2callback"


class SignInSettings(Settings):
    """The OpenID Connect provider that viewers sign in at; without one everybody sees all."""

    model_config = SettingsConfigDict(env_prefix="DASHBOARD_OIDC_", validate_default=True)

    metadata_url: str | None = Field(
        None,
        description="The provider's discovery document "
        "(`https://.../.well-known/openid-configuration`). Switches the sign-in on; then the "
        "other four of the sign-in are needed.",
    )
    client_id: str | None = Field(None, description="What the provider calls the dashboard.")
    client_secret: SecretStr | None = Field(
        None, description="The dashboard's password at the provider."
    )
    redirect_url: str | None = Field(
        None,
        description="Where the provider sends viewers back to: the dashboard's own address, "
        "ending in `/oauth2callback`.",
    )
    cookie_secret: SecretStr | None = Field(
        None,
        description="Signs the cookie of who is signed in: 32 or more random characters, the same "
        "in all replicas.",
    )
    scope: str = Field("openid email profile", description="What the provider is asked for.")
    groups_claim: str = Field(
        "groups",
        description="Claim of the ID token that holds the groups; dots lead into nested ones "
        "(`realm_access.roles`).",
    )
    viewer_groups: str = Field(
        "", description="Groups that may look, with commas between; everybody if empty."
    )
    operator_groups: str = Field(
        "",
        description="Groups that may also see the operations page, dead letters and tables with "
        "identity.",
    )

    @property
    def enabled(self) -> bool:
        """Whether viewers have to sign in."""
        return self.metadata_url is not None

    @field_validator("client_id", "client_secret", "redirect_url", "cookie_secret")
    @classmethod
    def _given(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.data.get("metadata_url") is not None:
            msg = "needed because DASHBOARD_OIDC_METADATA_URL is set"
            raise ValueError(msg)
        return value

    @field_validator("metadata_url", "redirect_url")
    @classmethod
    def _address(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            msg = "no http or https address"
            raise ValueError(msg)
        if info.field_name == "redirect_url" and not parts.path.endswith(_CALLBACK):
            msg = f"has to end in {_CALLBACK}"
            raise ValueError(msg)
        return value

    @field_validator("cookie_secret")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < _LEAST_SECRET:
            msg = f"needs {_LEAST_SECRET} characters or more"
            raise ValueError(msg)
        return value


class StreamlitSettings(Settings):
    """Where Streamlit listens, in Streamlit's own variables."""

    model_config = SettingsConfigDict(env_prefix="STREAMLIT_SERVER_")

    port: int = Field(8501, ge=1, le=65535, description="Port of the page.")
    address: str = Field(
        "0.0.0.0",  # noqa: S104 - a container is reached by its own address
        description="Address that the page listens on.",
    )
