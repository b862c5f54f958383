"""The trash in a database."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Table

from modelyard.context import Millis, ProjectId
from modelyard.records import property_index
from modelyard.records import trash_statements as statements
from modelyard.records.kinds import Kind
from modelyard.records.properties import INT64_MAX
from modelyard.records.record import Record
from modelyard.records.rows import reader as row_reader
from modelyard.records.sql import SqlRecords, already_exists
from modelyard.records.trash import (
    BELONGINGS,
    PURGE_ORDER,
    SEVERAL_OWNERS,
    Deletion,
    Member,
    Purged,
    Returned,
    along_taken,
    owner_in_trash,
)
from modelyard.records.trash_statements import BATCH
from modelyard.search.page import Cursor, Page
from modelyard.store.database import IdSequence, Reader, Row, UniqueViolationError, Unit, Values


class SqlTrash:
    """`Trash` over the tables of all the nouns. `links` tells which versions and runs list an artifact."""

    def __init__(self, nouns: Sequence[SqlRecords[Any]], links: Table) -> None:
        self._nouns = {noun.kind: noun for noun in nouns}
        tables = {noun.kind: noun.table for noun in nouns}
        members: dict[Kind, Table] = {kind: table for kind, table in tables.items() if kind is not Kind.METRIC_POINT}
        self._ways = [statements.way(one, tables, links) for one in BELONGINGS]
        self._counts = {one.kind: statements.count(one, tables) for one in BELONGINGS if one.counted}
        self._stays = [statements.stay(one, tables) for one in BELONGINGS if one.kind in SEVERAL_OWNERS and one.field]
        self._mark = {kind: statements.mark(table) for kind, table in members.items()}
        self._unmark = {kind: statements.unmark(table) for kind, table in members.items()}
        self._rename = {kind: statements.rename(table) for kind, table in members.items()}
        self._unmark_points = statements.unmark_points(tables[Kind.METRIC_POINT], tables[Kind.RUN])
        columns = {noun.kind: [noun.table.c[name] for name in noun.entity.__struct_fields__] for noun in nouns}
        self._read = {noun.kind: row_reader(noun.entity) for noun in nouns}
        self._find = {kind: statements.find(table, columns[kind]) for kind, table in members.items()}
        self._members = statements.members(members)
        self._condemn_below = statements.condemn_below(tables)
        self._condemned = {noun.kind: statements.condemned(noun.kind, columns[noun.kind], tables) for noun in nouns}
        self._erase = {kind: [statements.erase(table)] for kind, table in tables.items()}
        for kind, column in ((Kind.ARTIFACT, "id"), (Kind.VERSION, "parent_id"), (Kind.RUN, "parent_id")):
            self._erase[kind].insert(0, statements.erase(links, column))
        self._finish = statements.finish(members)

    async def take(self, unit: Unit, deletion: Deletion) -> tuple[Deletion, Sequence[Member]]:
        deletion = msgspec.structs.replace(deletion, id=await unit.next_id(IdSequence.RESOURCE))
        values = _values(deletion)
        await unit.later(statements.ADD, [_row(deletion)])
        await unit.execute(self._mark[deletion.kind], values)
        await self._count(unit, deletion, -1)
        going = {deletion.kind}
        for way in self._ways:
            # Locked first: what other units are doing to them is done by the time that it is asked which of them go along. All of them are
            # read, for PostgreSQL locks no more rows than it is asked for.
            if way.owner in going and await unit.rows(way.lock, values):
                await unit.execute(way.mark, values)
                going.add(way.kind)
        members = await self._read_members(unit, deletion)
        for member in members:
            unit.learn(self._nouns[member.kind].known_as(deletion.project_id, member.id), None)
        await unit.later(statements.RELEASE, [claim[:2] for claim in _claims(deletion, members)])
        return deletion, members

    async def lock(self, unit: Unit, project: ProjectId, deletion_id: int) -> Deletion | None:
        row = await unit.row(statements.LOCK, {"project": project, "id": deletion_id})
        return None if row is None else _deletion(row)

    async def give_back(self, unit: Unit, deletion: Deletion, name: str, now: Millis) -> Returned:
        values = _values(deletion)
        for way in self._ways:
            if way.kind is deletion.kind and way.owned is not None and await unit.row(way.owned, values) is None:
                raise owner_in_trash(deletion, way.owner)
        if deletion.kind is Kind.ARTIFACT:
            await self._check_listed(unit, deletion)
        before = await self._deleted(unit, deletion)
        record = await self._named(unit, deletion.kind, before, name, now)
        await self._leave_with_others(unit, values)
        members = await self._read_members(unit, deletion)
        await unit.execute(self._unmark_points, values)  # they are found through their run, so before that is back
        for kind in sorted({member.kind for member in members}):
            try:
                await unit.execute(self._unmark[kind], values)
            except UniqueViolationError as error:
                field = "external_id" if "external_id" in error.constraint else "name"
                raise (already_exists(kind, record, field) if kind is deletion.kind else along_taken(kind, field)) from error
        await self._count(unit, deletion, 1)
        await unit.later(statements.CLAIM, _claims(deletion, members), lambda _: along_taken(deletion.kind, "external_id"))
        await unit.later(statements.FORGET, [{"id": deletion.id}])
        return Returned(members, before, record)

    async def _check_listed(self, unit: Unit, deletion: Deletion) -> None:
        """An artifact comes back after those that list it, or after one of them. Where they are gone for good it need not wait."""
        found = [
            (way.owner, row[0]) for way in self._ways if way.listed is not None for row in await unit.rows(way.listed, _values(deletion))
        ]
        if found and all(trashed for _, trashed in found):
            raise owner_in_trash(deletion, found[0][0])

    async def _count(self, unit: Unit, deletion: Deletion, by: int) -> None:
        """What was asked for is no longer, or again, among those that its owner has. What went with an owner stays counted by it."""
        if deletion.kind in self._counts:
            await unit.execute(self._counts[deletion.kind], {"id": deletion.record_id, "by": by})

    async def _leave_with_others(self, unit: Unit, values: Values) -> None:
        """What has another owner that is in the trash stays there, and comes back with that one."""
        for one in self._stays:
            await unit.rows(one.deletions, values)
            if not await unit.rows(one.lock, values):
                continue
            try:
                await unit.execute(one.follow, values)
            except UniqueViolationError as error:
                raise along_taken(one.kind, "external_id" if "external_id" in error.constraint else "name") from error

    async def page(self, reader: Reader, project: ProjectId, limit: int, after: Cursor | None) -> Page[Deletion]:
        values = {"project": project, "after": after.id if after else INT64_MAX, "limit": limit + 1}
        found = [_deletion(row) for row in await reader.rows(statements.PAGE, values)]
        items = found[:limit]
        return Page(items, Cursor(items[-1].id, items[-1].deleted_at) if len(found) > limit else None)

    async def condemn(self, unit: Unit, project: ProjectId, before: Millis) -> int:
        return await unit.execute(statements.CONDEMN, {"project": project, "before": before})

    async def condemn_one(self, unit: Unit, project: ProjectId, deletion_id: int) -> bool:
        if await unit.execute(statements.CONDEMN_ONE, {"project": project, "deletion_id": deletion_id}) != 1:
            return False
        while await unit.execute(self._condemn_below, {"project": project}):
            pass  # as often as kinds own each other, at most
        return True

    async def projects(self, reader: Reader, before: Millis) -> Sequence[ProjectId]:
        return [ProjectId(row[0]) for row in await reader.rows(statements.PROJECTS, {"before": before})]

    async def purge(self, unit: Unit, project: ProjectId) -> Sequence[Purged]:
        for kind in PURGE_ORDER:
            rows = await unit.rows(self._condemned[kind], {"project": project})
            if rows:
                return await self._purge(unit, kind, rows)
        await unit.execute(self._finish, {"project": project})
        return []

    async def _purge(self, unit: Unit, kind: Kind, rows: Sequence[Row]) -> Sequence[Purged]:
        records = [self._read[kind](row[1:]) for row in rows]
        await property_index.replace(unit, self._nouns[kind].entries(*records), property_index.Entries())
        ids = {f"id{number}": records[min(number, len(records) - 1)].id for number in range(BATCH)}
        for statement in self._erase[kind]:
            await unit.execute(statement, ids)
        return [Purged(kind, record.id, row[0]) for record, row in zip(records, rows, strict=True)]

    async def _deleted(self, unit: Unit, deletion: Deletion) -> Record:
        """The record that was asked for."""
        row = await unit.row(self._find[deletion.kind], _values(deletion))
        assert row is not None  # noqa: S101 - a deletion that can be restored has its record
        record: Record = self._read[deletion.kind](row)
        return record

    async def _named(self, unit: Unit, kind: Kind, record: Record, name: str, now: Millis) -> Record:
        """The record, under its new name if it is another."""
        if name == record.name:
            return record
        renamed = record.renamed(name, now)
        changes = {"id": record.id, "new_name": name, "now": renamed.updated_at, "new_revision": renamed.revision}
        await unit.execute(self._rename[kind], changes)
        unit.learn(self._nouns[kind].known_as(record.project_id, record.id), renamed)
        return renamed

    async def _read_members(self, unit: Unit, deletion: Deletion) -> Sequence[Member]:
        rows = await unit.rows(self._members, _values(deletion))
        return sorted(Member(Kind(kind), record_id, external_id) for kind, record_id, external_id in rows)


def _values(deletion: Deletion) -> Values:
    return {"project": deletion.project_id, "deletion": deletion.id, "id": deletion.record_id}


def _row(deletion: Deletion) -> Row:
    deletion_id, project, kind, *rest = msgspec.structs.astuple(deletion)
    return (deletion_id, project, int(kind), *rest, 0)


def _deletion(row: Row) -> Deletion:
    deletion_id, project, kind, *rest = row
    return Deletion(deletion_id, project, Kind(kind), *rest)


def _claims(deletion: Deletion, members: Sequence[Member]) -> list[tuple[int, str, int, int]]:
    """The claims on external ids, of the kinds that share the resource sequence: a claim's key is its first two values."""
    return [
        (deletion.project_id, member.external_id, int(member.kind), member.id)
        for member in members
        if member.external_id is not None and member.kind.sequence is IdSequence.RESOURCE
    ]
