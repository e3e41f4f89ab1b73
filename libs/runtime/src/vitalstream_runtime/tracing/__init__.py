"""Following one record from the producer to the tables: trace ids always, spans where asked for."""

from vitalstream_runtime.tracing.exporting import exporting
from vitalstream_runtime.tracing.settings import TracingSettings
from vitalstream_runtime.tracing.traceparent import (
    HEADER,
    TraceParent,
    header_of,
    seems_sampled,
    trace_id_in,
    trace_id_of,
    unsampled,
)

__all__ = [
    "HEADER",
    "TraceParent",
    "TracingSettings",
    "exporting",
    "header_of",
    "seems_sampled",
    "trace_id_in",
    "trace_id_of",
    "unsampled",
]
