"""What the server says of itself: a page for a browser at `/`, and its version."""

import functools
from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

from modelyard import __version__
from modelyard.access.permissions import Permission
from modelyard.api.http.cold import ColdRoute
from modelyard.api.http.docs import POLICY
from modelyard.api.http.door import NOT_FOUND
from modelyard.api.http.message import HTML, NOSNIFF, Header, Request, Response, json_response
from modelyard.api.http.operation import Dialect

_BY_ACCEPT: Header = (b"vary", b"Accept")

_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Modelyard</title>
    <link rel="icon" type="image/svg+xml" href="{root}docs/icon.svg">
    <link rel="stylesheet" href="{root}docs/app.css">
  </head>
  <body>
    <header><h1><img src="{root}docs/icon.svg" alt="" width="24" height="24"> Modelyard <span>{version}</span></h1></header>
    <main>
      <p>One model registry that every client can talk to. It is running.</p>
      <ul>
        <li><a href="{root}docs">API documentation</a>, where every call can be tried</li>
{documents}
        <li><a href="{root}readyz">Is it ready?</a></li>
      </ul>
    </main>
  </body>
</html>
"""
_DOCUMENT = '        <li><a href="{root}{url}">{title} {version}</a> as OpenAPI, served under <code>{prefix}</code></li>'


def landing_routes(dialects: Sequence[Dialect]) -> tuple[ColdRoute, ...]:
    """`/` and `/version`. To anything but a browser `/` is 404, as in the original: its clients' tests wait for that."""

    @functools.lru_cache(maxsize=16)
    def page(root: str) -> Response:
        return Response(200, _page(dialects, root).encode(), HTML, (_BY_ACCEPT, POLICY, NOSNIFF))

    async def landing(request: Request) -> Response:
        wanted = request.method in ("GET", "HEAD") and "text/html" in (request.header(b"accept") or "")
        return page(_root(request)) if wanted else NOT_FOUND

    async def version(_request: Request) -> Response:
        return json_response(200, {"name": "modelyard", "version": __version__})

    return (
        ColdRoute(id="landing", path="/", handler=landing, permission=Permission.PUBLIC, methods=None),
        ColdRoute(id="version", path="/version", handler=version, permission=Permission.PUBLIC),
    )


def _root(request: Request) -> str:
    """What the page's links begin with: nothing, unless a path prefix is known, under which the page may be asked for without a slash."""
    prefix = urlsplit(request.base).path
    return f"{prefix}/" if prefix else ""


def _page(dialects: Sequence[Dialect], root: str) -> str:
    documents = "\n".join(_item(dialect, root) for dialect in dialects)
    return _PAGE.format(version=escape(__version__), documents=documents, root=escape(root))


def _item(dialect: Dialect, root: str) -> str:
    info = dialect.document
    return _DOCUMENT.format(
        url=escape(info.url.lstrip("/")),
        title=escape(info.title),
        version=escape(info.version),
        prefix=escape(dialect.prefix),
        root=escape(root),
    )
