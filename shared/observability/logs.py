"""Structured logs: one JSON object a line on standard output, redacted last, from our code and from libraries alike."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, BinaryIO, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from shared.observability.log_output import STANDARD_OUTPUT
from shared.observability.names import LOG_FIELDS
from shared.security.redaction import redact

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
QUIET = (
    *("httpx", "httpx2", "httpcore", "httpcore2", "openai", "picows", "urllib3", "websockets"),
    "alembic.runtime.plugins",
)
"""Libraries that log addresses with their query, or each request, at INFO."""
LONGEST_NAME = 64
"""Characters. Most of a line are names, of events, modules and calls, which come again line after line."""


def _only_known_fields(_: object, __: str, event: EventDict) -> EventDict:
    unknown = [name for name in event if name not in LOG_FIELDS and not name.startswith("_")]
    for name in unknown:
        del event[name]
    if unknown:
        event["field"] = "dropped unlisted: " + ",".join(sorted(unknown))
    return event


def _redacted(_: object, __: str, event: EventDict) -> EventDict:
    return cast(EventDict, {name: _redacted_value(value) for name, value in event.items()})


_redacted_name = lru_cache(maxsize=1024)(redact)


def _redacted_value(value: object) -> object:
    match value:
        case str():
            return _redacted_name(value) if len(value) <= LONGEST_NAME else redact(value)
        case Mapping():
            return {str(key): _redacted_value(item) for key, item in value.items()}
        case list() | tuple():
            return [_redacted_value(item) for item in value]
        case None | bool() | int() | float():
            return value
    return redact(str(value))


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def _to_json(_: object, __: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=str)


def _to_text(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(event, default=str).decode()


class _LinesOfLibraries(logging.Handler):
    """What libraries log, on the same output."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001  (a library's own mistake in a log call; logging says so on standard error)
            self.handleError(record)
        else:
            STANDARD_OUTPUT.write(f"{line}\n".encode())


def configure(process: str, level: str = "info") -> None:
    """Set up logging for this process; call it once, before anything logs."""
    STANDARD_OUTPUT.attach(sys.stdout.buffer)
    structlog.configure(
        processors=[*_SHARED, _only_known_fields, _redacted, _to_json],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(cast(BinaryIO, STANDARD_OUTPUT)),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(process=process)
    handler = _LinesOfLibraries()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _only_known_fields,
                _redacted,
                _to_text,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger: `log.info("turn_finished", call_sid=…, answer_ms=…)`. Events are fixed names, values are fields."""
    return cast(FilteringBoundLogger, structlog.get_logger(module=name))
