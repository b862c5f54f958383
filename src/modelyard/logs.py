"""Log lines: JSON for machines, coloured text for people, on standard error.

Everything goes through structlog; what libraries say to the standard `logging` is passed on to it. A line costs a few microseconds, so
there is one for every request.
"""

import logging
import sys
import time
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from modelyard.errors import ModelyardError
from modelyard.settings import LogFormat, LogLevel

_ENCODER = msgspec.json.Encoder(enc_hook=repr)
_LEVELS = {LogLevel.DEBUG: logging.DEBUG, LogLevel.INFO: logging.INFO, LogLevel.WARNING: logging.WARNING, LogLevel.ERROR: logging.ERROR}
_TALKATIVE = ("alembic", "uvicorn")
"""They tell each step they take at INFO; that is for debugging."""


def configure(level: LogLevel, format_: LogFormat) -> None:
    """Set up logging for this process. May be called again."""
    console = format_ is LogFormat.CONSOLE or (format_ is LogFormat.AUTO and sys.stderr.isatty())
    structlog.configure(
        processors=_console() if console else [_plain_errors, structlog.processors.format_exc_info, _json],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr) if console else structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Forward()], level=max(_LEVELS[level], logging.INFO), force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO if level is LogLevel.DEBUG else logging.WARNING)


def logger() -> Any:
    """The program's logger, as configured at this moment: call it after `configure`. It can `bind` what every line should carry."""
    return structlog.get_logger().bind()


def _json(_logger: WrappedLogger, method: str, event: EventDict) -> bytes:
    """One line: time, level and event first. Anything that JSON does not know is shown as Python would."""
    now = time.time_ns() // 1_000
    stamp = f"{_second(now // 1_000_000)}.{now % 1_000_000:06d}Z"
    return _ENCODER.encode({"time": stamp, "level": method, "event": event.pop("event", ""), **event})


def _second(seconds: int) -> str:
    """The time to the second. Formatting it once a second instead of once a line halves a line's cost."""
    global _formatted  # noqa: PLW0603 - a cache of one entry; a race only formats twice
    if _formatted[0] != seconds:
        _formatted = (seconds, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)))
    return _formatted[1]


_formatted = (0, "1970-01-01T00:00:00")


def _console() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        _plain_errors,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
    ]


def _plain_errors(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """An error in the domain's words explains itself: its message, without a stack trace."""
    problem = event.get("exc_info")
    if problem is None:
        return event
    if problem is True:
        problem = sys.exc_info()[1]
    elif isinstance(problem, tuple):
        problem = problem[1]
    if isinstance(problem, ModelyardError):
        del event["exc_info"]
        event["error"] = problem.message
    return event


class _Forward(logging.Handler):
    """Passes what libraries log on to structlog, with the library's name."""

    def emit(self, record: logging.LogRecord) -> None:
        extra: dict[str, Any] = {"exc_info": record.exc_info} if record.exc_info else {}
        structlog.get_logger().log(min(record.levelno, logging.CRITICAL), record.getMessage().strip(), library=record.name, **extra)
