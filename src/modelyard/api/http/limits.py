"""What a request may measure."""

from collections.abc import Sequence
from itertools import chain

import msgspec

from modelyard.api.http.message import Header


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are in bytes."""

    body: int = 16 * 1024 * 1024
    head: int = 64 * 1024
    """Path, query and headers together."""
    header_count: int = 128
    json_depth: int = 500
    """Brackets open at once in a body. The decoder itself gives up a little beyond 900."""
    bodies: int = 256 * 1024 * 1024
    """Bytes of unfinished bodies, over all connections."""
    requests: int = 500
    """Requests worked on at a time."""

    def head_too_large(self, path: str, query: bytes, headers: Sequence[Header]) -> bool:
        if len(headers) > self.header_count:
            return True
        return len(path) + len(query) + len(b"".join(chain.from_iterable(headers))) > self.head
