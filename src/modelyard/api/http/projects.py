"""`/p/{project}` before a dialect's prefix: which project a request is for, where that is not the home of who asks.

Every dialect's client works inside a project this way: its base URL is all that changes.
"""

from urllib.parse import unquote

from modelyard.api.http.asgi import Scope

PROJECTS = "/p/"


def split(raw_path: str) -> tuple[str, str]:
    """The project's name and the path after it, both still percent-encoded, of a path that begins with `PROJECTS`."""
    name, slash, rest = raw_path[len(PROJECTS) :].partition("/")
    return name, slash + rest


def inside(scope: Scope, rest: str) -> Scope:
    """The request as it would be without the project, its path being the rest."""
    return {**scope, "path": unquote(rest), "raw_path": rest.encode("latin-1")}
