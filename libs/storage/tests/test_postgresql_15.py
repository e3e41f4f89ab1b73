"""The oldest PostgreSQL that is promised, and TLS, on Debian's server.

The embedded server has no TLS and is of another version. Where there is no PostgreSQL 15 these
tests are skipped and say so.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import trustme
from psycopg.conninfo import make_conninfo

from libs.storage.tests import traffic
from libs.storage.tests.stream import Stream, login, record, rows, tombstone
from vitalstream_devstack.databases import Database, DatabaseServer
from vitalstream_devstack.postgres import EmbeddedPostgres
from vitalstream_devstack.unprivileged import unprivileged_user
from vitalstream_storage import reader
from vitalstream_storage.batch import Verdicts
from vitalstream_storage.errors import AuthenticationError
from vitalstream_storage.maintain import maintain, recount
from vitalstream_storage.migrate import REQUIRED_VERSION, migrate
from vitalstream_storage.pool import connect
from vitalstream_storage.settings import DatabaseSettings, MaintenanceSettings

BINARIES = Path("/usr/lib/postgresql/15/bin")
NAME = "db.test"

pytestmark = pytest.mark.skipif(
    not (BINARIES / "postgres").exists(),
    reason=f"no PostgreSQL 15 in {BINARIES} (Debian 12: apt install postgresql-15)",
)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs the server's certificate."""
    return trustme.CA()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA
) -> Iterator[EmbeddedPostgres]:
    """PostgreSQL 15 with TLS on."""
    folder = tmp_path_factory.mktemp("postgresql-15")
    issued = authority.issue_cert(NAME)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(certificate)
    user = unprivileged_user()
    if user is not None:
        os.chown(key, user.uid, user.gid)
        os.chown(certificate, user.uid, user.gid)
    options = {
        "ssl": "on", "ssl_key_file": str(key), "ssl_cert_file": str(certificate), "fsync": "off",
    }  # fmt: skip
    with EmbeddedPostgres(folder / "data", options=options, binaries=BINARIES) as running:
        yield running


@pytest.fixture(scope="module")
def old_database(server: EmbeddedPostgres) -> Database:
    """An empty database there, with the owner's login alone."""
    return DatabaseServer.prepare(server.url()).create(migrated=False)


def secured(url: str, ca: Path, host: str = NAME) -> DatabaseSettings:
    """Settings that insist on the server being who it says it is."""
    return DatabaseSettings.model_validate(
        {
            "database_url": make_conninfo(
                url, host=host, hostaddr="127.0.0.1", sslmode="verify-full", sslrootcert=str(ca)
            )
        }
    )


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """What a client has to know of the authority."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def test_a_connection_can_insist_on_the_servers_identity(
    old_database: Database, ca_file: Path
) -> None:
    """With verify-full and the right authority the connection is encrypted."""
    with connect(secured(old_database.url(), ca_file), "test") as connection:
        found = connection.execute(
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).fetchone()
    assert found == (True,)


def test_a_server_of_another_authority_or_name_is_refused(
    old_database: Database, ca_file: Path, tmp_path: Path
) -> None:
    """Waiting mends neither; the one line says which it is."""
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    for given, said in (
        (secured(old_database.url(), stranger), "certificate verify failed"),
        (secured(old_database.url(), ca_file, "other.test"), "does not match host name"),
    ):
        with pytest.raises(AuthenticationError, match=said) as caught:
            connect(given, "test")
        assert "\n" not in str(caught.value)


def test_a_server_without_tls_is_refused(empty_database: Database, ca_file: Path) -> None:
    """Whoever insists on encryption never talks in the clear."""
    with pytest.raises(AuthenticationError, match="does not support SSL"):
        connect(secured(empty_database.url(), ca_file), "test")


def test_the_tables_and_the_writer_work_on_the_oldest_server(server: EmbeddedPostgres) -> None:
    """Migrations, every way of writing, maintenance and reading, as on the newest."""
    databases = DatabaseServer.prepare(server.url())
    database = databases.create(migrated=False)
    owner = DatabaseSettings.model_validate({"database_url": database.url()})
    assert int(migrate(owner)[-1][:4]) == REQUIRED_VERSION
    databases.add_logins()
    with login(database) as connection:
        assert connection.info.server_version // 10_000 == 15
        stream = Stream(connection)
        stream.write(record("a1"), record("a2", patient_id="p1"), record("a1", 5))
        outcome = stream.write(
            record("a1"), record("a2", heart_rate=1), tombstone(0, 0), record("a9"),
            record("a9", 1, patient_name="x" * 201),
        )  # fmt: skip
        assert stream.verdicts(outcome) == Verdicts(stored=1, duplicates=1, dead=3)
        stream.staged = True
        stream.write(record("a3"), record("a1", 9, heart_rate=140))
    with login(database, "operator") as connection:
        assert len(maintain(connection, MaintenanceSettings.model_validate({})).created) == 15
        assert set(recount(connection).values()) == {0}
    with login(database, "viewer") as connection:
        assert reader.kpis(connection).admissions == 4
        assert rows(connection, "SELECT count(*) FROM observations") == [(6,)]
    with psycopg.connect(database.url()) as connection:
        traffic.assert_counted(connection)
