"""An answer in parts: sent in order and without a length; cut when it fails; given up when the client is gone."""

import asyncio
from collections.abc import AsyncGenerator

from modelyard.api.http.asgi import Message
from modelyard.api.http.message import Request, Response
from tests.unit.api.http.toy import PREFIX, Toys, dialect, operation, scope


class Client:
    """Takes what is sent; is `gone` when told."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await asyncio.sleep(0)
        self.sent.append(message)

    @property
    def bodies(self) -> list[tuple[bytes, bool]]:
        return [(message["body"], message.get("more_body", False)) for message in self.sent[1:]]


def toys_of(parts: AsyncGenerator[bytes, None]) -> Toys:
    async def handle(_: Request) -> Response:
        return Response(200, parts=parts)

    return Toys(dialect([operation("GET", "/toys", handle)]))


async def ask(toys: Toys, client: Client) -> None:
    await toys.edge(scope("GET", f"{PREFIX}/toys", [("host", "127.0.0.1:8080")]), client.receive, client.send)


async def test_parts_are_sent_in_order_and_without_a_length() -> None:
    async def parts() -> AsyncGenerator[bytes, None]:
        yield b"[1"
        yield b",2]"

    toys, client = toys_of(parts()), Client()
    await ask(toys, client)

    assert client.bodies == [(b"[1", True), (b",2]", True), (b"", False)]
    names = [name for name, _ in client.sent[0]["headers"]]
    assert b"content-length" not in names
    assert b"content-type" in names
    (line,) = toys.log.of("request")
    assert line["sent_bytes"] == 5
    assert "left" not in line, "it was there to the end"


async def test_an_answer_that_fails_has_no_end_and_the_log_says_why() -> None:
    async def parts() -> AsyncGenerator[bytes, None]:
        yield b"[1"
        raise ZeroDivisionError("half way")

    toys, client = toys_of(parts()), Client()
    await ask(toys, client)

    assert client.bodies == [(b"[1", True)]
    (line,) = toys.log.of("answer cut off")
    assert str(line["exc_info"]) == "half way"


async def test_nothing_more_is_made_for_a_client_that_is_gone() -> None:
    made: list[int] = []
    client = Client()

    async def parts() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                made.append(len(made))
                if len(made) == 3:
                    client.gone.set()
                    for _ in range(20):  # turns of the loop: more than it takes to be told
                        await asyncio.sleep(0)
                yield b"1"
        finally:
            made.append(-1)

    await asyncio.wait_for(ask(toys_of(parts()), client), 5)

    assert made == [0, 1, 2, -1]
    assert client.bodies == [(b"1", True)] * 2


async def test_a_client_that_goes_while_nothing_comes_is_not_waited_for() -> None:
    client, ended = Client(), asyncio.Event()

    async def parts() -> AsyncGenerator[bytes, None]:
        try:
            yield b"1"
            client.gone.set()
            await asyncio.sleep(3600)
        finally:
            ended.set()

    await asyncio.wait_for(ask(toys_of(parts()), client), 5)

    assert ended.is_set()
    assert client.bodies == [(b"1", True)]


async def test_a_stream_that_the_client_leaves_has_its_line_in_the_log_and_is_counted() -> None:
    client = Client()

    async def parts() -> AsyncGenerator[bytes, None]:
        yield b"one "
        yield b"two"
        client.gone.set()
        await asyncio.sleep(3600)

    toys = toys_of(parts())
    await asyncio.wait_for(ask(toys, client), 5)

    (line,) = toys.log.of("request")
    assert (line["status"], line["operation"], line["sent_bytes"], line["left"]) == (200, "GET /toys", 7, True)
    assert [measured[:2] for measured in toys.observed] == [("GET /toys", 200)]
