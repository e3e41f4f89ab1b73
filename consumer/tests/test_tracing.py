"""Batches as spans: whose traces they link to, and what they tell where something goes wrong."""

import json
from collections.abc import Callable, Iterator

import psycopg
import pytest

from consumer.tests.chunks import chunk
from consumer.tests.replaying import Replaying
from consumer.tests.support import Replica, Stream, eventually
from tests.collector import Collector, Received
from tests.oracle import read_topic
from tests.oracle.traffic import Hospital, Message, Mix
from vitalstream_consumer.batch import Chunk
from vitalstream_consumer.tracing import MOST_LINKS, BatchTraces, find
from vitalstream_devstack.databases import Database
from vitalstream_devstack.pytest_plugin import KafkaHandle
from vitalstream_runtime.tracing import TracingSettings, exporting

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PLAIN = Mix(0, 0, 0, 0, 0)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Where spans go."""
    with Collector() as collector:
        yield collector


@pytest.fixture
def traced(replicas: Callable[..., Replica], collector: Collector) -> Replica:
    """A consumer that exports its spans twice a second."""
    return replicas(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, OTEL_BSP_SCHEDULE_DELAY="500"
    ).start()


def with_headers(first: int, headers: list[bytes | None]) -> Chunk:
    """A chunk of records with these traceparents."""
    made = chunk(0, first, len(headers))
    made.dead_letters[:] = [
        letter._replace(headers=[("schema-version", b"1"), ("traceparent", value)])
        for letter, value in zip(made.dead_letters, headers, strict=True)
    ]
    return made


def traceparent(number: int, flags: str) -> bytes:
    """One of many."""
    return f"00-{number:032x}-{SPAN}-{flags}".encode()


def test_links_are_few_and_the_recorded_traces_first() -> None:
    """Of a large batch not more than a span holds; none of the recorded is left out for others."""
    others = with_headers(0, [traceparent(n, "00") for n in range(1, 1_001)])
    recorded = with_headers(1_000, [traceparent(n, "01") for n in range(2_000, 2_100)])
    met = find([others, recorded])
    assert len(met) == MOST_LINKS
    assert [each.trace.sampled for each in met] == [True] * 100 + [False] * (MOST_LINKS - 100)
    assert [each.offset for each in met[:100]] == list(range(1_000, 1_100))
    all_recorded = with_headers(0, [traceparent(n, "01") for n in range(1, 1_001)])
    assert len(find([all_recorded])) == MOST_LINKS


def test_a_sampler_may_leave_batches_out(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then no part of them is seen either; a recorded trace goes on all the same."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    told = TracingSettings.model_validate({"endpoint": collector.endpoint})
    with exporting("consumer", told) as spans:
        assert spans is not None
        chunks = [with_headers(0, [traceparent(1, "00"), traceparent(2, "01")])]
        with BatchTraces(spans, "topic", "group").writing(chunks):
            pass
    (span,) = collector.spans
    assert (span.name, int(span.trace_id, 16), span.links) == ("process topic", 2, [])


def test_a_dead_letter_and_its_replay_keep_their_trace(  # noqa: PLR0917 - fixtures
    stream: Stream,
    traced: Replica,
    replay: Replaying,
    collector: Collector,
    kafka: KafkaHandle,
    topic: str,
) -> None:
    """Its log line names the trace, its span the reason; sent again, it has the same header."""
    header = f"00-{TRACE}-{SPAN}-01".encode()
    stream.send([Message(b"p-1", b"no json", (("traceparent", header),))], partition=1)
    eventually(lambda: traced.events("dead_letter"), "it is told")
    (line,) = traced.events("dead_letter")
    told = [line[key] for key in ("trace_id", "reason", "partition", "offset")]
    assert told == [TRACE, "not_json", 1, 0]
    assert "no json" not in json.dumps(line)
    replay("--reason=not_json", "--yes").check(0)
    eventually(lambda: len(collector.named(f"process {topic}")) == 2, "it is one again")
    on_topic = read_topic(kafka.bootstrap_servers, topic)
    assert [dict(one.headers)["traceparent"] for one in on_topic] == [header] * 2
    seen = collector.named(f"process {topic}")
    assert [(span.trace_id, span.parent_id) for span in seen] == [(TRACE, SPAN)] * 2
    assert {span.attributes["vitalstream.dead_letter.reason"] for span in seen} == {"not_json"}


def test_a_conflict_is_told_with_its_trace(
    stream: Stream, replicas: Callable[..., Replica]
) -> None:
    """What only the tables can find has its line as well, with tracing off too."""
    replica = replicas().start()
    (message,) = Hospital(seed=5, admissions=1, mix=PLAIN).messages(1)
    stream.send([message])
    stream.wait_until_stored()
    other = json.loads(message.payload or b"") | {"heart_rate": 61, "respiratory_rate": 13}
    header = ("traceparent", f"00-{TRACE}-{SPAN}-00".encode())
    stream.send([Message(message.key, json.dumps(other).encode(), (header,))])
    eventually(lambda: replica.events("dead_letter"), "it is told")
    (line,) = replica.events("dead_letter")
    assert (line["reason"], line["trace_id"]) == ("conflict", TRACE)


def test_strange_traceparents_harm_nobody(
    stream: Stream, traced: Replica, collector: Collector, topic: str
) -> None:
    """None, empty, null, malformed, repeated: the records are stored, and only real ids linked."""
    good = f"00-{TRACE}-{SPAN}-00".encode()
    strange: list[list[bytes | None]] = [[], [b""], [None], [b"\xff01"], [good[:-3]], [b"x", good]]
    messages = Hospital(seed=3, admissions=6, mix=PLAIN).messages(len(strange))
    stream.send(
        message._replace(headers=tuple(("traceparent", value) for value in values))
        for message, values in zip(messages, strange, strict=True)
    )
    eventually(lambda: stream.count("observations") == len(strange), "all are stored")

    def batches() -> list[Received]:
        return collector.named(f"process batch {topic}")

    def exported() -> int:
        return sum(each.attributes["messaging.batch.message_count"] for each in batches())

    eventually(lambda: exported() == len(strange), "their spans are there")
    assert traced.running
    assert [link for batch in batches() for link in batch.links] == [(TRACE, SPAN)]
    assert not collector.named(f"process {topic}")


def test_a_failed_write_is_a_failed_span(
    stream: Stream, traced: Replica, collector: Collector, database: Database, topic: str
) -> None:
    """A session that is cut in mid-write shows by its kind; the next batch is a good one."""
    with stream.writers_blocked():
        stream.send(Hospital(seed=19, admissions=5, mix=PLAIN).messages(5))
        stream.wait_for_blocked_writers()
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE datname = current_database() AND relation = 'patient_records'::regclass"
                " AND NOT granted"
            )
        eventually(lambda: traced.events("write_failed"), "the writer has lost its batch")
    stream.wait_until_stored()
    eventually(lambda: any(not span.failed for span in collector.named("write")), "a good one")
    failed = [span for span in collector.spans if span.failed]
    assert {span.name for span in failed} == {"write", f"process batch {topic}"}
    # As the server has said it, if that was still read.
    assert {span.attributes["error.type"] for span in failed} <= {"57P01", "OperationalError"}
