"""The one way services change records: the change and its audit event in one transaction, and the rules that hold for every noun."""

import functools
import itertools
import operator
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import astuple

from modelyard.audit.events import Action, Event
from modelyard.audit.repository import Events
from modelyard.context import Caller, Clock, Millis, Reach
from modelyard.errors import Forbidden, NotFound, Stale, invalid
from modelyard.records import properties, reach
from modelyard.records.kinds import Kind
from modelyard.records.reach import ALONE, THROUGH_OWNERS
from modelyard.records.record import NewRecord, Record, RecordPatch
from modelyard.records.repository import Links, Records
from modelyard.records.trash import Deletion, Trash, no_deletion
from modelyard.records.written import Argument, written
from modelyard.search.page import ListQuery, Page
from modelyard.search.tree import both, equals
from modelyard.store.columns import NAME_LENGTH
from modelyard.store.database import NewId, Reader, Unit

R = TypeVar("R", bound=Record)


class Ledger:
    """Changes records of any kind, leaving an audit event for each."""

    def __init__(self, events: Events, clock: Clock, trash: Trash) -> None:
        self._events = events
        self._clock = clock
        self._trash = trash

    async def create(
        self,
        unit: Unit,
        caller: Caller,
        records: Records[R],
        entity: type[R],
        new: NewRecord,
        *,
        racing: bool = False,
        referred: bool = False,
        **own: Any,
    ) -> R:
        """Insert what `new` asks for. Fields of the entity come from `new` by name, or from `own`, which wins. `racing` and `referred` are
        those of `Records.insert`.

        Errors: `Invalid` for values no store could keep, `AlreadyExists`, `Forbidden` for what belongs to nothing but a project that the
        caller does not reach as a whole.
        """
        if records.kind in ALONE:
            needs_project(caller, records.kind)
        _check(new)
        now = self._clock()
        make: Callable[[Any], R] = _maker(type(new), entity, tuple(own))
        record = make((new, caller.project, new.name or str(uuid.uuid4()), now, *own.values()))
        record = await records.insert(unit, record, racing=racing, referred=referred)
        await self._append(unit, caller, Action.CREATED, records, None, record)
        return record

    async def find_or_create(self, unit: Unit, caller: Caller, records: Records[R], entity: type[R], new: NewRecord) -> R:
        """The record of that name in the caller's project, held, or a new one. Two that make it at once end with one.

        An environment is only a place: whoever may deploy a model may do so in any, and may be the first who does.
        """
        assert new.name is not None  # noqa: S101 - what has no name cannot be found
        if records.kind is Kind.ENVIRONMENT:
            caller = msgspec.structs.replace(caller, reach=None)
        namesakes = await records.find(unit, caller.project, {"name": new.name})
        if namesakes and (record := await records.hold(unit, caller.project, namesakes[0].id)) is not None:
            if caller.reach is not None and await reached(unit, caller, records, record) is None:
                needs_project(caller, records.kind)
            return record
        return await self.create(unit, caller, records, entity, new, racing=True, referred=True)

    async def create_all(self, unit: Unit, caller: Caller, records: Records[R], new: Sequence[R]) -> list[R]:
        """Insert many (see `Records.insert_all`), in as many statements as one takes."""
        made = await records.insert_all(unit, new)
        events = [self._event(caller, Action.CREATED, records.kind, record.id, None, _json(record)) for record in made]
        await self._events.extend(unit, events)
        return made

    async def update_all(
        self, unit: Unit, caller: Caller, records: Records[R], changes: Sequence[tuple[R, R]], fields: tuple[str, ...]
    ) -> None:
        """Replace these fields of locked records, given as they were and as they will be, in as many statements as one takes."""
        await records.update_all(unit, [after for _, after in changes], fields)
        events = [self._event(caller, Action.UPDATED, records.kind, after.id, _json(before), _json(after)) for before, after in changes]
        await self._events.extend(unit, events)

    async def update(self, unit: Unit, caller: Caller, records: Records[R], before: R, patch: RecordPatch, **own: Any) -> R:
        """Apply a patch to a record locked in this unit. Errors: `Stale`, `Invalid`, `AlreadyExists`."""
        _check_current(records, before, patch.revisions)
        _check(patch)
        after = msgspec.structs.replace(
            before, **{**_given(patch), **own}, updated_at=self.later_than(before), revision=before.revision + 1
        )
        await records.update(unit, before, after)
        await self._append(unit, caller, Action.UPDATED, records, before, after)
        return after

    async def attach(self, unit: Unit, caller: Caller, links: Links, records: Records[R], parent_id: int, record: R) -> None:
        """Give a record one more parent, unless it has it."""
        if await links.has(unit, parent_id, record.id):
            return
        await links.add(unit, parent_id, record.id)
        await self._events.append(unit, self._event(caller, Action.ATTACHED, records.kind, record.id, None, str(parent_id)))

    async def trash(
        self, unit: Unit, caller: Caller, records: Records[R], record_id: int, revisions: frozenset[int] | None = None
    ) -> Deletion:
        """Move a record to the trash, with all that belongs to it. Its name and external id are free again at once.

        `revisions` as in `RecordPatch`. Errors: `NotFound`, `Stale`.
        """
        record = await locked(unit, caller, records, record_id)
        _check_current(records, record, revisions)
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


def _given(patch: RecordPatch) -> dict[str, Any]:
    """What it gives, by field. An artifact has thirty fields, of which most patches give one: a loop in Python would cost more."""
    values = astuple(patch)
    given = map(operator.is_not, values, itertools.repeat(msgspec.UNSET))
    changes = dict(itertools.compress(zip(patch.__struct_fields__, values, strict=True), given))
    changes.pop("revisions", None)
    return changes


async def existing(reader: Reader, caller: Caller, records: Records[R], record_id: int) -> R:
    """The record of this id, or `NotFound`: what the caller may not see is not there."""
    record = await records.get(reader, caller.project, record_id)
    if record is not None and (caller.sight is None or await _within(reader, records, record, caller.sight)):
        return record
    return missing(records, record_id)


async def found(reader: Reader, caller: Caller, records: Records[R], values: Mapping[str, str | int]) -> Sequence[R]:
    """Those of these values (see `Records.find`) that the caller may see."""
    records_found = await records.find(reader, caller.project, values)
    if caller.sight is None:
        return records_found
    return [record for record in records_found if await _within(reader, records, record, caller.sight)]


def listed(reader: Reader, caller: Caller, records: Records[R], query: ListQuery) -> Awaitable[Page[R]]:
    """A page of the records that the caller may see."""
    if caller.sight is not None:
        query = msgspec.structs.replace(query, scope=both(query.scope, reach.scope(records.kind, caller.sight)))
    return records.page(reader, caller.project, query)


async def lock(unit: Unit, caller: Caller, records: Records[R], record_id: int) -> R | None:
    """The record of this id, locked until the unit ends; None when it is not there. Raises `Forbidden` as `locked` does."""
    record = await records.lock(unit, caller.project, record_id)
    return record if record is None or caller.reach is None else await reached(unit, caller, records, record)


async def locked(unit: Unit, caller: Caller, records: Records[R], record_id: int) -> R:
    """The record of this id, locked until the unit ends, or `NotFound`; `Forbidden` when the caller may only see it."""
    record = await lock(unit, caller, records, record_id)
    return record if record is not None else missing(records, record_id)


async def held(unit: Unit, caller: Caller, records: Records[R], record_id: int) -> R:
    """The record of this id, which stays out of the trash until the unit ends. Errors as of `locked`."""
    record = await held_by_any(unit, caller, records, record_id)
    seen = record if caller.reach is None else await reached(unit, caller, records, record)
    return seen if seen is not None else missing(records, record_id)


async def held_by_any(unit: Unit, caller: Caller, records: Records[R], record_id: int) -> R:
    """As `held`, of what every caller of the project may refer to."""
    record = await records.hold(unit, caller.project, record_id)
    return record if record is not None else missing(records, record_id)


def needs_project(caller: Caller, kind: Kind) -> None:
    """Raises `Forbidden` for a caller that does not reach the whole project: to make something of this kind is not for it."""
    if caller.reach is not None:
        raise Forbidden(
            f"to create a {kind.label} needs a role on the whole project, and {caller.name} has one on some of its records only"
        )


async def reached(unit: Unit, caller: Caller, records: Records[R], record: R) -> R | None:
    """The record, if the caller reaches it; None if it does not even see it, and `Forbidden` if it does that."""
    if caller.reach is None or await _within(unit, records, record, caller.reach):
        return record
    if caller.sight is None or await _within(unit, records, record, caller.sight):
        raise Forbidden(f"{caller.name} may see {records.kind.label} {record.id}, and not do this with it")
    return None


async def _within(reader: Reader, records: Records[R], record: R, within: Reach) -> bool:
    if records.kind not in THROUGH_OWNERS:
        return reach.holds(records.kind, record, within)
    scope = both(equals("id", record.id), reach.scope(records.kind, within))
    return bool((await records.page(reader, record.project_id, ListQuery(scope=scope, limit=1))).items)


@functools.cache
def _maker(new: type[NewRecord], entity: type[R], own: tuple[str, ...]) -> Callable[[Any], R]:
    """A function that makes a record of a command, a project, a name, a time, and what goes by the names of `own`, which wins."""
    given = {"id": "0", "project_id": "project", "name": "name", "created_at": "now", "updated_at": "now", "revision": "1"}
    sources = {name: f"new.{name}" for name in new.__struct_fields__} | given | {name: f"own_{name}" for name in own}
    parameter = ", ".join(("new", "project", "name", "now", *[f"own_{name}" for name in own]))
    return written(parameter, entity, [Argument(sources[name]) for name in entity.__struct_fields__])


def _json(told: object) -> str:
    return _ENCODER.encode(told).decode()


def _not_given(value: object) -> int:
    """For an id that is yet to be given (see `store.database.Told`)."""
    if isinstance(value, NewId):
        return 0
    raise NotImplementedError(f"{type(value).__name__} has no form in JSON")


_ENCODER = msgspec.json.Encoder(enc_hook=_not_given)


def missing(records: Records[R], record_id: int) -> R:
    """Raises `NotFound` of this id."""
    raise NotFound(f"no {records.kind.label} has the id {record_id}", kind=records.kind, id=record_id)


def _check_current(records: Records[R], record: R, revisions: frozenset[int] | None) -> None:
    if revisions is not None and record.revision not in revisions:
        message = f"{records.kind.label} {record.id} is at revision {record.revision} by now: read it again and retry"
        raise Stale(message, kind=records.kind, actual=record.revision)


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
