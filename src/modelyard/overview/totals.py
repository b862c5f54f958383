"""Lists of all of a project's records of a kind, by offset, whose number is remembered instead of counted each time.

Every record that is made, goes to the trash or comes back leaves an event in the same transaction. So what was counted once, together with
an event up to which nothing can appear in the log any more (the horizon), and the events after that one, are how many there are: in the
snapshot of the statement that reads the page, whichever servers write. Nobody who writes takes part in this. Likewise it is remembered
where pages begin that were read before.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, String, Subquery, Table, and_, bindparam, case, cast, func, literal_column, select

from modelyard.audit.events import Action
from modelyard.audit.horizon import PAUSE, Horizon
from modelyard.audit.tables import AUDIT_EVENT
from modelyard.context import Caller, ProjectId
from modelyard.overview.offsets import PROJECT, ZERO, Hidden, OffsetList, Pages, Slice, counting, live
from modelyard.overview.places import Places
from modelyard.records.kinds import Kind
from modelyard.records.properties import INT64_MAX
from modelyard.store.columns import ID
from modelyard.store.database import Database, Row
from modelyard.store.statements import Statement
from modelyard.store.tables import ACCESS_STATE

REACH = 200
"""Events that the statement for a page looks through at most."""
MOVES = 1_000
"""Records below the last known place that have come or gone: where there are more, places are learnt anew."""
BEHIND = 50
"""Events after which what is remembered is brought nearer to the end of the log."""
SETTLING = 2 * PAUSE
"""Seconds for which an epoch must have lasted before anything is remembered of it: then the horizon was looked for in it."""

_EVENT = AUDIT_EVENT.c
_MARK, _UP_TO = Hidden("mark"), bindparam("up_to", type_=ID)
_CHANGES = {Action.CREATED: "1", Action.RESTORED: "1", Action.TRASHED: "-1"}
_EPOCH = select(ACCESS_STATE.c.revision).scalar_subquery()
"""Rises when the store is emptied, after which ids of events may come back (`store.wipe`); and when accounts change."""


class Known(msgspec.Struct, frozen=True):
    """There are `total` records, and pages begin at these places, when there are no events after `mark`."""

    mark: int
    total: int
    epoch: int
    places: Places


class KindList:
    """The list of one kind. Each row has the table's `columns`, and one more."""

    def __init__(self, kind: Kind, table: Table, columns: Sequence[str]) -> None:
        self.kind = kind
        self.narrow = OffsetList(table, columns)
        self.pages = Pages(table, columns, live, (_told(kind),))
        recent, settled = _since(_EVENT.id > _MARK), _since(and_(_EVENT.id > _MARK, _EVENT.id <= _UP_TO))
        count, changes = counting(table, live).scalar_subquery(), _changes(kind, recent)
        self.count = Statement(f"count {table.name}", select(count, changes, _EPOCH), slow=True)
        self.catch_up = Statement(f"changes of {table.name}", select(_changes(kind, settled), _EPOCH), slow=True)
        self.changes = Statement(f"recent changes of {table.name}", select(changes, _EPOCH), slow=True)
        moves = select(settled.c.record_id, _by(settled)).where(_moves(kind, settled), settled.c.record_id < bindparam("below", type_=ID))
        self.moves = Statement(f"moves of {table.name}", moves.limit(literal_column(str(MOVES))), slow=True)


def _since(stretch: ColumnElement[bool], most: int | None = None) -> Subquery:
    """The events of a stretch, or the first of them."""
    clause = select(_EVENT.project_id, _EVENT.kind, _EVENT.action, _EVENT.record_id).where(stretch).order_by(_EVENT.id)
    return (clause if most is None else clause.limit(literal_column(str(most)))).subquery("since")


def _moves(kind: Kind, since: Subquery) -> ColumnElement[bool]:
    """Whether an event is of a record of this kind that came or went."""
    # The project and the kind are asked for out here, so that nobody enters another index than that of ids.
    ours = and_(since.c.project_id == PROJECT, since.c.kind == literal_column(str(int(kind))))
    return and_(ours, _by(since).is_not(None))


def _by(since: Subquery) -> ColumnElement[Any]:
    """By how much an event changed the number of live records; NULL if it did not."""
    return case(*[(since.c.action == literal_column(f"'{action}'"), literal_column(one)) for action, one in _CHANGES.items()])


def _changes(kind: Kind, since: Subquery) -> ColumnElement[Any]:
    """By how much these events changed the number of live records."""
    return select(func.coalesce(func.sum(_by(since)), ZERO)).where(_moves(kind, since)).scalar_subquery()


class Told(NamedTuple):
    """What each row of a page tells of the events since what is remembered."""

    epoch: int
    behind: int
    """How many events there are."""
    changes: int
    """By how much they changed the number of live records."""
    unmoved: int
    """The id below which they brought and took nothing."""

    def of(self, known: Known) -> bool:
        """Whether they are all that has happened since."""
        return self.epoch == known.epoch and self.behind < REACH


def _told(kind: Kind) -> ColumnElement[str]:
    """The fields of `Told` as one text. All of it is asked at once: for a server, a look at the events costs as much as some rows."""
    since = _since(_EVENT.id > _MARK, REACH)
    ours = _moves(kind, since)
    changes = func.sum(case((ours, _by(since)), else_=ZERO))
    lowest = func.min(case((ours, since.c.record_id)))
    numbers = (
        func.coalesce(_EPOCH, ZERO),
        func.count(),
        func.coalesce(changes, ZERO),
        func.coalesce(lowest, literal_column(str(INT64_MAX))),
    )
    epoch, behind, by, unmoved = [cast(number, String) for number in numbers]
    space = literal_column("' '", String)
    text = epoch + space + behind + space + by + space + unmoved
    return select(text).select_from(since).scalar_subquery()


def _read(row: Row) -> Told:
    return Told(*map(int, row[-1].split()))


class Totals:
    """Remembers how many records the projects have. One for each process and kind."""

    def __init__(self, database: Database, horizon: Horizon, records: KindList) -> None:
        self._database = database
        self._horizon = horizon
        self._list = records
        self._known: dict[ProjectId, Known] = {}
        self._advancing = False
        self._epoch: int | None = None
        self._epoch_seen = 0.0

    async def page(self, caller: Caller, part: Slice) -> tuple[list[Row], int]:
        """The rows that the caller may see, the first of whose columns is their id, and how many there are in all.

        One statement, but for the first time, after every `BEHIND` changes, past the end of the list, and where the beginning of a later
        page is not what is remembered.
        """
        if caller.sight is not None:
            return await self._list.narrow.seen(self._database.reader, caller, self._list.kind, {"project": caller.project}, part)
        project = caller.project
        known = self._known.get(project)
        if known is None:
            return await self._rows(project, 0, part), await self._total(project)
        rows = await self._placed(project, known, part)
        if not rows:
            return rows, await self._total(project)
        told = _read(rows[0])
        if not told.of(known):
            return rows, await self._total(project)
        if told.behind > BEHIND:
            await self._advance(project, known)
        return rows, known.total + told.changes

    async def _placed(self, project: ProjectId, known: Known, part: Slice) -> list[Row]:
        """The page, looked up from the nearest place that is known; from the list's beginning, if that place may have moved."""
        low, before = known.places.nearest(part.offset)
        rows = await self._rows(project, known.mark, part, low, before)
        if part.offset == 0:
            return rows
        told = _read(rows[0]) if rows else None
        unmoved = told.unmoved if told is not None and told.of(known) else 0
        if low > unmoved:
            await self._advance(project, known)
            return await self._rows(project, known.mark, part)
        if rows and rows[-1][0] < unmoved:
            known.places.learn(rows[0][0], part.offset)
            known.places.learn(rows[-1][0] + 1, part.offset + len(rows))
        return rows

    async def _rows(self, project: ProjectId, mark: int, part: Slice, low: int = 0, before: int = 0) -> list[Row]:
        """The page, `before` of whose rows that are passed over have ids below `low`."""
        passed = part.offset - before
        statement = self._list.pages.statement(part, passed)
        return list(await self._database.reader.rows(statement, {"project": project, "mark": mark, "low": low, "offset": passed}))

    async def _total(self, project: ProjectId) -> int:
        """How many there are, by a statement of its own: of what is remembered, or counted."""
        known = self._known.get(project)
        if known is not None:
            known = await self._advance(project, known)
            changes, epoch = await self._one(self._list.changes, {"project": project, "mark": known.mark})
            if epoch == known.epoch:
                return known.total + int(changes)
        mark = await self._horizon.settled()
        total, changes, epoch = await self._one(self._list.count, {"project": project, "mark": mark or 0})
        now = asyncio.get_running_loop().time()
        if epoch != self._epoch:
            self._epoch, self._epoch_seen = epoch, now
        if mark is not None and now - self._epoch_seen >= SETTLING:
            self._known[project] = Known(mark, int(total) - int(changes), epoch, Places())
        return int(total)

    async def _advance(self, project: ProjectId, known: Known) -> Known:
        """What is remembered, brought up to the horizon; by one at a time."""
        if self._advancing:
            return known
        self._advancing = True
        try:
            settled = await self._horizon.settled()
            if settled is None or settled <= known.mark:
                return known
            values = {"project": project, "mark": known.mark, "up_to": settled}
            changes, epoch = await self._one(self._list.catch_up, values)
            if epoch == known.epoch:
                places = await self._moved(known.places, values)
                known = self._known[project] = Known(settled, known.total + int(changes), epoch, places)
            return known
        finally:
            self._advancing = False

    async def _moved(self, places: Places, values: dict[str, int]) -> Places:
        """These places after what has come and gone."""
        places = places.copy()  # others learn meanwhile, of which what is asked for here may not tell enough
        moves = await self._database.reader.rows(self._list.moves, {**values, "below": places.last}) if places.last else ()
        return Places() if len(moves) == MOVES else places.shifted([(record_id, by) for record_id, by in moves])

    async def _one(self, statement: Statement, values: dict[str, int]) -> Row:
        row = await self._database.reader.row(statement, values)
        assert row is not None  # noqa: S101 - a SELECT without FROM is one row
        return row
