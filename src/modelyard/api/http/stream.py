"""Sending an answer in parts, as fast as the client takes them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from modelyard.api.http.asgi import Receive, Send
from modelyard.api.http.body import Disconnected

Parts = AsyncGenerator[bytes, None]


class Sent:
    """What has become of an answer in parts: the bytes of its body that were sent, and whether the client left before its end."""

    __slots__ = ("bytes", "left")

    def __init__(self) -> None:
        self.bytes = 0
        self.left = False


async def send_stream(parts: Parts, receive: Receive, send: Send, sent: Sent) -> None:
    """Send the body, part by part; the server's `send` waits while the client does not keep up.

    Raises `Disconnected` when the client goes away, and whatever `parts` raises: then the body has no end, and the connection is to be
    closed without one, so that nobody takes what came for all of it.
    """
    gone = asyncio.ensure_future(_disconnect(receive))
    try:
        async with aclosing(parts):
            while (part := await _next(parts, gone)) is not None:
                await send({"type": "http.response.body", "body": part, "more_body": True})
                sent.bytes += len(part)
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _next(parts: Parts, gone: asyncio.Future[None]) -> bytes | None:
    """The next part, or None at the end. A part may be long in coming: it is not waited for when nobody wants it any more."""
    coming = asyncio.ensure_future(anext(parts, None))
    try:
        await asyncio.wait((coming, gone), return_when=asyncio.FIRST_COMPLETED)
        # The server throws away what is sent to nobody, and would go on doing so.
        if gone.done():
            raise Disconnected
        return await coming
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)  # `parts` cannot be closed while it is still at work


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
