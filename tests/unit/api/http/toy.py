"""A small dialect, an edge that serves it, and a client that speaks ASGI to the edge without a server."""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from modelyard import errors
from modelyard.access.memory_directory import MemoryDirectory
from modelyard.access.permissions import Permission
from modelyard.api.http.asgi import Message
from modelyard.api.http.cold import ColdRoute
from modelyard.api.http.cors import Cors
from modelyard.api.http.edge import Edge
from modelyard.api.http.front import Front
from modelyard.api.http.hosts import Hosts
from modelyard.api.http.idempotency import IdempotentRunner
from modelyard.api.http.limits import Limits
from modelyard.api.http.message import CHALLENGE, Request, Response, json_response
from modelyard.api.http.operation import Dialect, DocumentInfo, Handler, Operation
from modelyard.api.http.tracing import Tracer

PREFIX = "/api/toys/v1"
LIMITS = Limits(body=1000, head=2000, header_count=20, json_depth=50)


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def header(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Log:
    """Remembers lines as structlog would be given them."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    error = exception = info

    def of(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.lines if name == event]


def operation(method: str, path: str, handler: Handler, name: str = "", **more: Any) -> Operation:
    needs = {"permission": Permission.MODELS_READ, **more}
    return Operation(id=name or f"{method} {path}", method=method, path=path, handler=handler, **needs)


async def echo(request: Request) -> Response:
    return json_response(200, {"params": request.path_params, "query": dict(request.query), "body": request.body.decode()})


async def fail(request: Request) -> Response:
    match request.query["with"]:
        case "unavailable":
            raise errors.Unavailable("the store is not up yet", retry_after=2)
        case "not found":
            raise errors.NotFound("no toy 7", kind="toy", id="7")
        case "recursion":
            raise RecursionError
    raise ZeroDivisionError("a fault of ours")


def render_error(request: Request, error: Exception) -> Response:
    """Toys have an object with one key for every error."""
    codes = {
        errors.Code.NOT_FOUND: 404,
        errors.Code.INVALID: 400,
        errors.Code.TOO_LARGE: 413,
        errors.Code.REUSED_KEY: 422,
        errors.Code.UNAUTHENTICATED: 401,
        errors.Code.FORBIDDEN: 403,
    }
    if isinstance(error, errors.Unavailable | errors.TooMany):
        status = 503 if isinstance(error, errors.Unavailable) else 429
        return json_response(status, {"error": error.message}, ((b"retry-after", str(error.details["retry_after"]).encode()),))
    if isinstance(error, errors.ModelyardError):
        headers = (CHALLENGE,) if isinstance(error, errors.Unauthenticated) else ()
        return json_response(codes[error.code], {"error": error.message}, headers)
    if request.query_string == b"with=worse":
        raise LookupError("and the renderer fails too")
    return json_response(500, {"error": "something went wrong"})


def refuse_banned(request: Request) -> None:
    if b"banned" in request.body or b"banned" in request.query_string:
        raise errors.Invalid("banned")


OPERATIONS = (
    operation("GET", "/toys", echo, "listToys"),
    operation("POST", "/toys", echo, "createToy"),
    operation("GET", "/toys/{toyId}", echo, "getToy"),
    operation("PATCH", "/toys/{toyId}", echo, "updateToy"),
    operation("GET", "/toys/{toyId}/parts", echo, "listParts"),
    operation("GET", "/fail", fail, "fail"),
    operation("POST", "/fail", fail, "failToo"),
)


def dialect(operations: Sequence[Operation] = OPERATIONS, prefix: str = PREFIX, **info: Any) -> Dialect:
    return Dialect(
        name="toys",
        prefix=prefix,
        operations=tuple(operations),
        render_error=render_error,
        before_routing=refuse_banned,
        document=DocumentInfo(**{"title": "Toys", "version": "v1", "url": "/openapi/toys.json", **info}),
    )


class Toys:
    """The edge under test and what it was given."""

    def __init__(
        self,
        *dialects: Dialect,
        routes: Sequence[ColdRoute] = (),
        limits: Limits = LIMITS,
        cors: Sequence[str] = (),
        hosts: Sequence[str] = (),
        idempotency: IdempotentRunner | None = None,
        front: Front | None = None,
        tracer: Tracer | None = None,
        directory: MemoryDirectory | None = None,
        peer: str = "127.0.0.1",
    ) -> None:
        self.peer = peer
        self.log = Log()
        self.observed: list[tuple[str, int, float]] = []
        self.edge = Edge(
            dialects or (dialect(),),
            routes,
            limits=limits,
            cors=Cors(cors),
            hosts=Hosts(hosts),
            logger=self.log,
            access=lambda line: self.log.info("request", **msgspec.to_builtins(line)),
            idempotency=idempotency,
            observe=lambda request, status, seconds, _: self.observed.append((request.operation, status, seconds)),
            front=front,
            tracer=tracer,
            directory=directory or MemoryDirectory(),
        )

    async def call(
        self, method: str, target: str, headers: dict[str, str] | list[tuple[str, str]] | None = None, body: bytes | list[bytes] = b""
    ) -> Answer:
        """Send one request. A list as body is sent in chunks, without Content-Length. Raises `Gone` if there was no answer."""
        given = list(headers.items()) if isinstance(headers, dict) else headers or []
        if not any(name.lower() == "host" for name, _ in given):
            given.insert(0, ("host", "127.0.0.1:8080"))
        if isinstance(body, list):
            given.append(("transfer-encoding", "chunked"))
        elif body:
            given.append(("content-length", str(len(body))))
        return await self.send(method, target, given, body if isinstance(body, list) else [body])

    async def send(self, method: str, target: str, headers: list[tuple[str, str]], chunks: list[bytes]) -> Answer:
        messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        messages[-1]["more_body"] = False
        return await exchange(self.edge, {**scope(method, target, headers), "client": (self.peer, 50000)}, messages)


class Gone(Exception):
    """The edge ended without an answer."""


def scope(method: str, target: str, headers: list[tuple[str, str]]) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }


async def exchange(app: Edge, request: dict[str, Any], messages: Sequence[Message]) -> Answer:
    """Run the application on these messages. When they are used up it is told that the client is gone, as servers do."""
    waiting, sent = list(messages), list[Message]()

    async def receive() -> Message:
        await asyncio.sleep(0)
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    await app(request, receive, send)
    if not sent:
        raise Gone
    assert not sent[-1].get("more_body", False)
    headers = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
    return Answer(sent[0]["status"], headers, b"".join(message["body"] for message in sent[1:]))
