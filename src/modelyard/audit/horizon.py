"""How far the audit log is settled.

On a database server, ids are given when an event is written and seen when its transaction commits: an event may appear below others that
were read already. The horizon is an id up to which that cannot happen any more: every event up to there can be read, or never will be.
Decision 15 has the proofs.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from sqlalchemy import bindparam, func, select, text

from modelyard.audit.tables import AUDIT_EVENT, AUDIT_SEAL
from modelyard.errors import Unavailable
from modelyard.store.columns import ID
from modelyard.store.database import Database
from modelyard.store.memory import MemoryDatabase
from modelyard.store.statements import Flavour, Statement

PAUSE = 0.5
"""Seconds between two looks, whoever asks how often."""


class Look(Protocol):
    async def settled(self) -> int | None:
        """Where the horizon is by now, or None while that is not known yet. What is read after that sees everything up to there."""
        ...


class Horizon:
    """One for each process: whoever needs it shares its looks."""

    def __init__(self, look: Look, pause: float = PAUSE) -> None:
        self._look = look
        self._pause = pause
        self._settled: int | None = None
        self._looked = float("-inf")
        self._turn = asyncio.Lock()

    async def settled(self) -> int | None:
        """As `Look.settled`, and at most so many seconds old. Raises `Unavailable`."""
        async with self._turn:
            if asyncio.get_running_loop().time() - self._looked >= self._pause:
                self._settled = await self._look.settled()
                self._looked = asyncio.get_running_loop().time()
            return self._settled


def sql_horizon(database: Database, pause: float = PAUSE) -> Horizon:
    looks: dict[Flavour, Callable[[Database], Look]] = {
        Flavour.SQLITE: SqliteLook,
        Flavour.POSTGRESQL: PostgresLook,
        Flavour.MYSQL: MySqlLook,
    }
    return Horizon(looks[database.flavour](database), pause)


_NEWEST = Statement("newest event", select(func.max(AUDIT_EVENT.c.id)))


class SqliteLook:
    """There is one writer at a time, whatever the number of processes: events are seen in the order of their ids."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def settled(self) -> int | None:
        row = await self._database.reader.row(_NEWEST, {})
        return (None if row is None else row[0]) or 0


# The newest id is that of the statement's snapshot, which was taken before the locks are read.
_WRITERS = Statement(
    "look for unsettled events",
    text(
        "SELECT (SELECT max(id) FROM audit_event), ARRAY(SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND relation = CAST('audit_event' AS regclass) AND mode = 'RowExclusiveLock' AND granted)"
    ),
)


class PostgresLook:
    """Whoever writes to a table has a lock on it, from before the first id is given until after what was written can be seen.

    So once all have ended that were writing when an id was the newest to be seen, nothing can appear below it. Nobody waits for anyone.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settled: int | None = None
        self._candidate: int | None = None
        self._awaited: set[str] = set()

    async def settled(self) -> int | None:
        row = await self._database.reader.row(_WRITERS, {})
        assert row is not None  # noqa: S101 - a SELECT without FROM is one row
        self.saw(row[0] or 0, row[1])
        return self._settled

    def saw(self, newest: int, writers: Iterable[str]) -> None:
        writing = set(writers)
        if newest < (self._candidate or 0):  # the store was emptied
            self._settled, self._candidate, self._awaited = None, None, set()
        self._awaited &= writing
        if not self._awaited:
            self._settled, self._candidate, self._awaited = self._candidate, newest, writing
        if not writing:
            self._settled = newest


_LAST_SEALED = Statement("last sealed event", select(AUDIT_SEAL.c.last_id).order_by(AUDIT_SEAL.c.number.desc()).limit(1))
_IDS = Statement(
    "ids of events",
    select(AUDIT_EVENT.c.id).where(AUDIT_EVENT.c.id > bindparam("after", type_=ID)).order_by(AUDIT_EVENT.c.id).limit(bindparam("limit")),
)
_UNCOMMITTED = Statement(
    "look for uncommitted events",
    select(AUDIT_EVENT.c.id)
    .where(AUDIT_EVENT.c.id >= bindparam("low", type_=ID), AUDIT_EVENT.c.id < bindparam("high", type_=ID))
    .order_by(AUDIT_EVENT.c.id)
    .with_for_update(nowait=True),
    locks=True,
)


class MySqlLook:
    """Ids without a gap are settled. A gap is an event that is not committed yet, or one that was undone.

    It counts as undone when so many looks have found it, and a statement that would lock uncommitted events there has found none: then
    its id was given at least that long ago, and its event is not in the table.
    """

    LOOKS = 10
    AT_ONCE = 5_000

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settled: int | None = None
        self._gaps: dict[range, int] = {}
        """In how many looks each gap was found."""

    async def settled(self) -> int | None:
        if self._settled is None:
            row = await self._database.reader.row(_LAST_SEALED, {})
            self._settled = 0 if row is None else int(row[0])  # what is sealed is settled
        ids = [row[0] for row in await self._database.reader.rows(_IDS, {"after": self._settled, "limit": self.AT_ONCE})]
        self._gaps = {gap: self._gaps.get(gap, 0) + 1 for gap in _gaps(self._settled, ids)}
        waiting = next((gap for gap, looks in self._gaps.items() if looks < self.LOOKS), None)
        known = [one for one in ids if waiting is None or one < waiting.start]
        passed = [gap for gap in self._gaps if waiting is None or gap.start < waiting.start]
        if passed and not await self._undone(passed[0].start, passed[-1].stop):
            known = [one for one in known if one < passed[0].start]
        if known:
            self._settled = known[-1]
        return self._settled

    async def _undone(self, low: int, high: int) -> bool:
        """Whether no event from the one id to before the other is still to be committed."""
        try:
            await self._database.write(lambda unit: unit.rows(_UNCOMMITTED, {"low": low, "high": high}))
        except Unavailable:  # something there is locked; or the server is gone, which the next look tells
            return False
        return True


def _gaps(after: int, ids: Sequence[int]) -> list[range]:
    """The ids that are missing among these, which are ascending."""
    return [range(one + 1, other) for one, other in zip([after, *ids], ids, strict=False) if other > one + 1]


class MemoryLook:
    """For tests."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def settled(self) -> int | None:
        return len(self._database.tables["audit event"])
