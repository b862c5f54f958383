"""`Idempotency-Key`: a POST that is sent again, because its answer was lost, takes effect once and is answered the same.

The header is that of the IETF draft draft-ietf-httpapi-idempotency-key-header, without its quotes: any visible ASCII is a key.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from modelyard import errors
from modelyard.api.http.message import Header, Request, Response
from modelyard.api.http.operation import Handler
from modelyard.context import Caller

Produce = Callable[[], Awaitable[Response]]

REPLAYED: Header = (b"idempotency-replayed", b"true")

_KEY = re.compile(rb"[\x21-\x7e]{1,255}")


class NotKept(Exception):
    """`produce` came to an answer that is not a success. Whatever it did must be undone, and the key stays unused."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class IdempotentRunner(Protocol):
    async def run(self, caller: Caller, key: str, fingerprint: str, produce: Produce) -> Response:
        """The answer of `produce`, kept with the key and whatever `produce` changed, all or nothing; or the one kept before, `replayed`.

        Keys are apart by project, dialect and caller. `produce` returns only answers that are to be kept (2xx). If it raises, `NotKept`
        included, nothing is kept, its changes are undone, and the exception comes out unchanged. It may be called again after
        that, as `Database.write` does. Raises `errors.ReusedKey` if the key was used with another fingerprint. While one request
        is under way, another with its key waits, or fails with `errors.Unavailable`.
        """
        ...


def replayed(response: Response) -> Response:
    """The kept answer as it is sent again."""
    return msgspec.structs.replace(response, headers=(*response.headers, REPLAYED))


async def run_once(runner: IdempotentRunner, key: bytes, request: Request, handler: Handler) -> Response:
    """Answer the request, or repeat the answer it got before. Raises what the handler and the runner do, and `Invalid` for a bad key."""
    if not _KEY.fullmatch(key):
        raise errors.Invalid("Idempotency-Key must be 1 to 255 visible ASCII characters without spaces", field="Idempotency-Key")

    async def produce() -> Response:
        response = await handler(request)
        if not 200 <= response.status < 300:
            raise NotKept(response)
        return response

    try:
        return await runner.run(request.caller, key.decode("ascii"), fingerprint(request), produce)
    except NotKept as outcome:
        return outcome.response


def fingerprint(request: Request) -> str:
    """SHA-256, in hex, of what makes two requests the same: method, path, query and body."""
    head = msgspec.json.encode((request.method, request.path, request.query_string.decode("latin-1")))
    return hashlib.sha256(head + b"\n" + request.body).hexdigest()
