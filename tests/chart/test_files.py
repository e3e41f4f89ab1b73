"""The scripts that the chart hands to a container's Python, run as the container runs them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.chart.schema import CHART
from tests.end_to_end.pipeline import Pipeline
from vitalstream_devstack.ports import free_port

FILES = CHART / "files"


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script to its end, as `python -c` gets it."""
    return subprocess.run(
        [sys.executable, "-c", (FILES / script).read_text(encoding="utf-8"), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def until(true: Callable[[], bool]) -> None:
    """Wait for a condition, a minute at most."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_waiting_ends_when_the_database_answers(database: Any) -> None:
    """The login of the environment is let in: exit code 0."""
    done = run("wait_for_database.py", "60", DATABASE_URL=database.url("writer"))
    assert (done.returncode, done.stdout) == (0, "the database answers\n")


def test_waiting_says_what_for_and_for_how_long() -> None:
    """Nobody there: the reason and the seconds that are left, then exit code 1."""
    nobody = f"postgresql://somebody:secret@127.0.0.1:{free_port()}/none"
    done = run("wait_for_database.py", "1", DATABASE_URL=nobody)
    assert done.returncode == 1
    assert "waiting for the database, 1 s more: DatabaseUnreachableError" in done.stdout
    assert done.stderr.startswith("given up after 1 s: ")
    assert "secret" not in done.stdout + done.stderr


def test_a_wrong_password_is_waited_for_too(database: Any) -> None:
    """An operator may be about to make the login; the refusal is said."""
    wrong = database.url("writer").replace("postgresql://", "postgresql://nobody_such:x@", 1)
    wrong = wrong[: wrong.index("x@") + 2] + wrong.rpartition("@")[2]
    done = run("wait_for_database.py", "1", DATABASE_URL=wrong)
    assert done.returncode == 1
    assert "given up after 1 s" in done.stderr


def counted(database: Any) -> list[int]:
    """Rows of the test's patient, what all counters say of patients, and erasures."""
    statements = [
        "SELECT count(*) FROM observations WHERE patient_id LIKE 'helm-test-%'",
        "SELECT count(*) FROM patient_records WHERE patient_id LIKE 'helm-test-%'",
        "SELECT coalesce(sum(admissions), 0) FROM census",
        "SELECT count(*) FROM erasures",
    ]
    with psycopg.connect(database.url()) as connection:
        return [int(connection.execute(each.encode()).fetchone()[0]) for each in statements]  # type: ignore[index]


def test_a_record_goes_in_and_comes_out_again(
    tmp_path: Path, kafka: Any, topic: str, database: Any
) -> None:
    """Through the broker and a real consumer; afterwards no table and no counter has it."""
    environment = {
        **kafka.environment,
        **database.environment("operator"),
        "KAFKA_TOPIC": topic,
    }
    with Pipeline(tmp_path, kafka, topic, database) as pipeline:
        pipeline.consumer()
        done = run("put_in_and_take_out.py", "60", **environment)
        assert done.stdout == "stored and erased: 1 admission, 1 row\n", done.stderr
        assert done.returncode == 0
        assert counted(database) == [0, 0, 0, 1]


def test_a_record_that_comes_late_is_not_shown(
    tmp_path: Path, kafka: Any, topic: str, database: Any
) -> None:
    """Without a consumer the test fails, and says so; the record is stale once there is one."""
    environment = {
        **kafka.environment,
        **database.environment("operator"),
        "KAFKA_TOPIC": topic,
    }
    done = run("put_in_and_take_out.py", "2", **environment)
    assert done.returncode == 1
    assert "the broker has the record, the tables have not, after 2 s" in done.stderr
    with Pipeline(tmp_path, kafka, topic, database) as pipeline:
        pipeline.consumer()
        until(lambda: sum(pipeline.ledger("next_offset").values()) == 1)
        assert counted(database) == [0, 0, 0, 1]


def test_a_password_that_is_put_right_ends_the_waiting(database: Any, tmp_path: Path) -> None:
    """The mounted file is read again each time: no need to wait for the container's next start."""
    login = conninfo_to_dict(database.url("writer"))
    right = login.pop("password")
    variables = {f"PG{name.upper()}": str(value) for name, value in login.items()}
    variables["PGDATABASE"] = variables.pop("PGDBNAME")
    mounted = tmp_path / "PGPASSWORD"
    mounted.write_text("wrong")
    script = (FILES / "wait_for_database.py").read_text(encoding="utf-8")
    waiting = subprocess.Popen(
        [sys.executable, "-c", script, "60"],
        env=os.environ | variables | {"SECRETS_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert waiting.stdout is not None
    assert "authentication failed" in waiting.stdout.readline()
    mounted.write_text(str(right))
    assert waiting.communicate(timeout=60)[0].endswith("the database answers\n")


def test_a_changed_file_starts_the_program_anew(tmp_path: Path) -> None:
    """Also after a start that failed; a SIGTERM ends program and reloader."""
    told, module = tmp_path / "told", tmp_path / "probe.py"

    def write(text: str, rest: str) -> None:
        module.write_text(f"import time\nopen({str(told)!r}, 'a').write('{text} ')\n{rest}\n")

    write("first", "time.sleep(600)")
    program = subprocess.Popen(
        [sys.executable, str(FILES / "reload.py"), "probe"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    try:
        until(lambda: told.exists() and told.read_text() == "first ")
        write("broken", "raise SystemExit(3)")
        until(lambda: told.read_text() == "first broken ")
        write("mended", "time.sleep(600)")
        until(lambda: told.read_text() == "first broken mended ")
        (tmp_path / "style.css").write_text("")
        until(lambda: told.read_text() == "first broken mended mended ")
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) in (0, -signal.SIGTERM, 256 - signal.SIGTERM)
    finally:
        program.kill()
        program.wait()
