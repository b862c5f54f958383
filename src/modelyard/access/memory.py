"""Accounts, tokens, grants and projects in memory: the same promises as `access.repository`, for tests of services."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from modelyard.access.accounts import Account, Kept, Project, RoleGrant, Token
from modelyard.access.repository import Shelf, State, already_exists
from modelyard.context import DEFAULT_PROJECT, Millis, ProjectId
from modelyard.records.kinds import Kind
from modelyard.store.database import IdSequence, Reader, Unit
from modelyard.store.memory import MemoryDatabase

E = TypeVar("E", bound=Kept)


class MemoryShelf(Generic[E]):
    """`unique` are the fields that no two records have all in common."""

    def __init__(self, database: MemoryDatabase, kind: Kind, unique: tuple[str, ...]) -> None:
        self._database = database
        self._table = kind.label
        self._unique = unique

    async def get(self, reader: Reader, record_id: int) -> E | None:
        del reader
        return self._rows.get(record_id)

    async def named(self, reader: Reader, name: str) -> E | None:
        del reader
        return next((one for one in self._rows.values() if getattr(one, "name", None) == name), None)

    async def page(self, reader: Reader, after: int, limit: int) -> list[E]:
        del reader
        return [one for one_id, one in sorted(self._rows.items()) if one_id > after][:limit]

    async def of_account(self, reader: Reader, account_id: int, after: int, limit: int) -> list[E]:
        everyone = await self.page(reader, after, len(self._rows))
        return [one for one in everyone if getattr(one, "account_id", None) == account_id][:limit]

    async def insert(self, unit: Unit, new: E) -> None:
        del unit
        if self._unique and self._key(new) in map(self._key, self._rows.values()):
            raise already_exists(new)
        self._rows[new.id] = new

    async def replace(self, unit: Unit, changed: E) -> None:
        del unit
        self._rows[changed.id] = changed

    async def remove(self, unit: Unit, gone: Sequence[E]) -> None:
        del unit
        for one in gone:
            del self._rows[one.id]

    @property
    def _rows(self) -> dict[int, E]:
        return self._database.tables[self._table]

    def _key(self, one: E) -> tuple[Any, ...]:
        return tuple(getattr(one, name) for name in self._unique)


class MemoryRegister:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self.accounts: Shelf[Account] = MemoryShelf(database, Kind.PRINCIPAL, ("name",))
        self.tokens: Shelf[Token] = MemoryShelf(database, Kind.TOKEN, ())
        self.grants: Shelf[RoleGrant] = MemoryShelf(database, Kind.GRANT, ("account_id", "role", "project_id", "kind", "record_id"))
        self.projects: Shelf[Project] = MemoryShelf(database, Kind.PROJECT, ("name",))
        database.tables[Kind.PROJECT.label][DEFAULT_PROJECT] = Project(DEFAULT_PROJECT, "default", archived=False, created_at=Millis(0))

    async def state(self, reader: Reader) -> State:
        return State(self._state.get(1, 0), bool(await self.accounts.page(reader, 0, 1)))

    async def begin_change(self, unit: Unit) -> None:
        del unit
        self._state[1] = self._state.get(1, 0) + 1

    async def next_id(self, unit: Unit) -> int:
        del unit
        return self._database.next_id(IdSequence.ACCESS)

    async def next_project_id(self, unit: Unit) -> ProjectId:
        del unit
        return ProjectId(max(self._database.tables[Kind.PROJECT.label]) + 1)

    async def admins(self, reader: Reader) -> int:
        grants = await self.grants.page(reader, 0, 1_000_000)
        accounts = [await self.accounts.get(reader, grant.account_id) for grant in grants if grant.of_everything]
        return len({account.id for account in accounts if account is not None and not account.disabled})

    async def is_home(self, reader: Reader, project: ProjectId) -> str | None:
        accounts = await self.accounts.page(reader, 0, 1_000_000)
        return next((account.name for account in accounts if account.home_id == project), None)

    async def ended(self, reader: Reader, before: Millis, limit: int) -> list[Token]:
        tokens = await self.tokens.page(reader, 0, 1_000_000)
        return [token for token in tokens if token.expires_at is not None and token.expires_at < before][:limit]

    async def used(self, unit: Unit, uses: Mapping[int, Millis]) -> None:
        for token_id, moment in uses.items():
            token = await self.tokens.get(unit, token_id)
            if token is not None and (token.last_used_at or 0) < moment:
                await self.tokens.replace(unit, msgspec.structs.replace(token, last_used_at=moment))

    @property
    def _state(self) -> dict[int, int]:
        return self._database.tables["access state"]
