"""The permissions that routes declare, and which role holds which. Every route of every dialect names one permission."""

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    PUBLIC = "public"
    """Needs no principal: health, documents, the landing page."""
    SELF = "self"
    """Any principal has it: to see who it is, and its own tokens."""
    SELF_MANAGE = "self:manage"
    """To make and revoke tokens of its own, and to change its password: any principal, but not by a token that may do less than it."""
    MODELS_READ = "models:read"
    MODELS_WRITE = "models:write"
    EXPERIMENTS_READ = "experiments:read"
    EXPERIMENTS_WRITE = "experiments:write"
    ARTIFACTS_READ = "artifacts:read"
    ARTIFACTS_WRITE = "artifacts:write"
    DEPLOYMENTS_READ = "deployments:read"
    DEPLOYMENTS_WRITE = "deployments:write"
    TRASH_READ = "trash:read"
    TRASH_WRITE = "trash:write"
    """To restore."""
    TRASH_PURGE = "trash:purge"
    """To remove for good."""
    METRICS_READ = "metrics:read"
    """The server's own figures (`/metrics`), not those of runs."""
    EVENTS_READ = "events:read"
    ACCOUNTS_MANAGE = "accounts:manage"
    """Accounts, their tokens and their grants, of the whole server."""
    PROJECTS_MANAGE = "projects:manage"


class Role(StrEnum):
    VIEWER = "viewer"
    CONTRIBUTOR = "contributor"
    DEPLOYER = "deployer"
    ADMIN = "admin"

    @property
    def permissions(self) -> frozenset[Permission]:
        return _HELD[self]


OF_RECORDS = frozenset(
    {
        Permission.MODELS_READ,
        Permission.MODELS_WRITE,
        Permission.EXPERIMENTS_READ,
        Permission.EXPERIMENTS_WRITE,
        Permission.ARTIFACTS_READ,
        Permission.ARTIFACTS_WRITE,
        Permission.DEPLOYMENTS_READ,
        Permission.DEPLOYMENTS_WRITE,
    }
)
"""What a role on a single model or experiment can give. All else concerns a whole project at least."""

OF_THE_SERVER = frozenset({Permission.ACCOUNTS_MANAGE, Permission.PROJECTS_MANAGE, Permission.METRICS_READ})
"""What only a role on everything gives: the figures are of all projects, and whoever makes accounts can make one that may do anything."""

OF_EVERYONE = frozenset({Permission.PUBLIC, Permission.SELF, Permission.SELF_MANAGE})
"""What needs no role."""

_VIEWER = frozenset(
    {
        Permission.MODELS_READ,
        Permission.EXPERIMENTS_READ,
        Permission.ARTIFACTS_READ,
        Permission.DEPLOYMENTS_READ,
        Permission.TRASH_READ,
        Permission.METRICS_READ,
    }
)
_CONTRIBUTOR = _VIEWER | {Permission.MODELS_WRITE, Permission.EXPERIMENTS_WRITE, Permission.ARTIFACTS_WRITE, Permission.TRASH_WRITE}
_HELD: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.CONTRIBUTOR: _CONTRIBUTOR,
    Role.DEPLOYER: _VIEWER | {Permission.DEPLOYMENTS_WRITE},
    Role.ADMIN: frozenset(Permission) - OF_EVERYONE,
}
