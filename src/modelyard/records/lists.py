"""Lists of one kind of record: a page, or everything.

Without a filter a list is one statement: whatever narrows it has an index that holds its ids in order. In another order than that of ids
there is no such index, and the list is planned, as those with a filter are.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from modelyard.context import ProjectId
from modelyard.records import listing
from modelyard.records.kept import KeptStatements
from modelyard.records.listing import Order
from modelyard.records.planned import PlannedLists
from modelyard.records.record import Record
from modelyard.records.rows import reader as row_reader
from modelyard.search.compile import Source
from modelyard.search.fields import Fields
from modelyard.search.lower import Lowered, lower
from modelyard.search.page import Cursor, ListQuery, Page, SortKey
from modelyard.search.plan import selective
from modelyard.search.shape import TRUE
from modelyard.search.tree import Expr
from modelyard.store.database import Reader, Row, Unit
from modelyard.store.statements import SHORT, Flavour, Statement

R = TypeVar("R", bound=Record)

ALL_AT_ONCE = 1_000
"""Rows that a list without a limit reads with one statement, and with each further one."""
_ALL = Lowered(TRUE, (), exact=True)


class Lists(Generic[R]):
    def __init__(self, entity: type[R], source: Source, fields: Fields) -> None:
        self.kept = KeptStatements()
        self._fields = fields
        self._read = row_reader(entity)
        self._source = source
        self._indexes = listing.indexes(source.table)
        self._columns = listing.columns(source, entity.__struct_fields__)
        self._planned = PlannedLists(self._source, entity, fields, self._read, self.kept)

    async def page(self, reader: Reader, project: ProjectId, query: ListQuery) -> Page[R]:
        if query.limit is None:
            return await self._everything(reader, project, query)
        if query.filter is not None or (query.scope is not None and query.sort is not SortKey.ID):
            return await self._planned.page(reader, {"project": project}, query)
        scope = _ALL if query.scope is None else lower(query.scope, self._fields, reader.flavour)
        values: dict[str, Any] = {"project": project, "limit": query.limit + 1}
        for number, value in enumerate(scope.values):
            values[f"v{number}"] = value
        if query.after is not None:
            values["after_id"], values["after_value"] = query.after.id, query.after.value
        statement = await self._statement(reader, query, scope)
        rows = await reader.rows(statement, values)
        items = await self._items(rows[: query.limit])
        return Page(items, Cursor(items[-1].id, getattr(items[-1], query.sort.value)) if len(rows) > query.limit else None)

    async def lock(self, unit: Unit, project: ProjectId, scope: Expr, *, as_read: bool) -> list[R]:
        """Everything in the scope by id, locked, in one statement. `as_read`: it is not locked, since the caller is going to say so."""
        lowered = lower(scope, self._fields, unit.flavour)
        key, terms = (unit.flavour, "read" if as_read else "lock", lowered.shape), 1 + len(lowered.values)
        statement = self.kept.find(key) or await self.kept.get(
            key, unit.flavour, terms, lambda: self._locking(unit, lowered, as_read=as_read)
        )
        values = {"project": project} | {f"v{number}": value for number, value in enumerate(lowered.values)}
        return [self._read(row) for row in await unit.rows(statement, values)]

    async def _everything(self, reader: Reader, project: ProjectId, query: ListQuery) -> Page[R]:
        items: list[R] = []
        page = await self.page(reader, project, msgspec.structs.replace(query, limit=ALL_AT_ONCE))
        while page.next is not None:
            items += page.items
            page = await self.page(reader, project, msgspec.structs.replace(query, limit=ALL_AT_ONCE, after=page.next))
        return Page(items + page.items if items else page.items, None)

    async def _items(self, rows: Sequence[Row]) -> list[R]:
        if len(rows) < ALL_AT_ONCE:
            return [self._read(row) for row in rows]
        # Much work at once: the event loop has others to serve meanwhile.
        return await asyncio.to_thread(lambda: [self._read(row) for row in rows])

    async def _statement(self, reader: Reader, query: ListQuery, scope: Lowered) -> Statement:
        # PostgreSQL's planner wants to know the number: for a parameter it plans each time anew, which takes longer than a short list.
        limit = query.limit if reader.flavour is Flavour.POSTGRESQL else None
        key = (reader.flavour, query.sort, query.descending, query.after is None, limit, scope.shape)
        terms = 1 + len(scope.values)
        return self.kept.find(key) or await self.kept.get(key, reader.flavour, terms, lambda: self._made(reader, query, limit, scope))

    def _locking(self, unit: Unit, scope: Lowered, *, as_read: bool) -> Statement:
        order = Order(sort=SortKey.ID, descending=False, after=False)
        clause = listing.everything(self._source, unit.flavour, self._columns, order, scope.shape)
        name = f"lock {self._source.table.name}s"
        return Statement(name, clause) if as_read else Statement(name, clause.with_for_update(key_share=True), locks=True)

    def _made(self, reader: Reader, query: ListQuery, limit: int | None, scope: Lowered) -> Statement:
        order = Order(sort=query.sort, descending=query.descending, after=query.after is not None)
        clause = listing.page(self._source, reader.flavour, self._columns, order, scope.shape, limit)
        slow = query.scope is not None and not selective(scope.shape, self._indexes)
        return Statement(f"list {self._source.table.name}", clause, slow=slow, joint=limit is not None and limit <= SHORT and not slow)
