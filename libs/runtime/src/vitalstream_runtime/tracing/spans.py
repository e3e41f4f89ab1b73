"""Spans by OpenTelemetry's SDK: made where the work is done, sent by a thread of its own."""

import logging
import os
import threading
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.re import parse_env_headers

from vitalstream_runtime.limiter import Limiter
from vitalstream_runtime.logging import version_of
from vitalstream_runtime.tracing.traceparent import TraceParent

_log = structlog.get_logger(__name__)
_STOP_SECONDS: Final = 3.0
_REPEAT_SECONDS: Final = 60.0
_LIBRARY: Final = "opentelemetry"
_KINDS: Final = {
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}
Kind = Literal["producer", "consumer", "client", "internal"]
Attributes = Mapping[str, str | int]


class Span:
    """Something that is being done; any thread may end it.

    Attributes:
        place: What its parts and those who link to it go by; None if it is not recorded.

    Args:
        span: The SDK's own.
    """

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self.place: TraceParent | None = None
        if span.is_recording():
            context = span.get_span_context()
            trace_id, span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
            self.place = TraceParent(trace_id, span_id, context.trace_flags.sampled)

    def end(self, attributes: Attributes | None = None, at_ns: int | None = None) -> None:
        """It is done.

        Args:
            attributes: What is known by now; never anything of a patient.
            at_ns: When, in Unix nanoseconds; None: now.
        """
        self._span.set_attributes(attributes or {})
        self._span.end(at_ns)

    def fail(self, kind: str) -> None:
        """It is done, and has failed.

        Args:
            kind: Of the failure; an error's text could quote a record.
        """
        self._span.set_status(Status(StatusCode.ERROR))
        self.end({"error.type": kind})


class Spans:
    """Makes spans, and exports them in batches.

    Nobody ever waits for the collector: what it does not take is dropped, and said once a minute.

    Args:
        service: ``producer`` or ``consumer``.
        endpoint: The collector's base URL.
        headers: That it asks for, as OTEL_EXPORTER_OTLP_HEADERS has them.

    Raises:
        ValueError: One of OpenTelemetry's own variables is not as it should be.
    """

    def __init__(self, service: str, endpoint: str, headers: str = "") -> None:
        _listen()
        version = version_of(service)
        name = os.environ.get("OTEL_SERVICE_NAME") or f"vitalstream-{service}"
        resource = Resource.create({"service.name": name, "service.version": version})
        self._exporter = OTLPSpanExporter(
            f"{endpoint.rstrip('/')}/v1/traces", headers=parse_env_headers(headers, liberal=True)
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("vitalstream", version)

    def begin(  # noqa: PLR0913 - what a span has, most of it seldom given
        self,
        name: str,
        kind: Kind,
        *,
        parent: TraceParent | None = None,
        links: Iterable[TraceParent] = (),
        attributes: Attributes | None = None,
        start_ns: int | None = None,
    ) -> Span:
        """Begin a span.

        Args:
            name: What is done, of few different values.
            kind: Its part in the conversation.
            parent: What it is a part of; None: it begins a trace.
            links: What it has to do with.
            attributes: About it; never anything of a patient.
            start_ns: When it began, in Unix nanoseconds; None: now.
        """
        span = self._tracer.start_span(
            name,
            context=Context() if parent is None else _within(parent),
            kind=_KINDS[kind],
            attributes=attributes,
            links=[trace.Link(_context(each)) for each in links],
            start_time=start_ns,
        )
        return Span(span)

    def stop(self) -> None:
        """Send what waits, for so long at most, and then no more."""
        flushing = threading.Thread(target=self._provider.shutdown, name="spans-stop", daemon=True)
        flushing.start()
        flushing.join(_STOP_SECONDS)
        if flushing.is_alive():
            _log.warning("spans_abandoned", reason="the collector did not take them in time")
            # Ends its pause between two tries.
            self._exporter.shutdown()  # type: ignore[no-untyped-call]


def _within(parent: TraceParent) -> Context:
    return trace.set_span_in_context(trace.NonRecordingSpan(_context(parent)), Context())


def _context(parent: TraceParent) -> SpanContext:
    return SpanContext(
        int(parent.trace_id, 16),
        int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT),
    )


def _listen() -> None:
    """Take over what OpenTelemetry logs, in place of a former listener."""
    library = logging.getLogger(_LIBRARY)
    library.handlers[:] = [_Complaints()]
    library.propagate = False


class _Complaints(logging.Handler):
    """Says what OpenTelemetry has to say, each thing once a minute, instead of at each try."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._limiter = Limiter(_REPEAT_SECONDS)

    def emit(self, record: logging.LogRecord) -> None:
        """Log it, or count it."""
        suppressed = self._limiter.admit(record.msg)
        if suppressed is not None:
            _log.warning("tracing_trouble", reason=record.getMessage(), suppressed=suppressed)
