"""A light HTTP/1.1 client: as many connections as asked for, each sending its next request when the answer to the last has come."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple, cast

Answers = Callable[[bytes], None]
"""Is told the body of each good answer, in the order they come."""

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "
_PATIENCE = 10
"""How many times the time that was asked for a measurement may take."""


class Load(NamedTuple):
    """`latencies` are the seconds of each good answer; `refused` counts the others, and `complaint` is one of them."""

    seconds: float
    latencies: list[float]
    refused: int
    complaint: str

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class _Run:
    """What the connections of one run share."""

    def __init__(self, requests: Iterator[bytes], answers: Answers | None) -> None:
        self.requests = requests
        self.answers = answers
        self.answered = 0
        self.counting = False
        self.latencies: list[float] = []
        self.refused = 0
        self.complaint = ""


class _Connection(asyncio.Protocol):
    """`ended` is done when the requests are used up, and fails when the connection is lost before."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._transport: asyncio.Transport
        self._buffer = b""
        self._sent = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its class
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server closed the connection"))

    def _fail(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)

    def data_received(self, data: bytes) -> None:
        try:
            self._received(self._buffer + data)
        except Exception as error:  # noqa: BLE001 - the event loop would only log it, and the run would wait for ever
            self._fail(error)

    def _received(self, buffer: bytes) -> None:
        head = buffer.find(_HEAD_END)
        if head < 0 or len(buffer) < head + 4 + _length(buffer, head):
            self._buffer = buffer
            return
        self._buffer = b""
        self._answered(buffer, head)
        self._next()

    def _answered(self, answer: bytes, head: int) -> None:
        run = self._run
        run.answered += 1
        if answer[9:10] != b"2":
            run.refused += 1
            run.complaint = answer.decode(errors="replace")
            return
        if run.counting:
            run.latencies.append(time.perf_counter() - self._sent)
        if run.answers is not None:
            run.answers(answer[head + 4 :])

    def _next(self) -> None:
        request = next(self._run.requests, None)
        if request is None:
            if not self.ended.done():
                self.ended.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)


def _length(answer: bytes, head: int) -> int:
    start = answer.find(_LENGTH, 0, head)
    if start < 0:
        raise ValueError(f"an answer without Content-Length: {answer[:head].decode(errors='replace')}")
    start += len(_LENGTH)
    return int(answer[start : answer.index(b"\r", start)])


async def send_all(port: int, requests: Iterator[bytes], answers: Answers | None = None, *, connections: int = 8) -> Load:
    """Send every request. Raises `OSError` when the server closes a connection."""
    run = _Run(requests, answers)
    run.counting = True
    started = time.perf_counter()
    await asyncio.gather(*[opened.ended for opened in await _open(port, run, connections)])
    return Load(time.perf_counter() - started, run.latencies, run.refused, run.complaint)


async def send_for(
    seconds: float, port: int, requests: Iterator[bytes], edge: Callable[[], None], *, connections: int = 8, warm_up: float = 0.5
) -> Load:
    """Send endless requests for `warm_up` seconds uncounted, then for `seconds`. `edge` is called where counting begins and ends.

    Both last longer with a server that is too slow to have answered as many requests as there are connections.
    """
    run = _Run(requests, None)
    opened = await _open(port, run, connections)
    ended = asyncio.gather(*[one.ended for one in opened])
    await _some(run, ended, warm_up, connections)
    edge()
    run.counting, started = True, time.perf_counter()
    await _some(run, ended, seconds, connections)
    run.counting, took = False, time.perf_counter() - started
    edge()
    run.requests = iter(())
    await ended
    return Load(took, run.latencies, run.refused, run.complaint)


async def _some(run: _Run, ended: asyncio.Future[list[None]], seconds: float, answers: int) -> None:
    """Wait so long, and on until there are so many answers, though not for ever."""
    enough = run.answered + answers
    for _ in range(_PATIENCE):
        await _unless(ended, asyncio.sleep(seconds))
        if run.answered >= enough:
            return


async def _unless(ended: asyncio.Future[list[None]], pause: Awaitable[None]) -> None:
    """Wait for the pause; raises what ended a connection meanwhile."""
    await asyncio.wait((ended, asyncio.ensure_future(pause)), return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        ended.result()


async def _open(port: int, run: _Run, connections: int) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(lambda: _Connection(run), "127.0.0.1", port))[1] for _ in range(connections)]
