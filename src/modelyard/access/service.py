"""The rules of accounts, tokens, grants and projects."""

import re
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, NoReturn, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from modelyard.access import passwords
from modelyard.access.accounts import Account, AccountKind, Kept, Project, RoleGrant, Token
from modelyard.access.backoff import Backoff
from modelyard.access.journal import Journal
from modelyard.access.minting import digest, mint
from modelyard.access.passwords import Passwords
from modelyard.access.permissions import Role
from modelyard.access.repository import Register
from modelyard.context import ANONYMOUS, DEFAULT_PROJECT, Caller, Millis, ProjectId
from modelyard.errors import Forbidden, InUse, Missing, NotFound, invalid
from modelyard.records.kinds import Kind
from modelyard.search.page import Cursor, Page
from modelyard.store.database import Database, Reader, Unit, transactional

K = TypeVar("K", bound=Kept)

FindRecord = Callable[[Caller, Kind, int], Awaitable[object]]
"""Raises `NotFound` unless the caller's project has a record of that kind and id."""

LABEL_LENGTH = 255
_YEARS_100 = 100 * 366 * 24 * 3600
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_PROJECT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ALL = 1_000_000
_AT_ONCE = 500
"""Tokens that one unit removes because they have ended: others can make changes in between."""


class NewAccount(msgspec.Struct, frozen=True):
    name: str
    kind: AccountKind = AccountKind.USER
    password: str | None = None
    home: str | None = None
    """The name of a project; the default one where None."""


class AccountPatch(msgspec.Struct, frozen=True):
    """What is not given stays. A `password` of None takes it away."""

    password: str | None | UnsetType = UNSET
    home: str | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


class NewToken(msgspec.Struct, frozen=True):
    label: str = ""
    scope: Role | None = None
    expires_in: int | None = None
    """Seconds; None: never."""


class NewGrant(msgspec.Struct, frozen=True):
    """`project` None: on everything. With `kind` and `record_id`, on that record of the project."""

    account: str
    role: Role
    project: str | None = None
    kind: Kind | None = None
    record_id: int | None = None


class Minted(NamedTuple):
    """A new token, and its text, which nobody can get again."""

    token: Token
    text: str


class AccountService:
    """Errors, here and below: `NotFound`, `AlreadyExists`, `Invalid`, `InUse`; `Forbidden` where nobody is asked who they are."""

    def __init__(self, database: Database, journal: Journal, hashing: Passwords) -> None:
        self.database = database
        self._journal, self._register = journal, journal.register
        self._passwords = hashing
        self._guesses = Backoff(time.monotonic)

    async def get(self, name: str) -> Account:
        return await _account(self._register, self.database.reader, name)

    async def page(self, after: int, limit: int) -> Page[Account]:
        return await _page(self._register.accounts.page(self.database.reader, after, limit + 1), limit)

    async def create(self, caller: Caller, new: NewAccount) -> Account:
        check_name(new.name)
        if new.password is not None:
            _check_password(new.kind, new.password)
        hash_ = None if new.password is None else await self._passwords.hash(new.password)
        return await self.database.write(lambda unit: self._create(unit, caller, new, hash_))

    async def _create(self, unit: Unit, caller: Caller, new: NewAccount, hash_: str | None) -> Account:
        await begin(unit, caller, self._register)
        home = await _open_project(self._register, unit, "default" if new.home is None else new.home)
        account_id = await self._register.next_id(unit)
        account = Account(account_id, new.name, new.kind, home.id, home.name, disabled=False, created_at=self._journal.clock())
        account = msgspec.structs.replace(account, password_hash=hash_)
        await self._register.accounts.insert(unit, account)
        await self._journal.created(unit, caller, account)
        return account

    async def update(self, caller: Caller, name: str, patch: AccountPatch) -> Account:
        """Disabling the last admin is refused: `InUse`."""
        if isinstance(patch.password, str):
            _check_password((await self.get(name)).kind, patch.password)
        hash_ = await self._passwords.hash(patch.password) if isinstance(patch.password, str) else None
        return await self.database.write(lambda unit: self._update(unit, caller, name, patch, hash_))

    async def _update(self, unit: Unit, caller: Caller, name: str, patch: AccountPatch, hash_: str | None) -> Account:
        await begin(unit, caller, self._register)
        admins = await self._register.admins(unit)
        before = after = await _account(self._register, unit, name)
        if patch.password is not UNSET:
            after = msgspec.structs.replace(after, password_hash=hash_)
        if patch.disabled is not UNSET:
            after = msgspec.structs.replace(after, disabled=patch.disabled)
        if patch.home is not UNSET:
            home = await _open_project(self._register, unit, patch.home)
            after = msgspec.structs.replace(after, home_id=home.id, home=home.name)
        await self._register.accounts.replace(unit, after)
        await self._journal.updated(unit, caller, before, after)
        await _keep_an_admin(self._register, unit, admins)
        return after

    async def change_password(self, caller: Caller, account_id: int, old: str, new: str) -> None:
        """Of one's own. Raises `Forbidden` when the old one is wrong, and `TooMany` when it was too often."""
        passwords.check("new_password", new)
        account = await self._register.accounts.get(self.database.reader, account_id)
        if account is None:
            _missing(Kind.PRINCIPAL, id=account_id)
        self._guesses.attempt(account.name, account.name)
        if not await self._passwords.verify(account.password_hash, old):
            raise Forbidden("the old password is wrong, or there is none: ask an admin for a new one")
        self._guesses.succeeded(account.name, account.name)
        await self.update(caller, account.name, AccountPatch(password=new))

    @transactional
    async def remove(self, unit: Unit, caller: Caller, name: str) -> None:
        """With its tokens and grants. Removing the last admin is refused: `InUse`."""
        await begin(unit, caller, self._register)
        admins = await self._register.admins(unit)
        account = await _account(self._register, unit, name)
        tokens = await self._register.tokens.of_account(unit, account.id, 0, _ALL)
        grants = await self._register.grants.of_account(unit, account.id, 0, _ALL)
        await self._register.tokens.remove(unit, tokens)
        await self._register.grants.remove(unit, grants)
        await self._register.accounts.remove(unit, [account])
        await self._journal.deleted(unit, caller, *tokens, *grants, account)
        await _keep_an_admin(self._register, unit, admins)


class TokenService:
    def __init__(self, database: Database, journal: Journal) -> None:
        self.database = database
        self._journal, self._register = journal, journal.register

    async def page(self, account: str, after: int, limit: int) -> Page[Token]:
        owner = await _account(self._register, self.database.reader, account)
        return await _page(self._register.tokens.of_account(self.database.reader, owner.id, after, limit + 1), limit)

    @transactional
    async def create(self, unit: Unit, caller: Caller, account: str, new: NewToken) -> Minted:
        await begin(unit, caller, self._register)
        return await issue(unit, caller, self._journal, await _account(self._register, unit, account), new)

    @transactional
    async def revoke(self, unit: Unit, caller: Caller, token_id: int, account: str | None = None) -> None:
        """From here nobody gets in by it, within a second or two on every server. With `account`, only one of its tokens."""
        await begin(unit, caller, self._register)
        token = await self._register.tokens.get(unit, token_id)
        if token is None or account not in (None, token.account):
            _missing(Kind.TOKEN, id=token_id)
        await self._register.tokens.remove(unit, [token])
        await self._journal.deleted(unit, caller, token)

    async def remove_ended(self, caller: Caller, before: Millis) -> int:
        """Remove the tokens that ended before this moment; returns how many those were. No change at all where there are none."""
        removed = 0
        while await self._register.ended(self.database.reader, before, 1):
            removed += await self._remove_ended(caller, before)
        return removed

    @transactional
    async def _remove_ended(self, unit: Unit, caller: Caller, before: Millis) -> int:
        await begin(unit, caller, self._register)
        tokens = await self._register.ended(unit, before, _AT_ONCE)
        await self._register.tokens.remove(unit, tokens)
        await self._journal.deleted(unit, caller, *tokens)
        return len(tokens)


class GrantService:
    def __init__(self, database: Database, journal: Journal, find: FindRecord) -> None:
        self.database = database
        self._journal, self._register = journal, journal.register
        self._find = find

    async def page(self, account: str | None, after: int, limit: int) -> Page[RoleGrant]:
        grants, reader = self._register.grants, self.database.reader
        if account is None:
            return await _page(grants.page(reader, after, limit + 1), limit)
        owner = await _account(self._register, reader, account)
        return await _page(grants.of_account(reader, owner.id, after, limit + 1), limit)

    async def create(self, caller: Caller, new: NewGrant) -> RoleGrant:
        if (new.kind is None) is not (new.record_id is None):
            raise Missing("a grant on a record needs its kind and its id: give both, or none", field="record_id")
        if new.kind is not None and new.record_id is not None:
            await self._check_record(caller, new.project, new.kind, new.record_id)
        return await self.database.write(lambda unit: self._create(unit, caller, new))

    async def _check_record(self, caller: Caller, project: str | None, kind: Kind, record_id: int) -> None:
        if project is None:
            raise Missing("a grant on a record needs the record's project: give it as `project`", field="project")
        if kind not in (Kind.MODEL, Kind.EXPERIMENT):
            invalid("kind", kind.label, "a grant is on a model or an experiment, and then on all that belongs to it")
        home = await _open_project(self._register, self.database.reader, project)
        await self._find(msgspec.structs.replace(caller, project=home.id), kind, record_id)

    async def _create(self, unit: Unit, caller: Caller, new: NewGrant) -> RoleGrant:
        await begin(unit, caller, self._register)
        account = await _account(self._register, unit, new.account)
        project = None if new.project is None else await _open_project(self._register, unit, new.project)
        grant = RoleGrant(
            id=await self._register.next_id(unit),
            account_id=account.id,
            account=account.name,
            role=new.role,
            project_id=project.id if project else None,
            project=project.name if project else None,
            kind=new.kind,
            record_id=new.record_id,
            created_at=self._journal.clock(),
        )
        await self._register.grants.insert(unit, grant)
        await self._journal.created(unit, caller, grant)
        return grant

    @transactional
    async def revoke(self, unit: Unit, caller: Caller, grant_id: int) -> None:
        """Revoking the last admin's is refused: `InUse`."""
        await begin(unit, caller, self._register)
        grant = await self._register.grants.get(unit, grant_id)
        if grant is None:
            _missing(Kind.GRANT, id=grant_id)
        admins = await self._register.admins(unit)
        await self._register.grants.remove(unit, [grant])
        await self._journal.deleted(unit, caller, grant)
        await _keep_an_admin(self._register, unit, admins)


class ProjectService:
    def __init__(self, database: Database, journal: Journal) -> None:
        self.database = database
        self._journal, self._register = journal, journal.register

    async def page(self, after: int, limit: int) -> Page[Project]:
        return await _page(self._register.projects.page(self.database.reader, after, limit + 1), limit)

    async def names(self) -> dict[ProjectId, str]:
        """Of all projects. One statement."""
        return {project.id: project.name for project in await self._register.projects.page(self.database.reader, 0, _ALL)}

    @transactional
    async def create(self, unit: Unit, caller: Caller, name: str) -> Project:
        if not _PROJECT.fullmatch(name):
            invalid("name", name, "use 1 to 63 lower-case letters, digits and hyphens, none of them at an end")
        await self._register.begin_change(unit)
        project = Project(await self._register.next_project_id(unit), name, archived=False, created_at=self._journal.clock())
        await self._register.projects.insert(unit, project)
        await self._journal.created(unit, caller, project)
        return project

    @transactional
    async def archive(self, unit: Unit, caller: Caller, name: str, *, archived: bool) -> Project:
        """An archived project answers as one that is not there, and keeps all it has. No account may have its home there: `InUse`."""
        await self._register.begin_change(unit)
        before = await self._register.projects.named(unit, name)
        if before is None:
            _missing(Kind.PROJECT, name=name)
        if archived and before.id == DEFAULT_PROJECT:
            raise InUse("requests that name no project are for this one: it cannot be archived")
        if archived and (account := await self._register.is_home(unit, before.id)):
            raise InUse(f"{name} is the home of the account {account}: give that another home first")
        after = msgspec.structs.replace(before, archived=archived)
        await self._register.projects.replace(unit, after)
        await self._journal.updated(unit, caller, before, after)
        return after


class Access(NamedTuple):
    accounts: AccountService
    tokens: TokenService
    grants: GrantService
    projects: ProjectService


def access_services(database: Database, journal: Journal, hashing: Passwords, find: FindRecord) -> Access:
    """All of them over one database."""
    return Access(
        AccountService(database, journal, hashing),
        TokenService(database, journal),
        GrantService(database, journal, find),
        ProjectService(database, journal),
    )


async def begin(unit: Unit, caller: Caller, register: Register) -> None:
    """Begin a change of accounts, tokens or grants: all others wait. Not for callers whom nobody knows: they would lock themselves out."""
    if caller.name == ANONYMOUS:
        raise Forbidden("nobody is asked who they are here: make the first admin with `modelyard admin init`, then come as that one")
    await register.begin_change(unit)


async def issue(unit: Unit, caller: Caller, journal: Journal, account: Account, new: NewToken) -> Minted:
    """Make a token, in a unit that has begun a change."""
    if len(new.label) > LABEL_LENGTH:
        invalid("label", new.label, f"use at most {LABEL_LENGTH} characters")
    if new.expires_in is not None and not 0 < new.expires_in <= _YEARS_100:
        invalid("expires_in", new.expires_in, f"use 1 to {_YEARS_100} seconds, or leave it out")
    now = journal.clock()
    expires = None if new.expires_in is None else Millis(now + new.expires_in * 1000)
    token_id = await journal.register.next_id(unit)
    text = mint(token_id, account.name, new.scope or "", now, expires)
    token = Token(token_id, account.id, account.name, new.label, new.scope, digest(text).hex(), expires, now)
    await journal.register.tokens.insert(unit, token)
    await journal.created(unit, caller, token)
    return Minted(token, text)


async def _account(register: Register, reader: Reader, name: str) -> Account:
    account = await register.accounts.named(reader, name)
    return account if account is not None else _missing(Kind.PRINCIPAL, name=name)


async def _open_project(register: Register, reader: Reader, name: str) -> Project:
    """One that is not archived."""
    project = await register.projects.named(reader, name)
    return project if project is not None and not project.archived else _missing(Kind.PROJECT, name=name)


async def _keep_an_admin(register: Register, unit: Unit, before: int) -> None:
    """Undo a change that has left no admin where there were so many."""
    if before and not await register.admins(unit):
        raise InUse("this is the last admin of everything: make another one first")


async def _page(found: Awaitable[list[K]], limit: int) -> Page[K]:
    """Of one more than the limit, what goes on the page."""
    items = await found
    return Page(items[:limit], Cursor(items[limit - 1].id, 0) if len(items) > limit else None)


def _missing(kind: Kind, **looked_for: str | int) -> NoReturn:
    (said,) = [f"no {kind.label} has the {field} {value}" for field, value in looked_for.items()]
    raise NotFound(said, kind=kind, **looked_for)


def check_name(name: str) -> None:
    """Raise `Invalid` unless an account can have the name."""
    if not _ACCOUNT.fullmatch(name):
        invalid("name", name, "use 1 to 64 letters, digits and ._@-, the first one a letter or digit")
    if name == ANONYMOUS:
        invalid("name", name, "this is what callers are called whom nobody knows: choose another")


def _check_password(kind: AccountKind, password: str) -> None:
    if kind is AccountKind.SERVICE:
        invalid("kind", kind.value, "a service has tokens and no password: give none, or make a user")
    passwords.check("password", password)
