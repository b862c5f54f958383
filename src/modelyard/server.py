"""Runs the application: binds the port, starts uvicorn in one process or several, stops without dropping requests.

Exit codes: 0 stopped as told, 1 could not start (the message says why), 2 a setting is wrong (see `__main__`).
"""

import errno
import logging
import os
import resource
import signal
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from modelyard import logs
from modelyard.connections import ConnectionLimits, watched
from modelyard.errors import ModelyardError, Unavailable
from modelyard.settings import Settings, bracketed, flag, hand_over, handed, variable
from modelyard.store.folder import make_durable

if TYPE_CHECKING:
    from modelyard.api.http.edge import Edge

BACKLOG = 2048
"""Connections that may wait to be accepted while every worker is busy."""

_OTHER_FILES = 200
"""Files a process may need beside its connections: database, logs, libraries."""

FAILURE_VARIABLE = "MODELYARD_HANDED_FAILURE_FILE"
"""How a worker process tells why it cannot start: it writes the sentence to the file of this name, and the supervisor shows it once."""

SHARED_VARIABLE = "MODELYARD_HANDED_SHARED_FOLDER"
"""Where worker processes keep what all of them must know: their metrics. It lasts as long as the supervisor."""

Announce = Callable[[str, bool], None]
"""Called once, when requests are answered: the base URL, and whether everybody may do everything, because there are no accounts."""

_OPEN = "open"
"""The file of this name among what workers share says so of a server that has several."""


class CannotStartError(Exception):
    """The server cannot run here and now. The message says what to do."""


def serve(settings: Settings, announce: Announce, ready_file: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished first.

    Once requests are answered, `announce` is called, and `ready_file` appears: JSON with `url` and `pid`. It is removed at the end.
    Raises `CannotStartError`, and `SystemExit(0)` when told to stop.
    """
    logs.configure(settings.log_level, settings.log_format)
    make_data_folder(settings.data_dir)
    if ready_file and not os.access(ready_file.absolute().parent, os.W_OK | os.X_OK):
        raise CannotStartError(
            f"The file {ready_file} cannot be written. Choose one in a folder that this user may write, by --ready-file."
        )
    allow_open_files(settings.max_connections)
    listener = bind(settings.host, settings.port)
    url = f"http://{bracketed(settings.host)}:{listener.getsockname()[1]}"

    def ready(open_: bool) -> None:  # noqa: FBT001 - called in two places, with a name at hand
        if ready_file:
            _write_ready_file(ready_file, url)
        announce(url, open_)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopped)
    try:
        run = _run_one if settings.workers == 1 else _run_several
        run(settings, listener, ready)
    finally:
        listener.close()
        if ready_file:
            ready_file.unlink(missing_ok=True)


def make_data_folder(folder: str) -> None:
    """Make it unless it is there. Raises `CannotStartError`."""
    try:
        make_durable(Path(folder))
    except OSError as error:
        raise CannotStartError(
            f"The data folder {folder} cannot be made ({error.strerror}). Choose another by {flag('data_dir')}."
        ) from error


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 lets the system choose a free one. Raises `CannotStartError`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise CannotStartError(
            f"The host {host!r} is not known ({error.strerror}). Give an address such as 127.0.0.1 by {flag('host')}."
        ) from error
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotStartError(_cannot_bind(host, port, error)) from error
    listener.set_inheritable(True)
    return listener


def worker() -> "Edge":
    """The application in a process that `serve` started as one of several."""
    from modelyard.app import create  # noqa: PLC0415 - only a worker needs the whole program

    settings = handed(os.environ)
    logs.configure(settings.log_level, settings.log_format)
    _quiet_about_failed_starts()

    def tell(error: Exception) -> None:
        Path(os.environ[FAILURE_VARIABLE]).write_text(_cannot_start(settings, error), encoding="utf-8")

    try:
        edge = create(settings, Path(os.environ[SHARED_VARIABLE]))
    except ModelyardError as error:
        tell(error)
        sys.exit(STARTUP_FAILURE)  # any other code, and the supervisor would try again for ever
    edge.failed_start = tell
    edge.started = lambda open_: (Path(os.environ[SHARED_VARIABLE]) / _OPEN).touch() if open_ else None
    return edge


class _Server(uvicorn.Server):
    """Tells when it answers requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


class _Supervisor(Multiprocess):
    """Tells when every worker answers requests, and gives up when one ends before that. Later, a worker that ends is replaced."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], ready: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._ready = ready
        self._announced = False
        self.failed = False

    def keep_subprocess_alive(self) -> None:
        if self._announced:
            super().keep_subprocess_alive()
        elif any(process.exitcode is not None for process in self.processes):
            self.failed = True
            self.should_exit.set()
        elif not self.should_exit.is_set() and all(process.is_ready(timeout=2) for process in self.processes):
            self._announced = True
            self._ready()


def _run_one(settings: Settings, listener: socket.socket, ready: Callable[[bool], None]) -> None:
    from modelyard.app import create  # noqa: PLC0415 - a supervisor of several workers does not need it

    failures: list[Exception] = []
    _quiet_about_failed_starts()
    try:
        edge = create(settings)
        edge.failed_start = failures.append
        told: list[bool] = []
        edge.started = told.append
        _Server(_config(settings, edge), lambda: ready(told[0])).run([listener])
    except ModelyardError as error:
        raise CannotStartError(_cannot_start(settings, error)) from error
    except SystemExit:
        if failures:
            raise CannotStartError(_cannot_start(settings, failures[0])) from None
        raise


def _run_several(settings: Settings, listener: socket.socket, ready: Callable[[bool], None]) -> None:
    with (
        tempfile.NamedTemporaryFile("r", encoding="utf-8", prefix="modelyard-") as failure,
        tempfile.TemporaryDirectory(prefix="modelyard-") as shared,
    ):
        os.environ.update(hand_over(settings) | {FAILURE_VARIABLE: failure.name, SHARED_VARIABLE: shared})
        open_ = Path(shared) / _OPEN
        supervisor = _Supervisor(_config(settings, "modelyard.server:worker"), [listener], lambda: ready(open_.exists()))
        supervisor.run()
        if supervisor.failed:
            raise CannotStartError(failure.read() or "The server could not start: a worker process ended at once. The log may say why.")


def _config(settings: Settings, app: "Edge | str") -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=settings.workers,
        loop="uvloop",
        http=watched(_connection_limits(settings)),
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,  # `logs` has done it
        access_log=False,  # the edge writes one line for each request, with its id
        server_header=False,
        proxy_headers=False,  # no forwarded address is used, so none has to be trusted
        backlog=BACKLOG,
        timeout_graceful_shutdown=settings.shutdown_grace_seconds,
        timeout_worker_healthcheck=60,  # a worker imports the program before it answers; a busy machine takes its time
    )


def _connection_limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        most=settings.max_connections, client_seconds=settings.client_timeout_seconds, unread_bytes=2 * settings.max_header_bytes
    )


def allow_open_files(connections: int) -> None:
    """Let this process, and those it starts, have a file for each connection and some hundred besides, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + connections // 4 + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        logs.logger().warning(
            "too few open files", allowed=allowed, wanted=wanted, remedy="raise the limit (ulimit -n), or lower max_connections"
        )


def _write_ready_file(path: Path, url: str) -> None:
    """Whoever waits for the file never reads half of it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(msgspec.json.encode({"url": url, "pid": os.getpid()}))
    draft.replace(path)


def _cannot_bind(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program. Stop it, or choose another port by {flag('port')} (0 picks a free one)."
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than this user has. Choose one above 1023 by {flag('port')}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine. Use 127.0.0.1, or one of its own addresses, by {flag('host')}."
    return f"Cannot listen on {host}:{port}: {error.strerror}."


def _cannot_start(settings: Settings, error: Exception) -> str:
    """One sentence on the cause, one on what to do. What nobody foresaw is logged with its stack."""
    if isinstance(error, ModelyardError):
        cause = error.message.removesuffix("; try again")  # right for a request, not for a start
    else:
        cause = str(error) or type(error).__name__
        if not isinstance(error, sqlite3.Error | OSError):
            logs.logger().error("cannot start", exc_info=error)
            return f"The server could not start, and it is a fault of the program: {cause}. The log line above says where."
    told = f"The server could not start on {settings.store}: {cause}."
    if isinstance(error, ModelyardError):
        # Whoever says when to try again means the database itself; what else is unavailable says what to do.
        out_of_reach = isinstance(error, Unavailable) and "retry_after" in error.details
        return f"{told} {_remedy(settings)}" if out_of_reach else told
    return f"{told} {_remedy(settings)}"


def _remedy(settings: Settings) -> str:
    if settings.uses_sqlite:
        other = flag("database_url" if settings.database_url else "data_dir")
        return f"Make sure that this user may write there and that it is a SQLite database, or choose another place by {other}."
    return f"Start that database, or correct its address by {flag('database_url')} or {variable('database_url')}."


def _quiet_about_failed_starts() -> None:
    """The cause is told in words; uvicorn's line beside it only says that there is one."""
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg != "Application startup failed. Exiting.")


def _stopped(_number: int, _frame: object) -> NoReturn:
    """Before uvicorn listens to signals: stop at once. After its graceful stop it raises the signal again: the process ends well."""
    raise SystemExit(0)
