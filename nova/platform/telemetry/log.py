"""Structured logs: one JSON object a line, with the ids of the call, and no secrets.

Code logs events, not sentences: `structlog.get_logger(__name__).info("relay_resumed", waited_s=2.0)`.
Values under a key that names a secret are masked at any depth, so that a careless `request=headers` shows
nothing.
"""

import json
import logging
import sys
from collections.abc import Mapping
from typing import TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from nova.platform.masking import MASK, masked, names_secret
from nova.platform.rpc.context import current_call
from nova.platform.telemetry.metrics import LOG_LINES_LOST
from nova.platform.telemetry.tracing import current_trace_id

_DEEPEST = 6


class Lossy:
    """Writes text to `out` if it takes it: what has no room there, as on a full disk, is counted and left out.

    Whoever logs has something else to do, which must not fail because of that.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        """Write, and return how many characters were taken."""
        try:
            return self._out.write(text)
        except OSError:
            LOG_LINES_LOST.inc()
            return 0

    def flush(self) -> None:
        """Write what still waits, if it can be."""
        try:
            self._out.flush()
        except OSError:
            LOG_LINES_LOST.inc()


class _Line(structlog.PrintLogger):
    """Writes finished lines, and knows the name that its logger was asked for by."""

    def __init__(self, out: Lossy, name: str) -> None:
        super().__init__(cast("TextIO", out))
        self.name = name


def set_up(*, stream: TextIO | None = None, level: int = logging.INFO, console: bool = False) -> None:
    """Send all logs of the process, those of libraries too, to `stream` (default: stderr).

    JSON lines, or with `console` lines for people. Libraries are heard from WARNING on.
    """
    terminal = stream or sys.stderr
    out = Lossy(terminal)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        _add_call,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask,
    ]
    render: Processor = structlog.dev.ConsoleRenderer(colors=terminal.isatty()) if console else _as_json
    structlog.configure(
        processors=[_add_name, *shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *name: _Line(out, str(name[0]) if name else "nova"),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(cast("TextIO", out))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))


def mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask every value that is a secret by its key or by its looks."""
    return {key: _masked(key, value, 0) for key, value in event.items()}


def _masked(key: str, value: object, depth: int) -> object:
    if names_secret(key):
        return MASK
    if isinstance(value, str):
        return masked(value)
    if depth >= _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {str(inner): _masked(str(inner), item, depth + 1) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked("", item, depth + 1) for item in value]
    return value


def _add_name(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["logger"] = logger.name
    return event


def _add_call(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    correlation_id = current_call().correlation_id
    if correlation_id:
        event.setdefault("correlation_id", correlation_id)
    trace_id = current_trace_id()
    if trace_id is not None:
        event["trace_id"] = trace_id
    return event


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    try:
        return orjson.dumps(event, default=_shown).decode()
    except TypeError:
        # Lone surrogates, huge numbers: what strangers send must not turn a log line into an error.
        return json.dumps(event, default=_shown)


def _shown(value: object) -> str:
    """Show what JSON has no form for, still without secrets."""
    return masked(repr(value))
