"""uvicorn's HTTP protocol with a shorter way for what most requests are: there as a whole, and answered as a whole.

What uvicorn does once for each request and is not needed here is left out: the task (see `arrivals`), the timer of a connection that
rests, WebSockets, a root path. A whole answer is one write, and so one system call. What is streamed, and what is answered before its
body has been read, goes uvicorn's way.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from modelyard.api.http.edge import Edge
from modelyard.api.http.message import Header
from modelyard.arrivals import Arrivals

_ASGI = {"version": "3.0", "spec_version": "2.3"}


class Protocol(HttpToolsProtocol):
    """One connection. Nothing here ends it when it rests: see `connections`."""

    app: Any

    def __init__(self, *arguments: Any, arrivals: Arrivals, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._arrivals = arrivals
        self._arrived: Exchange | None = None
        self.unread = 0
        """Bytes that came and belong neither to a whole head nor to a body: a head that has no end yet, or what follows a body."""
        self.between = True
        """No request has begun to come, or the last one has come to its end."""

    def data_received(self, data: bytes) -> None:
        self.unread += len(data)
        super().data_received(data)
        arrived = self._arrived
        if arrived is not None:
            self._arrived = None
            self._start_asgi_task(arrived, self.app)

    def on_message_begin(self) -> None:
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self.between = False

    def on_headers_complete(self) -> None:
        self.unread = 0
        before: RequestResponseCycle | None = self.cycle
        self.cycle = exchange = self._exchange()
        if before is None or before.response_complete:
            self._arrived = exchange
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))

    def on_body(self, body: bytes) -> None:
        self.unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.unread = 0
        self.between = True
        request = self.cycle
        if not request.response_complete:
            request.more_body = False
            if "message_event" in request.__dict__:
                request.message_event.set()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        assert isinstance(cycle, Exchange)  # noqa: S101 - narrows the type for mypy
        self._arrivals.add(cycle.run(app), self.loop, self.tasks)

    def _exchange(self) -> "Exchange":
        parser = self.parser
        version = parser.get_http_version()
        raw_path, query = _split(self.url)
        path = raw_path.decode("ascii")
        scope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "headers": self.headers,
            "state": self.app_state.copy(),
            "method": parser.get_method().decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
        }
        return Exchange(self, scope, keep_alive=version != "1.0" and parser.should_keep_alive())

    def shutdown(self) -> None:
        """Called of each connection when the server begins to stop; it waits for the answers that are under way."""
        super().shutdown()
        if isinstance(self.app, Edge) and self.app.stop is not None:
            self.app.stop()


class Exchange(RequestResponseCycle):
    """One request and its answer."""

    # What uvicorn's constructor gives to each one, here once for all.
    access_log = False
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0

    def __init__(self, connection: Protocol, scope: Any, *, keep_alive: bool) -> None:
        # Without the inherited constructor, which takes twice as long.
        self.scope = scope
        self.transport = connection.transport
        self.flow = connection.flow
        self.logger = connection.logger
        self.default_headers = connection.server_state.default_headers
        self.on_response = connection.on_response_complete
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = connection.expect_100_continue
        self.body = bytearray()

    @functools.cached_property
    def message_event(self) -> asyncio.Event:  # type: ignore[override]  # uvicorn's is there from the start
        """Set when there is something to receive. A request without a body is answered before anybody asks."""
        event = asyncio.Event()
        if self.body or not self.more_body or self.disconnected:
            event.set()
        return event

    async def run(self, app: Any) -> None:
        """Answer the request. What goes wrong is uvicorn's to tell: it logs it, and says 500 or cuts the connection."""
        if not isinstance(app, Edge):
            await self.run_asgi(app)
            return
        # uvicorn has types of its own for each of these.
        scope: Any = self.scope
        receive: Any = self.receive
        send: Any = self.send
        try:
            await app.serve(scope, receive, send, self.write)
        except BaseException as error:  # noqa: BLE001 - uvicorn, too, catches everything
            await self.run_asgi(_raising(error))
            return
        if not self.response_complete:
            await self.run_asgi(_silent)
        self.on_response = _nothing  # or connection and exchange would hold each other

    def write(self, status: int, headers: Sequence[Header], body: bytes) -> bool:
        """Send all of an answer. False, and nothing is sent, while the client does not keep up with what was sent before."""
        if self.disconnected:
            return True
        if self.flow.write_paused:
            return False
        lines = [*self.default_headers, *headers]
        if not self.keep_alive:
            lines.append((b"connection", b"close"))
        head = b"\r\n".join([b": ".join(line) for line in lines])
        if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1:
            raise ValueError(f"a header of this answer holds a line break: {lines}")
        self.transport.write(b"".join((STATUS_LINE[status], head, b"\r\n\r\n", b"" if self.scope["method"] == "HEAD" else body)))
        self.response_started = self.response_complete = True
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


def _split(url: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request's target, which the parser has found to be well formed."""
    if url.startswith(b"/") and b"#" not in url:
        path, _, query = url.partition(b"?")
        return path, query
    parsed = httptools.parse_url(url)
    return parsed.path, parsed.query or b""


def _raising(error: BaseException) -> Callable[..., Awaitable[None]]:
    async def app(*_: object) -> None:
        raise error

    return app


async def _silent(*_: object) -> None:
    """An application that leaves the answer as it is."""


def _nothing() -> None:
    pass
