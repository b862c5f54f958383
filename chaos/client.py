"""One HTTP/1.1 connection that knows whether a request was answered."""

import asyncio
from typing import Any, NamedTuple, Self

import msgspec


class NoAnswerError(Exception):
    """The request was sent, or may have been, and nobody knows what became of it."""


class Answer(NamedTuple):
    status: int
    etag: str
    body: Any


class Client:
    """Use as an async context manager. Raises `OSError` where it cannot connect."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**24)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()

    async def ask(self, request: bytes) -> Answer:
        """Raises `NoAnswerError`."""
        try:
            self._writer.write(request)
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            body = await self._reader.readexactly(int(fields.get("content-length", 0)))
        except (OSError, asyncio.IncompleteReadError) as error:
            raise NoAnswerError(str(error)) from error
        return Answer(int(head.split(" ", 2)[1]), fields.get("etag", ""), msgspec.json.decode(body) if body else None)
