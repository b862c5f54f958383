"""A database that remembers which statements were run."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from modelyard.store.database import Database, IdSequence, Reader, Row, Rows, Taken, Unit, Values
from modelyard.store.statements import Flavour, Lock, Statement

T = TypeVar("T")


class CountingDatabase:
    """Passes everything on to another database. What it is asked to run many times at once counts as one statement."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.statements: list[Statement] = []
        self.units = 0

    @property
    def flavour(self) -> Flavour:
        return self._inner.flavour

    @property
    def reader(self) -> Reader:
        return _CountingReader(self._inner.reader, self.statements)

    @property
    def names(self) -> list[str]:
        return [statement.name for statement in self.statements]

    def forget(self) -> None:
        self.statements.clear()
        self.units = 0

    async def open(self) -> None:
        await self._inner.open()

    async def close(self) -> None:
        await self._inner.close()

    def snapshot(self) -> AbstractAsyncContextManager[Reader]:
        return self._inner.snapshot()

    async def ping(self) -> None:
        await self._inner.ping()

    async def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        self.units += 1
        return await self._inner.write(lambda unit: work(_CountingUnit(unit, self.statements)))


class _CountingReader:
    def __init__(self, inner: Reader, statements: list[Statement]) -> None:
        self._inner = inner
        self._statements = statements

    @property
    def flavour(self) -> Flavour:
        return self._inner.flavour

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        self._statements.append(statement)
        return await self._inner.rows(statement, values)

    async def row(self, statement: Statement, values: Values) -> Row | None:
        self._statements.append(statement)
        return await self._inner.row(statement, values)


class _CountingUnit(_CountingReader):
    def __init__(self, unit: Unit, statements: list[Statement]) -> None:
        super().__init__(unit, statements)
        self._unit = unit

    async def queue(self, thing: Hashable) -> bool:
        return await self._unit.queue(thing)

    async def lock(self, lock: Lock, values: Values) -> Row | None:
        self._statements.append(lock.hold)
        return await self._unit.lock(lock, values)

    @property
    def locks_as_read(self) -> bool:
        return self._unit.locks_as_read

    def lock_as_read(self, lock: Lock, record_id: int, revision: int) -> bool:
        return self._unit.lock_as_read(lock, record_id, revision)

    def lock_as_known(self, lock: Lock, record_id: int, revision: int, updated_at: int) -> None:
        self._unit.lock_as_known(lock, record_id, revision, updated_at)

    def recall(self, key: Hashable) -> None:
        """Nothing: what is counted shall not depend on what was there before."""

    def learn(self, key: Hashable, thing: Any, *, new: bool = False) -> None:
        self._unit.learn(key, thing, new=new)

    async def execute(self, statement: Statement, values: Values) -> int:
        self._statements.append(statement)
        return await self._unit.execute(statement, values)

    async def execute_many(self, statement: Statement, rows: Rows) -> None:
        if rows:
            self._statements.append(statement)
        await self._unit.execute_many(statement, rows)

    async def later(self, statement: Statement, rows: Rows, taken: Taken | None = None) -> None:
        if rows:
            self._statements.append(statement)
            await self._unit.later(statement, rows, taken)

    async def next_id(self, sequence: IdSequence) -> int:
        return await self._unit.next_id(sequence)

    async def new_id(self, sequence: IdSequence, keep: Callable[[int], None]) -> None:
        await self._unit.new_id(sequence, keep)

    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]:
        return await self._unit.next_ids(sequence, count)
