"""A dialect at work: from a request under its prefix to its handler, and from whatever is raised to its own error body."""

from collections.abc import Callable, Mapping
from contextlib import aclosing

import msgspec

from modelyard import errors
from modelyard.access.permissions import Permission
from modelyard.api.http.admission import Admission, too_many_connections
from modelyard.api.http.asgi import Receive
from modelyard.api.http.body import Disconnected, NoRoom, Room, UnreadBody, has_body, read_body
from modelyard.api.http.doorkeeper import Doorkeeper
from modelyard.api.http.gate import CLOSE
from modelyard.api.http.idempotency import IdempotentRunner, run_once
from modelyard.api.http.json_depth import deeper_than
from modelyard.api.http.limits import Limits
from modelyard.api.http.log import Log
from modelyard.api.http.message import Header, Request, Response, text_response
from modelyard.api.http.operation import Dialect, Operation
from modelyard.api.http.routing import NoRoute, Router
from modelyard.api.http.stream import Parts

NOT_FOUND = text_response(404, "404 page not found\n")

_DEEP = 200
"""Nesting at which it is the body, and not a fault of ours, that exhausts the stack."""


class Door:
    __slots__ = ("_admission", "_idempotency", "_keeper", "_limits", "_log", "_room", "_router", "dialect", "name", "prefix")

    def __init__(
        self,
        dialect: Dialect,
        limits: Limits,
        keeper: Doorkeeper,
        admission: Admission,
        room: Room,
        idempotency: IdempotentRunner | None,
        log: Log,
    ) -> None:
        self.dialect = dialect
        self.name = dialect.name
        self.prefix = dialect.prefix + "/"
        self._router = Router(dialect.operations)
        self._limits = limits
        self._keeper = keeper
        self._admission = admission
        self._room = room
        self._idempotency = idempotency
        self._log = log

    async def answer(self, request: Request, raw_path: str, named: Mapping[bytes, bytes], receive: Receive) -> Response:
        """Always an answer, whatever goes wrong. Raises only `Disconnected`."""
        try:
            route = self._route(request, raw_path)
            try:
                await self._keeper.admit(request, None if isinstance(route, NoRoute) else route.permission, named)
            except errors.ModelyardError as error:
                return self._refused(request, error, named)
            if has_body(request.method, named):
                request.body = await read_body(named, receive, self._limits.body, self._room)
            with self._admission:
                if self.dialect.before_routing is not None:
                    self.dialect.before_routing(request)
                if isinstance(route, NoRoute):
                    render = self.dialect.render_no_route
                    return no_route(route.allowed) if render is None else render(request, route.allowed)
                if request.body or request.method == "POST":
                    response = await self._call(route, request, named)
                else:
                    response = await route.handler(request)
                if route.done is not None:
                    route.done()
                if response.parts is not None and response.still is not None:
                    parts = self._while_admitted(response.parts, response.still, request, route.permission, named)
                    return msgspec.structs.replace(response, parts=parts)
                return response
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: the client gets an answer and the log the cause
            return self._failed(request, error)

    async def _while_admitted(
        self, parts: Parts, still: Callable[[], bool], request: Request, permission: Permission, named: Mapping[bytes, bytes]
    ) -> Parts:
        """What has no end ends for whom it is not any more: nobody keeps by an open stream what was taken back."""
        async with aclosing(parts):
            async for part in parts:
                try:
                    await self._keeper.admit(request, permission, named)
                    if not still():
                        return
                except errors.ModelyardError:
                    return
                yield part

    def turn_away(self, request: Request) -> Response:
        """The answer to a request on a connection too many; it ends the connection."""
        response = self._failed(request, too_many_connections())
        return msgspec.structs.replace(response, headers=(*response.headers, CLOSE))

    def _route(self, request: Request, raw_path: str) -> Operation | NoRoute:
        """The operation, told to the request. That there is none is said later, and not to everybody."""
        try:
            operation, request.path_params = self._router.find(request.method, raw_path[len(self.dialect.prefix) :])
        except NoRoute as error:
            return error
        request.operation = operation.id
        return operation

    def _refused(self, request: Request, error: errors.ModelyardError, named: Mapping[bytes, bytes]) -> Response:
        """The answer to a request whose body, if it has one, is not read."""
        response = self._failed(request, error)
        if named.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in named:
            return response
        return msgspec.structs.replace(response, headers=(*response.headers, CLOSE))

    async def _call(self, operation: Operation, request: Request, named: Mapping[bytes, bytes]) -> Response:
        if deeper_than(request.body, self._limits.json_depth):
            raise self._too_deep()
        if request.method == "POST" and self._idempotency is not None and not operation.secret:
            key = named.get(b"idempotency-key")
            if key is not None:
                return await run_once(self._idempotency, key, request, operation.handler)
        return await operation.handler(request)

    def _failed(self, request: Request, error: Exception) -> Response:
        if isinstance(error, RecursionError) and deeper_than(request.body, _DEEP):
            error = self._too_deep()
        try:
            response = self.dialect.render_error(request, error)
        except Exception as second:  # noqa: BLE001 - likewise the last resort: the client gets an answer and the log the cause
            error, response = second, text_response(500, "internal server error\n")
        if response.status >= 500 and not isinstance(error, errors.ModelyardError):
            self._log.error("unhandled error", operation=request.operation, request_id=request.caller.request_id, exc_info=error)
        if isinstance(error, UnreadBody | NoRoom):
            return msgspec.structs.replace(response, headers=(*response.headers, CLOSE))
        return response

    def _too_deep(self) -> errors.Invalid:
        limit = self._limits.json_depth
        return errors.Invalid(
            f"the request's body is nested more deeply than {limit} levels, the limit that the setting max_json_depth sets"
        )


def no_route(allowed: tuple[str, ...]) -> Response:
    """404 in plain text or, when the path answers other methods, an empty 405 with one `Allow` line for each of them."""
    if not allowed:
        return NOT_FOUND
    lines: tuple[Header, ...] = tuple((b"allow", method.encode()) for method in allowed)
    return Response(405, content_type=b"", headers=lines)
