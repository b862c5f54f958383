"""Records in memory: the same promises as `records.sql`, for tests of services and as the filters' reference."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from modelyard.context import ProjectId
from modelyard.records.kinds import Kind
from modelyard.records.record import Record
from modelyard.records.sql import already_exists
from modelyard.search.evaluate import FieldValue, predicate
from modelyard.search.fields import Fields, FieldType
from modelyard.search.page import Cursor, ListQuery, Page
from modelyard.search.tree import Expr, both, equals
from modelyard.store.database import IdSequence, Reader, Unit
from modelyard.store.memory import MemoryDatabase

R = TypeVar("R", bound=Record)


class MemoryLinks:
    """`Links` in memory. `parents` tells the parents of a record."""

    def __init__(self, database: MemoryDatabase, name: str) -> None:
        self._database = database
        self._table = f"links {name}"

    async def has(self, unit: Unit, parent_id: int, record_id: int) -> bool:
        del unit
        return parent_id in self.parents(record_id)

    async def add(self, unit: Unit, parent_id: int, record_id: int) -> None:
        del unit
        rows = self._database.tables[self._table]
        rows[record_id] = rows.get(record_id, frozenset()) | {parent_id}

    async def add_all(self, unit: Unit, parent_id: int, record_ids: Sequence[int]) -> None:
        for record_id in record_ids:
            await self.add(unit, parent_id, record_id)

    def parents(self, record_id: int) -> frozenset[int]:
        found: frozenset[int] = self._database.tables[self._table].get(record_id, frozenset())
        return found

    def drop(self, record_id: int) -> None:
        """Forget a record."""
        self._database.tables[self._table].pop(record_id, None)

    def drop_parent(self, parent_id: int) -> None:
        """Forget a parent: whatever it has loses it."""
        rows = self._database.tables[self._table]
        rows.update({record_id: parents - {parent_id} for record_id, parents in rows.items() if parent_id in parents})


Linked = Mapping[str, Callable[[int], frozenset[int]]]


class MemoryRecords(Generic[R]):
    """`scope` are the fields within which names are unique; a None in one of them exempts a record, and so does `scope` None.

    `links` tell, for each link field, what a record is linked to.
    """

    def __init__(
        self, database: MemoryDatabase, kind: Kind, fields: Fields, scope: Sequence[str] | None = (), links: Linked | None = None
    ) -> None:
        self.kind = kind
        self.fields = fields
        self._database = database
        self._scope = scope
        self._links = links or {}
        self._table = kind.label

    async def insert(self, unit: Unit, record: R, *, racing: bool = False, referred: bool = False) -> R:
        del unit, racing, referred
        record = msgspec.structs.replace(record, id=self._database.next_id(self.kind.sequence))
        self.keep(record)
        return record

    async def get(self, reader: Reader, project: ProjectId, record_id: int) -> R | None:
        del reader
        record: R | None = self._database.tables[self._table].get(record_id)
        return record if record is not None and record.project_id == project else None

    async def find(self, reader: Reader, project: ProjectId, values: Mapping[str, str | int]) -> Sequence[R]:
        scope = both(*[equals(name, value) for name, value in values.items()])
        return (await self.page(reader, project, ListQuery(scope=scope, limit=2))).items

    async def lock(self, unit: Unit, project: ProjectId, record_id: int) -> R | None:
        return await self.get(unit, project, record_id)

    async def hold(self, unit: Unit, project: ProjectId, record_id: int) -> R | None:
        return await self.get(unit, project, record_id)

    async def lock_found(self, unit: Unit, record: R) -> R | None:
        return await self.get(unit, record.project_id, record.id)

    async def lock_all(self, unit: Unit, project: ProjectId, scope: Expr, *, few: bool = False) -> list[R]:
        del few
        return (await self.page(unit, project, ListQuery(scope=scope))).items

    async def insert_all(self, unit: Unit, records: Sequence[R]) -> list[R]:
        return [await self.insert(unit, record) for record in records]

    async def update_all(self, unit: Unit, records: Sequence[R], fields: tuple[str, ...]) -> None:
        del unit, fields
        for record in records:
            self.keep(record)

    async def update(self, unit: Unit, before: R, after: R) -> None:
        del unit
        assert before.id == after.id  # noqa: S101 - no caller's input leads here: a service that mixes up two records has a bug
        self.keep(after)

    async def page(self, reader: Reader, project: ProjectId, query: ListQuery) -> Page[R]:
        del reader
        wanted = both(query.scope, query.filter)
        test = predicate(wanted, self.fields) if wanted is not None else None
        rows: list[R] = [row for row in self._database.tables[self._table].values() if row.project_id == project]
        found = [row for row in rows if test is None or test(lambda name, row=row: self._field(row, name), row.properties)]  # type: ignore[misc]  # the default binds the loop's row, and a lambda cannot say its type
        found.sort(key=lambda row: (getattr(row, query.sort.value), row.id), reverse=query.descending)
        if query.after is not None:
            found = [row for row in found if _follows(self._cursor(row, query), query.after, descending=query.descending)]
        if query.limit is None or len(found) <= query.limit:
            return Page(found, None)
        items = found[: query.limit]
        return Page(items, self._cursor(items[-1], query))

    def live(self) -> list[R]:
        """Every record of every project."""
        return list(self._database.tables[self._table].values())

    def remove(self, record_id: int) -> R:
        """Take out a record, with its claim on an external id."""
        record: R = self._database.tables[self._table].pop(record_id)
        self._release(record_id)
        return record

    def keep(self, record: R) -> None:
        """Put a record in, in place of the one that has its id. Raises `AlreadyExists`."""
        for other in self._database.tables[self._table].values():
            if other.id != record.id and other.project_id == record.project_id and self.namesakes(record, other):
                raise already_exists(self.kind, record, "name")
        self._claim(record)
        self._database.tables[self._table][record.id] = record

    def _field(self, record: R, name: str) -> FieldValue:
        if self.fields[name].type is FieldType.LINK:
            return self._links[name](record.id)
        value: FieldValue = getattr(record, name)
        return value

    @staticmethod
    def _cursor(record: R, query: ListQuery) -> Cursor:
        return Cursor(record.id, getattr(record, query.sort.value))

    def namesakes(self, one: R, other: R) -> bool:
        if self._scope is None or one.name != other.name:
            return False
        return all(getattr(one, name) is not None and getattr(one, name) == getattr(other, name) for name in self._scope)

    def _claim(self, record: R) -> None:
        claims = self._claims()
        key = (record.project_id, record.external_id)
        if claims.get(key, record.id) != record.id:
            raise already_exists(self.kind, record, "external_id")
        self._release(record.id)
        if record.external_id is not None:
            claims[key] = record.id

    def _release(self, record_id: int) -> None:
        claims = self._claims()
        for stale in [old for old, owner in claims.items() if owner == record_id]:
            del claims[stale]

    def _claims(self) -> dict[Any, int]:
        """External ids are unique over all the kinds that share the resource sequence, and within any other kind."""
        shared = self.kind.sequence is IdSequence.RESOURCE
        return self._database.tables["external ids" if shared else f"external ids of {self._table}"]


def _follows(place: Cursor, after: Cursor, *, descending: bool) -> bool:
    here, there = (place.value, place.id), (after.value, after.id)
    return here < there if descending else here > there
