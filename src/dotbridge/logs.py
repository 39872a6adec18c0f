"""How the product logs: structured lines, one event each, without personal data.

A person at a terminal reads coloured text; anything else gets one JSON object a line.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

import structlog
from structlog.typing import ExcInfo


def places_of(exc_info: ExcInfo) -> str:
    """Where an exception came from, and its type. Not its text: a database's quotes the row that it refused."""
    lines: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        kind = type(error)
        lines = [*traceback.format_tb(error.__traceback__), f"{kind.__module__}.{kind.__qualname__}\n", *lines]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "".join(lines)


LONGEST_OUTSIDE_TEXT = 300


def without_trace_of_outsiders(record: logging.LogRecord) -> bool:
    """Make what anybody outside can provoke one short line: a wrong Host header, more fields than any form has.

    Where in Django such a request was refused helps nobody, and its traces would hide the others.
    """
    if record.name.startswith("django.security"):
        record.msg, record.args = record.getMessage()[:LONGEST_OUTSIDE_TEXT], ()
        record.exc_info = record.exc_text = None
    return True


def follow_project() -> None:
    """In a project that has not configured structlog, let our lines go where the project's logging says.

    structlog would print them otherwise, in the middle of what a command answers to a script.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.processors.ExceptionRenderer(places_of),
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def django_logging(*, to_terminal: bool) -> dict[str, Any]:
    """Django's LOGGING: everything through structlog's formatter, to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(places_of),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if to_terminal
        else structlog.processors.JSONRenderer()
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            },
        },
        "filters": {"outsiders": {"()": lambda: without_trace_of_outsiders}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "structured", "filters": ["outsiders"]},
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "dotbridge": {"level": "INFO"},
            "procrastinate": {"level": "WARNING"},
            # It would say the names that were tried, and some people type their password there.
            "axes": {"level": "ERROR"},
            "django.request": {"level": "ERROR"},
        },
    }
