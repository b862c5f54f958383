"""The ASGI application: what every request goes through, whichever dialect it is for.

Head and sender are judged (`gate`); then a route outside the dialects answers (`cold`), or the dialect whose prefix it is (`door`): both
to those whom the doorkeeper lets in.
All of it costs a few microseconds per request; keep it so.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from modelyard.access.permissions import Permission
from modelyard.api.http import projects
from modelyard.api.http.admission import CROWDED, Admission
from modelyard.api.http.asgi import Receive, Scope, Send
from modelyard.api.http.body import Disconnected, Room, linger
from modelyard.api.http.cold import ColdRoute, ColdRoutes, refused
from modelyard.api.http.cors import Cors
from modelyard.api.http.credentials import Directory
from modelyard.api.http.door import NOT_FOUND, Door, no_route
from modelyard.api.http.doorkeeper import Doorkeeper, check_permissions
from modelyard.api.http.front import Front
from modelyard.api.http.gate import CLOSE, Gate
from modelyard.api.http.hosts import Hosts, is_address
from modelyard.api.http.idempotency import IdempotentRunner
from modelyard.api.http.lifespan import Hook, Told, run_lifespan
from modelyard.api.http.limits import Limits
from modelyard.api.http.log import Log
from modelyard.api.http.message import Header, Request, Response, text_response
from modelyard.api.http.operation import Dialect
from modelyard.api.http.request_ids import request_id_maker
from modelyard.api.http.stream import Parts, Sent, send_stream
from modelyard.api.http.tracing import Span, Tracer
from modelyard.context import Caller
from modelyard.errors import ModelyardError
from modelyard.logs import Access
from modelyard.tally import Tally, current_tally

Observe = Callable[[Request, int, float, Tally], None]
"""Told of every answer: to which request, its status, how many seconds it took, and what it has asked of the database."""

Write = Callable[[int, Sequence[Header], bytes], bool]
"""Sends a whole answer: status, headers, body. False when it cannot now; then nothing was sent."""

_OPS = "ops"
"""What `Caller.dialect` says of requests that belong to none."""

_LONGEST_LOGGED = 1000
"""Characters of a path: what is refused for its length is not written to the log in full."""

_VARY: Header = (b"vary", b"Origin")


class Edge:
    """`clock` counts seconds from any start. `startup` runs before the first request and `shutdown` after the last."""

    def __init__(
        self,
        dialects: Sequence[Dialect],
        routes: Sequence[ColdRoute] = (),
        *,
        limits: Limits,
        cors: Cors,
        hosts: Hosts,
        logger: Log,
        access: Callable[[Access], None],
        directory: Directory,
        idempotency: IdempotentRunner | None = None,
        observe: Observe | None = None,
        front: Front | None = None,
        tracer: Tracer | None = None,
        startup: Hook | None = None,
        shutdown: Hook | None = None,
        stop: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        check_permissions((*routes, *[operation for dialect in dialects for operation in dialect.operations]))
        admission = Admission(limits.requests)
        room = Room(limits.bodies)
        self._keeper = Doorkeeper(directory)
        doors = [Door(dialect, limits, self._keeper, admission, room, idempotency, logger) for dialect in dialects]
        # The longest first, so that one prefix may begin another.
        self._doors = sorted(doors, key=lambda door: -len(door.prefix))
        self._cold = ColdRoutes(routes)
        self._cors = cors
        self._gate = Gate(limits, cors, hosts)
        self._log = logger
        self._access = access
        self._observe = observe
        self._front = front
        self._tracer = tracer
        self._startup = startup
        self._shutdown = shutdown
        self.stop = stop
        """Ends the answers that have no end of their own. The server calls it when it begins to stop, and then waits for them."""
        self._clock = clock
        self._request_id = request_id_maker()
        self.started: Callable[[bool], None] | None = None
        """Whoever runs the server may set it, to be told when `startup` is done: whether it is open to everybody."""
        self.failed_start: Told | None = None
        """Whoever runs the server may set it, to be told why `startup` failed; otherwise the log is."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await run_lifespan(receive, send, self._start, self._shutdown, self._log, self.failed_start)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _start(self) -> None:
        if self._startup is not None:
            await self._startup()
        if self.started is not None:
            self.started(self._keeper.open)

    async def serve(self, scope: Scope, receive: Receive, send: Send, write: Write | None = None) -> None:
        """Answer one request. A server that has a shorter way for whole answers gives it as `write`."""
        started = self._clock()
        base = ""
        if self._front is not None:
            scope, base = self._front.seen(scope)
        headers: list[Header] = scope["headers"]
        named = dict(headers)
        raw_path: str = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        door, project = self._door(raw_path), None
        if door is None and raw_path.startswith(projects.PROJECTS):
            name, rest = projects.split(raw_path)
            door = self._door(rest)
            if door is not None:
                scope, raw_path, project, base = projects.inside(scope, rest), rest, name, f"{base}{projects.PROJECTS}{name}"
        caller = Caller(dialect=_OPS if door is None else door.name, request_id=self._request_id(named.get(b"x-request-id")))
        tally = Tally(caller.request_id)
        current_tally.set(tally)  # never reset: the server runs each request as a task, with a context of its own
        client, _ = scope.get("client") or ("", 0)
        method, path, query = scope["method"], scope["path"], scope["query_string"]
        request = Request(method, path, caller=caller, query_string=query, headers=headers, base=base, client=client, project=project)
        span = None if self._tracer is None else self._tracer.begin(request, scope)
        sent: Sent | None = None
        try:
            response = await self._answer(request, raw_path, door, named, receive, crowded=CROWDED in scope)
            headers = self._headers(request, response, named)
            if response.parts is not None:
                sent = await self._stream(request, response, response.parts, headers, receive, send)
            elif write is None or CLOSE in response.headers or not write(response.status, headers, response.body):
                await self._send(response, headers, named, receive, send)
        except (Disconnected, OSError):
            # Only receiving and sending raise these here: the client is gone, and there is nobody to tell.
            if span is not None:
                span.end(request, 0, self._clock() - started)
            return
        self._record(request, response, self._clock() - started, tally, span, sent)

    def _door(self, raw_path: str) -> Door | None:
        for door in self._doors:
            if raw_path.startswith(door.prefix):
                return door
        return None

    def _answer(
        self, request: Request, raw_path: str, door: Door | None, named: dict[bytes, bytes], receive: Receive, *, crowded: bool
    ) -> Awaitable[Response]:
        """Not itself a coroutine: each one that a request goes through costs it a quarter of a microsecond."""
        cold = self._cold.find(request.path)
        refusal = self._gate.refuse_head(raw_path, request.query_string, request.headers, named)
        if refusal is None and not (cold is not None and self._takes_any_name(cold, named)):
            refusal = self._gate.refuse_sender(request.method, named)
        if refusal is not None:
            return _at_once(refusal)
        if request.method == "OPTIONS" and b"access-control-request-method" in named:
            return _at_once(self._cors.preflight(named))
        if cold is not None:
            return self._call(cold, request, named)
        if door is None:
            return _at_once(NOT_FOUND)
        if crowded:
            return _at_once(door.turn_away(request))
        return door.answer(request, raw_path, named, receive)

    def _takes_any_name(self, route: ColdRoute, named: Mapping[bytes, bytes]) -> bool:
        """Whether the route answers whatever the request calls the server: what not everybody may read is asked for by a token, which no
        page has that came by DNS rebinding; where nobody is asked, by an address, which no such page can come under.
        """
        return route.any_host and (route.permission is Permission.PUBLIC or not self._keeper.open or is_address(named.get(b"host", b"")))

    async def _call(self, route: ColdRoute, request: Request, named: Mapping[bytes, bytes]) -> Response:
        request.operation = route.id
        try:
            await self._keeper.admit(request, route.permission, named)
            if not route.takes(request.method):
                return no_route(route.methods or ())
            return await route.handler(request)
        except ModelyardError as error:
            return refused(error)
        except Exception as error:  # noqa: BLE001 - the last resort: the client gets an answer and the log the cause
            self._log.error("unhandled error", operation=route.id, request_id=request.caller.request_id, exc_info=error)
            return text_response(500, "internal server error\n")

    def _headers(self, request: Request, response: Response, named: Mapping[bytes, bytes]) -> list[Header]:
        headers: list[Header] = [_VARY, (b"x-request-id", request.caller.request_id.encode()), *response.headers]
        if response.status not in (204, 304) and response.parts is None:
            headers.append((b"content-length", b"%d" % len(response.body)))
        if response.content_type:
            headers.append((b"content-type", response.content_type))
        origin = named.get(b"origin")
        if origin is not None and request.method != "OPTIONS" and self._cors.allows(origin, named.get(b"host")):
            headers += self._cors.headers(origin)
        return headers

    async def _stream(
        self, request: Request, response: Response, parts: Parts, headers: list[Header], receive: Receive, send: Send
    ) -> Sent:
        sent = Sent()
        try:
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send_stream(parts, receive, send, sent)
        except (Disconnected, OSError):
            sent.left = True
        except Exception as error:  # noqa: BLE001 - the status is sent: all that is left is to send no end, and the server cuts the connection
            self._log.error("answer cut off", operation=request.operation, request_id=request.caller.request_id, exc_info=error)
        return sent

    @staticmethod
    async def _send(response: Response, headers: list[Header], named: Mapping[bytes, bytes], receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        # A client that waits for `100 Continue` has sent no body yet, and will not.
        unread = CLOSE in response.headers and b"expect" not in named
        await send({"type": "http.response.body", "body": response.body, "more_body": unread})
        if unread:
            await linger(receive, send)

    def _record(self, request: Request, response: Response, seconds: float, tally: Tally, span: Span | None, sent: Sent | None) -> None:
        caller, status, trace_id = request.caller, response.status, ""
        if span is not None:
            cut_short = sent is not None and sent.left and not response.endless
            span.end(request, 0 if cut_short else status, seconds)
            trace_id = span.trace_id
        if self._observe is not None:
            self._observe(request, status, seconds, tally)
        self._access(
            Access(
                request.method,
                _shown(request)[:_LONGEST_LOGGED],
                status,
                int(seconds * 1e6) / 1000,
                int(tally.seconds * 1e6) / 1000,
                tally.statements,
                caller.dialect,
                request.operation,
                caller.request_id,
                caller.name,
                request.client,
                trace_id,
                0 if sent is None else sent.bytes,
                sent is not None and sent.left,
            )
        )


async def _at_once(response: Response) -> Response:
    return response


def _shown(request: Request) -> str:
    """The path with the project that it named."""
    return request.path if request.project is None else f"{projects.PROJECTS}{request.project}{request.path}"
