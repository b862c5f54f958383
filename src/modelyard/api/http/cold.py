"""Routes outside every dialect: documents, health, the landing page. They are few and rarely called."""

from collections.abc import Iterable

import msgspec

from modelyard.access.permissions import Permission
from modelyard.api.http.message import CHALLENGE, Header, Response, text_response
from modelyard.api.http.operation import Handler
from modelyard.errors import Code, ModelyardError

_STATUSES = {Code.UNAUTHENTICATED: 401, Code.FORBIDDEN: 403, Code.TOO_MANY: 429}
"""Of what keeps a caller from such a route; whatever else fails is not there at the moment."""


class ColdRoute(msgspec.Struct, frozen=True, kw_only=True):
    """Matched by the exact `path`, or, where `suffix` is set, by how a path ends, under any prefix, a dialect's included.

    `methods` None hands every method to the handler; with GET, HEAD is answered too.
    """

    id: str
    handler: Handler
    permission: Permission
    path: str = ""
    suffix: str = ""
    methods: tuple[str, ...] | None = ("GET",)
    any_host: bool = False
    """Answers whatever name the request gives the server, where no page can abuse that: for probes, which call it by its address."""

    def takes(self, method: str) -> bool:
        return self.methods is None or method in self.methods or (method == "HEAD" and "GET" in self.methods)


def refused(error: ModelyardError) -> Response:
    """The answer to who may not call such a route, in plain text: no dialect is involved."""
    headers: list[Header] = [CHALLENGE] if error.code is Code.UNAUTHENTICATED else []
    if "retry_after" in error.details:
        headers.append((b"retry-after", str(error.details["retry_after"]).encode()))
    return text_response(_STATUSES.get(error.code, 503), f"{error.message}\n", tuple(headers))


class ColdRoutes:
    def __init__(self, routes: Iterable[ColdRoute]) -> None:
        routes = tuple(routes)
        self._by_path = {route.path: route for route in routes if route.path}
        self._by_suffix = tuple(route for route in routes if route.suffix)
        self._suffixes = tuple(route.suffix for route in self._by_suffix)

    def find(self, path: str) -> ColdRoute | None:
        if path.endswith(self._suffixes):
            return next(route for route in self._by_suffix if path.endswith(route.suffix))
        return self._by_path.get(path)
