"""What the edge tells a tracer."""

import pytest

from modelyard.api.http.asgi import Scope
from modelyard.api.http.message import Request
from tests.unit.api.http.toy import PREFIX, Gone, Toys, exchange, scope

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
