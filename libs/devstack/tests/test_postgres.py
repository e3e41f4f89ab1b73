"""The embedded database: keeps data and port over crashes, lets nobody in without a password."""

import os
from pathlib import Path

import psutil
import psycopg
import pytest

from vitalstream_devstack.errors import DataDirectoryError, ServerStartError
from vitalstream_devstack.postgres import EmbeddedPostgres, StopMode


def _fetch(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row and row[0]


def test_committed_row_survives_crashes_on_the_same_port(tmp_path: Path) -> None:
    """What was committed is there after SIGKILL and after an immediate stop."""
    with EmbeddedPostgres(tmp_path / "a folder, ünïcödé") as postgres:
        url = postgres.url()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        postgres.kill()
        assert not postgres.running
        postgres.start()
        assert _fetch(url, "SELECT answer FROM kept") == 42
        postgres.restart(StopMode.IMMEDIATE)
        assert _fetch(url, "SELECT answer FROM kept") == 42


def test_kill_leaves_no_backend(tmp_path: Path) -> None:
    """A killed server's backends, each in a session of its own, are gone as well."""
    with EmbeddedPostgres(tmp_path / "pg") as postgres:
        assert postgres.pid is not None
        family = psutil.Process(postgres.pid).children(recursive=True)
        postgres.kill()
        assert psutil.wait_procs(family, timeout=10)[1] == []


def test_password_is_asked_for(tmp_path: Path) -> None:
    """Nobody on the machine gets in without the generated password."""
    with (
        EmbeddedPostgres(tmp_path / "pg") as postgres,
        pytest.raises(psycopg.OperationalError, match="password authentication failed"),
    ):
        psycopg.connect(postgres.url(user="postgres", password="guess"))  # noqa: S106 - not one


def test_options_reach_the_server(tmp_path: Path) -> None:
    """A setting that a test asks for is in force."""
    with EmbeddedPostgres(tmp_path / "pg", options={"log_lock_waits": "on"}) as postgres:
        assert _fetch(postgres.url(), "SHOW log_lock_waits") == "on"


def test_root_is_not_who_runs_it(tmp_path: Path) -> None:
    """PostgreSQL refuses root, so a root's server runs as somebody else; else it is ours."""
    with EmbeddedPostgres(tmp_path / "pg") as postgres:
        assert postgres.pid is not None
        owner = psutil.Process(postgres.pid).uids().effective
    assert owner != 0
    assert os.geteuid() in (0, owner)


def test_bad_setting_ends_the_start_with_its_own_words(tmp_path: Path) -> None:
    """A server that cannot start says why in one line instead of a time-out."""
    postgres = EmbeddedPostgres(tmp_path / "pg", options={"max_connections": "none"})
    with pytest.raises(ServerStartError, match="max_connections") as failure:
        postgres.start()
    assert "\n" not in str(failure.value)


def test_data_directory_under_a_file_is_said(tmp_path: Path) -> None:
    """A folder that cannot be made is named."""
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryError, match=str(tmp_path / "file" / "pg")):
        EmbeddedPostgres(tmp_path / "file" / "pg").start()


def test_initialisation_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    """A first start ended in the middle leaves no folder that can never start."""
    (tmp_path / "cluster.draft").mkdir()
    (tmp_path / "cluster.draft" / "PG_VERSION").write_text("18")
    with EmbeddedPostgres(tmp_path) as postgres:
        assert _fetch(postgres.url(), "SELECT 1") == 1
