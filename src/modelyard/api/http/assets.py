"""Bytes that never change while the server runs, served so that a browser fetches them once."""

import hashlib

from modelyard.access.permissions import Permission
from modelyard.api.http.cold import ColdRoute
from modelyard.api.http.message import NOSNIFF, Header, Request, Response


def asset(path: str, body: bytes, content_type: bytes, headers: tuple[Header, ...] = ()) -> ColdRoute:
    """A route for GET; with `If-None-Match` and the same ETag the answer is an empty 304."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    kept: tuple[Header, ...] = ((b"etag", etag.encode()), (b"cache-control", b"no-cache"), NOSNIFF, *headers)
    full, unchanged = Response(200, body, content_type, kept), Response(304, content_type=b"", headers=kept)

    async def serve(request: Request) -> Response:
        known = [tag.strip().removeprefix("W/") for tag in (request.header(b"if-none-match") or "").split(",")]
        return unchanged if etag in known or "*" in known else full

    return ColdRoute(id=path.strip("/"), path=path, handler=serve, permission=Permission.PUBLIC)
