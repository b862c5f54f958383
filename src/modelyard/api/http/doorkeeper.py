"""Who may pass: the one place that every route of every dialect, and every route beside them, is behind.

Nothing of a request but its head is looked at before this. What is not granted is denied.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from modelyard.access.entities import Grant, Principal
from modelyard.access.permissions import Permission, Role
from modelyard.api.http import credentials
from modelyard.api.http.credentials import Directory
from modelyard.api.http.message import Request
from modelyard.context import DEFAULT_PROJECT, Caller, ProjectId
from modelyard.errors import ModelyardError, NotFound, Unauthenticated

_ANYONE = Principal("anonymous", DEFAULT_PROJECT, (Grant(Role.ADMIN),))
"""Who asks where nobody is asked who they are."""

_READING = {permission: Permission(f"{permission.partition(':')[0]}:read") for permission in Permission if permission.endswith(":write")}
"""What whoever may write may read, too."""


class Route(Protocol):
    """An operation, or a route beside the dialects."""

    @property
    def id(self) -> str: ...

    @property
    def permission(self) -> Permission: ...


def check_permissions(routes: Iterable[Route]) -> None:
    """Raises `ValueError` for a route that declares none: the application must not start with it."""
    for route in routes:
        if not isinstance(route.permission, Permission):
            raise ValueError(f"{route.id} declares no permission: give it one of {', '.join(Permission)}")  # noqa: TRY004 - it is the table that is wrong


class Doorkeeper:
    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    @property
    def open(self) -> bool:
        """Whether everybody passes, because there are no accounts."""
        return self._directory.open

    async def admit(self, request: Request, permission: Permission | None, named: Mapping[bytes, bytes]) -> None:
        """Find out who asks, and whether they may; tell it to the request. `permission` None: for what turns out not to be there.

        Raises `Unauthenticated`; `TooMany` after repeated failures; `NotFound` for a project that is not there for them; `Forbidden`.
        Does not suspend for who was here before.
        """
        if permission is Permission.PUBLIC:
            return
        directory = self._directory
        if not directory.fresh:
            await directory.refresh()
        header = named.get(b"authorization")
        if header is not None:
            principal = credentials.known(directory, header) or await credentials.identify(directory, header, request.client)
            request.principal = principal
        elif directory.open:
            principal = _ANYONE
        else:
            raise Unauthenticated(credentials.NOT_ASKED)
        before = request.caller
        try:
            project = principal.home if request.project is None else await self._entered(principal, request.project)
            if permission is None or principal.may(permission, project):
                request.caller = Caller(name=principal.name, project=project, dialect=before.dialect, request_id=before.request_id)
            else:
                request.caller = _narrow(principal, permission, project, before)
        except ModelyardError:
            request.caller = msgspec.structs.replace(before, name=principal.name)  # the log tells who was refused
            raise

    async def _entered(self, principal: Principal, name: str) -> ProjectId:
        """The project of this name: one that is not there, is archived or is not this principal's are one answer."""
        project = self._directory.known_project(name) or await self._directory.project(name)
        if project is None or not _has_any(principal, project):
            raise NotFound(f"no project of the name {name!r} is known here", name=name)
        return project


def _has_any(principal: Principal, project: ProjectId) -> bool:
    """Every role can read, so whoever cannot has none."""
    return principal.may(Permission.MODELS_READ, project) or principal.reach(Permission.MODELS_READ, project) is not None


def _narrow(principal: Principal, permission: Permission, project: ProjectId, before: Caller) -> Caller:
    """The caller for whom the permission holds on some records only."""
    reach = principal.reach(permission, project)
    if reach is None:
        raise principal.lacks(permission)
    reading = _READING.get(permission, permission)
    sight = None if principal.may(reading, project) else principal.reach(reading, project)
    return Caller(name=principal.name, project=project, dialect=before.dialect, request_id=before.request_id, reach=reach, sight=sight)
