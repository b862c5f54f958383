"""What PostgreSQL and MySQL have in common: reads on a pooled connection, units of work, and running both again when that heals."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from modelyard.errors import Unavailable
from modelyard.store.connection import ChangedError, ConflictError, Connection, ConnectionLostError
from modelyard.store.database import (
    Reader,
    Row,
    Unit,
    Values,
)
from modelyard.store.joint import Joint
from modelyard.store.joint_writes import JointWrites
from modelyard.store.known import Known
from modelyard.store.meter import Cause, Meter, Retried
from modelyard.store.pool import Pool
from modelyard.store.pooled_unit import LAZY, PooledUnit
from modelyard.store.statements import Flavour, Statement
from modelyard.store.turns import Queues
from modelyard.store.unit import current_unit, enter, leave

T = TypeVar("T")

ATTEMPTS = 8
"""How often a unit runs at most, the first time included."""
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.5
"""Seconds between the runs of a unit: each pause is random, up to a bound that doubles from the first to the longest."""


# The moment is that of the first statement, on PostgreSQL of the first after BEGIN. Whoever wants one reads whole tables.
_SNAPSHOT = {
    Flavour.POSTGRESQL: ("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", "SET LOCAL enable_seqscan = on", "SELECT 1"),
    Flavour.MYSQL: ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"),
}


class PooledReader:
    """Single statements, each on a connection of its own; one that lost its connection or a conflict is run once more on a new one."""

    def __init__(self, flavour: Flavour, connections: Pool[Connection], meter: Meter) -> None:
        self.flavour = flavour
        self._pool = connections
        self._meter = meter
        self._joint = Joint(self._read)

    # Not coroutines themselves: each one between a request and its answer from the server costs some.

    def rows(self, statement: Statement, values: Values) -> Coroutine[Any, Any, Sequence[Row]]:
        compiled = statement.compiled(self.flavour)
        arguments = compiled.bind(values)
        if compiled.joint:
            return self._joint.rows(statement.name, compiled, arguments)
        return self._read(statement.name, lambda connection: connection.rows(compiled.sql, arguments))

    def row(self, statement: Statement, values: Values) -> Coroutine[Any, Any, Row | None]:
        if statement.joint:
            return self._first(statement, values)
        compiled = statement.compiled(self.flavour)
        arguments = compiled.bind(values)
        return self._read(statement.name, lambda connection: connection.row(compiled.sql, arguments))

    async def _first(self, statement: Statement, values: Values) -> Row | None:
        rows = await self.rows(statement, values)
        return rows[0] if rows else None

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


class PooledDatabase:
    """A `Database` on a server: what all of them share."""

    def __init__(self, flavour: Flavour, connections: Pool[Connection], meter: Meter | None) -> None:
        self.flavour = flavour
        self.pool = connections
        self._meter = meter or Meter(flavour)
        self._meter.pool = connections
        self._queues = Queues()
        self._reader = PooledReader(flavour, self.pool, self._meter)
        self._together = JointWrites(connections, self._meter)
        self._known = Known()

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
        unit = PooledUnit(self.flavour, self._take, self._meter, self._queues)
        try:
            for sql in _SNAPSHOT[self.flavour]:
                await unit.command(sql)
            yield unit
        except (ConnectionLostError, ConflictError) as error:
            raise _given_up(error, 1) from error
        finally:
            if unit.connection is not None:
                self.pool.discard(unit.connection)  # closing it ends the transaction

    async def ping(self) -> None:
        await self._reader.ping()

    async def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        if (running := current_unit.get()) is not None:
            result = await work(running)
            if isinstance(running, PooledUnit):
                await running.settle()
            return result
        take, attempt = self._take, 1
        known: Known | None = self._known
        while True:
            try:
                return await self._attempt(take, work, known, hopeful=attempt == 1)
            except _OutdatedError:
                self._meter.retries[Retried.UNIT, Cause.OUTDATED] += 1
                known = None
                continue
            except (ConnectionLostError, ConflictError) as error:
                if attempt == ATTEMPTS:
                    raise _given_up(error, attempt) from error
                self._meter.retries[Retried.UNIT, _cause(error)] += 1
                if isinstance(error, ConnectionLostError):
                    take = self.pool.fresh
            attempt += 1
            await asyncio.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))  # noqa: S311 - only spreads retries over time; nothing secret comes of it

    async def _take(self) -> Connection:
        return self.pool.take() or await self.pool.wait()

    async def _attempt(
        self, take: Callable[[], Awaitable[Connection]], work: Callable[[Unit], Awaitable[T]], known: Known | None, *, hopeful: bool
    ) -> T:
        lazy = self.flavour in LAZY
        shared = (self._reader, self._together, known) if hopeful and lazy else ()
        unit = PooledUnit(self.flavour, take, self._meter, self._queues, *shared)
        try:
            if not lazy:
                await unit.begin()
            running = enter(unit)
            try:
                result = await work(unit)
            except Exception:
                _decide(unit)
                raise
            finally:
                leave(running)
            await unit.finish()
        except Exception as error:
            if unit.connection is not None:
                await self._undo(unit, unit.connection)
            self._weigh(unit, error)
            raise
        except BaseException:
            self._known.doubt(unit.learned)
            if unit.connection is not None:
                self.pool.discard(unit.connection)
            raise
        finally:
            unit.leave()
        if unit.connection is not None:
            self.pool.give(unit.connection)
        if unit.empties:
            self._known.clear()
        self._known.learn(unit.learned)
        return result

    def _weigh(self, unit: PooledUnit, error: Exception) -> None:
        """What the unit recalled may be why it failed. Then it is to run again without."""
        if isinstance(error, ConnectionLostError | Unavailable):
            self._known.clear()  # who comes back may have lost something
        elif unit.relies:
            if isinstance(error, ChangedError):
                self._known.outdated(unit.recalled)
            raise _OutdatedError from error

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


class _OutdatedError(Exception):
    """A unit failed that had recalled something. That may be why."""


def _decide(unit: PooledUnit) -> None:
    """To run again is up to the statement that failed, even where `work` made something else of its error."""
    if isinstance(unit.failure, ConnectionLostError | ConflictError):
        raise unit.failure from unit.failure.__cause__


def _cause(error: Exception) -> Cause:
    return Cause.CONFLICT if isinstance(error, ConflictError) else Cause.CONNECTION_LOST


def _given_up(error: ConnectionLostError | ConflictError, attempts: int) -> Unavailable:
    if isinstance(error, ConflictError):
        return Unavailable(f"the database gave way to other changes {attempts} times: {error}; try again", retry_after=1)
    return Unavailable(f"the database does not answer: {error}; try again", retry_after=1)
