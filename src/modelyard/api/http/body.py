"""Reading a request's body, and getting rid of one that is not wanted."""

import asyncio
from collections.abc import Mapping

from modelyard import errors
from modelyard.api.http.asgi import Message, Receive, Send
from modelyard.api.http.gate import SAFE_METHODS

_LINGER_SECONDS = 2.0
_LINGER_BYTES = 64 * 1024 * 1024


class Disconnected(Exception):
    """The client went away before its request was complete."""


class UnreadBody(errors.TooLarge):
    """Too large, and refused while more of it may be coming."""


class NoRoom(errors.Unavailable):
    """Refused while more of it may be coming: too much is being held already."""


class Room:
    """How many bytes of bodies that are still coming are held, over all connections: slow clients must not fill the memory."""

    __slots__ = ("_most", "held")

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    def take(self, size: int) -> None:
        """Raises `NoRoom`, and takes none then."""
        if self.held + size > self._most:
            raise NoRoom(f"the server holds {self.held} bytes of requests that are still coming; try again", retry_after=1)
        self.held += size


def has_body(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a body may come with a request: only those that change something have one without saying so."""
    return method not in SAFE_METHODS or b"content-length" in headers or b"transfer-encoding" in headers


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limit: int, room: Room) -> bytes:
    """The whole body. Raises `errors.TooLarge` as soon as it is known to be over `limit` bytes, `NoRoom`, and `Disconnected`."""
    length = headers.get(b"content-length")
    if length is not None and length.isdigit() and int(length) > limit:
        raise _too_large(UnreadBody, limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(errors.TooLarge, limit)
        return body
    return await _read_on(message, receive, limit, room)


async def _read_on(message: Message, receive: Receive, limit: int, room: Room) -> bytes:
    body = bytearray()
    try:
        while message["type"] == "http.request":
            piece = message.get("body", b"")
            more = message.get("more_body", False)
            room.take(len(piece))
            body += piece
            if len(body) > limit:
                raise _too_large(UnreadBody if more else errors.TooLarge, limit)
            if not more:
                return bytes(body)
            message = await receive()
        raise Disconnected
    finally:
        room.held -= len(body)


def _too_large(kind: type[errors.TooLarge], limit: int) -> errors.TooLarge:
    return kind(f"the request's body is larger than {limit} bytes, which is the most this server takes", limit=limit)


async def linger(receive: Receive, send: Send) -> None:
    """End an answer given before the body was read: throw away, for a while, what is still coming, then finish.

    A connection closed with unread data in it is reset, and the client loses the answer that says why. So the answer's last
    message is held back until the client has stopped sending, or has sent more than is worth waiting for.
    """
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            await _discard(receive)
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})


async def _discard(receive: Receive) -> None:
    discarded = 0
    while discarded < _LINGER_BYTES:
        message = await receive()
        discarded += len(message.get("body", b""))
        if not message.get("more_body", False):
            return
