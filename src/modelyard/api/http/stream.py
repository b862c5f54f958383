"""Sending an answer in parts, as fast as the client takes them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from modelyard.api.http.asgi import Receive, Send
from modelyard.api.http.body import Disconnected

Parts = AsyncGenerator[bytes, None]


async def send_stream(parts: Parts, receive: Receive, send: Send) -> None:
    """Send the body, part by part; the server's `send` waits while the client does not keep up.

    Raises `Disconnected` when the client goes away, and whatever `parts` raises: then the body has no end, and the connection is to be
    closed without one, so that nobody takes what came for all of it.
    """
    gone = asyncio.ensure_future(_disconnect(receive))
    try:
        async with aclosing(parts):
            async for part in parts:
                # The server throws away what is sent to nobody, and would go on doing so.
                if gone.done():
                    raise Disconnected
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
