"""The source of answers: shared reads, last good values, one try at a time while away."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from vitalstream_dashboard import metrics
from vitalstream_dashboard.source import _REST, Kind, Source, timed
from vitalstream_devstack.databases import Database
from vitalstream_runtime.settings import load
from vitalstream_storage.pool import Connection, open_pool
from vitalstream_storage.settings import DatabaseSettings


def now_of(connection: Connection) -> Any:
    """A reader function: a value that no two reads share."""
    row = connection.execute("SELECT gen_random_uuid()").fetchone()
    return row and row[0]


@pytest.fixture
def source(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """A source on the test's database that shares for as long as a test lasts."""
    monkeypatch.setenv("DATABASE_URL", database.url("viewer"))
    settings = load(DatabaseSettings)
    made = Source(
        lambda: open_pool(settings, "test-source"),
        query_seconds=5,
        share_seconds=60,
        retry_seconds=0,
    )
    yield made
    made.close()


def test_sessions_share_one_read(source: Source) -> None:
    """Many sessions with one question at one time cost one query; other arguments another."""
    answers: list[Any] = []

    def ask() -> None:
        answers.append(source.read("question", now_of).value)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12
    assert len(set(answers)) == 1
    assert source.read(("question", 2), now_of).value != answers[0]


def test_an_old_answer_is_read_again(source: Source) -> None:
    """An answer is given to other sessions only while it is young."""
    first = source.read("question", now_of).value
    source._share = 0
    assert source.read("question", now_of).value != first


def test_a_slow_answer_is_read_again_more_rarely(source: Source) -> None:
    """It takes a tenth of a connection's time at most, however often pages refresh."""
    source._share = 0.001

    def slowly(connection: Connection) -> Any:
        connection.execute("SELECT pg_sleep(0.2)")
        return now_of(connection)

    first = source.read("slow", slowly)
    assert source.read("slow", slowly) == first
    time.sleep(_REST * source._kept["slow"].took_seconds)
    assert source.read("slow", slowly).value != first.value


def test_what_takes_too_long_is_not_tried_at_once_again(source: Source) -> None:
    """The time that ran out counts as the time it took; other questions are answered."""
    source._share, source._query_seconds = 0.001, 0.2

    def endlessly(connection: Connection) -> Any:
        connection.execute("SELECT pg_sleep(60)")

    first = source.read("endless", endlessly)
    assert first.trouble is not None
    assert first.trouble.kind is Kind.SLOW
    failures = metrics.QUERY_FAILURES.labels("slow")
    before = failures._value.get()
    assert source.read("endless", endlessly) == first
    assert source.read("question", now_of).trouble is None
    assert failures._value.get() == before
    time.sleep(_REST * source._kept["endless"].took_seconds)
    source.read("endless", endlessly)
    assert failures._value.get() == before + 1


def test_while_away_only_some_reads_try(source: Source, ward: Any) -> None:
    """Between two tries everybody gets the last good answer at once, without a query."""
    source._share = 0
    good = source.read("question", now_of)
    ward.leave()
    first = source.read("question", now_of)
    assert first.value == good.value
    assert first.read_at == good.read_at
    assert first.trouble is not None
    assert first.trouble.kind is Kind.AWAY
    failures = metrics.QUERY_FAILURES.labels("away")
    source._retry = 3_600
    before = failures._value.get()
    for _ in range(20):
        assert source.read("question", now_of).trouble == first.trouble
    assert failures._value.get() == before
    source._retry = 0
    assert source.read("question", now_of).trouble == first.trouble
    assert failures._value.get() == before + 1
    ward.come_back()
    assert source.read("question", now_of).trouble is None
    assert source.blocked is None


def test_a_slow_question_does_not_block_the_others(source: Source) -> None:
    """A time-out says nothing of other questions: they are asked as before."""
    source._query_seconds = 0.1

    def slow(connection: Connection) -> None:
        connection.execute("SELECT pg_sleep(30)")

    answer = source.read("slow", slow)
    assert answer.trouble is not None
    assert answer.trouble.kind is Kind.SLOW
    assert source.blocked is None
    assert source.read("quick", now_of).trouble is None


def test_reads_see_one_moment_and_change_nothing(source: Source, ward: Any) -> None:
    """All questions of one read agree, and a read cannot write."""

    def twice(connection: Connection) -> list[Any]:
        text = "SELECT count(*) FROM patient_records"
        first = connection.execute(text).fetchone()
        ward.admit(ward.row(1))
        return [first, connection.execute(text).fetchone()]

    first, second = source.read("twice", twice).value or (0, 1)
    assert first == second == (0,)

    def write(connection: Connection) -> None:
        connection.execute("CREATE TABLE x ()")

    assert source.read("write", write).trouble is not None
    assert ward.run("SELECT to_regclass('x')") == [(None,)]


def test_each_query_is_timed_under_its_name(source: Source) -> None:
    """query_seconds counts each reader function by its own name."""
    child = metrics.QUERY_SECONDS.labels("now_of")
    before = child._sum.get()
    source.read("timed", lambda connection: timed(now_of, connection))
    assert child._sum.get() > before


def test_few_answers_are_kept(source: Source) -> None:
    """Whatever viewers choose, memory stays bounded."""
    for number in range(200):
        source.read(("question", number), now_of)
    assert len(source._kept) <= 64
