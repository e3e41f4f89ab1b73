"""Each batch as a span, linked with its records' traces; recorded traces go on here."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from vitalstream_consumer.batch import Chunk
from vitalstream_consumer.dead_letters import Headers
from vitalstream_runtime.tracing import TraceParent, header_of, seems_sampled
from vitalstream_storage.errors import describe

if TYPE_CHECKING:
    from vitalstream_runtime.tracing.spans import Span, Spans

MOST_LINKS: Final = 128
"""Of one batch's span, which is also what OpenTelemetry's SDK keeps of them by default."""

Traced = Callable[[Sequence[Chunk]], AbstractContextManager[None]]
"""Goes around the write of a batch: of its chunks."""


def untraced(_chunks: Sequence[Chunk]) -> AbstractContextManager[None]:
    """Nothing around a write."""
    return nullcontext()


class _Met(NamedTuple):
    """A record that belongs to a trace."""

    trace: TraceParent
    chunk: Chunk
    offset: int
    reason: str | None


class BatchTraces:
    """Makes the spans of batches.

    A batch's span has no parent: its records come from many traces. It links to those, the
    recorded ones first; of each recorded one, a span of its own goes on with its trace and links
    back, so that whoever looks up one record sees it arrive.

    Args:
        spans: Makes them.
        topic: Where records come from.
        group: That we read them for.
    """

    def __init__(self, spans: "Spans", topic: str, group: str) -> None:
        self._spans = spans
        self._topic = topic
        self._about: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": topic,
            "messaging.consumer.group.name": group,
        }

    @contextmanager
    def writing(self, chunks: Sequence[Chunk]) -> Iterator[None]:
        """Goes around the write of a batch; its span begins where its decoding began."""
        met = find(chunks)
        under_way = self._begin(chunks, [each.trace for each in met])
        try:
            yield
        except Exception as error:
            for span in under_way:
                span.fail(describe(error).get("sqlstate") or type(error).__name__)
            raise
        for span in under_way:
            span.end()
        self._go_on(met, under_way[-1].place)

    def _begin(self, chunks: Sequence[Chunk], links: Sequence[TraceParent]) -> "list[Span]":
        """The write's span and its batch's; where the sampler leaves the batch out, that alone."""
        began = min(chunk.decoded_ns[0] for chunk in chunks)
        batch = self._spans.begin(
            f"process batch {self._topic}",
            "consumer",
            links=links,
            attributes=self._about
            | {
                "messaging.batch.message_count": sum(chunk.records for chunk in chunks),
                "vitalstream.dead_letters": sum(len(chunk.dead_letters) for chunk in chunks),
            },
            start_ns=began,
        )
        if batch.place is None:
            return [batch]
        decode = self._spans.begin("decode", "internal", parent=batch.place, start_ns=began)
        decode.end(at_ns=max(chunk.decoded_ns[1] for chunk in chunks))
        postgres = {"db.system.name": "postgresql"}
        write = self._spans.begin("write", "client", parent=batch.place, attributes=postgres)
        return [write, batch]

    def _go_on(self, met: Sequence[_Met], batch: TraceParent | None) -> None:
        for each in met:
            if each.trace.sampled:
                span = self._spans.begin(
                    f"process {self._topic}",
                    "consumer",
                    parent=each.trace,
                    links=[] if batch is None else [batch],
                    attributes=self._about
                    | {
                        "messaging.destination.partition.id": str(each.chunk.partition),
                        "messaging.kafka.offset": each.offset,
                    },
                    start_ns=each.chunk.decoded_ns[0],
                )
                span.end({"vitalstream.dead_letter.reason": each.reason} if each.reason else None)


def find(chunks: Sequence[Chunk]) -> list[_Met]:
    """Records that belong to traces, the recorded ones first, as many as a span may link to."""
    recorded: list[_Met] = []
    others: list[_Met] = []
    for chunk, offset, headers, reason in _all(chunks):
        value = header_of(headers)
        if value:
            found = recorded if seems_sampled(value) else others
            if len(found) < MOST_LINKS and (trace := TraceParent.parse(value)) is not None:
                found.append(_Met(trace, chunk, offset, reason))
    return list(islice((*recorded, *others), MOST_LINKS))


def _all(chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, int, Headers | None, str | None]]:
    for chunk in chunks:
        for letter in chunk.dead_letters:
            yield chunk, letter.offset, letter.headers, letter.reason
        for accepted in chunk.accepted:
            yield chunk, accepted.offset, accepted.message.headers(), None
