"""What is refused before anything of a request is looked at. The answers are plain text: no dialect is involved yet."""

from collections.abc import Mapping, Sequence

from modelyard.api.http.cors import Cors
from modelyard.api.http.hosts import Hosts
from modelyard.api.http.limits import Limits
from modelyard.api.http.message import Header, Response, text_response

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CLOSE: Header = (b"connection", b"close")

# Two of these in one request mean that two programs on its way may each believe another one.
_SINGLE = frozenset({b"host", b"origin", b"content-length", b"idempotency-key", b"authorization", b"x-request-id"})


class Gate:
    def __init__(self, limits: Limits, cors: Cors, hosts: Hosts) -> None:
        self._limits = limits
        self._cors = cors
        self._hosts = hosts

    def refuse_head(self, path: str, query: bytes, headers: Sequence[Header], named: Mapping[bytes, bytes]) -> Response | None:
        """Refuse by size and shape; `named` is `headers` by name."""
        if self._limits.head_too_large(path, query, headers):
            limits = self._limits
            text = f"the request's path, query and headers are more than {limits.head} bytes or {limits.header_count} headers\n"
            return text_response(431, text, (CLOSE,))
        if len(named) != len(headers) and (name := _repeated(headers)):
            return text_response(400, f"the header {name.decode('latin-1')} is given more than once\n", (CLOSE,))
        return None

    def refuse_sender(self, method: str, named: Mapping[bytes, bytes]) -> Response | None:
        """Refuse by name of the server and by the page that asks: see `hosts` and `cors` for the attacks."""
        host = named.get(b"host")
        # Browsers always send Host, and so does HTTP/1.1; a probe of HTTP/1.0 that does not is no danger.
        if host is not None and not self._hosts.allows(host):
            shown = host.decode("latin-1")
            return text_response(403, f"this server does not answer to the name {shown!r}: to allow it, add it to allowed_hosts\n")
        origin = named.get(b"origin")
        if origin is not None:
            return self._refuse_origin(origin, host)
        # Browsers leave out Origin on some requests that elements of a page make, and then still say this much.
        if method not in SAFE_METHODS and named.get(b"sec-fetch-site") == b"cross-site":
            return text_response(403, "a page of another site may not change anything here\n")
        return None

    def _refuse_origin(self, origin: bytes, host: bytes | None) -> Response | None:
        if not self._cors.refuses(origin, host):
            return None
        shown = origin.decode("latin-1")
        return text_response(403, f"pages of {shown!r} may not call this server: to allow them, add that origin to cors_origins\n")


def _repeated(headers: Sequence[Header]) -> bytes | None:
    names = [name for name, _ in headers if name in _SINGLE]
    return next((name for name in names if names.count(name) > 1), None)
