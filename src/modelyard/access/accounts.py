"""What is kept of accounts, tokens, grants and projects. Each names what it refers to by id and, for those who read it, by name."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from modelyard.access.entities import Grant
from modelyard.access.permissions import Role
from modelyard.context import Millis, ProjectId
from modelyard.records.kinds import Kind


class AccountKind(StrEnum):
    USER = "user"
    SERVICE = "service"
    """A program: it has tokens only, and no password."""


class Account(msgspec.Struct, frozen=True):
    id: int
    name: str
    kind: AccountKind
    home_id: ProjectId
    home: str
    disabled: bool
    created_at: Millis
    password_hash: str | None = None


class Token(msgspec.Struct, frozen=True):
    """`hash` is the SHA-256 of its text, in hexadecimal. `scope` caps what its account may do. None in `expires_at`: never."""

    id: int
    account_id: int
    account: str
    label: str
    scope: Role | None
    hash: str
    expires_at: Millis | None
    created_at: Millis
    last_used_at: Millis | None = None


class RoleGrant(msgspec.Struct, frozen=True):
    """A `Grant` to an account."""

    id: int
    account_id: int
    account: str
    role: Role
    project_id: ProjectId | None
    project: str | None
    kind: Kind | None
    record_id: int | None
    created_at: Millis

    @property
    def grant(self) -> Grant:
        return Grant(self.role, self.project_id, self.kind, self.record_id)

    @property
    def of_everything(self) -> bool:
        return self.role is Role.ADMIN and self.project_id is None


class Project(msgspec.Struct, frozen=True):
    id: ProjectId
    name: str
    archived: bool
    created_at: Millis


Kept = Account | Token | RoleGrant | Project

KINDS: Mapping[type, Kind] = {Account: Kind.PRINCIPAL, Token: Kind.TOKEN, RoleGrant: Kind.GRANT, Project: Kind.PROJECT}

_SECRETS = ("password_hash", "hash")


def told(kept: Kept, before: Kept | None = None) -> dict[str, Any]:
    """Its fields as audit events tell them: no secret, and nothing that one could be guessed from.

    Of one that was changed (`before`), also whether that was the password.
    """
    fields: dict[str, Any] = msgspec.to_builtins(kept)
    if isinstance(kept, Account):
        fields["has_password"] = kept.password_hash is not None
        if isinstance(before, Account):
            fields["password_changed"] = kept.password_hash != before.password_hash
    return {name: value for name, value in fields.items() if name not in _SECRETS}
