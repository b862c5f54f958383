"""Which web pages may call the server, and what their browsers are told (the CORS protocol of the Fetch standard).

Why refuse, when a browser hides the answer anyway: it hides only the answer. A form or a `text/plain` POST of any site reaches the
server without a preflight and takes effect. So a request that says it comes from a page which may not call is turned away.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from modelyard.api.http.hosts import host_name, is_loopback
from modelyard.api.http.message import Header, Response

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REQUEST_HEADERS = (
    "Accept",
    "Authorization",
    "Content-Type",
    "X-CSRF-Token",
    "X-PINGOTHER",
    "If-Match",
    "Idempotency-Key",
    "X-Request-Id",
)
EXPOSED_HEADERS = ("Link", "ETag", "X-Request-Id", "Idempotency-Replayed")
MAX_AGE_SECONDS = 300

_ALLOWED_REQUEST_HEADERS = frozenset(name.lower() for name in (*REQUEST_HEADERS, "Origin"))
_EXPOSED: Header = (b"access-control-expose-headers", ", ".join(EXPOSED_HEADERS).encode())
_PREFLIGHT_VARY: tuple[Header, ...] = (
    (b"vary", b"Access-Control-Request-Method"),
    (b"vary", b"Access-Control-Request-Headers"),
)


class Cors:
    """`origins` are written as browsers send them (`https://ui.example.org`), or `*`: any page of an http(s) site.

    Pages of loopback origins and of the server itself always may. Raises `ValueError` for anything else in `origins`.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        origins = tuple(origins)
        self._any = "*" in origins
        self._origins = frozenset(_checked(origin).encode() for origin in origins if origin != "*")

    def allows(self, origin: bytes, host: bytes | None) -> bool:
        """Whether a page of this origin may call; `host` is the request's `Host`, by which the server's own pages are known."""
        if origin in self._origins:
            return True
        scheme, separator, authority = origin.lower().partition(b"://")
        if scheme not in (b"http", b"https") or not separator:
            return False  # `null` (a sandboxed frame, a local file) and browser extensions
        # The scheme is not compared: behind a proxy that ends TLS, the server does not know its own.
        return self._any or (host is not None and authority == host.lower()) or is_loopback(host_name(authority))

    def refuses(self, origin: bytes, host: bytes | None) -> bool:
        """With `*` nobody is turned away, not even who cannot be given headers, such as `null`."""
        return not self._any and not self.allows(origin, host)

    def headers(self, origin: bytes) -> tuple[Header, ...]:
        """For the answer to an allowed origin. Credentials (cookies) are never allowed; `Vary: Origin` is on every answer."""
        return (b"access-control-allow-origin", origin), _EXPOSED

    def preflight(self, asked: dict[bytes, bytes]) -> Response:
        """The answer to `OPTIONS` with `Access-Control-Request-Method`: 200, with the allowing headers only if all of it is allowed."""
        origin = asked.get(b"origin")
        method = asked[b"access-control-request-method"].decode("latin-1").upper()
        names = [name.strip() for name in asked.get(b"access-control-request-headers", b"").decode("latin-1").split(",") if name.strip()]
        unknown = {name.lower() for name in names} - _ALLOWED_REQUEST_HEADERS
        if origin is None or not self.allows(origin, asked.get(b"host")) or method not in METHODS or unknown:
            return Response(200, content_type=b"", headers=_PREFLIGHT_VARY)
        return Response(200, content_type=b"", headers=(*_PREFLIGHT_VARY, *_permission(origin, names)))


def _permission(origin: bytes, names: list[str]) -> tuple[Header, ...]:
    headers: list[Header] = [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-methods", ", ".join(METHODS).encode()),
        (b"access-control-max-age", str(MAX_AGE_SECONDS).encode()),
    ]
    if names:
        headers.append((b"access-control-allow-headers", ", ".join(names).encode("latin-1")))
    return tuple(headers)


def _checked(origin: str) -> str:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}".lower():
        raise ValueError(f"cors_origins: {origin!r} is no origin: write it as browsers send it, such as https://ui.example.org, or `*`")
    return origin
