"""A replay sends what was chosen as it came, once, and marks it when the broker has it."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from consumer.tests.replaying import Letters, Replaying, finish
from consumer.tests.support import Stream, eventually
from tests.oracle import Sent, read_topic
from vitalstream_devstack.databases import Database
from vitalstream_devstack.ports import free_port
from vitalstream_devstack.pytest_plugin import KafkaHandle

Read = Callable[[], list[Sent]]


@pytest.fixture
def read(kafka: KafkaHandle, topic: str) -> Read:
    """What the topic holds."""
    return lambda: read_topic(kafka.bootstrap_servers, topic)


def origins(sent: list[Sent]) -> list[str]:
    """Which letters the records say they are, in order."""
    return [(dict(one.headers)["replayed-from"] or b"").decode() for one in sent]


def marks(stream: Stream) -> list[bool]:
    """Which letters are marked, by place."""
    order = 'ORDER BY topic_id, partition, "offset"'
    rows = stream.query(f"SELECT replayed_at IS NOT NULL FROM dead_letters {order}")  # noqa: S608
    return [row[0] for row in rows]


def test_without_yes_nothing_happens(
    replay: Replaying, letters: Letters, stream: Stream, read: Read
) -> None:
    """The dry run counts by reason and field, with the times, and tells nothing of a patient."""
    for _ in range(3):
        letters.add(b'{"patient_name": "Ada"}', key=b"ada", field="age")
    letters.add(None, reason="tombstone", field=None)
    letters.add(reason="tombstone", field=None, replayed_at=datetime.now(UTC))
    done = replay("--all")
    done.check(0)
    head, titles, first, second, left_out, advice = done.lines
    assert head == f"would replay 4 dead letters to {stream.topic}:"
    assert titles.split() == ["letters", "reason", "field", "first", "seen"]
    assert first.split()[:3] == ["3", "missing_field", "age"]
    assert second.split()[:3] == ["1", "tombstone", "-"]
    day = str(datetime.now(UTC).year)
    assert day in first
    assert left_out.startswith("left out, since replayed before: 1 ")
    assert "--yes" in advice
    assert "ada" not in done.output.lower()
    assert read() == []
    assert marks(stream) == [False] * 4 + [True]


def test_letters_go_back_as_they_came(
    replay: Replaying, letters: Letters, stream: Stream, read: Read
) -> None:
    """Key, payload, headers and partition to the byte, nulls as nulls, and where it is from."""
    headers: list[tuple[str, bytes | None]] = [
        ("schema-version", b"2"),
        ("trace", None),
        ("schema-version", b"\xff\x00"),
        ("replayed-from", b"an earlier place"),
    ]
    names = [
        letters.add(b"\xff{", headers=headers, partition=2),
        letters.add(b"second", partition=2, key=None),
        letters.add(None, partition=1, key=b"\x00"),
        letters.add(b"", partition=0, key=b""),
    ]
    done = replay("--all", "--yes")
    done.check(0)
    assert done.lines[-1] == "replayed 4 of 4"
    origin = {name: ("replayed-from", name.encode()) for name in names}
    assert [one._replace(offset=0) for one in read()] == [
        Sent(0, 0, b"", b"", (origin[names[3]],)),
        Sent(1, 0, None, b"\x00", (origin[names[2]],)),
        Sent(2, 0, b"\xff{", b"k", (*headers[:3], origin[names[0]])),
        Sent(2, 0, b"second", None, (origin[names[1]],)),
    ]
    assert marks(stream) == [True] * 4
    assert replay("--all", "--yes").lines[0] == f"no dead letter of {stream.topic} to replay"
    assert len(read()) == 4
    replay("--all", "--yes", "--again").check(0)
    assert len(read()) == 8


def test_only_what_was_chosen_is_sent(
    replay: Replaying, letters: Letters, stream: Stream, read: Read
) -> None:
    """By reason, time, place and number; what is not chosen keeps waiting."""
    for reason in ("tombstone", "not_json", "not_json", "too_long"):
        letters.add(reason=reason)
    stream.query("UPDATE dead_letters SET first_seen = '2026-03-01 12:00Z' WHERE \"offset\" = 1")
    choices = [
        ("--until=2026-03-01T13:00:00+01:00",),
        ("--from=2026-03-01T12:00", "--until=2026-03-01T12:00:01Z"),
        ("--reason=too_long", "--reason=tombstone", "--limit=1"),
        ("--id=0/3", f"--id={letters.topic_id}/0/0", "--reason=too_long"),
    ]
    waiting = [4, 3, 2, 1]
    for choice, left in zip(choices, waiting, strict=True):
        replay(*choice, "--yes").check(0)
        assert marks(stream).count(False) == left
    assert [name.rpartition("/")[2] for name in origins(read())] == ["1", "0", "3"]


def test_many_go_in_order(replay: Replaying, letters: Letters, stream: Stream, read: Read) -> None:
    """More than one transaction's worth: each once, in the order of their places."""
    names = [letters.add() for _ in range(250)]
    replay("--all", "--limit=240", "--yes").check(0)
    assert origins(read()) == names[:240]
    assert marks(stream) == [True] * 240 + [False] * 10


def test_a_partition_that_is_gone(replay: Replaying, letters: Letters, read: Read) -> None:
    """On a topic made anew with fewer partitions a record goes where its key belongs."""
    letters.add(b"moved", partition=7)
    replay("--all", "--yes").check(0)
    assert [one.payload for one in read()] == [b"moved"]


def test_a_crash_before_the_mark_sends_twice(
    replay: Replaying, letters: Letters, stream: Stream, read: Read, database: Database
) -> None:
    """Killed between acknowledgement and mark: nothing is marked, the next run sends them again."""
    names = [letters.add() for _ in range(3)]
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("LOCK TABLE dead_letter_counts IN EXCLUSIVE MODE")
        process = replay.start("--all", "--yes")
        eventually(lambda: len(read()) == 3, "the broker has them")
        process.kill()
        finish(process)
    gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vitalstream-replay'"
    own = f"{gone} AND datname = current_database()"
    eventually(lambda: stream.query(own) == [(0,)], "the server has noticed")
    assert marks(stream) == [False] * 3
    replay("--all", "--yes").check(0)
    assert origins(read()) == names * 2
    assert marks(stream) == [True] * 3


def test_two_at_the_same_time_share_the_work(
    replay: Replaying, letters: Letters, stream: Stream, read: Read, database: Database
) -> None:
    """Of two replays of the same letters each letter is sent by one; none waits for the other."""
    names = {letters.add() for _ in range(300)}
    waiting = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database WHERE"
        " datname = current_database() AND relation = 'dead_letters'::regclass AND NOT granted"
    )
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("LOCK TABLE dead_letters IN EXCLUSIVE MODE")
        both = [replay.start("--all", "--yes") for _ in range(2)]
        eventually(lambda: stream.query(waiting) == [(2,)], "both have planned")
    ended = [finish(process) for process in both]
    assert sorted(origins(read())) == sorted(names)
    assert marks(stream) == [True] * 300
    sent = [int(done.lines[-1].split()[1]) for done in ended]
    assert sum(sent) == 300
    for done, own in zip(ended, sent, strict=True):
        done.check(0 if own == 300 else 75, *([] if own == 300 else ["another replay"]))


def test_asked_to_stop(
    replay: Replaying, letters: Letters, stream: Stream, read: Read, database: Database
) -> None:
    """SIGTERM ends it after the transaction in hand, which is marked; the next run goes on."""
    names = [letters.add() for _ in range(150)]
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("LOCK TABLE dead_letter_counts IN EXCLUSIVE MODE")
        process = replay.start("--all", "--yes")
        eventually(lambda: len(read()) == 100, "the broker has the first transaction's")
        process.send_signal(signal.SIGTERM)
    done = finish(process)
    done.check(75, "asked to stop with 50 left")
    assert marks(stream) == [True] * 100 + [False] * 50
    replay("--all", "--yes").check(0)
    assert origins(read()) == names


def test_a_letter_the_broker_refuses_stops_no_other(
    kafka: KafkaHandle, make_topic: Callable[..., str], database: Database
) -> None:
    """One that the topic no longer takes stays unmarked and is named; the others go."""
    topic = make_topic(max_message_bytes="2000")
    letters = Letters(database.url(), topic)
    names = [letters.add(b"x" * size) for size in (10, 3_000, 10)]
    replay = Replaying(
        {**kafka.environment, "DATABASE_URL": database.url("operator"), "KAFKA_TOPIC": topic}
    )
    done = replay("--all", "--yes")
    done.check(65, "LettersRefusedError", "refused 1 letters", names[1])
    assert done.lines[-1] == "replayed 2 of 3"
    stream = Stream(kafka.bootstrap_servers, topic, database.url())
    assert marks(stream) == [True, False, True]
    assert origins(read_topic(kafka.bootstrap_servers, topic)) == [names[0], names[2]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "say which"),
        (("--yes",), "say which"),
        (("--again",), "say which"),
        (("--all", "--reason=not_json"), "--all goes with no other"),
        (("--reason=not_jsno",), "not_jsno"),
        (("--from=yesterday",), "ISO 8601"),
        (("--limit=0",), "above 0"),
        (("--id=7",), "partition/offset"),
        (("--id=x/0/7",), "partition/offset"),
    ],
)
def test_wrong_use(
    replay: Replaying, letters: Letters, stream: Stream, arguments: tuple[str, ...], words: str
) -> None:
    """No choice is no consent, and a word that is not understood is named: exit code 2."""
    letters.add()
    done = replay(*arguments)
    assert done.code == 2
    assert words in done.errors.splitlines()[-1]
    assert marks(stream) == [False]


def test_a_place_must_be_one_letter(replay: Replaying, letters: Letters) -> None:
    """An id that is nowhere, or in two topics of that name, is said and nothing is sent."""
    letters.add(offset=5)
    replay("--id=0/6").check(64, "LetterNotFoundError", "--id 0/6")
    other = letters.add(offset=5, topic_id=uuid4())
    replay("--id=0/5").check(64, "several", other)
    replay(f"--id={other}").check(0)


def test_what_is_not_there_or_not_allowed(
    replay: Replaying, letters: Letters, stream: Stream, database: Database
) -> None:
    """Each in one line with its own exit code; nothing is marked."""
    letters.add()
    nowhere = f"127.0.0.1:{free_port()}"
    viewer = database.url("viewer")
    yes = ("--all", "--yes")
    replay(*yes, KAFKA_BOOTSTRAP_SERVERS=nowhere).check(69, "BrokerUnreachableError", nowhere)
    replay(*yes, DATABASE_URL=f"postgresql://u:p@{nowhere}/x").check(69, "PostgreSQL cannot")
    replay(*yes, DATABASE_URL=viewer).check(77, "MissingRightsError", "vitalstream_operator")
    replay(*yes, KAFKA_TOPIC="?").check(78, "SettingsError", "KAFKA_TOPIC")
    stream.query("UPDATE dead_letters SET topic = 'no-such-topic'")
    replay(*yes, KAFKA_TOPIC="no-such-topic").check(66, "TopicMissingError", "no-such-topic")
    assert marks(stream) == [False]


@pytest.mark.parametrize("arguments", [["replay"], ["play"]])
def test_the_console_script_knows_its_commands(arguments: list[str]) -> None:
    """`vitalstream-consumer` is installed; what it is not told rightly it does not do."""
    script = Path(sys.executable).with_name("vitalstream-consumer")
    done = subprocess.run([script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "vitalstream-consumer replay" in done.stderr.splitlines()[-1]
