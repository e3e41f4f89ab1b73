"""How to reach PostgreSQL."""

from pathlib import Path
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from vitalstream_runtime.settings import Settings

__all__ = ["DatabaseSettings", "MaintenanceSettings"]

# A server that vanished without a word, its host with it, is given up after half a minute; TCP
# alone would wait for a quarter of an hour, and for ever for an answer.
_SILENCE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}


class DatabaseSettings(Settings):
    """PostgreSQL: DATABASE_URL, or libpq's own PG* variables where it is not set.

    Variables of libpq that have no field here (PGTARGETSESSIONATTRS, PGSSLCERT, ...) are read by
    libpq itself.
    """

    database_url: SecretStr | None = Field(
        None,
        description="Database as postgresql://user:password@host:port/name?sslmode=... or as "
        "libpq's key=value line; without it the PG* variables count.",
    )
    pghost: str | None = Field(
        None, description="Hosts, separated by commas, or a socket's folder."
    )
    pgport: str | None = Field(None, description="Port, one for all hosts or one for each.")
    pgdatabase: str | None = Field(None, description="Database's name.")
    pguser: str | None = Field(None, description="Role to log in as.")
    pgpassword: SecretStr | None = Field(None, description="The role's password.")
    pgsslmode: str | None = Field(
        None,
        pattern="^(disable|allow|prefer|require|verify-ca|verify-full)$",
        description="disable, allow, prefer, require, verify-ca or verify-full.",
    )
    pgsslrootcert: Path | None = Field(None, description="PEM file of the server's CA.")
    database_connect_timeout: int = Field(
        5, ge=1, le=300, description="Seconds to wait for a connection, for each host."
    )
    database_statement_timeout: float = Field(
        30, gt=0, le=3600, description="Seconds after which PostgreSQL gives up a statement."
    )
    database_lock_timeout: float = Field(
        5, gt=0, le=3600, description="Seconds a claim waits for a lock before it ends the holder."
    )
    database_pool_size: int = Field(
        4, ge=1, le=100, description="Most connections one process holds."
    )

    @field_validator("database_url")
    @classmethod
    def _parses(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                conninfo_to_dict(value.get_secret_value())
            except psycopg.ProgrammingError:
                msg = (
                    "not a PostgreSQL connection string; postgresql://user:password@host:5432/name "
                    "with special characters of the password percent-encoded"
                )
                raise ValueError(msg) from None
        return value

    @model_validator(mode="after")
    def _certificate(self) -> Self:
        path = self.pgsslrootcert
        if path and str(path) != "system" and not path.is_file():
            msg = f"PGSSLROOTCERT={str(path)!r} is not a file"
            raise ValueError(msg)
        return self

    def conninfo(self, application_name: str) -> str:
        """The libpq connection string, password included: never to be logged."""
        given = {
            "host": self.pghost,
            "port": self.pgport,
            "dbname": self.pgdatabase,
            "user": self.pguser,
            "password": self.pgpassword.get_secret_value() if self.pgpassword else None,
            "sslmode": self.pgsslmode,
            "sslrootcert": str(self.pgsslrootcert) if self.pgsslrootcert else None,
        }
        url = ""
        if self.database_url is not None:
            url = self.database_url.get_secret_value()
            given = {}
        chosen = conninfo_to_dict(url)
        given["application_name"] = str(chosen.get("application_name", application_name))
        given["connect_timeout"] = str(chosen.get("connect_timeout", self.database_connect_timeout))
        given |= {name: str(chosen.get(name, value)) for name, value in _SILENCE.items()}
        return make_conninfo(url, **{key: value for key, value in given.items() if value})


class MaintenanceSettings(Settings):
    """What `python -m vitalstream_storage maintain` keeps ready, and what it throws away.

    `erase` waits for locks in the same way.
    """

    model_config = SettingsConfigDict(env_prefix="MAINTENANCE_")

    days_back: int = Field(
        7, ge=0, le=366, description="Days before today whose observations get a partition."
    )
    days_ahead: int = Field(7, ge=1, le=366, description="Days after today, likewise.")
    retention_days: int | None = Field(
        None,
        ge=1,
        le=36_600,
        description="Whole days of observations that are kept before today; unset: all. Records "
        "observed earlier are stale from then on, and what is dropped does not come back.",
    )
    dead_letter_days: int | None = Field(
        None,
        ge=1,
        le=36_600,
        description="Days that a dead letter is kept after it was first seen, replayed or not; "
        "unset: for ever. What is dropped cannot be replayed.",
    )
    lock_timeout: float = Field(
        2, gt=0, le=60, description="Seconds that writers may have to wait behind one step."
    )
