"""Structured logs: one flat JSON object a line, or readable lines on a terminal."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import logging
import os
import secrets
import sys
from typing import TYPE_CHECKING

import structlog

from vitalstream_runtime import privacy
from vitalstream_runtime.settings import unknown_variables

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

    from vitalstream_runtime.settings import ServiceSettings


class _Hasher:
    """Holds the key, so that one person's lines carry one hash."""

    key: bytes = secrets.token_bytes(64)


def hash_id(patient_id: str) -> str:
    """Stands for a patient_id in logs: 16 hexadecimal digits of a keyed BLAKE2b.

    With LOG_ID_KEY set it is the same in every service, else only within this process.
    """
    return hashlib.blake2b(
        patient_id.encode(errors="surrogatepass"), key=_Hasher.key, digest_size=8
    ).hexdigest()


def version_of(service: str) -> str:
    """The installed version of a service's package, by ``producer`` or ``vitalstream-producer``."""
    return importlib.metadata.version(f"vitalstream-{service.removeprefix('vitalstream-')}")


def on_console(settings: ServiceSettings) -> bool:
    """Whether the output is lines for a person, not JSON."""
    return settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stdout.isatty()
    )


def configure(service: str, settings: ServiceSettings) -> None:
    """Send structlog's and the standard library's logs to stdout in one form.

    Every line has ``timestamp`` (UTC, ISO-8601), ``level``, ``event``, ``service``, ``version``
    and the logger's name. What may identify a patient is withheld (see `privacy`). Warns about
    environment variables that look like a misspelled setting.

    Args:
        service: ``producer``, ``consumer``, ``dashboard`` or ``storage``.
        settings: LOG_LEVEL, LOG_FORMAT and LOG_ID_KEY are used.
    """
    if settings.log_id_key is not None:
        key = settings.log_id_key.get_secret_value().encode()
        _Hasher.key = hashlib.blake2b(key).digest()
    console = on_console(settings)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A lone surrogate must not lose a line.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    shared = _shared(service)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(console=console),
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.log_level)
    logging.captureWarnings(capture=True)
    for variable, meant in unknown_variables(os.environ).items():
        structlog.get_logger(__name__).warning(
            "unknown_setting", variable=variable, did_you_mean=meant
        )


def _shared(service: str) -> list[Processor]:
    version = version_of(service)

    def identify(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        event.setdefault("version", version)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        identify,
        privacy.withhold,
        privacy.render_exception,
    ]


def _rendering(*, console: bool) -> list[Processor]:
    if console:
        return [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    return [structlog.processors.JSONRenderer(default=str, ensure_ascii=False)]
