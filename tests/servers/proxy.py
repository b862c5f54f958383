"""A TCP proxy in the test's own event loop: what a network does to a database connection, at the moment the test chooses."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class Proxy:
    """Listens on `port` of 127.0.0.1 and forwards to `target`'s port. Use as an async context manager."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.swallow: bytes | None = None
        """When the client sends a packet with this text in it, forward it, then drop the connection before the answer."""
        self.stalled = False
        """Take everything and forward nothing, like a network that loses every packet."""
        self.connections = 0
        """How many were made so far."""
        self.target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._forgotten: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Drop every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def forget(self) -> None:
        """Leave every connection as it is, and reset it once the client sends something on it: a firewall's way with silent ones."""
        self._forgotten |= self._writers

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, server_writer}
        for task in (self._pump(reader, server_writer, writer), self._pump(server_reader, writer)):
            running = asyncio.create_task(task)
            self._tasks.add(running)
            running.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: asyncio.StreamWriter | None = None) -> None:
        with contextlib.suppress(OSError, RuntimeError):  # uvloop's word for a closed transport is RuntimeError
            while data := await source.read(65536):
                if self.stalled:
                    continue
                if answers in self._forgotten:
                    answers.transport.abort()
                    break
                if answers is not None and self.swallow is not None and self.swallow in data:
                    answers.transport.abort()
                sink.write(data)
                await sink.drain()
        sink.close()
        self._writers.discard(sink)
