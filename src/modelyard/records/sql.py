"""Records in a database: every statement that all nouns share."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Select, Table, UniqueConstraint, and_, bindparam, delete, literal_column, select, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from modelyard.context import ProjectId
from modelyard.errors import AlreadyExists
from modelyard.records import property_index
from modelyard.records.kinds import Kind
from modelyard.records.record import Record
from modelyard.records.rows import reader as row_reader
from modelyard.records.rows import writer as row_writer
from modelyard.search.compile import Lowered, Shape, Source, lower, where
from modelyard.search.evaluate import Test, predicate
from modelyard.search.fields import Fields, FieldType
from modelyard.search.page import Cursor, ListQuery, Page, SortKey
from modelyard.search.tree import Expr, Operator
from modelyard.store.database import IdSequence, Reader, Row, UniqueViolationError, Unit
from modelyard.store.statements import Bulk, Flavour, Lock, Statement
from modelyard.store.tables import EXTERNAL_ID

R = TypeVar("R", bound=Record)

MAX_TERMS = 1_000
"""Conditions in all the compiled list statements that are kept per kind: about 6 KB of memory each. The least used goes first."""
LARGE = 20
"""Conditions from which a new statement is compiled in a thread: SQLAlchemy takes more than half a millisecond for each."""
REFILL = 1000
"""Rows the second statement reads when the first, an approximation, left a page short."""
_ALL = Lowered(("and",), (), exact=True)

_CLAIM = Bulk("insert external_id", EXTERNAL_ID)
_RELEASE = Statement(
    "release external id",
    delete(EXTERNAL_ID).where(EXTERNAL_ID.c.project_id == bindparam("project_id"), EXTERNAL_ID.c.value == bindparam("value")),
)


class SqlRecords(Generic[R]):
    """`Records` over a table made by `record_table`. `links` maps each link field to its table (parent id column of the same name)."""

    def __init__(self, kind: Kind, entity: type[R], table: Table, fields: Fields, links: Mapping[str, Table] | None = None) -> None:
        self.kind = kind
        self.entity = entity
        self.table = table
        self.fields = fields
        self._read = row_reader(entity)
        self._write = row_writer(entity)
        self._source = Source(table, int(kind), links or {})
        self._lists = tuple(name for name, spec in fields.items() if spec.type is FieldType.TEXT_LIST)
        self._columns = [table.c[name] for name in entity.__struct_fields__]
        self._names = entity.__struct_fields__
        self._insert = Bulk(f"insert {table.name}", table)
        self._updates: dict[tuple[str, ...], Statement] = {}
        self._get, self._lock, self._update = _fixed_statements(table, self._columns)
        self._hold = _hold(table, self._get, _live(table, select(*self._columns)))
        self._indexed = _indexed(table)
        self._plans: OrderedDict[tuple[Any, ...], tuple[Statement, int]] = OrderedDict()
        self._terms = 0

    async def insert(self, unit: Unit, record: R) -> R:
        record = msgspec.structs.replace(record, id=await unit.next_id(self.kind.sequence))
        await unit.later(self._insert, [(*self._write(record), 0)], lambda error: self._taken(record, error))
        if record.external_id is not None:
            await self._claim(unit, record)
        await self._index(unit, None, record)
        return record

    async def get(self, reader: Reader, project: ProjectId, record_id: int) -> R | None:
        row = await reader.row(self._get, {"project": project, "id": record_id})
        return self._read(row) if row is not None else None

    async def lock(self, unit: Unit, project: ProjectId, record_id: int) -> R | None:
        row = await unit.lock(self._lock, {"project": project, "id": record_id})
        return self._read(row) if row is not None else None

    async def hold(self, unit: Unit, project: ProjectId, record_id: int) -> R | None:
        row = await unit.lock(self._hold, {"project": project, "id": record_id})
        return self._read(row) if row is not None else None

    async def lock_found(self, unit: Unit, record: R) -> R | None:
        if unit.lock_as_read(self._lock, record.id, record.revision):
            return record
        return await self.lock(unit, record.project_id, record.id)

    async def update(self, unit: Unit, before: R, after: R) -> None:
        if after.external_id != before.external_id and before.external_id is not None and self._claims:
            await unit.later(_RELEASE, [{"project_id": before.project_id, "value": before.external_id}])
        values = dict(zip(self._names, self._write(after), strict=True))
        values["revision_before"] = before.revision
        await unit.later(self._update, [values], lambda error: self._taken(after, error))
        if after.external_id != before.external_id and after.external_id is not None:
            await self._claim(unit, after)
        await self._index(unit, before, after)

    async def lock_all(self, unit: Unit, project: ProjectId, scope: Expr) -> list[R]:
        lowered = self._lower(scope, unit.flavour)
        statement = await self._plan(unit.flavour, ListQuery(), lowered, _ALL, locks=True)
        values = {"project": project} | {f"s{index}": value for index, value in enumerate(lowered.values)}
        return [self._read(row) for row in await unit.rows(statement, values)]

    async def insert_all(self, unit: Unit, records: Sequence[R]) -> list[R]:
        ids = await unit.next_ids(self.kind.sequence, len(records))
        records = [msgspec.structs.replace(record, id=id_) for record, id_ in zip(records, ids, strict=True)]
        await unit.later(self._insert, [(*self._write(record), 0) for record in records])
        return records

    async def update_all(self, unit: Unit, records: Sequence[R], fields: tuple[str, ...]) -> None:
        statement = self._updates.get(fields)
        if statement is None:
            statement = self._updates[fields] = _update(self._source.table, fields)
        await unit.execute_many(statement, [{name: getattr(record, name) for name in ("id", *fields)} for record in records])

    async def page(self, reader: Reader, project: ProjectId, query: ListQuery) -> Page[R]:
        test = predicate(query.filter, self.fields) if query.filter is not None else None
        scope, lowered = self._lower(query.scope, reader.flavour), self._lower(query.filter, reader.flavour)
        statement = await self._plan(reader.flavour, query, scope, lowered)
        values: dict[str, Any] = {"project": project}
        values.update((f"s{index}", value) for index, value in enumerate(scope.values))
        values.update((f"f{index}", value) for index, value in enumerate(lowered.values))
        inexact = None if lowered.exact else test
        items, more = await self._select(reader, statement, values, query, inexact)
        if query.limit is not None and more and len(items) < query.limit:
            # The statement approximated and most of what it found was wrong: read on once, in a large step, from where it stopped.
            rest = msgspec.structs.replace(query, after=more, limit=max(REFILL, query.limit))
            statement = await self._plan(reader.flavour, rest, scope, lowered)
            found, more = await self._select(reader, statement, values, rest, inexact)
            room = query.limit - len(items)
            more = _cursor(found[room - 1], query.sort) if len(found) > room else more
            items += found[:room]
        return Page(items, more)

    async def _select(
        self, reader: Reader, statement: Statement, values: dict[str, Any], query: ListQuery, test: Test | None
    ) -> tuple[list[R], Cursor | None]:
        """The matching rows of one statement, and where to go on if there is more."""
        if query.after is not None:
            values = {**values, "after_id": query.after.id, "after_value": query.after.value}
        if query.limit is not None:
            values["limit"] = query.limit + 1
        rows = await reader.rows(statement, values)
        if test is None and len(rows) <= REFILL:
            return self._page_of(rows, query, None)
        # Much work at once, or work that grows with what callers have stored: the event loop has others to serve meanwhile.
        return await asyncio.to_thread(self._page_of, rows, query, test)

    def _page_of(self, rows: Sequence[Row], query: ListQuery, test: Test | None) -> tuple[list[R], Cursor | None]:
        items = [self._read(row) for row in rows]
        more = None
        if query.limit is not None and len(items) > query.limit:
            items.pop()
            more = _cursor(items[-1], query.sort)
        if test is not None:
            items = [item for item in items if test(item.__getattribute__, item.properties)]
        return items, more

    def _lower(self, expr: Expr | None, flavour: Flavour) -> Lowered:
        return _ALL if expr is None else lower(expr, self.fields, flavour)

    async def _plan(self, flavour: Flavour, query: ListQuery, scope: Lowered, lowered: Lowered, *, locks: bool = False) -> Statement:
        key = (flavour, query.sort, query.descending, query.after is None, query.limit is None, scope.shape, lowered.shape, locks)
        plan = self._plans.get(key)
        if plan is not None:
            self._plans.move_to_end(key)
            return plan[0]
        slow = query.limit is None or query.filter is not None or not (query.scope is None or _selective(scope.shape, self._indexed))
        terms = 1 + len(scope.values) + len(lowered.values)
        if terms < LARGE:
            statement = self._compiled(flavour, query, scope, lowered, slow=slow, locks=locks)
        else:
            statement = await asyncio.to_thread(self._compiled, flavour, query, scope, lowered, slow=slow, locks=locks)
        if key not in self._plans:
            self._plans[key] = (statement, terms)
            self._terms += terms
        while self._terms > MAX_TERMS:
            _, (_, dropped) = self._plans.popitem(last=False)
            self._terms -= dropped
        return statement

    def _compiled(self, flavour: Flavour, query: ListQuery, scope: Lowered, lowered: Lowered, *, slow: bool, locks: bool) -> Statement:
        name, clause = f"list {self._source.table.name}", self._list(flavour, query, scope.shape, lowered.shape)
        if locks:
            name, clause = f"lock {self._source.table.name}s", clause.with_for_update(key_share=True)
        statement = Statement(name, clause, slow=slow, locks=locks)
        statement.compiled(flavour)
        return statement

    def _list(self, flavour: Flavour, query: ListQuery, scope: Shape, filter_: Shape) -> Select[Any]:
        table = self._source.table
        clause = _live(table, select(*self._columns))
        clause = clause.where(where(scope, self._source, flavour, "s"), where(filter_, self._source, flavour, "f"))
        sort = table.c[query.sort.value]
        if query.after is not None:
            clause = clause.where(_after(table, sort, descending=query.descending))
        keys = [sort] if query.sort is SortKey.ID else [sort, table.c.id]
        clause = clause.order_by(*[key.desc() if query.descending else key.asc() for key in keys])
        return clause if query.limit is None else clause.limit(bindparam("limit", type_=table.c.id.type))

    @property
    def _claims(self) -> bool:
        """Only the resource kinds live in several tables; the other families' own unique index says it all."""
        return self.kind.sequence is IdSequence.RESOURCE

    async def _claim(self, unit: Unit, record: R) -> None:
        if not self._claims:
            return
        claim = (record.project_id, record.external_id, int(self.kind), record.id)
        await unit.later(_CLAIM, [claim], lambda _: already_exists(self.kind, record, "external_id"))

    async def _index(self, unit: Unit, before: R | None, after: R) -> None:
        old = self.entries(before) if before else set()
        await property_index.replace(unit, old, self.entries(after))

    def entries(self, record: R) -> set[property_index.Entry]:
        """What the property index holds of a record."""
        found = property_index.entries(record.project_id, self.kind, record.id, record.properties)
        for name in self._lists:
            if texts := getattr(record, name):
                found |= property_index.list_entries(record.project_id, self.kind, record.id, name, texts)
        return found

    def _taken(self, record: Record, error: UniqueViolationError) -> AlreadyExists:
        return already_exists(self.kind, record, "external_id" if "external_id" in error.constraint else "name")


def already_exists(kind: Kind, record: Record, field: str) -> AlreadyExists:
    word, value = field.replace("_", " "), getattr(record, field)
    message = f"{kind.label} with {word} {value} already exists: choose another {word}"
    return AlreadyExists(message, kind=kind, type=getattr(record, "type", None), name=record.name, field=field, value=value)


def _indexed(table: Table) -> frozenset[str]:
    """The columns by which few rows are found fast: each begins an index, not counting the project and the trash."""
    made = [[column.name for column in index.columns] for index in table.indexes]
    made += [[column.name for column in one.columns] for one in table.constraints if isinstance(one, UniqueConstraint)]
    return frozenset(next(name for name in names if name not in ("project_id", "trashed")) for names in made)


def _selective(shape: Shape, indexed: frozenset[str]) -> bool:
    """Whether an indexed equality is among the conditions that must all hold."""
    kind, *parts = shape
    if kind == "and":
        return any(_selective(part, indexed) for part in parts)
    return kind == "link" or (kind == "compare" and parts[1] is Operator.EQ and parts[0] in indexed)


def _cursor(record: Record, sort: SortKey) -> Cursor:
    return Cursor(record.id, getattr(record, sort.value))


def _live(table: Table, clause: Select[Any]) -> Select[Any]:
    return clause.where(table.c.project_id == bindparam("project"), table.c.trashed == literal_column("0"))


def _fixed_statements(table: Table, columns: list[Any]) -> tuple[Statement, Lock, Statement]:
    name = table.name
    of_id = table.c.id == bindparam("id")
    by_id = _live(table, select(*columns)).where(of_id)
    get, lock = Statement(f"get {name}", by_id), Statement(f"lock {name}", by_id.with_for_update(key_share=True), locks=True)
    as_read = and_(table.c.revision == bindparam("revision_before"), table.c.trashed == literal_column("0"))
    held: Select[Any] = select(literal_column("1")).where(of_id, as_read).with_for_update(key_share=True)
    guard = Statement(f"guard {name}", held, guards=True)
    changes: dict[str, Any] = {
        column.name: bindparam(column.name) for column in columns if column.name not in ("id", "project_id", "created_at")
    }
    return (
        get,
        Lock(name, get, lock, guard, columns.index(table.c.revision)),
        Statement(f"update {name}", update(table).values(changes).where(of_id, as_read), guards=True),
    )


def _hold(table: Table, get: Statement, live: Select[Any]) -> Lock:
    """As the lock of `_fixed_statements`, but beside others who hold the record or change it: only that it stays out of the trash."""
    of_id = table.c.id == bindparam("id")
    held = live.where(of_id).with_for_update(read=True, key_share=True)
    there: Select[Any] = (
        select(literal_column("1")).where(of_id, table.c.trashed == literal_column("0")).with_for_update(read=True, key_share=True)
    )
    names = [column.name for column in live.selected_columns]
    guard = Statement(f"guard {table.name} in place", there, guards=True)
    return Lock(table.name, get, Statement(f"hold {table.name}", held, locks=True), guard, names.index("revision"))


def _update(table: Table, fields: Iterable[str]) -> Statement:
    clause = update(table).values({name: bindparam(name) for name in fields}).where(table.c.id == bindparam("id"))
    return Statement(f"update {table.name}", clause)


def _after(table: Table, sort: ColumnElement[Any], *, descending: bool) -> ColumnElement[bool]:
    last_id = bindparam("after_id", type_=table.c.id.type)
    if sort.key == "id":
        return sort < last_id if descending else sort > last_id
    place, last = tuple_(sort, table.c.id), tuple_(bindparam("after_value", type_=sort.type), last_id)
    # Comparing pairs is not yet index-friendly on every database; the first condition, implied by the second, is.
    if descending:
        return and_(sort <= bindparam("after_value", type_=sort.type), place < last)
    return and_(sort >= bindparam("after_value", type_=sort.type), place > last)
