"""The SQL path alone: batches decoded beforehand through the consumer's writer."""

import contextlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from unittest import mock

from tests.benchmarks.kit.figures import Stopwatch, Taken
from tests.benchmarks.kit.servers import Tables
from vitalstream_schema import codec
from vitalstream_schema.record import Record
from vitalstream_storage import render, staging, writer
from vitalstream_storage.batch import Accepted, Batch, Raw, Span
from vitalstream_storage.pool import Connection, connect
from vitalstream_storage.settings import DatabaseSettings

_TOPIC = "bench"
# Dropped, not disabled: PostgreSQL gathers the changed rows for a disabled trigger as well.
_CENSUS_OFF = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT tgname FROM pg_trigger
                 WHERE tgrelid = 'patient_records'::regclass AND NOT tgisinternal
    LOOP
        EXECUTE format('DROP TRIGGER %I ON patient_records', name);
    END LOOP;
    DROP INDEX patient_records_patient, patient_records_name, patient_records_watched;
END
$$"""


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
    known: dict[tuple[object, ...], bytes] = {}
    original = render.stage

    def keeping(rows: Sequence[Accepted], newest: set[int]) -> bytes:
        key = (rows[0].partition, rows[0].offset, len(rows))
        if key not in known:
            known[key] = original(rows, newest)
        return known[key]

    def rendered() -> Taken:
        with mock.patch.object(render, "stage", keeping):
            if not known:
                run()
            return run()

    return rendered


def write(
    tables: Tables, work: Sequence[Share], synchronous_commit: str, *, states_only: bool = False
) -> Taken:
    """Write each share through a connection of its own, all at once, into fresh tables.

    Args:
        tables: Where.
        work: What; the shares' patients are disjoint.
        synchronous_commit: Of each transaction.
        states_only: Keep patient_records alone, with its key alone, as other sinks have it: no
            observations, no counters, nothing that pages search by.

    Raises:
        RuntimeError: Not every record was stored.
    """
    topic_id, token = uuid.uuid4(), uuid.uuid4()
    with tables.fresh() as database, contextlib.ExitStack() as ends:
        if states_only:
            _keep_states_only(database.url())
            ends.enter_context(_without_observations())
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


def _keep_states_only(owner_url: str) -> None:
    settings = DatabaseSettings.model_validate({"database_url": owner_url})
    with connect(settings, "bench") as connection:
        connection.execute(_CENSUS_OFF)


@contextlib.contextmanager
def _without_observations() -> Iterator[None]:
    with mock.patch.object(staging, "_INSERT_ALL", "SELECT"):
        yield
