"""The whole application in the test's own process: requests without a socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import msgspec

from modelyard.api.http.asgi import Message
from modelyard.api.http.edge import Edge
from modelyard.app import create
from modelyard.settings import Settings


class CannotStartError(Exception):
    """The application refused to start; the text is what it says."""


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Edge]:
    """The application from its start to its stop. Raises `CannotStartError`."""
    edge = create(settings)
    failures: list[Exception] = []
    edge.failed_start = failures.append
    asked: asyncio.Queue[Message] = asyncio.Queue()
    answers: asyncio.Queue[Message] = asyncio.Queue()
    life = asyncio.create_task(edge({"type": "lifespan"}, asked.get, answers.put))
    asked.put_nowait({"type": "lifespan.startup"})
    await answers.get()
    if failures:
        await life
        raise CannotStartError(str(failures[0])) from failures[0]
    try:
        yield edge
    finally:
        asked.put_nowait({"type": "lifespan.shutdown"})
        await life


async def call(edge: Edge, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
    """One request. Of an answer without an end there is what came before the client went away, which is at once."""
    path, _, query = target.partition("?")
    given = {"host": "127.0.0.1", **(headers or {}), **({"content-length": str(len(body))} if body else {})}
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 50_000),
    }
    await edge(scope, receive, send)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(message["body"] for message in sent[1:]))
