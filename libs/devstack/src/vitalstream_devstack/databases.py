"""Databases for tests: migrated once a run, then cloned, with a login for each role."""

import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import LiteralString, Self
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from vitalstream_devstack.process import run_to_end

ROLES = ("writer", "viewer", "operator")
"""What the migrations call vitalstream_writer and so on."""


def with_login(url: str, *, database: str | None = None, user: str = "", password: str = "") -> str:
    """The same server's URL for another database, another login, or both."""
    parts = urlsplit(url)
    location = parts.netloc
    if user:
        host = location.rpartition("@")[2]
        location = f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"
    path = parts.path if database is None else f"/{database}"
    return urlunsplit((parts.scheme, location, path, parts.query, parts.fragment))


def migrate(owner_url: str, environment: Mapping[str, str]) -> str:
    """Bring the tables to the version the services need, as an operator does it.

    Args:
        owner_url: Who will own the tables.
        environment: Of the command, DATABASE_URL apart.

    Returns:
        What was done, in its own words.

    Raises:
        ServerStartError: It failed; with its own reason.
    """
    return _storage("migrate", owner_url, environment)


def maintain(owner_url: str, environment: Mapping[str, str]) -> str:
    """Make the partitions around today; otherwise as `migrate`."""
    return _storage("maintain", owner_url, environment)


def _storage(what: str, url: str, environment: Mapping[str, str]) -> str:
    command = [sys.executable, "-m", "vitalstream_storage", what]
    printed = run_to_end(
        f"vitalstream_storage {what}", command, env={**environment, "DATABASE_URL": url}
    )
    return printed.strip().splitlines()[-1]


@dataclass(frozen=True)
class Database:
    """One database of a test, and how each kind of user reaches it.

    Attributes:
        name: Of the database.
        admin_url: The superuser's connection string, for faults that nobody else may cause.
    """

    name: str
    admin_url: str = field(repr=False)
    _passwords: dict[str, str] = field(repr=False)
    _run: str

    def url(self, role: str = "owner") -> str:
        """A connection string.

        Args:
            role: `owner`, who migrates and is no superuser, or `writer`, `viewer`, `operator`: a
                login that holds just that role, as the services' logins do.
        """
        return with_login(
            self.admin_url, user=_login(self._run, role), password=self._passwords[role]
        )

    def environment(self, role: str) -> dict[str, str]:
        """What a service's settings need to reach it."""
        return {"DATABASE_URL": self.url(role)}


def _login(run: str, role: str) -> str:
    return f"test_{run}_{role}"


class DatabaseServer:
    """Makes and drops databases on one PostgreSQL for one test run.

    Args:
        admin_url: A superuser's connection string.
        run: Marks what belongs to this run, so that two may share a server.
        passwords: By role, of the logins this run made.
    """

    def __init__(self, admin_url: str, run: str, passwords: dict[str, str]) -> None:
        self.admin_url = admin_url
        self._run = run
        self._passwords = passwords

    @classmethod
    def prepare(cls, admin_url: str) -> Self:
        """Make the run's owner; once a run."""
        server = cls(admin_url, secrets.token_hex(4), {})
        server._add_login("owner", "CREATEROLE")
        return server

    def to_text(self) -> str:
        """All that another process of the run needs to know."""
        return json.dumps([self.admin_url, self._run, self._passwords])

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The server that another process of the run prepared."""
        return cls(*json.loads(text))

    def create(self, *, migrated: bool) -> Database:
        """A new database: a clone of the run's migrated one, or empty."""
        template = self._template if migrated else "template0"
        return self._create(f"test_{self._run}_{secrets.token_hex(4)}", template)

    def create_template(self) -> Database:
        """The database to be migrated and then cloned; nobody may stay connected to it."""
        return self._create(self._template, "template0")

    def add_logins(self) -> None:
        """A login for each role, which the migrations must have made."""
        for role in ROLES:
            self._add_login(role, f"IN ROLE vitalstream_{role}")

    def drop(self, name: str) -> None:
        """Drop a database, cutting the connections a failed test may have left."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_name(name)))

    def close(self) -> None:
        """Drop the template and the logins."""
        self.drop(self._template)
        for role in self._passwords:
            self._execute(sql.SQL("DROP ROLE IF EXISTS {}").format(_name(_login(self._run, role))))

    @property
    def _template(self) -> str:
        return f"test_{self._run}_template"

    def _create(self, name: str, template: str) -> Database:
        owner = _login(self._run, "owner")
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                _name(name), _name(template), _name(owner)
            )
        )
        url = with_login(self.admin_url, database=name)
        return Database(name, url, self._passwords, self._run)

    def _add_login(self, role: str, options: LiteralString) -> None:
        password = secrets.token_urlsafe(16)
        self._execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} {}").format(
                _name(_login(self._run, role)), sql.Literal(password), sql.SQL(options)
            )
        )
        self._passwords[role] = password

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)


def _name(text: str) -> sql.Identifier:
    return sql.Identifier(text)
