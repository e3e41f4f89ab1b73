"""The SQL path alone: batches decoded beforehand through the consumer's writer."""

import contextlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from unittest import mock

from tests.benchmarks.kit import states_only
from tests.benchmarks.kit.figures import Stopwatch, Taken
from tests.benchmarks.kit.servers import Tables
from vitalstream_schema import codec
from vitalstream_schema.record import Record
from vitalstream_storage import render, writer
from vitalstream_storage.batch import Accepted, Batch, Raw, Span
from vitalstream_storage.pool import Connection, connect
from vitalstream_storage.settings import DatabaseSettings

_TOPIC = "bench"


class Share(NamedTuple):
    """What one connection writes: batches of a partition that is its own."""

    partition: int
    batches: Sequence[Sequence[Accepted]]


def shares(traffic: Iterable[Record], connections: int, batch_records: int) -> list[Share]:
    """Decode as the consumer does, and deal by patient, as keys deal records to partitions."""
    decode, now = codec.Decoder().decode, datetime.now(UTC)
    dealt: list[list[Accepted]] = [[] for _ in range(connections)]
    owner: dict[str, int] = {}
    for record in traffic:
        partition = owner.setdefault(record.patient_id, len(owner) % connections)
        decoded = decode(codec.encode(record), codec.HEADERS, now)
        dealt[partition].append(Accepted(decoded, partition, len(dealt[partition])))
    return [
        Share(partition, [rows[n : n + batch_records] for n in range(0, len(rows), batch_records)])
        for partition, rows in enumerate(dealt)
    ]


def prerendered(run: Callable[[], Taken]) -> Callable[[], Taken]:
    """The same run, with each batch's COPY text kept from the first time it was rendered.

    It is run once, unmeasured, to render.
    """
    known: dict[tuple[object, ...], list[bytes]] = {}

    def keeping(form: str) -> Callable[..., Any]:
        original = getattr(render, form)

        def kept(rows: Sequence[Accepted], *more: set[int]) -> list[bytes]:
            key = (form, rows[0].partition, rows[0].offset, len(rows))
            if key not in known:
                known[key] = [*original(rows, *more)]
            return known[key]

        return kept

    forms: dict[str, Any] = {form: keeping(form) for form in ("stage", "states", "observations")}

    def rendered() -> Taken:
        with mock.patch.multiple(render, **forms):
            if not known:
                run()
            return run()

    return rendered


def write(
    tables: Tables, work: Sequence[Share], synchronous_commit: str, *, bare: bool = False
) -> Taken:
    """Write each share through a connection of its own, all at once, into fresh tables.

    Args:
        tables: Where.
        work: What; the shares' patients are disjoint.
        synchronous_commit: Of each transaction.
        bare: Keep patient_records alone, with its key alone (`states_only`).

    Raises:
        RuntimeError: Not every record was stored.
    """
    topic_id, token = uuid.uuid4(), uuid.uuid4()
    with tables.fresh() as database, contextlib.ExitStack() as ends:
        if bare:
            states_only.prepare(database)
            ends.enter_context(states_only.without_observations())
        url = f"{database.url('writer')}&options=-csynchronous_commit%3D{synchronous_commit}"
        settings = DatabaseSettings.model_validate({"database_url": url})
        lanes = [ends.enter_context(connect(settings, "bench")) for _ in work]
        writer.claim(lanes[0], topic_id, _TOPIC, {s.partition: 0 for s in work}, token, 5)
        write_all = partial(_write_all, topic_id, token)
        watch = Stopwatch(postgres=[tables.pid])
        with ThreadPoolExecutor() as pool:
            list(pool.map(write_all, lanes, work))
        expected = sum(len(batch) for share in work for batch in share.batches)
        taken = watch.read(expected)
        stored = lanes[0].execute("SELECT sum(stored) FROM stream_offsets").fetchone()
    if stored != (expected,):
        raise RuntimeError(f"{stored} of {expected} records were stored")
    return taken


def _write_all(topic_id: uuid.UUID, token: uuid.UUID, connection: Connection, share: Share) -> None:
    offset = 0
    for rows in share.batches:
        span = Span(share.partition, offset, offset + len(rows))
        writer.write(connection, Batch(topic_id, _TOPIC, token, [span], rows, [], _raw))
        offset += len(rows)


def _raw(_: Accepted) -> Raw:
    raise RuntimeError("no record of a benchmark conflicts with another")
