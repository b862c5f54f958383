"""Answers on the wire: the short way and uvicorn's own say the same."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import uvicorn

from modelyard.access.memory_directory import MemoryDirectory
from modelyard.access.permissions import Permission
from modelyard.api.http.cors import Cors
from modelyard.api.http.edge import Edge
from modelyard.api.http.hosts import Hosts
from modelyard.api.http.limits import Limits
from modelyard.api.http.message import Request, Response
from modelyard.api.http.operation import Dialect, DocumentInfo, Operation
from modelyard.logs import logger
from modelyard.protocol import Protocol
from modelyard.server import bind

BIG = b"x" * 3_000_000


async def _size(request: Request) -> Response:
    return Response(200, b"%d\n" % len(request.body))


async def _big(_: Request) -> Response:
    return Response(200, BIG)


async def _nothing(_: Request) -> Response:
    return Response(204, content_type=b"")


async def _split(_: Request) -> Response:
    return Response(200, b"ok\n", headers=((b"x-note", b"a\r\nset-cookie: stolen"),))


def _failed(_: Request, error: Exception) -> Response:
    return Response(500, str(error).encode())


HANDLERS = {"/size": _size, "/big": _big, "/nothing": _nothing, "/split": _split}


def edge() -> Edge:
    operations = tuple(
        Operation(id=f"{method}{path}", method=method, path=path, permission=Permission.PUBLIC, handler=handler)
        for path, handler in HANDLERS.items()
        for method in ("GET", "HEAD", "POST")
    )
    document = DocumentInfo(title="t", version="1", url="/openapi/t.json")
    dialect = Dialect(name="t", prefix="/t", operations=operations, render_error=_failed, document=document)
    return Edge([dialect], limits=Limits(), cors=Cors(), hosts=Hosts(), logger=logger(), access=lambda _: None, directory=MemoryDirectory())


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[int]:
    listener = bind("127.0.0.1", 0)
    config = uvicorn.Config(
        edge(), http=Protocol, ws="none", lifespan="off", interface="asgi3", log_config=None, access_log=False, proxy_headers=False
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running


async def ask(*requests: bytes) -> bytes:
    """Everything that the server says to these, sent at once, until it closes; the last request must ask for that."""
    async with serving() as port, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(requests))
        said = await reader.read()
        writer.close()
        return said


def get(path: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    return "\r\n".join([f"{method} /t{path} HTTP/1.1", "host: 127.0.0.1", *headers, "", ""]).encode() + body


LAST = "connection: close"


async def test_a_whole_answer_has_head_and_body_and_its_length() -> None:
    said = await ask(get("/size", LAST, "content-length: 3", method="POST", body=b"abc"))
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\ncontent-length: 2" in head
    assert b"\r\nconnection: close" in head
    assert body == b"3\n"


async def test_requests_on_one_connection_are_answered_in_order_even_when_sent_at_once() -> None:
    bodies = [b"x" * size for size in (1, 20, 300)]
    requests = [get("/size", f"content-length: {len(body)}", method="POST", body=body) for body in bodies]
    said = await ask(*requests, get("/size", LAST))
    assert [int(part.partition(b"\r\n\r\n")[2]) for part in said.split(b"HTTP/1.1 ")[1:]] == [1, 20, 300, 0]


async def test_a_head_request_gets_the_length_and_no_body() -> None:
    said = await ask(get("/big", LAST, method="HEAD"))
    assert b"content-length: %d" % len(BIG) in said
    assert said.endswith(b"\r\n\r\n")


async def test_an_answer_without_body_has_no_length() -> None:
    said = await ask(get("/nothing", LAST))
    assert said.startswith(b"HTTP/1.1 204")
    assert b"content-length" not in said


async def test_http_1_0_is_answered_and_closed() -> None:
    said = await ask(b"GET /t/size HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200")
    assert b"\r\nconnection: close" in said


async def test_a_client_that_reads_late_gets_everything() -> None:
    """The second answer finds the connection full, and waits."""
    async with serving() as port, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
        writer.write(get("/big") + get("/big", LAST))
        await asyncio.sleep(0.3)
        said = await reader.read()
        writer.close()
    assert said.count(b"HTTP/1.1 200 OK") == 2
    assert said.count(b"x" * 1_000_000) == 6


@pytest.mark.parametrize("expect", [(), ("expect: 100-continue",)])
async def test_a_body_that_is_too_large_is_refused_before_it_has_come(expect: tuple[str, ...]) -> None:
    said = await ask(get("/size", "content-length: 99999999", *expect, method="POST"))
    assert b"larger than" in said


async def test_a_client_that_waits_for_leave_to_send_gets_it() -> None:
    said = await ask(get("/size", LAST, "expect: 100-continue", "content-length: 3", method="POST", body=b"abc"))
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


async def test_a_header_cannot_smuggle_in_another(caplog: pytest.LogCaptureFixture) -> None:
    said = await ask(get("/split", LAST))
    assert b"stolen" not in said
    assert said.startswith(b"HTTP/1.1 500")
    assert "line break" in caplog.text
