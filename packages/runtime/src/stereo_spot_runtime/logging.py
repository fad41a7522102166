"""Structured logs on stderr: lines for people or JSON for machines; standard output stays for results."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog


def configure_logging(level: str = "info", log_format: Literal["console", "json"] = "console") -> None:
    """Send all logs of this process, ours and those of libraries, to stderr in one form.

    What the consumer binds (worker, job_id, stage, segment_index, attempt) is on every line written meanwhile.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[structlog.typing.Processor]
    if log_format == "json":
        # Tracebacks without local variables, here and below: they hold secrets, too.
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        renderer = [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]
    else:
        # Not the pretty one, which takes seconds.
        plain = structlog.dev.plain_traceback
        renderer = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries speak only when something is wrong: at debug level they would drown our own lines.
    root.setLevel(logging.WARNING)
    logging.getLogger(LOGGER).setLevel(level.upper())
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


LOGGER = "stereo_spot"
"""Name of the standard library's logger that all of ours go through."""


def get_logger() -> structlog.stdlib.BoundLogger:
    """The project's logger."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(LOGGER)
    return logger
