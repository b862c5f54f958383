"""A database in memory, for tests of what is above the store: transactions are real, statements are not.

It knows tables as dicts by name; repositories over it (`records.memory`) read and change these directly.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

from modelyard.store.database import IdSequence, Reader, Row, Rows, Taken, Unit, Values
from modelyard.store.statements import Flavour, Lock, Statement
from modelyard.store.unit import current_unit, joined

T = TypeVar("T")

Tables = defaultdict[str, dict[Any, Any]]


class MemoryDatabase:
    """A `Database` without SQL. A failed unit leaves no trace; ids it took are not given again."""

    flavour = Flavour.SQLITE

    def __init__(self) -> None:
        self.tables: Tables = defaultdict(dict)
        self._ids: dict[IdSequence, int] = defaultdict(int)
        self._unit = _NoStatements()
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def ping(self) -> None:
        pass

    @property
    def reader(self) -> Reader:
        return self._unit

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reader]:
        yield self._unit

    def next_id(self, sequence: IdSequence) -> int:
        self._ids[sequence] += 1
        return self._ids[sequence]

    async def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        if (running := current_unit.get()) is not None:
            return await work(running)
        async with self._turn:  # undoing one unit would otherwise undo what another wrote meanwhile
            return await self._run(work)

    async def _run(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        before = {name: dict(rows) for name, rows in self.tables.items()}
        try:
            with joined(self._unit):
                return await work(self._unit)
        except BaseException:
            self.tables.clear()
            self.tables.update(before)
            raise


class _NoStatements:
    """Reader and unit of a database that has no SQL: repositories over memory do not ask it anything."""

    flavour = Flavour.SQLITE

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        self._refuse(statement, values)

    async def row(self, statement: Statement, values: Values) -> Row | None:
        self._refuse(statement, values)

    async def queue(self, thing: Hashable) -> bool:
        raise AssertionError(f"memory runs no statements, and has no queue for {thing}")

    async def lock(self, lock: Lock, values: Values) -> Row | None:
        self._refuse(lock.read, values)

    locks_as_read = False

    def lock_as_read(self, lock: Lock, record_id: int, revision: int) -> bool:
        self._refuse(lock.read, (record_id, revision))

    def lock_as_known(self, lock: Lock, record_id: int, revision: int, updated_at: int) -> None:
        self._refuse(lock.read, (record_id, revision, updated_at))

    def recall(self, key: Hashable) -> None:
        raise AssertionError(f"memory has everything at hand, and was asked for {key}")

    def learn(self, key: Hashable, thing: object, *, new: bool = False) -> None:
        raise AssertionError(f"memory has everything at hand, and was told {key}: {thing}, {new}")

    async def execute(self, statement: Statement, values: Values) -> int:
        self._refuse(statement, values)

    async def execute_many(self, statement: Statement, rows: Rows) -> None:
        self._refuse(statement, rows)

    async def later(self, statement: Statement, rows: Rows, taken: Taken | None = None) -> None:
        self._refuse(statement, (rows, taken))

    async def next_id(self, sequence: IdSequence) -> int:
        raise AssertionError(f"memory runs no statements, and was asked for an id of {sequence}")

    async def new_id(self, sequence: IdSequence, keep: Callable[[int], None]) -> None:
        raise AssertionError(f"memory runs no statements, and was asked for an id of {sequence} for {keep}")

    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]:
        raise AssertionError(f"memory runs no statements, and was asked for {count} ids of {sequence}")

    def _refuse(self, statement: Statement, _: object) -> NoReturn:
        raise AssertionError(f"memory runs no statements, and was asked to: {statement.name}")
