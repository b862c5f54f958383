"""What the edge tells a tracer."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from modelyard.api.http.asgi import Message, Scope
from modelyard.api.http.message import Request, Response
from tests.unit.api.http.toy import PREFIX, Gone, Toys, dialect, exchange, operation, scope

TRACE = "0af7651916cd43dd8448eb211c80319c"


class MemoryTracer:
    """Remembers what it is told: the paths that began, and what ended how."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[tuple[str, int]] = []

    def begin(self, request: Request, scope: Scope) -> "MemorySpan":
        assert request.path == scope["path"]
        self.begun.append(request.path)
        return MemorySpan(self)


class MemorySpan:
    trace_id = TRACE

    def __init__(self, tracer: MemoryTracer) -> None:
        self._tracer = tracer

    def end(self, request: Request, status: int, seconds: float) -> None:
        assert seconds >= 0
        self._tracer.ended.append((request.operation, status))


async def test_each_request_is_one_span_that_knows_its_operation_and_status() -> None:
    tracer = MemoryTracer()
    toys = Toys(tracer=tracer)
    for path in (f"{PREFIX}/toys", f"{PREFIX}/fail?with=bug", "/nowhere"):
        await toys.call("GET", path)
    assert tracer.begun == [f"{PREFIX}/toys", f"{PREFIX}/fail", "/nowhere"]
    assert tracer.ended == [("listToys", 200), ("fail", 500), ("", 404)]


async def test_log_lines_name_the_trace_only_where_there_is_one() -> None:
    for tracer, told in ((MemoryTracer(), TRACE), (None, None)):
        toys = Toys(tracer=tracer)
        await toys.call("GET", f"{PREFIX}/toys")
        assert toys.log.of("request")[0].get("trace_id") == told


async def test_the_span_of_a_client_that_is_gone_ends_without_a_status() -> None:
    tracer = MemoryTracer()
    toys = Toys(tracer=tracer)
    with pytest.raises(Gone):
        await exchange(toys.edge, scope("POST", f"{PREFIX}/toys", [("host", "localhost"), ("content-length", "5")]), [])
    assert tracer.ended == [("createToy", 0)]


@pytest.mark.parametrize(("endless", "status"), [(True, 200), (False, 0)])
async def test_an_answer_that_is_left_is_cut_short_unless_it_has_no_end(endless: bool, status: int) -> None:  # noqa: FBT001 - a parameter of the test
    async def parts() -> AsyncGenerator[bytes, None]:
        yield b"1"
        await asyncio.sleep(3600)

    async def handle(_: Request) -> Response:
        return Response(200, parts=parts(), still=(lambda: True) if endless else None)

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        """To nobody."""

    tracer = MemoryTracer()
    toys = Toys(dialect([operation("GET", "/toys", handle)]), tracer=tracer)
    await toys.edge(scope("GET", f"{PREFIX}/toys", [("host", "127.0.0.1:8080")]), gone, send)
    assert tracer.ended == [("GET /toys", status)]
