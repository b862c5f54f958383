"""The trash in memory: the same promises as `records.sql_trash`, for tests of services."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from modelyard.context import Millis, ProjectId
from modelyard.errors import AlreadyExists
from modelyard.records.kinds import Kind
from modelyard.records.memory import MemoryLinks, MemoryRecords
from modelyard.records.record import Record
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
from modelyard.search.page import Cursor, Page
from modelyard.store.database import IdSequence, Reader, Unit
from modelyard.store.memory import MemoryDatabase


class MemoryTrash:
    """`Trash` over all the nouns."""

    def __init__(self, database: MemoryDatabase, nouns: Sequence[MemoryRecords[Any]], links: MemoryLinks) -> None:
        self._database = database
        self._nouns = {noun.kind: noun for noun in nouns}
        self._links = links

    async def take(self, unit: Unit, deletion: Deletion) -> tuple[Deletion, Sequence[Member]]:
        del unit
        deletion = msgspec.structs.replace(deletion, id=self._database.next_id(IdSequence.RESOURCE))
        self._database.tables["trash"][deletion.id] = deletion
        self._move(deletion, deletion.kind, {deletion.record_id})
        for one in BELONGINGS:
            owners = {record.id for kind, record in self._of(deletion.id) if kind is one.owner}
            going = {record.id for record in self._nouns[one.kind].live() if self._belongs(record, one.field, owners)}
            self._move(deletion, one.kind, going)
        return deletion, self._members(deletion)

    async def lock(self, unit: Unit, project: ProjectId, deletion_id: int) -> Deletion | None:
        del unit
        found: Deletion | None = self._database.tables["trash"].get(deletion_id)
        return found if found is not None and found.project_id == project else None

    async def give_back(self, unit: Unit, deletion: Deletion, name: str, now: Millis) -> Returned:
        _, record = self._database.tables["trashed"][deletion.kind, deletion.record_id]
        for one in BELONGINGS:
            if one.kind is deletion.kind and one.field is not None:
                owner = await self._nouns[one.owner].get(unit, deletion.project_id, getattr(record, one.field))
                if owner is None:
                    raise owner_in_trash(deletion, one.owner)
        parents = self._links.parents(record.id) if deletion.kind is Kind.ARTIFACT else set()
        if parents and not any(owner.id in parents for kind in (Kind.VERSION, Kind.RUN) for owner in self._nouns[kind].live()):
            raise owner_in_trash(deletion, Kind.VERSION)
        self._leave_with_others(deletion)
        members, records = self._members(deletion), list(self._of(deletion.id))
        named = record if name == record.name else record.renamed(name, now)
        for kind, gone in records:
            back = named if gone is record else gone
            try:
                self._nouns[kind].keep(back)
            except AlreadyExists as error:
                raise error if gone is record else along_taken(kind, str(error.details["field"])) from error
            del self._database.tables["trashed"][kind, gone.id]
        del self._database.tables["trash"][deletion.id]
        return Returned(members, record, named)

    def _leave_with_others(self, deletion: Deletion) -> None:
        """What has another owner that is in the trash stays there, and comes back with that one."""
        trashed = self._database.tables["trashed"]
        for one in BELONGINGS:
            if one.kind not in SEVERAL_OWNERS or one.field is None:
                continue
            for kind, record in self._of(deletion.id):
                other, _ = trashed.get((one.owner, getattr(record, one.field, None)), (deletion.id, None))
                if kind is one.kind and other != deletion.id:
                    if any(self._nouns[kind].namesakes(record, there) for its_kind, there in self._of(other) if its_kind is kind):
                        raise along_taken(kind, "name")
                    trashed[kind, record.id] = (other, record)

    async def page(self, reader: Reader, project: ProjectId, limit: int, after: Cursor | None) -> Page[Deletion]:
        del reader
        found = [one for one in self._database.tables["trash"].values() if one.project_id == project]
        found = sorted((one for one in found if after is None or one.id < after.id), key=lambda one: -one.id)
        items = found[:limit]
        return Page(items, Cursor(items[-1].id, items[-1].deleted_at) if len(found) > limit else None)

    async def condemn(self, unit: Unit, project: ProjectId, before: Millis) -> int:
        del unit
        old = [one.id for one in self._database.tables["trash"].values() if one.project_id == project and one.deleted_at < before]
        for deletion_id in old:
            self._condemn(deletion_id)
        return len(old)

    async def condemn_one(self, unit: Unit, project: ProjectId, deletion_id: int) -> bool:
        if await self.lock(unit, project, deletion_id) is None:
            return False
        self._condemn(deletion_id)
        below = [one.id for one in self._database.tables["trash"].values() if self._is_below(one, deletion_id)]
        for one in below:
            await self.condemn_one(unit, project, one)
        return True

    def _is_below(self, deletion: Deletion, other: int) -> bool:
        """Whether it was asked for of a record whose owner the other deletion took."""
        trashed = self._database.tables["trashed"]
        _, record = trashed[deletion.kind, deletion.record_id]
        owners = [(one.owner, getattr(record, one.field)) for one in BELONGINGS if one.kind is deletion.kind and one.field is not None]
        return any(owner in trashed and trashed[owner][0] == other for owner in owners)

    async def projects(self, reader: Reader, before: Millis) -> Sequence[ProjectId]:
        del reader
        kept, condemned = (self._database.tables[name].values() for name in ("trash", "condemned"))
        return sorted({one.project_id for one in kept if one.deleted_at < before} | {one.project_id for one in condemned})

    async def purge(self, unit: Unit, project: ProjectId) -> Sequence[Purged]:
        del unit
        condemned = [one.id for one in self._database.tables["condemned"].values() if one.project_id == project]
        for wanted in PURGE_ORDER:
            gone = [Purged(kind, record.id, one) for one in condemned for kind, record in self._of(one) if kind is wanted]
            for kind, record_id, _ in gone:
                if kind is Kind.ARTIFACT:
                    self._links.drop(record_id)
                elif kind in (Kind.VERSION, Kind.RUN):
                    self._links.drop_parent(record_id)
                del self._database.tables["trashed"][kind, record_id]
            if gone:
                return gone
        for one in condemned:
            del self._database.tables["condemned"][one]
        return []

    def _condemn(self, deletion_id: int) -> None:
        self._database.tables["condemned"][deletion_id] = self._database.tables["trash"].pop(deletion_id)

    def _belongs(self, record: Record, field: str | None, owners: set[int]) -> bool:
        if field is not None:
            return getattr(record, field) in owners
        parents = self._links.parents(record.id)
        return bool(parents) and parents <= owners

    def _move(self, deletion: Deletion, kind: Kind, ids: set[int]) -> None:
        for record_id in ids:
            self._database.tables["trashed"][kind, record_id] = (deletion.id, self._nouns[kind].remove(record_id))

    def _of(self, deletion_id: int) -> Iterator[tuple[Kind, Any]]:
        """What a deletion took, with its metric points."""
        trashed = list(self._database.tables["trashed"].items())
        return ((kind, record) for (kind, _), (deletion, record) in trashed if deletion == deletion_id)

    def _members(self, deletion: Deletion) -> Sequence[Member]:
        records = ((kind, record) for kind, record in self._of(deletion.id) if kind is not Kind.METRIC_POINT)
        return sorted(Member(kind, record.id, record.external_id) for kind, record in records)
