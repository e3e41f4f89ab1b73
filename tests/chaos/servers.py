"""A PostgreSQL of a scenario's own: stopped, crashed and restored as it likes."""

import os
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from vitalstream_devstack.databases import Database, DatabaseServer, with_login
from vitalstream_devstack.postgres import POSTGRES_BIN_PATH, EmbeddedPostgres
from vitalstream_storage.migrate import migrate
from vitalstream_storage.settings import DatabaseSettings


class OwnPostgres:
    """A server with one migrated database.

    Args:
        folder: Its data.
        options: Server settings.

    Attributes:
        server: To be stopped, killed, started.
        database: The migrated one.
    """

    def __init__(self, folder: Path, options: Mapping[str, str]) -> None:
        self.server = EmbeddedPostgres(folder, options=options)
        self._folder = folder
        self.database: Database

    def start(self) -> Self:
        """Start it and make the database."""
        self.server.start()
        databases = DatabaseServer.prepare(self.server.url())
        template = databases.create_template()
        migrate(DatabaseSettings.model_validate({"database_url": template.url()}))
        databases.add_logins()
        self.database = databases.create(migrated=True)
        return self

    def stop(self) -> None:
        """Stop it; harmless when it does not run."""
        self.server.stop()

    def back_up(self) -> Path:
        """Dump the database as it is now, while it is in use."""
        dump = self._folder.parent / "backup.dump"
        self._run("pg_dump", "--format=custom", f"--file={dump}", self.database.admin_url)
        return dump

    def restore(self, dump: Path) -> None:
        """Put the dump in the database's place, cutting every connection."""
        name, aside = self.database.name, f"aside_{secrets.token_hex(4)}"
        self._execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", name
        )
        self._execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name))
        )
        fresh = f"{name}_restored"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(fresh))
        )
        self._run(
            "pg_restore", f"--dbname={with_login(self.server.url(), database=fresh)}", str(dump)
        )
        for old, new in ((name, aside), (fresh, name)):
            self._execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", old
            )
            self._execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(old), sql.Identifier(new)
                )
            )

    def _execute(self, statement: str | sql.Composed, *values: str) -> None:
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute(
                statement.encode() if isinstance(statement, str) else statement, values or None
            )

    @staticmethod
    def _run(program: str, *arguments: str) -> None:
        command = [str(POSTGRES_BIN_PATH / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
        assert done.returncode == 0, f"{program}: {done.stderr.strip().splitlines()[-1:]}"
