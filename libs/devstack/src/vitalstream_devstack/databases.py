"""Databases for tests: migrated once, then cloned, with a login for each role."""

import secrets
from dataclasses import dataclass, field
from types import TracebackType
from typing import LiteralString, Self
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROLES = ("writer", "viewer", "operator")


def with_login(url: str, *, database: str | None = None, user: str = "", password: str = "") -> str:
    """The same server's URL for another database, login, or both."""
    parts = urlsplit(url)
    location = parts.netloc
    if user:
        host = location.rpartition("@")[2]
        location = f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"
    path = parts.path if database is None else f"/{database}"
    return urlunsplit((parts.scheme, location, path, parts.query, parts.fragment))


@dataclass(frozen=True)
class Database:
    """One database of a test, and how each kind of user reaches it."""

    name: str
    owner_url: str = field(repr=False)
    logins: dict[str, tuple[str, str]] = field(repr=False)

    def url(self, role: str = "owner") -> str:
        """A connection string.

        Args:
            role: `owner` (migrates), or `writer`, `viewer`, `operator`: a login that holds just
                that role, as the services' logins do.
        """
        if role == "owner":
            return self.owner_url
        user, password = self.logins[role]
        return with_login(self.owner_url, user=user, password=password)


class DatabaseServer:
    """Makes and drops databases on one PostgreSQL; each run's names are its own.

    Args:
        admin_url: A login that may create databases and roles.
    """

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url
        self._run = secrets.token_hex(4)
        self._made = 0
        self._logins: dict[str, tuple[str, str]] = {}

    def create(self, template: Database | None = None) -> Database:
        """A new database: empty, or a clone of another that nobody is connected to."""
        self._made += 1
        name = f"test_{self._run}_{self._made}"
        source = "template0" if template is None else template.name
        self._run_sql(
            "CREATE DATABASE {} TEMPLATE {}", sql.Identifier(name), sql.Identifier(source)
        )
        # Roles belong to the server, grants to the database: a clone keeps its template's.
        logins = {} if template is None else template.logins
        return Database(name, with_login(self.admin_url, database=name), logins)

    def drop(self, database: Database) -> None:
        """Drop it, cutting the connections a failed test may have left."""
        self._run_sql("DROP DATABASE IF EXISTS {} WITH (FORCE)", sql.Identifier(database.name))

    def add_logins(self, database: Database) -> Database:
        """The same database with a login for each role that the migrations made."""
        for role in ROLES:
            login, password = f"test_{self._run}_{role}", secrets.token_urlsafe(16)
            self._run_sql(
                "CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}",
                sql.Identifier(login),
                sql.Literal(password),
                sql.Identifier(f"vitalstream_{role}"),
            )
            self._logins[role] = (login, password)
        return Database(database.name, database.owner_url, dict(self._logins))

    def close(self) -> None:
        """Drop the logins; harmless when there are none."""
        for login, _ in self._logins.values():
            self._run_sql("DROP ROLE IF EXISTS {}", sql.Identifier(login))
        self._logins.clear()

    def __enter__(self) -> Self:
        """Use as a context manager: logins are dropped at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop the logins."""
        self.close()

    def _run_sql(self, text: LiteralString, *parts: sql.Composable) -> None:
        statement = sql.SQL(text).format(*parts)
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)
