"""`logs`: the log of this process: one line for each event, JSON or for people, without secrets.

- Everything that is logged, by the hub and by what it uses (`logging`), goes through one chain to
  standard error: time, level, logger, event, then request, client, source, operation and trace as
  far as they are known, at last `scrub`.
- JSON lines where standard error is no terminal, unless `HUB_LOG_FORMAT` says otherwise.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import IO, Any

import structlog
from structlog.typing import Processor

from hub.watching import tracing
from hub.watching.limits import LINE_CHARACTERS_MAX, PART_CHARACTERS_MAX
from hub.watching.notes import current
from hub.watching.scrub import SCRUBBER

_LOUD = ("asyncio", "asyncssh", "httpx", "httpcore", "sqlalchemy", "alembic", "authlib", "zeep")
"""Loggers of others that tell more than an operator needs, and of requests what is in them."""

_SERVERS = ("uvicorn", "uvicorn.error", "uvicorn.access")
"""Loggers of the HTTP server, whose lines go the way of all others."""


class ScrubbedHandler(logging.StreamHandler[Any]):
    """Writes a record as one bounded line without secrets, by default to standard error."""

    def __init__(self, own: IO[str] | None = None) -> None:
        logging.Handler.__init__(self)
        self._own = own

    @property
    def stream(self) -> Any:  # what standard error is may change
        """Where the line goes."""
        return self._own or sys.stderr

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return SCRUBBER(super().format(record))[:LINE_CHARACTERS_MAX]


def configure(level: str = "info", form: str | None = None, stream: IO[str] | None = None) -> None:
    """Set up the log of this process; may be called again."""
    target = stream or sys.stderr
    form = form or ("text" if target.isatty() else "json")
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.contextvars.merge_contextvars,
        _add_request,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    last.append(_bounded)
    if form == "json":
        last += [
            structlog.processors.format_exc_info,
            _bounded,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    else:
        last += [structlog.dev.ConsoleRenderer(colors=target.isatty(), timestamp_key="at")]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = ScrubbedHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)
    )
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, ScrubbedHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    for name in _SERVERS:  # a server that was set up before may have given them ways of their own
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate, logger.disabled = [], True, False
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def ensure() -> None:
    """Set up the log of a command, which tells warnings only, unless it is set up already."""
    if not any(isinstance(each, ScrubbedHandler) for each in logging.getLogger().handlers):
        configure("warning")


def _bounded(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut what is long, so that the line as a whole stays readable by machines."""
    for name, value in event.items():
        if isinstance(value, str) and len(value) > PART_CHARACTERS_MAX:
            event[name] = f"{value[:PART_CHARACTERS_MAX]}…"
    said = event.get("event")
    if isinstance(said, str):
        event["event"] = said.replace("\r", "\\r").replace("\n", "\\n")  # no line of its own
    return event


def _add_request(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add what is known of the request that is being served."""
    notes = current()
    if notes is not None:
        known = (
            ("request", notes.request_id),
            ("door", notes.door),
            ("operation", notes.operation),
            ("client", notes.client_id),
            ("source", notes.source_id),
        )
        for name, value in known:
            if value:
                event.setdefault(name, value)
    trace = tracing.trace_id()
    if trace:
        event.setdefault("trace", trace)
    return event
