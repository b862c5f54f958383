"""The OpenAPI documents, and the page that shows them. The page loads nothing from outside and runs no inline script."""

import functools
from collections.abc import Iterable
from importlib.resources import files

import msgspec

from modelyard.access.permissions import Permission
from modelyard.api.http.assets import asset
from modelyard.api.http.cold import ColdRoute
from modelyard.api.http.message import HTML, JSON, Header, Request, Response
from modelyard.api.http.openapi import document
from modelyard.api.http.operation import Dialect, Handler

DOCS = "/docs"

PAGE_FILES = ("app.css", "app.js", "attempt.js", "element.js", "icon.svg", "operation.js", "schema.js")
_FILES = files("modelyard.api.http") / "docs_page"
_TYPES = {"css": b"text/css; charset=utf-8", "js": b"text/javascript; charset=utf-8", "svg": b"image/svg+xml"}

_SERVERS = b'"servers":[{"url":"/"}]'
"""How a document says where the server is."""

POLICY: Header = (
    b"content-security-policy",
    (
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
)
_PAGE_HEADERS: tuple[Header, ...] = (POLICY, (b"referrer-policy", b"no-referrer"))


def docs_routes(dialects: Iterable[Dialect]) -> tuple[ColdRoute, ...]:
    """Each dialect's document at its `DocumentInfo.url`, the page at `/docs`, and the page's own files below it."""
    dialects = tuple(dialects)
    listed = [{"title": dialect.document.title, "version": dialect.document.version, "url": dialect.document.url} for dialect in dialects]
    return (
        *(_document(dialect) for dialect in dialects),
        asset(f"{DOCS}/documents.json", msgspec.json.encode(listed) + b"\n", JSON),
        asset(DOCS, (_FILES / "index.html").read_bytes(), HTML, _PAGE_HEADERS),
        *(asset(f"{DOCS}/{name}", (_FILES / name).read_bytes(), _type(name)) for name in PAGE_FILES),
    )


def _document(dialect: Dialect) -> ColdRoute:
    """It says where the server is as whoever asks for it sees it, which proxies know; the last few such places are kept."""
    url = dialect.document.url
    text = msgspec.json.encode(document(dialect)) + b"\n"

    @functools.lru_cache(maxsize=16)
    def under(base: str) -> Handler:
        return asset(url, text.replace(_SERVERS, _SERVERS.replace(b"/", base.encode()), 1) if base else text, JSON).handler

    async def serve(request: Request) -> Response:
        return await under(request.base)(request)

    return ColdRoute(id=url.strip("/"), path=url, handler=serve, permission=Permission.PUBLIC)


def _type(name: str) -> bytes:
    return _TYPES[name.rpartition(".")[2]]
