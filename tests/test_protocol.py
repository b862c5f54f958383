"""Requests and answers on the wire: the short way and uvicorn's own say the same."""

import asyncio
import contextlib
import functools
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
from modelyard.arrivals import Arrivals
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


async def _slow(request: Request) -> Response:
    """Waits, and must find itself in the task that it began in."""
    task = asyncio.current_task()
    async with asyncio.timeout(10):
        await asyncio.sleep(0.05)
    assert task is asyncio.current_task()
    return Response(200, b"slow %d\n" % len(request.body))


async def _cancelled(_: Request) -> Response:
    raise asyncio.CancelledError


def _failed(_: Request, error: Exception) -> Response:
    return Response(500, str(error).encode())


HANDLERS = {"/size": _size, "/big": _big, "/nothing": _nothing, "/split": _split, "/slow": _slow, "/cancelled": _cancelled}


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
        edge(),
        http=functools.partial(Protocol, arrivals=Arrivals()),  # type: ignore[arg-type]  # uvicorn only calls it
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
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


async def test_requests_sent_at_once_are_answered_in_order_whether_they_wait_or_not() -> None:
    paths = ["/slow", "/size", "/slow", "/slow", "/size", "/size"]
    requests = [get(path, "content-length: 2", method="POST", body=b"ab") for path in paths]
    said = await ask(*requests, get("/slow", LAST))
    bodies = [part.partition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 ")[1:]]
    assert bodies == [b"slow 2\n", b"2\n", b"slow 2\n", b"slow 2\n", b"2\n", b"2\n", b"slow 0\n"]


async def test_who_waits_does_not_hold_up_who_came_behind_on_other_connections() -> None:
    async with serving() as port, asyncio.timeout(20):
        clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(6)]
        for number, (_, writer) in enumerate(clients):
            writer.write(get("/size" if number % 2 else "/slow", LAST))
        said = await asyncio.gather(*[reader.read() for reader, _ in clients])
        for _, writer in clients:
            writer.close()
    assert [answer.rpartition(b"\r\n")[2] for answer in said] == [b"slow 0\n", b"0\n"] * 3


async def test_a_client_that_leaves_while_its_request_waits_harms_nobody() -> None:
    async with serving() as port, asyncio.timeout(20):
        _, gone = await asyncio.open_connection("127.0.0.1", port)
        gone.write(get("/slow"))
        await gone.drain()
        await asyncio.sleep(0.02)
        gone.transport.abort()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get("/slow", LAST))
        assert (await reader.read()).endswith(b"slow 0\n")
        writer.close()


async def test_a_body_that_comes_in_pieces_is_put_together() -> None:
    async with serving() as port, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = get("/size", LAST, "transfer-encoding: chunked", method="POST")
        for piece in (head[:20], head[20:], b"3\r\nab", b"c\r\n2\r\nde\r\n", b"0\r\n", b"\r\n"):
            writer.write(piece)
            await asyncio.sleep(0.02)
        assert (await reader.read()).endswith(b"5\n")
        writer.close()


async def test_work_that_breaks_off_is_a_500_and_the_connection_ends(caplog: pytest.LogCaptureFixture) -> None:
    said = await ask(get("/cancelled"))
    assert said.startswith(b"HTTP/1.1 500")
    assert "Exception in ASGI application" in caplog.text


@pytest.mark.parametrize("target", ["/t/size?a=b?c", "/t/size#part", "http://127.0.0.1/t/size?x"])
async def test_a_target_is_read_as_uvicorn_reads_it(target: str) -> None:
    said = await ask(f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.1 200")
