"""What a handler is given and what it gives back."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

import msgspec

from modelyard.access.entities import Principal
from modelyard.api.http.query import BadQuery, parse_query
from modelyard.context import Caller

__all__ = ["CHALLENGE", "HTML", "JSON", "NOSNIFF", "TEXT", "BadQuery", "Header", "Request", "Response", "json_response", "text_response"]

Header = tuple[bytes, bytes]

JSON = b"application/json; charset=UTF-8"
TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"

NOSNIFF: Header = (b"x-content-type-options", b"nosniff")
CHALLENGE: Header = (b"www-authenticate", b"Bearer, Basic")
"""What comes with every 401."""


class Request:
    """One HTTP request, its body already read.

    A plain class with slots, not a Struct: one is built per request, and a handler reads few of its fields. Nothing changes it
    once its operation is called, so a handler may be run again with it.
    """

    __slots__ = (
        "_query",
        "base",
        "body",
        "caller",
        "client",
        "headers",
        "method",
        "operation",
        "path",
        "path_params",
        "principal",
        "project",
        "query_string",
    )

    def __init__(
        self,
        method: str,
        path: str,
        *,
        caller: Caller,
        query_string: bytes = b"",
        headers: Sequence[Header] = (),
        body: bytes = b"",
        path_params: dict[str, str] | None = None,
        base: str = "",
        client: str = "",
        project: str | None = None,
    ) -> None:
        self.method = method
        self.path = path
        """Percent-decoded, without the project; `path_params` come from the path as sent, so a value may contain a `/`."""
        self.query_string = query_string
        self.headers = headers
        """Names in lower case, in the order they came."""
        self.body = body
        self.caller = caller
        self.path_params = {} if path_params is None else path_params
        """Percent-decoded; an empty segment is `""`."""
        self.base = base
        """What goes before a path of this server in a link: nothing, a path prefix, or a whole URL; it does not end in a slash."""
        self.client = client
        """The address of who asks; empty where none is known."""
        self.project = project
        """The name of the project that the path begins with, as sent; None where it names none."""
        self.principal: Principal | None = None
        """Who asks, once that is proven; None where nobody is asked."""
        self.operation = ""
        """The id of the operation that answers it; empty until, and unless, one is found."""
        self._query: Mapping[str, str] | None = None

    @property
    def query(self) -> Mapping[str, str]:
        """Parsed on first use, see `parse_query`: the first value of each name, empty ones left out. Raises `BadQuery`."""
        if self._query is None:
            self._query = parse_query(self.query_string) if self.query_string else {}
        return self._query

    def header(self, name: bytes) -> str | None:
        """The first header of that name (given in lower case)."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None


class Response(msgspec.Struct, frozen=True):
    """`headers` come on top of what the edge sets itself: type, length, `Vary`, `X-Request-Id` and the cross-origin ones.

    Header names are in lower case. An empty `content_type` sends none. `parts`, if given, are the body instead of `body`: sent without
    a length, as fast as the client takes them. If they fail, the connection is cut. Where they have no end of their own they come with
    `still`, which tells whether they are for whoever asks even now: it is called when that is known anew.
    """

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: tuple[Header, ...] = ()
    parts: AsyncGenerator[bytes, None] | None = None
    still: Callable[[], bool] | None = None

    @property
    def endless(self) -> bool:
        return self.still is not None


_encoder = msgspec.json.Encoder()


def json_response(status: int, value: object, headers: tuple[Header, ...] = ()) -> Response:
    """The value as JSON and one line feed, as every JSON answer of the server ends."""
    return Response(status, _encoder.encode(value) + b"\n", JSON, headers)


def text_response(status: int, text: str, headers: tuple[Header, ...] = ()) -> Response:
    """Plain text that no browser will take for a page."""
    return Response(status, text.encode(), TEXT, (NOSNIFF, *headers))
