"""Who may ask: principals, and what they have been granted."""

import functools

import msgspec

from modelyard.access.permissions import OF_EVERYONE, OF_RECORDS, OF_THE_SERVER, Permission, Role
from modelyard.context import ProjectId, Reach
from modelyard.errors import Forbidden
from modelyard.records.kinds import Kind

__all__ = ["Grant", "Principal", "Role"]


class Grant(msgspec.Struct, frozen=True):
    """A role on everything; on a project; or on one model or experiment of a project, with what belongs to it."""

    role: Role
    project: ProjectId | None = None
    kind: Kind | None = None
    """`MODEL` or `EXPERIMENT`, where the grant is on a record."""
    record_id: int | None = None


class Principal(msgspec.Struct, frozen=True, dict=True):
    """Someone whose credentials have been proven, and what they may do. What is not granted is denied."""

    name: str
    home: ProjectId
    """The project of requests that name none."""
    grants: tuple[Grant, ...] = ()
    cap: Role | None = None
    """The scope of the token that was shown: nothing that this role has not is allowed, whatever is granted."""
    account: int | None = None
    """The id of the account; None for the principal of an identity provider, who has none here."""

    def may(self, permission: Permission, project: ProjectId) -> bool:
        """Whether the permission is held for the whole of this project."""
        return permission in self._everywhere or (project, permission) in self._in_projects

    def reach(self, permission: Permission, project: ProjectId) -> Reach | None:
        """The records of the project for which the permission is granted, for a principal that `may` not; None where there are none."""
        wanted = (permission, project)
        if wanted not in self._reaches:
            self._reaches[wanted] = self._reach(permission, project)
        return self._reaches[wanted]

    def lacks(self, permission: Permission) -> Forbidden:
        """What to raise when it must have the permission, and has not."""
        return Forbidden(f"this needs the permission {permission}, which {self.name} does not have here: ask an administrator for it")

    @functools.cached_property
    def _everywhere(self) -> frozenset[Permission]:
        granted = frozenset().union(*[grant.role.permissions for grant in self.grants if grant.project is None])
        own = OF_EVERYONE if self.cap in (None, Role.ADMIN) else OF_EVERYONE - {Permission.SELF_MANAGE}
        return self._capped(granted) | own

    @functools.cached_property
    def _in_projects(self) -> frozenset[tuple[ProjectId, Permission]]:
        whole = [(grant.project, grant.role) for grant in self.grants if grant.project is not None and grant.record_id is None]
        return frozenset((project, held) for project, role in whole for held in self._capped(role.permissions) - OF_THE_SERVER)

    @functools.cached_property
    def _reaches(self) -> dict[tuple[Permission, ProjectId], Reach | None]:
        return {}

    def _reach(self, permission: Permission, project: ProjectId) -> Reach | None:
        if permission not in OF_RECORDS:
            return None
        models, experiments = self._records(Kind.MODEL, permission, project), self._records(Kind.EXPERIMENT, permission, project)
        return Reach(models, experiments) if models or experiments else None

    def _records(self, kind: Kind, permission: Permission, project: ProjectId) -> frozenset[int]:
        grants = [grant for grant in self.grants if grant.kind is kind and grant.project == project]
        return frozenset(
            grant.record_id for grant in grants if grant.record_id is not None and permission in self._capped(grant.role.permissions)
        )

    def _capped(self, permissions: frozenset[Permission]) -> frozenset[Permission]:
        return permissions if self.cap is None else permissions & self.cap.permissions
