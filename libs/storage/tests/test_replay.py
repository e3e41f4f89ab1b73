"""Dead letters are chosen by what is said, taken by one run, and marked once they are sent."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretStr

from vitalstream_devstack.databases import Database
from vitalstream_storage import replay
from vitalstream_storage.errors import DatabaseUnreachableError, MissingRightsError
from vitalstream_storage.pool import Connection, connect
from vitalstream_storage.replay import FIRST, Choice, Place, Wanted
from vitalstream_storage.settings import DatabaseSettings

OLD, NEW = UUID(int=1), UUID(int=2)
START = datetime(2026, 3, 1, tzinfo=UTC)
ALL = Choice("vitals")
Login = Callable[[str], Connection]


@pytest.fixture
def login(database: Database) -> Login:
    """Opens connections by role."""

    def open_one(role: str) -> Connection:
        url = SecretStr(database.url(role))
        return connect(DatabaseSettings.model_validate({"database_url": url}), "test")

    return open_one


@pytest.fixture
def letters(database: Database) -> list[Place]:
    """Six letters, a minute apart; the last but one replayed, the last of another topic."""
    rows: list[tuple[Any, ...]] = [
        (OLD, 0, 7, "vitals", "tombstone", None, None),
        (NEW, 0, 7, "vitals", "missing_field", "age", None),
        (NEW, 0, 8, "vitals", "missing_field", "gender", None),
        (NEW, 2, 1, "vitals", "missing_field", "age", None),
        (NEW, 2, 2, "vitals", "not_json", None, START),
        (NEW, 2, 3, "others", "not_json", None, None),
    ]
    with psycopg.connect(database.url()) as connection:
        for minute, row in enumerate(rows):
            connection.execute(
                'INSERT INTO dead_letters (topic_id, partition, "offset", topic, reason, field,'
                " replayed_at, first_seen, error) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'x')",
                [*row, START + timedelta(minutes=minute)],
            )
    return [Place(*row[:3]) for row in rows]


def taken(connection: Connection, choice: Choice, began: datetime | None = None) -> list[Place]:
    """What a run would be given, in its order; the locks stay with the open transaction."""
    now = began or datetime.now(UTC) + timedelta(minutes=1)
    return [letter.place for letter in replay.take(connection, choice, now, FIRST, 100)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ALL, [0, 1, 2, 3]),
        (replace(ALL, again=True), [0, 1, 2, 3, 4]),
        (replace(ALL, reasons=["tombstone", "not_json"]), [0]),
        (replace(ALL, seen_from=START + timedelta(minutes=1)), [1, 2, 3]),
        (replace(ALL, seen_before=START + timedelta(minutes=1)), [0]),
        (replace(ALL, places=[Place(NEW, 0, 7), Place(NEW, 2, 2), Place(NEW, 2, 9)]), [1]),
        (replace(ALL, places=[]), []),
        (replace(ALL, reasons=["missing_field"], seen_from=START + timedelta(minutes=3)), [3]),
        (Choice("others"), [5]),
    ],
)
def test_all_that_is_said_must_fit(
    login: Login, letters: list[Place], choice: Choice, expected: list[int]
) -> None:
    """Each condition narrows the choice; the plan counts what a run then takes."""
    with login("operator") as connection:
        assert taken(connection, choice) == [letters[number] for number in expected]
        assert replay.plan(connection, choice).letters == len(expected)


def test_the_plan_counts_by_reason_and_field(login: Login, letters: list[Place]) -> None:
    """Most frequent first, with the oldest and newest of each; replayed ones are left out."""
    assert letters
    with login("operator") as connection:
        plan = replay.plan(connection, ALL)
        first = replay.plan(connection, replace(ALL, limit=2))
        again = replay.plan(connection, replace(ALL, again=True))
    minute = [START + timedelta(minutes=number) for number in range(6)]
    assert plan.groups == [
        ("missing_field", "age", 2, minute[1], minute[3]),
        ("missing_field", "gender", 1, minute[2], minute[2]),
        ("tombstone", None, 1, minute[0], minute[0]),
    ]
    assert plan.left_out == 1
    assert (again.letters, again.left_out) == (5, 0)
    assert [group[:3] for group in first.groups] == [
        ("missing_field", "age", 1),
        ("tombstone", None, 1),
    ]


def test_a_letter_comes_back_as_it_came(login: Login, database: Database) -> None:
    """Key, payload and headers to the byte; what was null is null."""
    with psycopg.connect(database.url()) as connection:
        connection.execute(
            'INSERT INTO dead_letters (topic_id, partition, "offset", topic, reason, error, key,'
            " payload, headers) VALUES (%s, 0, 1, 'vitals', 'not_utf8', '', %s, %s, %s)",
            [NEW, b"\x00k", b"\xff\x00", '[["v", "MQ=="], ["v", null], ["\\u0000", ""]]'],
        )
        connection.execute(
            'INSERT INTO dead_letters (topic_id, partition, "offset", topic, reason, error)'
            " VALUES (%s, 0, 2, 'vitals', 'tombstone', '')",
            [NEW],
        )
    with login("operator") as connection:
        soon = datetime.now(UTC) + timedelta(minutes=1)
        one, two = replay.take(connection, ALL, soon, FIRST, 9)
    headers = [("v", b"1"), ("v", None), ("\0", b"")]
    assert one == (Place(NEW, 0, 1), b"\x00k", b"\xff\x00", headers)
    assert two == (Place(NEW, 0, 2), None, None, [])


def test_a_letter_is_taken_by_one_run(login: Login, letters: list[Place]) -> None:
    """What one run holds another passes over without waiting; what it has marked as well."""
    again = replace(ALL, again=True)
    with login("operator") as one, login("operator") as other:
        began = replay.plan(other, again).began
        assert replay.take(one, again, began, FIRST, 2)[-1].place == letters[1]
        assert taken(other, again, began) == [letters[2], letters[3], letters[4]]
        other.rollback()
        replay.mark(one, letters[:2])
        one.commit()
        assert taken(other, again, began) == [letters[2], letters[3], letters[4]]
        assert taken(one, again) == letters[:2]  # a later run, asked for them again


def test_what_is_not_marked_is_taken_again(login: Login, letters: list[Place]) -> None:
    """A run that dies before its mark is committed leaves its letters to the next one."""
    with login("operator") as one, login("operator") as other:
        assert taken(one, ALL) == letters[:4]
        replay.mark(one, letters[:4])
        one.close()
        while taken(other, ALL) != letters[:4]:  # until the server has noticed; pytest ends it
            other.rollback()


def test_what_comes_back_from_a_run_is_not_its_own(
    login: Login, letters: list[Place], database: Database
) -> None:
    """A letter seen after the plan is no part of it, or a replay of bad records never ended."""
    with login("operator") as connection:
        began = replay.plan(connection, ALL).began
        with psycopg.connect(database.url()) as owner:
            owner.execute(
                'INSERT INTO dead_letters (topic_id, partition, "offset", topic, reason, error)'
                " VALUES (%s, 9, 1, 'vitals', 'tombstone', '')",
                [NEW],
            )
        assert taken(connection, ALL, began) == letters[:4]
        assert taken(connection, ALL) == [*letters[:4], Place(NEW, 9, 1)]


def test_a_place_is_found_by_what_is_said_of_it(login: Login, letters: list[Place]) -> None:
    """Without a topic id it may be in several topics of that name; other names do not count."""
    wanted = [Wanted(None, 0, 7), Wanted(OLD, 0, 7), Wanted(None, 2, 3), Wanted(None, 2, 1)]
    with login("operator") as connection:
        found = replay.find(connection, "vitals", wanted)
    assert found == [[letters[0], letters[1]], [letters[0]], [], [letters[3]]]


@pytest.mark.parametrize("role", ["viewer", "writer"])
def test_only_an_operator_replays(login: Login, letters: list[Place], role: str) -> None:
    """Another role is told in one line which one is needed."""
    with (
        login(role) as connection,
        pytest.raises(MissingRightsError, match="vitalstream_operator") as caught,
    ):
        replay.plan(connection, ALL)
    assert "\n" not in str(caught.value)
    with (
        login(role) as connection,
        pytest.raises(MissingRightsError),
        replay.explained(connection),
    ):
        replay.mark(connection, letters)


def test_an_operator_changes_nothing_but_the_mark(login: Login, letters: list[Place]) -> None:
    """The right to mark a letter is none to change or delete it."""
    assert letters
    for statement in (
        "UPDATE dead_letters SET payload = NULL",
        "DELETE FROM dead_letters",
        "INSERT INTO dead_letters SELECT * FROM dead_letters",
    ):
        with login("operator") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_a_lost_connection_is_one_line(login: Login, letters: list[Place]) -> None:
    """The database going away is said without a traceback, and without any letter."""
    assert letters
    with login("operator") as connection, login("operator") as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
        with pytest.raises(DatabaseUnreachableError, match="gave up") as caught:
            replay.plan(connection, ALL)
    assert "\n" not in str(caught.value)
