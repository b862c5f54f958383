"""Every route of the application, as it declares itself."""

import re
from typing import NamedTuple

from modelyard.access.permissions import Permission, Role
from modelyard.api.http.edge import Edge

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UNKNOWN_ID = "999999999"
_VARIABLE = re.compile(r"\{[^}]*\}")
_SUFFIXED = "…"
"""What stands in the table for any beginning of a path."""


class Route(NamedTuple):
    dialect: str
    method: str
    path: str
    permission: Permission
    id: str

    @property
    def example(self) -> str:
        """A path that leads there, of things that do not exist."""
        return _VARIABLE.sub(UNKNOWN_ID, self.path.replace(_SUFFIXED, "/any"))

    def takes(self, method: str, path: str) -> bool:
        """Whether a path leads here as well; `/runs/history` does to `/runs/{id}` with a method that it has none of its own for."""
        return self.method == method and re.fullmatch(_VARIABLE.sub("[^/]+", self.path), path) is not None

    def with_ids(self, *ids: str) -> str:
        """The path with these for its variables, in order; the last one also for those that are left."""
        left = list(ids)
        return _VARIABLE.sub(lambda _: left.pop(0) if len(left) > 1 else left[0], self.path)


def routes(edge: Edge) -> list[Route]:
    """Those of the dialects, then the others, each with every method that it declares."""
    found = [
        Route(door.name, operation.method, door.dialect.prefix + operation.path, operation.permission, operation.id)
        for door in edge._doors
        for operation in door.dialect.operations
    ]
    beside = [*edge._cold._by_path.values(), *edge._cold._by_suffix]
    # One that takes every method is asked with GET; what it says to others is its own affair.
    found += [Route("ops", "GET", route.path or _SUFFIXED + route.suffix, route.permission, route.id) for route in beside]
    return sorted(found, key=lambda route: (route.dialect == "ops", route.dialect, route.path, METHODS.index(route.method)))


def holders(permission: Permission) -> list[str]:
    """The roles that have a permission, as the table says it."""
    if permission is Permission.PUBLIC:
        return ["nobody asked"]
    holding = [role.value for role in Role if permission in role.permissions]
    return holding or ["every account"]
