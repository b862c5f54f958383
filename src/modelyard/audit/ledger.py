"""The one way services change records: the change and its audit event in one transaction, and the rules that hold for every noun."""

import functools
import operator
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from modelyard.audit.events import Action, Event
from modelyard.audit.repository import Events
from modelyard.context import Caller, Clock, Millis
from modelyard.errors import NotFound, Stale, invalid
from modelyard.records import properties
from modelyard.records.kinds import Kind
from modelyard.records.record import NewRecord, Record, RecordPatch
from modelyard.records.repository import Links, Records
from modelyard.records.trash import Deletion, Trash, no_deletion
from modelyard.store.columns import NAME_LENGTH
from modelyard.store.database import Reader, Unit

R = TypeVar("R", bound=Record)


class Ledger:
    """Changes records of any kind, leaving an audit event for each."""

    def __init__(self, events: Events, clock: Clock, trash: Trash) -> None:
        self._events = events
        self._clock = clock
        self._trash = trash

    async def create(self, unit: Unit, caller: Caller, records: Records[R], entity: type[R], new: NewRecord, **own: Any) -> R:
        """Insert what `new` asks for. Fields of the entity come from `new` by name, or from `own`, which wins.

        Errors: `Invalid` for values no store could keep, `AlreadyExists`.
        """
        _check(new)
        now = self._clock()
        get, names = _shared(type(new), entity)
        values = dict(zip(names, get(new), strict=True))
        values["name"] = new.name or str(uuid.uuid4())
        record = await records.insert(
            unit, entity(**values | {"id": 0, "project_id": caller.project, "created_at": now, "updated_at": now, "revision": 1} | own)
        )
        await self._append(unit, caller, Action.CREATED, records, None, record)
        return record

    async def update(self, unit: Unit, caller: Caller, records: Records[R], before: R, patch: RecordPatch, **own: Any) -> R:
        """Apply a patch to a record locked in this unit. Errors: `Stale`, `Invalid`, `AlreadyExists`."""
        if patch.revisions is not None and before.revision not in patch.revisions:
            message = f"{records.kind.label} {before.id} is at revision {before.revision} by now: read it again and retry"
            raise Stale(message, actual=before.revision)
        _check(patch)
        changes = {
            name: value for name, value in msgspec.structs.asdict(patch).items() if value is not msgspec.UNSET and name != "revisions"
        }
        after = msgspec.structs.replace(before, **{**changes, **own}, updated_at=self.later_than(before), revision=before.revision + 1)
        await records.update(unit, before, after)
        await self._append(unit, caller, Action.UPDATED, records, before, after)
        return after

    async def attach(self, unit: Unit, caller: Caller, links: Links, records: Records[R], parent_id: int, record: R) -> None:
        """Give a record one more parent, unless it has it."""
        if await links.has(unit, parent_id, record.id):
            return
        await links.add(unit, parent_id, record.id)
        await self._events.append(unit, self._event(caller, Action.ATTACHED, records.kind, record.id, None, str(parent_id)))

    async def trash(self, unit: Unit, caller: Caller, records: Records[R], record_id: int) -> Deletion:
        """Move a record to the trash, with all that belongs to it. Its name and external id are free again at once. Errors: `NotFound`."""
        record = await locked(unit, caller, records, record_id)
        new = Deletion(0, caller.project, records.kind, record.id, record.name, self._clock(), caller.name)
        deletion, members = await self._trash.take(unit, new)
        gone = [self._event(caller, Action.TRASHED, member.kind, member.id, None, str(deletion.id)) for member in members]
        await self._events.extend(unit, gone)
        return deletion

    async def restore(self, unit: Unit, caller: Caller, deletion_id: int, name: str | None) -> Deletion:
        """Bring back what a deletion took, the record that was asked for under another name if one is given; returns what was undone.

        Errors: `NotFound`; `AlreadyExists` when the name or an external id has been taken meanwhile; `Invalid` while an owner of the
        record is in the trash itself.
        """
        deletion = await self._trash.lock(unit, caller.project, deletion_id)
        if deletion is None:
            raise no_deletion(deletion_id)
        name = deletion.name if name is None else name
        _check_length("name", name)
        members, before, after = await self._trash.give_back(unit, deletion, name, self._clock())
        back = [self._event(caller, Action.RESTORED, member.kind, member.id, str(deletion.id), None) for member in members]
        if after is not before:
            back.append(self._event(caller, Action.UPDATED, deletion.kind, after.id, _json(before), _json(after)))
        await self._events.extend(unit, back)
        return deletion

    async def purge(self, unit: Unit, caller: Caller) -> int:
        """Remove a batch of what is condemned for good (see `Trash.purge`); returns how many records and metric points, 0 at the end."""
        gone = await self._trash.purge(unit, caller.project)
        events = [self._event(caller, Action.PURGED, one.kind, one.id, str(one.deletion), None) for one in gone]
        await self._events.extend(unit, [event for event in events if event.kind != Kind.METRIC_POINT])
        return len(gone)

    async def note(self, unit: Unit, caller: Caller, action: Action, records: Records[R], record: R, before: object, after: object) -> None:
        """Leave an event for a change that touched more than its record. `before` and `after` are told as JSON."""
        await self._events.append(unit, self._event(caller, action, records.kind, record.id, _json(before), _json(after)))

    def later_than(self, *before: Record) -> Millis:
        """The time for a change of these records: now, and not before the change that they had last."""
        return max([self._clock(), *[record.updated_at for record in before]])

    async def _append(self, unit: Unit, caller: Caller, action: Action, records: Records[R], before: R | None, after: R) -> None:
        old = None if before is None else _json(before)
        await self._events.append(unit, self._event(caller, action, records.kind, after.id, old, _json(after)))

    def _event(self, caller: Caller, action: Action, kind: Kind, record_id: int, before: str | None, after: str | None) -> Event:
        return Event(
            caller.project,
            self._clock(),
            caller.name,
            caller.dialect,
            caller.request_id,
            action,
            int(kind),
            record_id,
            before,
            after,
        )


async def existing(reader: Reader, caller: Caller, records: Records[R], record_id: int) -> R:
    """The record of this id, or `NotFound`."""
    record = await records.get(reader, caller.project, record_id)
    return record if record is not None else _missing(records, record_id)


async def locked(unit: Unit, caller: Caller, records: Records[R], record_id: int) -> R:
    """The record of this id, locked until the unit ends, or `NotFound`."""
    record = await records.lock(unit, caller.project, record_id)
    return record if record is not None else _missing(records, record_id)


async def held(unit: Unit, caller: Caller, records: Records[R], record_id: int) -> R:
    """The record of this id, which stays out of the trash until the unit ends, or `NotFound`."""
    record = await records.hold(unit, caller.project, record_id)
    return record if record is not None else _missing(records, record_id)


@functools.cache
def _shared(new: type[NewRecord], entity: type[Record]) -> tuple[Callable[[NewRecord], tuple[Any, ...]], tuple[str, ...]]:
    """A function that reads, in one step, the fields that a command has in common with the entity; and their names."""
    names = tuple(name for name in new.__struct_fields__ if name in entity.__struct_fields__)
    return operator.attrgetter(*names), names


def _json(told: object) -> str:
    return msgspec.json.encode(told).decode()


def _missing(records: Records[R], record_id: int) -> R:
    raise NotFound(f"no {records.kind.label} has the id {record_id}", kind=records.kind, id=record_id)


def _check(given: NewRecord | RecordPatch) -> None:
    for field in ("name", "external_id"):
        value = getattr(given, field, None)
        if isinstance(value, str):
            _check_length(field, value)
    if given.properties is not msgspec.UNSET:
        properties.check(given.properties)


def _check_length(field: str, value: str) -> None:
    if len(value) > NAME_LENGTH:
        invalid(field, value, f"use at most {NAME_LENGTH} characters, not {len(value)}")
