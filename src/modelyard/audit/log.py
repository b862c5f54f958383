"""Reads audit events: lists of one project's, and stretches of all."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import ColumnElement, Select, and_, bindparam, literal_column, or_, select

from modelyard.audit.events import Event
from modelyard.audit.tables import AUDIT_EVENT
from modelyard.context import Millis, ProjectId
from modelyard.records.kinds import Kind
from modelyard.search.page import Cursor, Page
from modelyard.store.columns import ID
from modelyard.store.database import Reader, Row
from modelyard.store.memory import MemoryDatabase
from modelyard.store.statements import Statement

WALK = 20_000
"""Events that one page looks at, where no index knows which of them are asked for."""


class Logged(NamedTuple):
    """An event and its id."""

    id: int
    event: Event


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What an event must have, as far as it is given. `since` is the first moment, `until` the first one after."""

    actor: str | None = None
    action: str | None = None
    kind: int | None = None
    record_id: int | None = None
    dialect: str | None = None
    request_id: str | None = None
    since: Millis | None = None
    until: Millis | None = None

    def takes(self, event: Event) -> bool:
        same = all(getattr(self, name) in (None, getattr(event, name)) for name in _NAMES)
        return same and (self.since is None or event.at >= self.since) and (self.until is None or event.at < self.until)


_NAMES = ("actor", "action", "kind", "record_id", "dialect", "request_id")
"""What an event has or has not, and is no moment."""
_SELECTIVE = frozenset({"record_id", "request_id"})
"""What an index leads to."""


class EventLog(Protocol):
    async def page(
        self, reader: Reader, project: ProjectId, wanted: EventFilter, limit: int, *, newest_first: bool, after: Cursor | None
    ) -> Page[Logged]:
        """Events of a project in the order of their time, those of one millisecond by id. Two statements at most.

        A page may have fewer than `limit` events, or none, and still be followed by another. Cursors hold an event's id and time.
        """
        ...

    async def stretch(self, reader: Reader, after: int, up_to: int, limit: int) -> Sequence[Logged]:
        """Every project's events with ids after the one and up to the other, by id."""
        ...

    async def of_project(self, reader: Reader, project: ProjectId, after: int, up_to: int) -> Sequence[Logged]:
        """One project's of such a stretch. It looks at all of it."""
        ...


_OF_TIME = frozenset({"since", "until", "after"})

_EVENT = AUDIT_EVENT.c
_COLUMNS = [_EVENT.id, *[_EVENT[name] for name in Event.__struct_fields__]]
_AFTER, _UP_TO = bindparam("after", type_=ID), bindparam("up_to", type_=ID)
_STRETCH = select(*_COLUMNS).where(_EVENT.id > _AFTER, _EVENT.id <= _UP_TO).order_by(_EVENT.id)
_ALL = Statement("read events", _STRETCH.limit(bindparam("limit", type_=ID)), slow=True)
# In parentheses, so that nobody enters the index of the project's events by time, and sorts them.
_OF_PROJECT = Statement("follow events", _STRETCH.where((_EVENT.project_id == bindparam("project", type_=ID)).is_(True)), slow=True)


class SqlEventLog:
    async def page(
        self, reader: Reader, project: ProjectId, wanted: EventFilter, limit: int, *, newest_first: bool, after: Cursor | None
    ) -> Page[Logged]:
        values: dict[str, Any] = {"project": project, **msgspec.structs.asdict(wanted), "limit": limit + 1}
        if after is not None:
            values |= {"after": after.id, "after_at": after.value}
        given = frozenset(name for name, value in values.items() if value is not None)
        walks = given.isdisjoint(_SELECTIVE) and not given.isdisjoint(_NAMES)
        end = await reader.row(_end(given & _OF_TIME, newest_first), {**values, "walk": WALK}) if walks else None
        if end is not None:
            given, values = given | {"end"}, values | {"end_at": end[0], "end": end[1]}
        found = [_logged(row) for row in await reader.rows(_page(given, newest_first), values)]
        return _as_page(found, limit, None if end is None else Cursor(end[1], end[0]))

    async def stretch(self, reader: Reader, after: int, up_to: int, limit: int) -> Sequence[Logged]:
        return [_logged(row) for row in await reader.rows(_ALL, {"after": after, "up_to": up_to, "limit": limit})]

    async def of_project(self, reader: Reader, project: ProjectId, after: int, up_to: int) -> Sequence[Logged]:
        return [_logged(row) for row in await reader.rows(_OF_PROJECT, {"project": project, "after": after, "up_to": up_to})]


class MemoryEventLog:
    """Of the events that `MemoryEvents` keeps, for tests."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def page(
        self, reader: Reader, project: ProjectId, wanted: EventFilter, limit: int, *, newest_first: bool, after: Cursor | None
    ) -> Page[Logged]:
        del reader
        sign = -1 if newest_first else 1
        found = [one for one in self._all() if one.event.project_id == project and wanted.takes(one.event)]
        found.sort(key=lambda one: (sign * one.event.at, sign * one.id))
        if after is not None:
            found = [one for one in found if (sign * one.event.at, sign * one.id) > (sign * after.value, sign * after.id)]
        return _as_page(found[: limit + 1], limit, None)

    async def stretch(self, reader: Reader, after: int, up_to: int, limit: int) -> Sequence[Logged]:
        del reader
        return [one for one in self._all() if after < one.id <= up_to][:limit]

    async def of_project(self, reader: Reader, project: ProjectId, after: int, up_to: int) -> Sequence[Logged]:
        del reader
        return [one for one in self._all() if after < one.id <= up_to and one.event.project_id == project]

    def _all(self) -> list[Logged]:
        return [Logged(key + 1, event) for key, event in self._database.tables["audit event"].items()]


def _logged(row: Row) -> Logged:
    event_id, *event = row
    return Logged(event_id, Event(*event))


def _as_page(found: list[Logged], limit: int, end: Cursor | None) -> Page[Logged]:
    """`end` is how far was looked, where that was not to the end."""
    items = found[:limit]
    return Page(items, Cursor(items[-1].id, items[-1].event.at) if len(found) > limit else end)


@functools.lru_cache(256)
def _page(given: frozenset[str], newest_first: bool) -> Statement:  # noqa: FBT001 - a cache's key
    same = {name: _EVENT[name] == bindparam(name, type_=_EVENT[name].type) for name in _NAMES if name in given}
    time = _of_time(given, newest_first)
    if given.isdisjoint(_SELECTIVE):
        clause = _by_time(select(*_COLUMNS), newest_first).where(*time, *[condition.is_(True) for condition in same.values()])
    else:
        # Few events: what is in parentheses, and a sum in the order, keep databases from going through the project's events by time.
        if "record_id" in given and "kind" not in given:
            same["kind"] = or_(*[_EVENT.kind == literal_column(str(int(kind))) for kind in Kind])  # or the index cannot be used
        clause = select(*_COLUMNS).where(*same.values(), and_(*time).is_(True))
        clause = clause.order_by(*_order(_EVENT.at + literal_column("0"), newest_first))
    return Statement("list events", clause.limit(bindparam("limit", type_=ID)), slow=True)


@functools.lru_cache(64)
def _end(given: frozenset[str], newest_first: bool) -> Statement:  # noqa: FBT001 - likewise
    """How far a page looks; nothing where there is no more than that."""
    clause = _by_time(select(_EVENT.at, _EVENT.id), newest_first).where(*_of_time(given, newest_first))
    return Statement("end of a walk over events", clause.limit(literal_column("1")).offset(bindparam("walk", type_=ID)), slow=True)


def _by_time(clause: Select[Any], newest_first: bool) -> Select[Any]:  # noqa: FBT001 - as its callers have it
    """MariaDB must be told where in the index to begin: it would rather go through the project's events from their end."""
    return clause.order_by(*_order(_EVENT.at, newest_first)).with_hint(AUDIT_EVENT, "FORCE INDEX (ix_audit_event_time)", "mysql")


def _order(at: ColumnElement[int], newest_first: bool) -> list[ColumnElement[int]]:  # noqa: FBT001 - as its callers have it
    return [at.desc(), _EVENT.id.desc()] if newest_first else [at.asc(), _EVENT.id.asc()]


def _of_time(given: frozenset[str], newest_first: bool) -> list[ColumnElement[bool]]:  # noqa: FBT001 - likewise
    """The project, and what the index by time answers."""
    found = [_EVENT.project_id == bindparam("project", type_=ID)]
    if "since" in given:
        found.append(_EVENT.at >= bindparam("since", type_=ID))
    if "until" in given:
        found.append(_EVENT.at < bindparam("until", type_=ID))
    if "after" in given:
        found += _beyond("after", backwards=newest_first)
    if "end" in given:
        found += _beyond("end", backwards=not newest_first, itself=True)
    return found


def _beyond(name: str, *, backwards: bool, itself: bool = False) -> list[ColumnElement[bool]]:
    """Events that come after the one of this name (its id, and its time `..._at`). The first condition is a plain range."""
    at, event_id = bindparam(f"{name}_at", type_=ID), bindparam(name, type_=ID)
    if backwards:
        return [_EVENT.at <= at, or_(_EVENT.at < at, _EVENT.id <= event_id if itself else _EVENT.id < event_id).is_(True)]
    return [_EVENT.at >= at, or_(_EVENT.at > at, _EVENT.id >= event_id if itself else _EVENT.id > event_id).is_(True)]
