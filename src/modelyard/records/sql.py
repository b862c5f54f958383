"""Records in a database: every statement that all nouns share."""

import functools
import itertools
import operator
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec.structs import astuple
from sqlalchemy import ColumnElement, FromClause, Select, Table, and_, bindparam, delete, literal_column, select, update

from modelyard.context import ProjectId
from modelyard.errors import AlreadyExists
from modelyard.records import property_index
from modelyard.records.kinds import Kind
from modelyard.records.lists import Lists
from modelyard.records.record import Record
from modelyard.records.rows import reader as row_reader
from modelyard.records.rows import writer as row_writer
from modelyard.search.compile import Source
from modelyard.search.fields import Fields, FieldType
from modelyard.search.page import ListQuery, Page
from modelyard.search.tree import Expr
from modelyard.store.connection import ConflictError
from modelyard.store.database import IdSequence, Reader, UniqueViolationError, Unit
from modelyard.store.statements import Bulk, Lock, Statement
from modelyard.store.tables import EXTERNAL_ID

R = TypeVar("R", bound=Record)

MOST_CHANGES = 16
"""Sets of fields that have a statement of their own for changing just them. A record that is changed in others is written whole."""
_NEVER_CHANGE = ("id", "project_id", "created_at")

_CLAIM = Bulk("insert external_id", EXTERNAL_ID)
_RELEASE = Statement(
    "release external id",
    delete(EXTERNAL_ID).where(EXTERNAL_ID.c.project_id == bindparam("project_id"), EXTERNAL_ID.c.value == bindparam("value")),
)


class _Change(NamedTuple):
    """How some fields of a record are changed."""

    fields: tuple[str, ...]
    write: Callable[[Any], tuple[Any, ...]]
    """Their values, of the record as it will be."""
    statement: Statement


class SqlRecords(Generic[R]):
    """`Records` over a table made by `record_table`.

    `links` maps each link field to its table (parent id column of the same name), or to what is read like one; `parents` one whose table
    has links of what is in the trash, too, to the tables of its parents.
    """

    def __init__(
        self,
        kind: Kind,
        entity: type[R],
        table: Table,
        fields: Fields,
        links: Mapping[str, FromClause] | None = None,
        parents: Mapping[str, Sequence[FromClause]] | None = None,
    ) -> None:
        self.kind = kind
        self.entity = entity
        self.table = table
        self.fields = fields
        self.read = row_reader(entity)
        self._write = row_writer(entity)
        self._lists = tuple(name for name, spec in fields.items() if spec.type is FieldType.TEXT_LIST)
        self._indexed = ("properties", *self._lists)
        self.columns = columns = [table.c[name] for name in entity.__struct_fields__]
        self._names = entity.__struct_fields__
        kept_by_others = tuple(column.name for column in table.columns if column.name not in (*self._names, "trashed"))
        self._insert = Bulk(f"insert {table.name}", table, without=kept_by_others)
        self._updates: dict[tuple[str, ...], Statement] = {}
        self._changes: dict[tuple[bool, ...], _Change] = {}
        """By which fields differ."""
        self._rewrite = self._change(tuple([name for name in self._names if name not in _NEVER_CHANGE]))
        self._finds: dict[tuple[str, ...], Statement] = {}
        self._get, self._lock = _fixed_statements(table, columns)
        self._hold = _hold(table, self._get, _live(table, select(*columns)))
        self.lists = Lists(entity, Source(table, int(kind), links or {}, parents or {}), fields)

    async def insert(self, unit: Unit, record: R, *, racing: bool = False, referred: bool = False) -> R:
        keep = functools.partial(msgspec.structs.force_setattr, record, "id")
        if referred:
            keep(await unit.next_id(self.kind.sequence))
        else:
            await unit.new_id(self.kind.sequence, keep)
        taken = self._overtaken if racing else self._taken
        await unit.later(self._insert, [(*self._write(record), 0)], lambda error: taken(record, error))
        if record.external_id is not None:
            await self._claim(unit, record)
        await self._index(unit, None, record)
        return record

    async def get(self, reader: Reader, project: ProjectId, record_id: int) -> R | None:
        row = await reader.row(self._get, {"project": project, "id": record_id})
        return self.read(row) if row is not None else None

    async def find(self, reader: Reader, project: ProjectId, values: Mapping[str, str | int]) -> Sequence[R]:
        fields = tuple(values)
        statement = self._finds.get(fields)
        if statement is None:
            statement = self._finds[fields] = _find(self.table, self._names, fields)
        return [self.read(row) for row in await reader.rows(statement, {"project": project, **values})]

    async def lock(self, unit: Unit, project: ProjectId, record_id: int) -> R | None:
        row = await unit.lock(self._lock, {"project": project, "id": record_id})
        return self.read(row) if row is not None else None

    async def hold(self, unit: Unit, project: ProjectId, record_id: int) -> R | None:
        row = await unit.lock(self._hold, {"project": project, "id": record_id})
        return self.read(row) if row is not None else None

    async def lock_found(self, unit: Unit, record: R) -> R | None:
        if unit.lock_as_read(self._lock, record.id, record.revision):
            return record
        return await self.lock(unit, record.project_id, record.id)

    def known_as(self, project: ProjectId, record_id: int) -> Hashable:
        """By what a unit recalls a record."""
        return self.table.name, project, record_id

    def lock_known(self, unit: Unit, record: R) -> R:
        """Lock a record that was recalled in this unit."""
        unit.lock_as_known(self._lock, record.id, record.revision, record.updated_at)
        return record

    async def update(self, unit: Unit, before: R, after: R) -> None:
        if after.external_id != before.external_id and before.external_id is not None and self._claims:
            await unit.later(_RELEASE, [{"project_id": before.project_id, "value": before.external_id}])
        change = self._change_between(before, after)
        values = dict(zip(change.fields, change.write(after), strict=True))
        values["id"] = after.id
        values["revision_before"] = before.revision
        await unit.later(change.statement, [values], lambda error: self._taken(after, error))
        if after.external_id != before.external_id and after.external_id is not None:
            await self._claim(unit, after)
        await self._index(unit, before, after)
        unit.learn(self.known_as(after.project_id, after.id), after)

    def _change_between(self, before: R, after: R) -> _Change:
        """Of what differs, or is another object and may.

        Indexes of what does not need no work then, and on a server a row of many columns is a short text.
        """
        differ = tuple(map(operator.is_not, astuple(before), astuple(after)))
        change = self._changes.get(differ)
        if change is None:
            if len(self._changes) >= MOST_CHANGES:
                return self._rewrite
            change = self._changes[differ] = self._change(tuple(itertools.compress(self._names, differ)))
        return change

    def _change(self, fields: tuple[str, ...]) -> _Change:
        return _Change(fields, row_writer(self.entity, fields), self._update(fields))

    def _update(self, fields: tuple[str, ...]) -> Statement:
        statement = self._updates.get(fields)
        if statement is None:
            statement = self._updates[fields] = _update(self.table, fields)
        return statement

    async def lock_all(self, unit: Unit, project: ProjectId, scope: Expr, *, few: bool = False) -> list[R]:
        as_read = few and unit.locks_as_read
        records = await self.lists.lock(unit, project, scope, as_read=as_read)
        if as_read:
            for record in records:
                unit.lock_as_read(self._lock, record.id, record.revision)
        return records

    async def insert_all(self, unit: Unit, records: Sequence[R]) -> list[R]:
        ids = await unit.next_ids(self.kind.sequence, len(records))
        records = [msgspec.structs.replace(record, id=id_) for record, id_ in zip(records, ids, strict=True)]
        await unit.later(self._insert, [(*self._write(record), 0) for record in records])
        return records

    async def update_all(self, unit: Unit, records: Sequence[R], fields: tuple[str, ...]) -> None:
        rows = [
            {"id": record.id, "revision_before": record.revision - 1, **{name: getattr(record, name) for name in fields}}
            for record in records
        ]
        await unit.later(self._update(fields), rows)
        for record in records:
            unit.learn(self.known_as(record.project_id, record.id), record)

    async def page(self, reader: Reader, project: ProjectId, query: ListQuery) -> Page[R]:
        return await self.lists.page(reader, project, query)

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
        if before is None:
            await property_index.fill(unit, self.entries(after))
        elif any(getattr(before, name) is not getattr(after, name) for name in self._indexed):
            await property_index.replace(unit, self.entries(before), self.entries(after))

    def entries(self, *records: R) -> property_index.Entries:
        """What the property index holds of these records."""
        found = property_index.Entries()
        for record in records:
            found.add(record.project_id, self.kind, record.id, record.properties)
            for name in self._lists:
                if texts := getattr(record, name):
                    found.add_list(record.project_id, self.kind, record.id, name, texts)
        return found

    def _taken(self, record: Record, error: UniqueViolationError) -> AlreadyExists:
        return already_exists(self.kind, record, "external_id" if "external_id" in error.constraint else "name")

    def _overtaken(self, record: Record, error: UniqueViolationError) -> ConflictError:
        return ConflictError(f"{self.kind.label} {record.name} was made meanwhile: {error}")


def already_exists(kind: Kind, record: Record, field: str) -> AlreadyExists:
    word, value = field.replace("_", " "), getattr(record, field)
    message = f"{kind.label} with {word} {value} already exists: choose another {word}"
    return AlreadyExists(message, kind=kind, type=getattr(record, "type", None), name=record.name, field=field, value=value)


def _live(table: Table, clause: Select[Any]) -> Select[Any]:
    return clause.where(table.c.project_id == bindparam("project"), table.c.trashed == literal_column("0"))


def _fixed_statements(table: Table, columns: list[Any]) -> tuple[Statement, Lock]:
    name = table.name
    of_id = table.c.id == bindparam("id")
    by_id = _live(table, select(*columns)).where(of_id)
    get, lock = Statement(f"get {name}", by_id, joint=True), Statement(f"lock {name}", by_id.with_for_update(key_share=True), locks=True)
    as_read = _as_read(table)
    held: Select[Any] = select(literal_column("1")).where(of_id, as_read).with_for_update(key_share=True)
    guard = Statement(f"guard {name}", held, guards=True)
    known = Statement(f"guard {name} as known", held.where(table.c.updated_at == bindparam("updated_before")), guards=True)
    return get, Lock(name, get, lock, guard, columns.index(table.c.revision), known)


def _find(table: Table, names: Iterable[str], fields: Iterable[str]) -> Statement:
    columns = [table.c[name] for name in names]
    same = [table.c[name] == bindparam(name) for name in fields]
    return Statement(f"find {table.name}", _live(table, select(*columns)).where(*same).limit(literal_column("2")), joint=True)


def _hold(table: Table, get: Statement, live: Select[Any]) -> Lock:
    """As the lock of `_fixed_statements`, but beside others who hold the record or change it: only that it stays out of the trash."""
    of_id = table.c.id == bindparam("id")
    held = live.where(of_id).with_for_update(read=True, key_share=True)
    there: Select[Any] = (
        select(literal_column("1")).where(of_id, table.c.trashed == literal_column("0")).with_for_update(read=True, key_share=True)
    )
    names = [column.name for column in live.selected_columns]
    guard = Statement(f"guard {table.name} in place", there, guards=True)
    return Lock(table.name, get, Statement(f"hold {table.name}", held, locks=True), guard, names.index("revision"), guard, shared=True)


def _update(table: Table, fields: Iterable[str]) -> Statement:
    clause = update(table).values({name: bindparam(name) for name in fields})
    return Statement(f"update {table.name}", clause.where(table.c.id == bindparam("id"), _as_read(table)), guards=True)


def _as_read(table: Table) -> ColumnElement[bool]:
    return and_(table.c.revision == bindparam("revision_before"), table.c.trashed == literal_column("0"))
