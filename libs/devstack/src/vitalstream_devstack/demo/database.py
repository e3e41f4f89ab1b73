"""The demo's database: its owner, its tables, and a login for each service's role."""

import psycopg
from psycopg import errors, sql

from vitalstream_devstack.databases import ROLES, with_login
from vitalstream_devstack.errors import ServerStartError

_NAME = "vitalstream"

Logins = dict[str, tuple[str, str]]


def create(admin_url: str, logins: Logins) -> str:
    """Make the embedded server's database and its owner, who is no superuser.

    Returns:
        The owner's connection string.
    """
    owner, password = logins["owner"]
    with psycopg.connect(admin_url, autocommit=True) as connection:
        _set_login(connection, owner, password)
        connection.execute(sql.SQL("ALTER ROLE {} CREATEROLE").format(sql.Identifier(owner)))
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [_NAME])
        if found.fetchone() is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(_NAME), sql.Identifier(owner)
                )
            )
    return with_login(admin_url, database=_NAME, user=owner, password=password)


def add_logins(owner_url: str, logins: Logins) -> dict[str, str]:
    """A login for each role, with the password of the data directory.

    Returns:
        Connection strings by role.

    Raises:
        ServerStartError: The owner may not make logins (a database that was given).
    """
    try:
        with psycopg.connect(owner_url) as connection:
            for role in ROLES:
                _set_login(connection, *logins[role])
                connection.execute(
                    sql.SQL("GRANT {} TO {}").format(
                        sql.Identifier(f"vitalstream_{role}"), sql.Identifier(logins[role][0])
                    )
                )
    except errors.InsufficientPrivilege as error:
        raise ServerStartError(
            "the user of DATABASE_URL may not create logins; give it CREATEROLE, or leave"
            " DATABASE_URL unset to let the demo start its own PostgreSQL"
        ) from error
    return {
        role: with_login(owner_url, user=logins[role][0], password=logins[role][1])
        for role in ROLES
    }


def _set_login(connection: psycopg.Connection, name: str, password: str) -> None:
    found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    verb = sql.SQL("CREATE" if found is None else "ALTER")
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            verb, sql.Identifier(name), sql.Literal(password)
        )
    )
