"""Connections whose client is too slow, stays silent, or is one too many: each is ended before it costs others anything.

uvicorn itself limits only how long a connection may rest between two requests, by a timer for each rest, and counts resting ones as
load. Here all open connections are looked at once a second, which costs a request next to nothing.
"""

import asyncio
import functools
from typing import TYPE_CHECKING, Any, cast

import msgspec

from modelyard.api.http.admission import CROWDED
from modelyard.arrivals import Arrivals
from modelyard.protocol import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from modelyard.api.http.asgi import Receive, Scope, Send

BODY_BYTES = 4096
"""What a body must bring, or its end, each time the client's patience is asked for."""

CROWDED_SECONDS = 2.0
"""How long a connection too many may take to send the request that it is then refused."""

_RESTING = "resting"
"""What a client does between two requests."""

_LOOK_SECONDS = 1.0
"""Between two looks, or a quarter of the client's time if that is less."""


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    most: int = 2000
    """Connections open at a time. Requests on one more are turned away, and a quarter more than that is not even listened to."""
    client_seconds: float = 20.0
    """How long a client may take for a request's head, for the next 4 KiB of its body, and to take in some of an answer."""
    unread_bytes: int = 128 * 1024
    """How much may come that is neither a whole head nor a piece of a body: a head without an end, or what follows a body."""


def watched(limits: ConnectionLimits) -> "type[asyncio.Protocol]":
    """What uvicorn is to make of each connection, for its setting `http`; several workers may be started with it."""
    return functools.partial(WatchedConnection, watch=Watch(limits), arrivals=Arrivals())  # type: ignore[return-value]  # uvicorn only calls it


class Watch:
    """Looks at the connections of one process. Made in the process that starts the workers, and handed to each unused."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._pause = min(_LOOK_SECONDS, limits.client_seconds / 4)
        self._looking = False

    def begin(self, connections: "Iterable[WatchedConnection]") -> None:
        """Look at the connections in this collection, from now until it is empty."""
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(self._pause, self._look, connections)

    def _look(self, connections: "Iterable[WatchedConnection]") -> None:
        now = asyncio.get_running_loop().time()
        still_open = tuple(connections)  # looking may end one
        self._looking = False
        if still_open:
            self.begin(connections)
        for connection in still_open:
            connection.look(now)


class WatchedConnection(Protocol):
    """One connection. `look` reads uvicorn's own state of it, so that a request has nothing to note down."""

    def __init__(self, *arguments: Any, watch: Watch, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._watch = watch
        self._patience = watch.limits.client_seconds
        self._body_bytes = 0
        self._awaited: tuple[str, object] | None = None
        """What the client has to do next, and how far it was when last looked at."""
        self._since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._watch.begin(cast("set[WatchedConnection]", self.connections))  # uvicorn makes all of them by `watched`
        most = self._watch.limits.most
        if len(self.connections) > most:
            self.app = _Crowded(self.app)
            self._patience = min(self._patience, CROWDED_SECONDS)
            if len(self.connections) > most + max(1, most // 4):
                transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.unread > self._watch.limits.unread_bytes:
            self._refuse(431, "Request Header Fields Too Large", "the request's path, query and headers are too large")

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._body_bytes += len(body)

    def look(self, now: float) -> None:
        """End the connection when its client has made no progress for too long."""
        awaited = self._find_awaited()
        if awaited is None or awaited != self._awaited:
            self._awaited, self._since = awaited, now
        elif now - self._since >= (self.timeout_keep_alive if awaited[0] == _RESTING else self._patience):
            self._end(awaited[0])

    def _find_awaited(self) -> tuple[str, object] | None:
        """None while it is our turn."""
        buffered = self.transport.get_write_buffer_size()
        if buffered:
            return "taking the answer", buffered
        request = self._request()
        if request is None or request.response_complete:
            # Also while the rest of a body comes whose request is answered already.
            resting = request is not None and self.between and not self.unread
            return (_RESTING if resting else "sending a request"), request
        if request.more_body and not self.flow.read_paused:
            return "sending a body", (request, self._body_bytes // BODY_BYTES)
        return None

    def _request(self) -> "RequestResponseCycle | None":
        """The last one whose head came."""
        return self.cycle

    def _end(self, doing: str) -> None:
        if doing == _RESTING:
            self.transport.close()
            return
        self.logger.info("Ended a connection: its client made no progress in %s.", doing)
        request = self._request()
        if doing == "taking the answer" or (request is not None and request.response_started and not request.response_complete):
            self.transport.abort()
        elif request is None and not self.unread:
            self.transport.close()  # it never sent anything
        else:
            self._refuse(408, "Request Timeout", f"nothing more of the request came for {self._patience:g} s")

    def _refuse(self, status: int, phrase: str, text: str) -> None:
        if self.transport.is_closing():
            return
        body = f"{text}\n".encode()
        head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\nconnection: close"
        self.transport.write(head.encode() + b"\r\n\r\n" + body)
        self.transport.close()


class _Crowded:
    """The application, as a connection too many sees it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        scope[CROWDED] = True
        await self._app(scope, receive, send)
