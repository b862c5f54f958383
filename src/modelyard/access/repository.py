"""Where accounts, tokens, grants and projects are kept."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, Table, bindparam, delete, distinct, exists, func, literal_column, or_, select, update

from modelyard.access.accounts import KINDS, Account, AccountKind, Kept, Project, RoleGrant, Token
from modelyard.access.permissions import Role
from modelyard.access.tables import ACCESS_TOKEN, PRINCIPAL, ROLE_GRANT
from modelyard.context import Millis, ProjectId
from modelyard.errors import AlreadyExists
from modelyard.records.kinds import Kind
from modelyard.store.database import IdSequence, Reader, Row, Unit
from modelyard.store.statements import Bulk, Statement
from modelyard.store.tables import ACCESS_STATE, PROJECT

E = TypeVar("E", bound=Kept)


class State(msgspec.Struct, frozen=True):
    """`revision` rises with every change to projects, accounts, tokens and grants."""

    revision: int
    accounts: bool
    """Whether there are any."""


class Shelf(Protocol[E]):
    """All of one kind."""

    async def get(self, reader: Reader, record_id: int) -> E | None: ...

    async def named(self, reader: Reader, name: str) -> E | None: ...

    async def page(self, reader: Reader, after: int, limit: int) -> list[E]:
        """Those whose ids are above `after`, by id. One statement."""
        ...

    async def of_account(self, reader: Reader, account_id: int, after: int, limit: int) -> list[E]:
        """As `page`, of those that belong to an account."""
        ...

    async def insert(self, unit: Unit, new: E) -> None:
        """Errors: `AlreadyExists`."""
        ...

    async def replace(self, unit: Unit, changed: E) -> None: ...

    async def remove(self, unit: Unit, gone: Sequence[E]) -> None: ...


class Register(Protocol):
    """The four shelves, and what is asked across them."""

    @property
    def accounts(self) -> Shelf[Account]: ...

    @property
    def tokens(self) -> Shelf[Token]: ...

    @property
    def grants(self) -> Shelf[RoleGrant]: ...

    @property
    def projects(self) -> Shelf[Project]: ...

    async def state(self, reader: Reader) -> State: ...

    async def begin_change(self, unit: Unit) -> None:
        """Raise the revision. From here to the end of the unit nobody else changes anything of these."""
        ...

    async def next_id(self, unit: Unit) -> int:
        """For an account, token or grant."""
        ...

    async def next_project_id(self, unit: Unit) -> ProjectId:
        """Projects are never removed, so that no id comes back."""
        ...

    async def admins(self, reader: Reader) -> int:
        """How many accounts are admins of everything, and not disabled."""
        ...

    async def is_home(self, reader: Reader, project: ProjectId) -> str | None:
        """The name of an account whose home the project is."""
        ...

    async def ended(self, reader: Reader, before: Millis, limit: int) -> list[Token]:
        """Tokens that ended before this moment. It looks at all of them."""
        ...

    async def used(self, unit: Unit, uses: Mapping[int, Millis]) -> None:
        """Write down when tokens were used last. No change in the sense of `begin_change`."""
        ...


class SqlShelf(Generic[E]):
    """`read` makes a record of a row of `selected`, and `write` a row of `table` of a record: every column, in order."""

    def __init__(
        self,
        table: Table,
        selected: Select[Any],
        read: Callable[[Row], E],
        write: Callable[[E], Row],
        account: ColumnElement[Any] | None = None,
    ) -> None:
        name, id_, after = table.name, table.c.id, table.c.id > bindparam("after")
        self._read, self._write = read, write
        self._names = tuple(column.name for column in table.columns)
        self._get = Statement(f"get {name}", selected.where(id_ == bindparam("id")))
        self._named = Statement(f"find {name}", selected.where(table.c.name == bindparam("name"))) if "name" in table.c else None
        listed = selected.where(after).order_by(id_).limit(bindparam("most"))
        self._page = Statement(f"list {name}", listed)
        self._of = None if account is None else Statement(f"list {name} of", listed.where(account == bindparam("account")))
        self._insert = Bulk(f"insert {name}", table)
        changes: dict[str, Any] = {column.name: bindparam(column.name) for column in table.columns if column is not id_}
        self._update = Statement(f"update {name}", update(table).values(changes).where(id_ == bindparam("id_is")))
        self._delete = Statement(f"delete {name}", delete(table).where(id_ == bindparam("id")))

    async def get(self, reader: Reader, record_id: int) -> E | None:
        return self._one(await reader.row(self._get, {"id": record_id}))

    async def named(self, reader: Reader, name: str) -> E | None:
        assert self._named is not None  # noqa: S101 - nobody asks by name for what has none
        return self._one(await reader.row(self._named, {"name": name}))

    async def page(self, reader: Reader, after: int, limit: int) -> list[E]:
        return [self._read(row) for row in await reader.rows(self._page, {"after": after, "most": limit})]

    async def of_account(self, reader: Reader, account_id: int, after: int, limit: int) -> list[E]:
        assert self._of is not None  # noqa: S101 - nobody asks for what belongs to no account
        values = {"account": account_id, "after": after, "most": limit}
        return [self._read(row) for row in await reader.rows(self._of, values)]

    async def insert(self, unit: Unit, new: E) -> None:
        await unit.later(self._insert, [self._write(new)], lambda _: already_exists(new))

    async def replace(self, unit: Unit, changed: E) -> None:
        values = dict(zip(self._names, self._write(changed), strict=True))
        await unit.execute(self._update, {**values, "id_is": changed.id})

    async def remove(self, unit: Unit, gone: Sequence[E]) -> None:
        await unit.execute_many(self._delete, [{"id": one.id} for one in gone])

    def _one(self, row: Row | None) -> E | None:
        return None if row is None else self._read(row)


class SqlRegister:
    def __init__(self) -> None:
        self.accounts: Shelf[Account] = SqlShelf(PRINCIPAL, _ACCOUNTS, _read_account, _write_account)
        self.tokens: Shelf[Token] = SqlShelf(ACCESS_TOKEN, _TOKENS, _read_token, _write_token, ACCESS_TOKEN.c.principal_id)
        self.grants: Shelf[RoleGrant] = SqlShelf(ROLE_GRANT, _GRANTS, _read_grant, _write_grant, ROLE_GRANT.c.principal_id)
        self.projects: Shelf[Project] = SqlShelf(PROJECT, select(PROJECT), _read_project, _write_project)

    async def state(self, reader: Reader) -> State:
        row = await reader.row(_STATE, {})
        assert row is not None  # noqa: S101 - the migration makes the row
        return State(row[0], bool(row[1]))

    async def begin_change(self, unit: Unit) -> None:
        await unit.execute(_CHANGE, {})

    async def next_id(self, unit: Unit) -> int:
        return await unit.next_id(IdSequence.ACCESS)

    async def next_project_id(self, unit: Unit) -> ProjectId:
        row = await unit.row(_LAST_PROJECT, {})
        assert row is not None  # noqa: S101 - an aggregate is one row
        return ProjectId(row[0] + 1)

    async def admins(self, reader: Reader) -> int:
        row = await reader.row(_ADMINS, {})
        assert row is not None  # noqa: S101 - an aggregate is one row
        return int(row[0])

    async def is_home(self, reader: Reader, project: ProjectId) -> str | None:
        row = await reader.row(_AT_HOME, {"project": project})
        return None if row is None else str(row[0])

    async def ended(self, reader: Reader, before: Millis, limit: int) -> list[Token]:
        return [_read_token(row) for row in await reader.rows(_ENDED, {"before": before, "most": limit})]

    async def used(self, unit: Unit, uses: Mapping[int, Millis]) -> None:
        await unit.execute_many(_USED, [{"id": token_id, "moment": moment} for token_id, moment in sorted(uses.items())])


def already_exists(new: Kept) -> AlreadyExists:
    kind = KINDS[type(new)]
    if isinstance(new, Account | Project):
        return AlreadyExists(
            f"{kind.label} with name {new.name} already exists: choose another name", kind=kind, name=new.name, field="name"
        )
    return AlreadyExists(f"this {kind.label} is there already", kind=kind)


_ACCOUNTS = select(
    PRINCIPAL.c.id,
    PRINCIPAL.c.name,
    PRINCIPAL.c.kind,
    PRINCIPAL.c.home_project,
    PROJECT.c.name.label("home"),
    PRINCIPAL.c.disabled,
    PRINCIPAL.c.created_at,
    PRINCIPAL.c.password_hash,
).join(PROJECT, PROJECT.c.id == PRINCIPAL.c.home_project)
_TOKENS = select(
    ACCESS_TOKEN.c.id,
    ACCESS_TOKEN.c.principal_id,
    PRINCIPAL.c.name,
    ACCESS_TOKEN.c.label,
    ACCESS_TOKEN.c.scopes,
    ACCESS_TOKEN.c.hash,
    ACCESS_TOKEN.c.expires_at,
    ACCESS_TOKEN.c.created_at,
    ACCESS_TOKEN.c.last_used_at,
).join(PRINCIPAL, PRINCIPAL.c.id == ACCESS_TOKEN.c.principal_id)
_GRANTS = (
    select(
        ROLE_GRANT.c.id,
        ROLE_GRANT.c.principal_id,
        PRINCIPAL.c.name.label("account"),
        ROLE_GRANT.c.role,
        ROLE_GRANT.c.project_id,
        PROJECT.c.name.label("project"),
        ROLE_GRANT.c.kind,
        ROLE_GRANT.c.record_id,
        ROLE_GRANT.c.created_at,
    )
    .join(PRINCIPAL, PRINCIPAL.c.id == ROLE_GRANT.c.principal_id)
    .outerjoin(PROJECT, PROJECT.c.id == ROLE_GRANT.c.project_id)
)

_STATE = Statement("access state", select(ACCESS_STATE.c.revision, exists(select(literal_column("1")).select_from(PRINCIPAL))))
_CHANGE = Statement("begin change of access", update(ACCESS_STATE).values(revision=ACCESS_STATE.c.revision + literal_column("1")))
_LAST_PROJECT = Statement("last project", select(func.max(PROJECT.c.id)))
_ADMINS = Statement(
    "count admins",
    select(func.count(distinct(ROLE_GRANT.c.principal_id)))
    .join(PRINCIPAL, PRINCIPAL.c.id == ROLE_GRANT.c.principal_id)
    .where(
        ROLE_GRANT.c.role == literal_column(f"'{Role.ADMIN.value}'"),
        ROLE_GRANT.c.project_id == literal_column("0"),
        PRINCIPAL.c.disabled == literal_column("0"),
    ),
)
_AT_HOME = Statement("account at home", select(PRINCIPAL.c.name).where(PRINCIPAL.c.home_project == bindparam("project")).limit(1))
_ENDED = Statement(
    "list ended tokens",
    _TOKENS.where(ACCESS_TOKEN.c.expires_at < bindparam("before")).order_by(ACCESS_TOKEN.c.id).limit(bindparam("most")),
)
_OLDER = or_(ACCESS_TOKEN.c.last_used_at.is_(None), ACCESS_TOKEN.c.last_used_at < bindparam("moment"))
_USED = Statement(
    "token used", update(ACCESS_TOKEN).values(last_used_at=bindparam("moment")).where(ACCESS_TOKEN.c.id == bindparam("id"), _OLDER)
)


def _read_account(row: Row) -> Account:
    account_id, name, kind, home_id, home, disabled, created_at, password_hash = row
    return Account(account_id, name, AccountKind(kind), home_id, home, bool(disabled), created_at, password_hash)


def _write_account(one: Account) -> Row:
    return (one.id, one.name, one.kind.value, one.password_hash, one.home_id, int(one.disabled), one.created_at)


def _read_token(row: Row) -> Token:
    token_id, account_id, account, label, scope, *rest = row
    return Token(token_id, account_id, account, label, Role(scope) if scope else None, *rest)


def _write_token(one: Token) -> Row:
    scope = one.scope.value if one.scope else ""
    return (one.id, one.account_id, one.label, one.hash, scope, one.expires_at, one.created_at, one.last_used_at)


def _read_grant(row: Row) -> RoleGrant:
    grant_id, account_id, account, role, project_id, project, kind, record_id, created_at = row
    of = (project_id or None, project, Kind(kind) if kind else None, record_id or None)
    return RoleGrant(grant_id, account_id, account, Role(role), *of, created_at)


def _write_grant(one: RoleGrant) -> Row:
    return (one.id, one.account_id, one.role.value, one.project_id or 0, int(one.kind or 0), one.record_id or 0, one.created_at)


def _read_project(row: Row) -> Project:
    project_id, name, archived, created_at = row
    return Project(project_id, name, bool(archived), created_at)


def _write_project(one: Project) -> Row:
    return (one.id, one.name, int(one.archived), one.created_at)
