"""What PostgreSQL and MySQL have in common: reads on a pooled connection, units of work, and running both again when that heals."""

import asyncio
import functools
import random
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar, cast

from modelyard.errors import ModelyardError, Unavailable
from modelyard.store.database import (
    Deferred,
    IdSequence,
    NoSuchTableError,
    Reader,
    Row,
    Rows,
    Taken,
    UniqueViolationError,
    Unit,
    UnitFailedError,
    Values,
    bound,
)
from modelyard.store.meter import Cause, Meter, Retried
from modelyard.store.pool import Pool
from modelyard.store.statements import Flavour, Lock, Statement
from modelyard.store.unit import current_unit, joined

T = TypeVar("T")

ATTEMPTS = 8
"""How often a unit runs at most, the first time included."""
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.5
"""Seconds between the runs of a unit: each pause is random, up to a bound that doubles from the first to the longest."""


# The moment is that of the first statement, on PostgreSQL of the first after BEGIN.
_SNAPSHOT = {
    Flavour.POSTGRESQL: ("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", "SELECT 1"),
    Flavour.MYSQL: ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"),
}


class ConnectionLostError(Exception):
    """The connection is gone and with it its transaction. Never reaches a caller of `Database`."""


class ConflictError(Exception):
    """Another transaction came first, and running this one again may help. Never reaches a caller of `Database`.

    The server undid it (deadlock, serialization failure), or what it refers to has vanished: reading again tells whether it has.
    """


_MEANINGS = (ModelyardError, UniqueViolationError, NoSuchTableError, ConnectionLostError, ConflictError)


class Connection(ABC):
    """A driver's connection. Outside `BEGIN` ... `COMMIT` or `ROLLBACK` every statement is its own transaction.

    Its methods raise the driver's errors; `meaning` says what the store calls them.
    """

    flavour: Flavour

    def __init__(self) -> None:
        self.touched = asyncio.get_running_loop().time()
        self.expired = False
        self.broken = False

    @property
    @abstractmethod
    def usable(self) -> bool: ...

    @abstractmethod
    def terminate(self) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def rows(self, sql: str, arguments: Sequence[Any]) -> Sequence[Row]: ...

    @abstractmethod
    async def row(self, sql: str, arguments: Sequence[Any]) -> Row | None: ...

    @abstractmethod
    async def execute(self, sql: str, arguments: Sequence[Any]) -> int: ...

    @abstractmethod
    async def execute_many(self, sql: str, arguments: Sequence[Sequence[Any]]) -> None: ...

    lazy = False
    """Whether a unit may do without a transaction until it must have one: ids and plain reads come without, and so does `batch`."""

    @abstractmethod
    async def next_id(self, sequence: IdSequence) -> int: ...

    @abstractmethod
    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]: ...

    async def batch(self, changes: Sequence[Deferred], *, guarded: bool = False) -> None:
        """Run changes that waited. All or nothing where the connection is `lazy`.

        `guarded`: what they are made of was read without locks. Then a clash may come of what has changed since: a `ConflictError`.
        """
        del guarded
        for change in changes:
            try:
                await self.execute_many(change.statement.compiled(self.flavour).sql, change.bound(self.flavour))
            except Exception as error:
                raise told(self.meaning(error), [change]) from error

    @abstractmethod
    async def command(self, sql: str) -> None:
        """Run SQL without parameters or result."""

    @abstractmethod
    def meaning(self, error: Exception) -> Exception:
        """What the store calls this error of the driver, or the error itself. Terminates the connection if it must not be used again.

        The store's are `ConnectionLostError`, `ConflictError`, `UniqueViolationError`, `NoSuchTableError` and `Unavailable` (the server
        took too long).
        """


class PooledReader:
    """Single statements, each on a connection of its own; one that lost its connection or a conflict is run once more on a new one."""

    def __init__(self, flavour: Flavour, connections: Pool[Connection], meter: Meter) -> None:
        self.flavour = flavour
        self._pool = connections
        self._meter = meter

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        compiled = statement.compiled(self.flavour)
        arguments = compiled.bind(values)
        return await self._read(statement.name, lambda connection: connection.rows(compiled.sql, arguments))

    async def row(self, statement: Statement, values: Values) -> Row | None:
        compiled = statement.compiled(self.flavour)
        arguments = compiled.bind(values)
        return await self._read(statement.name, lambda connection: connection.row(compiled.sql, arguments))

    async def ping(self) -> None:
        await self._read("ping", lambda connection: connection.command("SELECT 1"))

    async def _read(self, name: str, fetch: Callable[[Connection], Awaitable[T]], *, again: bool = True) -> T:
        connection = (self._pool.take() or await self._pool.wait()) if again else await self._pool.fresh()
        result, started = None, time.perf_counter()
        try:
            result = await fetch(connection)
        except Exception as error:
            meaning = connection.meaning(error)
            self._pool.give(connection)
            if meaning is error:
                raise
            if not isinstance(meaning, ConnectionLostError | ConflictError):
                raise meaning from error
            if not again:
                raise _given_up(meaning, 2) from error
        except BaseException:  # cancelled with the answer outstanding: the next user of the connection would read it as theirs
            self._pool.discard(connection)
            raise
        else:
            self._pool.give(connection)
            return result
        finally:
            self._meter.ran(name, time.perf_counter() - started, result)
        self._meter.retries[Retried.READ, _cause(meaning)] += 1
        return await self._read(name, fetch, again=False)


class PooledUnit:
    """A transaction on one connection. After one of its statements failed, it takes no other and cannot be committed.

    Where the connection is lazy it begins with the first statement that needs it; a unit whose changes all wait never needs it.
    """

    def __init__(self, flavour: Flavour, connection: Connection, meter: Meter, *, hopeful: bool) -> None:
        """`hopeful`: a record that the unit locks is not locked but only read, and looked at again in the statement that changes things.
        That saves the transaction's round trips; where somebody else was faster, the unit is run again, and then locks.
        """
        self.flavour = flavour
        self.failure: Exception | None = None
        self._hopeful = hopeful
        self._guards: dict[tuple[str, int], Deferred] = {}
        """Of records that were read without a lock and are not changed by what waits."""
        self._guarded = False
        self.interrupted = False
        """Whether a statement was cancelled: its answer is still to come, so the connection is not clean."""
        self.begun = False
        self._waiting: list[Deferred] = []
        self._connection = connection
        self._meter = meter
        self._clock = asyncio.get_running_loop().time

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        await self._settle(transaction=statement.locks)
        compiled = statement.compiled(self.flavour)
        return await self._run(statement.name, self._connection.rows, compiled.sql, compiled.bind(values))

    async def row(self, statement: Statement, values: Values) -> Row | None:
        await self._settle(transaction=statement.locks)
        compiled = statement.compiled(self.flavour)
        return await self._run(statement.name, self._connection.row, compiled.sql, compiled.bind(values))

    async def lock(self, lock: Lock, values: Values) -> Row | None:
        if not self._hopeful or self.begun or self._waiting:
            return await self.row(lock.hold, values)
        row = await self.row(lock.read, values)
        if row is not None:
            self._guard(lock, values["id"], row[lock.revision])
        return row

    def lock_as_read(self, lock: Lock, record_id: int, revision: int) -> bool:
        if not self._hopeful or self.begun or self._waiting:
            return False
        self._guard(lock, record_id, revision)
        return True

    def _guard(self, lock: Lock, record_id: int, revision: int) -> None:
        self._guarded = True
        guard = Deferred(lock.guard, [{"id": record_id, "revision_before": revision}], None)
        if self._guards.setdefault((lock.table, record_id), guard) != guard:
            self.failure = ConflictError(f"the {lock.table} {record_id} changed between two looks at it")
            raise self.failure

    async def execute(self, statement: Statement, values: Values) -> int:
        await self._settle(transaction=True)
        compiled = statement.compiled(self.flavour)
        return await self._run(statement.name, self._connection.execute, compiled.sql, compiled.bind(values))

    async def execute_many(self, statement: Statement, rows: Rows) -> None:
        if rows:
            await self._settle(transaction=True)
            sql = statement.compiled(self.flavour).sql
            await self._run(statement.name, self._connection.execute_many, sql, bound(statement, rows, self.flavour))

    async def later(self, statement: Statement, rows: Rows, taken: Taken | None = None) -> None:
        self._check()
        if rows:
            self._waiting.append(Deferred(statement, rows, taken))
            if statement.guards and self._guards:
                (row,) = cast("Sequence[Values]", rows)
                self._guards.pop((statement.table_name, row["id"]), None)

    async def next_id(self, sequence: IdSequence) -> int:
        if not self._connection.lazy:
            await self.begin()
        return await self._run("next id", self._connection.next_id, sequence)

    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]:
        if not self._connection.lazy:
            await self.begin()
        return await self._run("next ids", self._connection.next_ids, sequence, count)

    async def begin(self) -> None:
        if not self.begun:
            await self.command("BEGIN")
            self.begun = True

    async def finish(self) -> None:
        """Make everything durable. What waited is sent with the commit's risk: if the connection is lost, nobody knows the outcome."""
        if self.begun:
            await self._flush()
            await self._commit("COMMIT")
        elif self._waiting:
            if not self._connection.lazy:
                await self.begin()
                return await self.finish()
            with _outcome_unknown():
                await self._flush()
        return None

    async def command(self, sql: str) -> None:
        await self._run(sql, self._connection.command, sql)

    async def _commit(self, sql: str) -> None:
        if not self._connection.usable:
            raise ConnectionLostError("the connection was lost before the commit")
        with _outcome_unknown():
            await self.command(sql)

    async def _settle(self, *, transaction: bool) -> None:
        """Before a statement that cannot wait: what waited goes first, since the statement may depend on it."""
        if transaction or self._waiting:
            await self.begin()
            await self._flush()

    async def _flush(self) -> None:
        if self._waiting or (self._guards and self.begun):
            name = f"batch: {next(iter(self._waiting or self._guards.values())).statement.name}"
            waiting, self._waiting = [*self._guards.values(), *self._waiting], []
            self._guards = {}
            await self._run(name, functools.partial(self._connection.batch, guarded=self._guarded), waiting)

    def _check(self) -> None:
        if self.failure is not None:
            raise UnitFailedError("a statement of this unit failed before; it can only be undone") from self.failure

    async def _run(self, name: str, method: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        self._check()
        connection = self._connection
        connection.touched = self._clock()
        result, started = None, time.perf_counter()
        try:
            result = await method(*arguments)
        except Exception as error:
            self.failure = error if isinstance(error, _MEANINGS) else connection.meaning(error)
            if self.failure is error:
                raise
            raise self.failure from error
        except BaseException:
            self.failure, self.interrupted = UnitFailedError("a statement of this unit was cancelled"), True
            raise
        else:
            return result
        finally:
            self._meter.ran(name, time.perf_counter() - started, result)


@contextmanager
def _outcome_unknown() -> Iterator[None]:
    try:
        yield
    except ConnectionLostError as error:
        message = "the connection was lost during the commit: the change may have been made or not; read before you try again"
        raise Unavailable(message, retry_after=1) from error


def told(meaning: Exception, changes: Sequence[Deferred]) -> Exception:
    """What to raise of a failed batch: a unique violation is told by the change whose table it was in."""
    if isinstance(meaning, UniqueViolationError):
        for change in changes:
            if change.taken is not None and meaning.table in ("", change.statement.table_name):
                return change.taken(meaning)
    return meaning


class PooledDatabase:
    """A `Database` on a server: what all of them share."""

    def __init__(self, flavour: Flavour, connections: Pool[Connection], meter: Meter | None) -> None:
        self.flavour = flavour
        self.pool = connections
        self._meter = meter or Meter(flavour)
        self._meter.pool = connections
        self._reader = PooledReader(flavour, self.pool, self._meter)

    @property
    def reader(self) -> Reader:
        """Inside a unit it reads through the unit: a second connection could wait for ever for the first."""
        return current_unit.get() or self._reader

    async def open(self) -> None:
        """Connects to nothing yet: the first statement does."""
        await self.pool.open()

    async def close(self) -> None:
        await self.pool.close()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reader]:
        connection = await self._take()
        unit = PooledUnit(self.flavour, connection, self._meter, hopeful=False)
        try:
            for sql in _SNAPSHOT[self.flavour]:
                await unit.command(sql)
            yield unit
        except (ConnectionLostError, ConflictError) as error:
            raise _given_up(error, 1) from error
        finally:
            self.pool.discard(connection)  # closing it ends the transaction

    async def ping(self) -> None:
        await self._reader.ping()

    async def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        if (running := current_unit.get()) is not None:
            return await work(running)
        take = self._take
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._attempt(await take(), work, hopeful=attempt == 1)
            except (ConnectionLostError, ConflictError) as error:
                if attempt == ATTEMPTS:
                    raise _given_up(error, attempt) from error
                self._meter.retries[Retried.UNIT, _cause(error)] += 1
                if isinstance(error, ConnectionLostError):
                    take = self.pool.fresh
            await asyncio.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))  # noqa: S311 - only spreads retries over time; nothing secret comes of it
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _take(self) -> Connection:
        return self.pool.take() or await self.pool.wait()

    async def _attempt(self, connection: Connection, work: Callable[[Unit], Awaitable[T]], *, hopeful: bool) -> T:
        unit = PooledUnit(self.flavour, connection, self._meter, hopeful=hopeful and connection.lazy)
        try:
            if not connection.lazy:
                await unit.begin()
            result = await self._run(unit, work)
            await unit.finish()
        except Exception:
            await self._undo(unit, connection)
            raise
        except BaseException:
            self.pool.discard(connection)
            raise
        self.pool.give(connection)
        return result

    async def _run(self, unit: PooledUnit, work: Callable[[Unit], Awaitable[T]]) -> T:
        """What a statement asked for decides, even where `work` made something else of its error, or nothing at all."""
        try:
            with joined(unit):
                result = await work(unit)
        except Exception:
            if isinstance(unit.failure, ConnectionLostError | ConflictError):
                raise unit.failure from unit.failure.__cause__
            raise
        if unit.failure is not None:
            raise unit.failure
        return result

    async def _undo(self, unit: PooledUnit, connection: Connection) -> None:
        if unit.interrupted:
            self.pool.discard(connection)
            return
        try:
            if unit.begun and connection.usable:
                await connection.command("ROLLBACK")
        except Exception:  # noqa: BLE001 - the error that led here is the one to report; closing the connection undoes as well
            self.pool.discard(connection)
        except BaseException:
            self.pool.discard(connection)
            raise
        else:
            self.pool.give(connection)


def _cause(error: Exception) -> Cause:
    return Cause.CONFLICT if isinstance(error, ConflictError) else Cause.CONNECTION_LOST


def _given_up(error: ConnectionLostError | ConflictError, attempts: int) -> Unavailable:
    if isinstance(error, ConflictError):
        return Unavailable(f"the database gave way to other changes {attempts} times: {error}; try again", retry_after=1)
    return Unavailable(f"the database does not answer: {error}; try again", retry_after=1)
