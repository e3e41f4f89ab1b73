"""Turning tracing on: only here is OpenTelemetry imported, and only where it is configured."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from vitalstream_runtime.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from vitalstream_runtime.tracing.settings import TracingSettings
    from vitalstream_runtime.tracing.spans import Spans

_log = structlog.get_logger(__name__)


@contextmanager
def exporting(service: str, settings: TracingSettings) -> Iterator[Spans | None]:
    """Export spans while the service runs; yields None where no collector is configured.

    Afterwards what is still waiting is sent, for a few seconds at most.

    Args:
        service: ``producer`` or ``consumer``.
        settings: Where to.

    Raises:
        SettingsError: OpenTelemetry is not installed, or refuses one of its own variables.
    """
    if settings.endpoint is None:
        yield None
        return
    spans = _start(service, settings.endpoint, settings.headers)
    _log.info("tracing", endpoint=settings.endpoint)
    try:
        yield spans
    finally:
        spans.stop()


def _start(service: str, endpoint: str, headers: SecretStr | None) -> Spans:
    try:
        from vitalstream_runtime.tracing.spans import Spans  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SettingsError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed "
            f"({error.name}); install vitalstream-{service}[tracing], build the image with "
            "--build-arg TRACING=1, or unset the variable"
        ) from error
    try:
        return Spans(service, endpoint, headers.get_secret_value() if headers else "")
    except ValueError as error:
        raise SettingsError(f"OpenTelemetry refuses an OTEL_* variable: {error}") from error
