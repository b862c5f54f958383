"""What goes over the wire of accounts, tokens, grants and projects."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from modelyard.access import accounts
from modelyard.access.accounts import AccountKind
from modelyard.access.permissions import Role
from modelyard.access.service import AccountPatch, NewAccount, NewToken
from modelyard.api.native.wire import Int64
from modelyard.records.kinds import Kind


class RecordKind(StrEnum):
    MODEL = "model"
    EXPERIMENT = "experiment"

    @property
    def kind(self) -> Kind:
        return Kind[self.name]


def _words(enum: type[StrEnum]) -> str:
    return ", ".join(f"`{member}`" for member in enum)


Moment = Annotated[Int64, Meta(description="Milliseconds since 1970.")]
Next = Annotated[str | None, Meta(description="Give it as `after` to get the page that follows; null where there is none.")]
Scope = Annotated[Role | None, Meta(description="The token does nothing that this role does not; null: all that its user may.")]
# Of answers, because OpenAPI 3.0 has no way to say of a reference that null will do, too.
ScopeWord = Annotated[str | None, Meta(description=f"The token does nothing that this role does not: {_words(Role)}; null: no limit.")]
KindWord = Annotated[str | None, Meta(description=f"{_words(RecordKind)}; null: on the whole project, or on everything.")]
Where = Annotated[str | None, Meta(description="The name of a project; null: on everything.")]
RecordId = Annotated[Int64 | None, Meta(description="With `kind`: on this record and what belongs to it; null: on the whole project.")]


class User(msgspec.Struct, frozen=True):
    """An account: of a person, or of a program (`service`), which has tokens and no password."""

    id: int
    name: str
    kind: AccountKind
    home: Annotated[str, Meta(description="The project of its requests that name none.")]
    disabled: bool
    has_password: bool
    created_at: Moment


class Users(msgspec.Struct, frozen=True):
    users: Sequence[User]
    next: Next


class NewUser(NewAccount, frozen=True, forbid_unknown_fields=True):
    """`home` is the name of a project, `default` where null. Without a password it has tokens only."""


class UserPatch(AccountPatch, frozen=True, forbid_unknown_fields=True):
    """What is left out stays. A password of null takes it away."""


class Token(msgspec.Struct, frozen=True):
    id: int
    label: str
    scope: ScopeWord
    expires_at: Annotated[Int64 | None, Meta(description="Milliseconds since 1970; null: never.")]
    created_at: Moment
    last_used_at: Annotated[Int64 | None, Meta(description="Milliseconds since 1970, written about once a minute; null: not yet.")]


class Tokens(msgspec.Struct, frozen=True):
    tokens: Sequence[Token]
    next: Next


class MintedToken(Token, frozen=True, kw_only=True):
    """A new token, and its text, which nothing shows again."""

    token: str


class TokenOrder(NewToken, frozen=True, forbid_unknown_fields=True):
    """`expires_in` is in seconds; null: never."""

    scope: Scope = None


class Grant(msgspec.Struct, frozen=True):
    id: int
    user: str
    role: Role
    project: Where
    kind: KindWord
    record_id: RecordId
    created_at: Moment


class Grants(msgspec.Struct, frozen=True):
    grants: Sequence[Grant]
    next: Next


class GrantOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: str
    role: Role
    project: Where = None
    kind: RecordKind | None = None
    record_id: RecordId = None


class Held(msgspec.Struct, frozen=True):
    """A role that one has, and on what."""

    role: Role
    project: Where
    kind: KindWord
    record_id: RecordId


class Me(msgspec.Struct, frozen=True):
    """Who is asking. `scope` is that of the token; `account` says whether it is an account of this server."""

    name: str
    account: bool
    home: str
    scope: ScopeWord
    grants: Sequence[Held]


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    old_password: str
    new_password: str


class Project(msgspec.Struct, frozen=True):
    id: int
    name: str
    archived: bool
    created_at: Moment


class Projects(msgspec.Struct, frozen=True):
    projects: Sequence[Project]
    next: Next


class NewProject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class ProjectPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    archived: bool


def user(one: accounts.Account) -> User:
    return User(one.id, one.name, one.kind, one.home, one.disabled, one.password_hash is not None, one.created_at)


def token(one: accounts.Token) -> Token:
    return Token(one.id, one.label, one.scope, one.expires_at, one.created_at, one.last_used_at)


def minted(one: accounts.Token, text: str) -> MintedToken:
    return MintedToken(**msgspec.structs.asdict(token(one)), token=text)


def grant(one: accounts.RoleGrant) -> Grant:
    return Grant(one.id, one.account, one.role, one.project, record_kind(one.kind), one.record_id, one.created_at)


def record_kind(kind: Kind | None) -> RecordKind | None:
    return None if kind is None else RecordKind[kind.name]


def project(one: accounts.Project) -> Project:
    return Project(one.id, one.name, one.archived, one.created_at)
