"""Log lines: JSON for machines, coloured text for people, on standard error.

Everything goes through structlog, and what libraries say to the standard `logging` is passed on to it. The one line that there is for
every request has a shorter way as JSON: no dictionaries, and one system call for all lines of a turn of the event loop.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Callable
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


class Access(msgspec.Struct, frozen=True, omit_defaults=True):
    """The line of one request. What is not known is left out."""

    method: str
    path: str
    status: int
    duration_ms: float
    database_ms: float
    statements: int
    dialect: str
    operation: str
    request_id: str
    caller: str
    client: str = ""
    """The address of who asked, as far as trusted proxies tell it."""
    trace_id: str = ""
    sent_bytes: int = 0
    """Of an answer that was sent in parts: how long its body was, as far as it was sent."""
    left: bool = False
    """The client went away before the end of such an answer."""


def access_log() -> Callable[[Access], None]:
    """Writes the line of a request, as configured at this moment. Call what it returns on the event loop."""
    configured = structlog.get_config()
    if not configured["wrapper_class"](None, (), {}).is_enabled_for(logging.INFO):
        return lambda _line: None
    if isinstance(configured["logger_factory"], structlog.BytesLoggerFactory):
        return _AccessLines(configured["logger_factory"]().msg).add
    log = logger()
    return lambda line: log.info("request", **msgspec.to_builtins(line))


class _AccessLines:
    """Lines that wait, until the event loop has served whoever is ready, to be written together."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """`write` adds the last line's end."""
        self._write_now = write
        self._waiting: list[bytes] = []

    def add(self, line: Access) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write)
        # Only the stamp is put in by hand: `Access` encodes the rest, and begins with a brace.
        self._waiting.append(b'{"time":"%b","level":"info","event":"request",%b' % (_stamp().encode(), _ENCODER.encode(line)[1:]))

    def _write(self) -> None:
        lines, self._waiting = self._waiting, []
        self._write_now(b"\n".join(lines))


def _json(_logger: WrappedLogger, method: str, event: EventDict) -> bytes:
    """One line: time, level and event first. Anything that JSON does not know is shown as Python would."""
    return _ENCODER.encode({"time": _stamp(), "level": method, "event": event.pop("event", ""), **event})


def _stamp() -> str:
    now = time.time_ns() // 1_000
    return f"{_second(now // 1_000_000)}.{now % 1_000_000:06d}Z"


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
