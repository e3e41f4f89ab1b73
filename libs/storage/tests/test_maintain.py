"""Partitions by day, retention, and the recount."""

import contextlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from libs.storage.tests import traffic
from vitalstream_devstack.databases import Database
from vitalstream_storage.__main__ import WRONG, main
from vitalstream_storage.errors import MaintenanceError, MissingRightsError
from vitalstream_storage.maintain import maintain, recount
from vitalstream_storage.pool import Connection, connect
from vitalstream_storage.settings import DatabaseSettings, MaintenanceSettings

OBSERVE = """
INSERT INTO observations (admission_id, patient_id, observed_at, department, heart_rate, systolic,
    diastolic, temperature_celsius, oxygen_saturation, respiratory_rate, spo2_scale, risk_score,
    news2_complete, kafka_partition, kafka_offset)
VALUES (%s, 'p', %s, 'ICU', 80, 120, 80, 37.0, 97, 16, 1, 0, false, 0, 0)"""
MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _connect(database: Database, role: str) -> Connection:
    return connect(DatabaseSettings.model_validate({"database_url": database.url(role)}), "test")


def _settings(**values: float) -> MaintenanceSettings:
    return MaintenanceSettings.model_validate(values)


def _where(connection: psycopg.Connection[Any]) -> dict[str, str]:
    rows = connection.execute("SELECT admission_id, tableoid::regclass::text FROM observations")
    return dict(rows.fetchall())


def test_days_around_today_get_partitions_and_take_their_rows_along(
    operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """A day's rows that had gone to the default partition move into the day's; others stay."""
    owner.execute(OBSERVE, ["now", MIDNIGHT + timedelta(hours=1)])
    owner.execute(OBSERVE, ["last", MIDNIGHT + timedelta(days=8) - timedelta(microseconds=1)])
    owner.execute(OBSERVE, ["first", MIDNIGHT - timedelta(days=7)])
    owner.execute(OBSERVE, ["early", MIDNIGHT - timedelta(days=7, microseconds=1)])
    owner.execute(OBSERVE, ["late", MIDNIGHT + timedelta(days=8)])
    report = maintain(operator, _settings())
    assert len(report.created) == 15
    assert report.dropped == []
    assert _where(owner) == {
        "now": f"observations_{MIDNIGHT:%Y%m%d}",
        "last": f"observations_{MIDNIGHT + timedelta(days=7):%Y%m%d}",
        "first": f"observations_{MIDNIGHT - timedelta(days=7):%Y%m%d}",
        "early": "observations_default",
        "late": "observations_default",
    }
    traffic.assert_counted(owner)


def test_maintain_done_again_changes_nothing(operator: Connection) -> None:
    """A second run finds everything made."""
    maintain(operator, _settings())
    assert maintain(operator, _settings()).created == []


def test_retention_drops_whole_days_and_never_goes_back(
    operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """Days before the floor go, in partitions or not; their counts stay; the floor only rises."""
    maintain(operator, _settings())
    for days, name in [(0, "today"), (3, "edge"), (4, "gone"), (100, "ancient")]:
        owner.execute(OBSERVE, [name, MIDNIGHT - timedelta(days=days)])
    report = maintain(operator, _settings(retention_days=3))
    assert [day.isoformat() for day in report.dropped] == [
        f"{MIDNIGHT - timedelta(days=days):%Y-%m-%d}" for days in (7, 6, 5, 4)
    ]
    assert report.stale == 1
    assert set(_where(owner)) == {"today", "edge"}
    assert owner.execute("SELECT sum(observations) FROM hourly_vitals").fetchone() == (4,)
    again = maintain(operator, _settings(retention_days=5))
    assert again.kept_from == (MIDNIGHT - timedelta(days=3)).date()
    assert again.created == []


def test_a_day_above_the_floor_cannot_be_dropped(operator: Connection) -> None:
    """Whoever may drop days may drop none that retention keeps."""
    maintain(operator, _settings())
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        operator.execute("SELECT drop_observation_day(%s)", [MIDNIGHT.date()])


def test_a_locked_table_is_said_and_left_for_the_next_run(
    operator: Connection, database: Database
) -> None:
    """A writer that holds the default partition delays maintain for its lock timeout, no longer."""
    with psycopg.connect(database.url()) as holder:
        holder.execute(OBSERVE, ["held", MIDNIGHT])
        with pytest.raises(MaintenanceError, match="create_observation_day"):
            maintain(operator, _settings(lock_timeout=0.01))
        holder.commit()
    assert len(maintain(operator, _settings()).created) == 15


def test_writers_go_on_while_days_are_made(operator: Connection, database: Database) -> None:
    """No row is lost and none is twice when partitions appear under a running writer."""
    stop = threading.Event()
    written: list[str] = []

    def write() -> None:
        with psycopg.connect(database.url(), autocommit=True) as connection:
            while not stop.is_set():
                name = f"a{len(written)}"
                moment = MIDNIGHT + timedelta(days=len(written) % 19 - 9, seconds=len(written))
                connection.execute(OBSERVE, [name, moment])
                written.append(name)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        report = maintain(operator, _settings())
    finally:
        stop.set()
        writer.join()
    assert len(report.created) == 15
    with psycopg.connect(database.url()) as connection:
        rows = connection.execute("SELECT admission_id FROM observations").fetchall()
        assert sorted(name for (name,) in rows) == sorted(written)
        traffic.assert_counted(connection)


def test_recount_finds_nothing_wrong_after_any_traffic(
    operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """Counters kept by the triggers need no repair."""
    rng = random.Random(1)
    for _ in range(50):
        owner.execute(traffic.SEED_INSERT + " ON CONFLICT DO NOTHING", traffic.row(rng))
    owner.execute(OBSERVE, ["o", MIDNIGHT])
    assert set(recount(operator).values()) == {0}
    traffic.assert_counted(owner)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE census SET heart_rate = heart_rate + 1 WHERE dimension = 'all'", "census"),
        ("DELETE FROM census", "census"),
        ("UPDATE hourly_vitals SET high_risk = high_risk + 1", "hourly_vitals"),
        ("DELETE FROM newest_admissions WHERE patient_id <= 'p005'", "newest_admissions"),
        (
            "INSERT INTO dead_letter_counts VALUES (0, 'conflict', 3, 0, now())",
            "dead_letter_counts",
        ),
    ],
)
def test_recount_finds_and_repairs_what_is_wrong(
    operator: Connection, owner: psycopg.Connection[Any], damage: str, found: str
) -> None:
    """A counter that was changed behind the triggers' back is told and put right."""
    rng = random.Random(2)
    for _ in range(50):
        owner.execute(traffic.SEED_INSERT + " ON CONFLICT DO NOTHING", traffic.row(rng))
    owner.execute(OBSERVE, ["o", MIDNIGHT])
    owner.execute(damage)
    wrong = recount(operator)
    assert [name for name, count in wrong.items() if count] == [found]
    traffic.assert_counted(owner)


def test_recount_fills_the_counters_of_rows_that_no_trigger_has_seen(
    operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """Tables that were there before the triggers are counted by one recount."""
    rng = random.Random(3)
    owner.execute("ALTER TABLE patient_records DISABLE TRIGGER USER")
    for _ in range(50):
        owner.execute(traffic.SEED_INSERT + " ON CONFLICT DO NOTHING", traffic.row(rng))
    owner.execute("ALTER TABLE patient_records ENABLE TRIGGER USER")
    assert recount(operator)["census"] > 0
    traffic.assert_counted(owner)


def test_recount_leaves_hours_before_the_floor_alone(
    operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """What dropped days had counted stays counted."""
    for days in (0, 2, 9):
        owner.execute(OBSERVE, [f"a{days}", MIDNIGHT - timedelta(days=days)])
    maintain(operator, _settings(retention_days=1))
    assert recount(operator)["hourly_vitals"] == 0
    assert owner.execute("SELECT sum(observations) FROM hourly_vitals").fetchone() == (3,)


def test_runs_at_the_same_time_make_each_day_once(database: Database) -> None:
    """Two CronJobs that overlap both end well."""
    with ThreadPoolExecutor(4) as pool, contextlib.ExitStack() as ends:
        operators = [ends.enter_context(_connect(database, "operator")) for _ in range(4)]
        reports = list(pool.map(maintain, operators, [_settings(lock_timeout=60)] * 4))
        assert sorted(day for each in reports for day in each.created) == [
            (MIDNIGHT + timedelta(days=n)).date() for n in range(-7, 8)
        ]
        list(pool.map(maintain, operators, [_settings(lock_timeout=60, retention_days=3)] * 4))
    with psycopg.connect(database.url()) as connection:
        days = connection.execute("SELECT count(*) FROM observation_days()").fetchone()
    assert days == (11,)


LETTER = """
INSERT INTO dead_letters (topic_id, partition, "offset", topic, reason, error, first_seen,
                          replayed_at)
VALUES (gen_random_uuid(), 0, 0, 'vitals', %s, '', now() - %s * interval '1 day', %s)"""


def test_dead_letters_end_after_their_days(
    operator: Connection, owner: psycopg.Connection[Any]
) -> None:
    """Replayed or waiting, past the days they go; without the setting none does."""
    for reason, days, replayed in [("old", 5, None), ("sent", 5, MIDNIGHT), ("new", 3, None)]:
        owner.execute(LETTER, [reason, days, replayed])
    assert maintain(operator, _settings()).dead_letters == 0
    assert maintain(operator, _settings(dead_letter_days=4)).dead_letters == 2
    assert owner.execute("SELECT reason FROM dead_letters").fetchall() == [("new",)]
    assert set(recount(operator).values()) == {0}


def test_a_letter_that_is_being_replayed_is_left_for_the_next_run(
    operator: Connection, owner: psycopg.Connection[Any], database: Database
) -> None:
    """Neither waits for the other."""
    owner.execute(LETTER, ["held", 5, None])
    owner.execute(LETTER, ["free", 5, None])
    with _connect(database, "operator") as replaying:
        replaying.execute("SELECT FROM dead_letters WHERE reason = 'held' FOR UPDATE")
        assert maintain(operator, _settings(dead_letter_days=4)).dead_letters == 1
    assert maintain(operator, _settings(dead_letter_days=4)).dead_letters == 1


def test_only_operators_maintain(database: Database) -> None:
    """A writer may neither change partitions nor recount, and is told what it lacks."""
    with _connect(database, "writer") as connection:
        with pytest.raises(MissingRightsError, match="vitalstream_operator"):
            maintain(connection, _settings())
        with pytest.raises(MissingRightsError, match="vitalstream_operator"):
            recount(connection)


def test_commands_say_what_they_did(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Maintain and recount print one line and exit with 0."""
    monkeypatch.setenv("DATABASE_URL", database.url("operator"))
    assert main(["maintain"]) == 0
    assert main(["recount"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert (
        "observations: 15 days made, 0 dropped, 0 stale rows removed; all kept;"
        " dead letters: 0 dropped" in said
    )
    assert said[-1].startswith("recounted; wrong before: 0 newest_admissions, 0 census")


def test_a_recount_that_found_something_wrong_exits_with_its_own_code(
    database: Database,
    owner: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command proves: 65 where a counter was wrong, 0 once it is repaired."""
    owner.execute("INSERT INTO dead_letter_counts VALUES (0, 'conflict', 3, 0, now())")
    monkeypatch.setenv("DATABASE_URL", database.url("operator"))
    assert main(["recount"]) == WRONG == 65
    assert "1 dead_letter_counts" in capsys.readouterr().out
    assert main(["recount"]) == 0
