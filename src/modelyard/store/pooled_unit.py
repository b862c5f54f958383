"""A unit of work on one connection to a database server."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeVar, cast

from modelyard.errors import ModelyardError, Unavailable
from modelyard.store.connection import ChangedError, ConflictError, Connection, ConnectionLostError
from modelyard.store.database import (
    FEW,
    Deferred,
    IdSequence,
    NewId,
    NoSuchTableError,
    Reader,
    Row,
    Rows,
    Taken,
    UniqueViolationError,
    UnitFailedError,
    Values,
    bound,
)
from modelyard.store.joint_batch import work_of
from modelyard.store.joint_writes import JointWrites
from modelyard.store.known import Known, Lesson
from modelyard.store.meter import Meter
from modelyard.store.statements import Bulk, Flavour, Lock, Statement
from modelyard.store.turns import Queues

T = TypeVar("T")

LAZY = frozenset({Flavour.POSTGRESQL})
"""Where a unit may do without a transaction until it must have one: ids and plain reads come without, and what waits is one statement."""

_MEANINGS = (ModelyardError, UniqueViolationError, NoSuchTableError, ConnectionLostError, ConflictError)

_OUTCOME_UNKNOWN = "the connection was lost during the commit: the change may have been made or not; read before you try again"


class PooledUnit:
    """A transaction on one connection. After one of its statements failed, it takes no other and cannot be committed.

    Where units are lazy it begins with the first statement that needs it; a unit whose changes all wait never needs it.
    """

    def __init__(
        self,
        flavour: Flavour,
        take: Callable[[], Awaitable[Connection]],
        meter: Meter,
        queues: Queues,
        reader: Reader | None = None,
        together: JointWrites | None = None,
        known: Known | None = None,
    ) -> None:
        """`take` gets a connection, when a statement first needs one. `queues` are shared by the units of one database.

        With a `reader`, which only lazy units have, the unit is hopeful: a record that it locks is not locked but only read, and looked at
        again in the statement that changes things. That saves the transaction's round trips; where somebody else was faster, the unit is
        run again, and then locks. What it reads first is read with what others read, before it has a connection. And what it changes, it
        changes with others by way of `together`, if by then it has needed no connection. What it recalls is `known`.
        """
        self.flavour = flavour
        self.failure: Exception | None = None
        self._reader = reader
        self._together = together
        self._known = known
        self.recalled: dict[Hashable, Any] = {}
        self.relies = False
        """Whether it has locked something as known: then it may be wrong in all that it does."""
        self.learned: list[Lesson] = []
        self._trusts: bool | None = None
        """Whether it may go by what is known. Its first question decides."""
        self.empties = False
        """Set by who empties the store: once the unit is done, nothing is known any more."""
        self._queues = queues
        self._queued: Hashable = None
        self._guards: dict[tuple[str, int | None], Deferred] = {}
        """Of records that were read without a lock and are not changed by what waits."""
        self._guarded = False
        self.interrupted = False
        """Whether a statement was cancelled: its answer is still to come, so the connection is not clean."""
        self.begun = False
        self._waiting: list[Deferred] = []
        self._new: list[NewId] = []
        """Ids that what waits is going to get."""
        self._given = False
        self.connection: Connection | None = None
        self._take = take
        self._lazy = flavour in LAZY
        self._meter = meter
        self._clock = asyncio.get_running_loop().time

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        if statement.locks or self._waiting:
            await self._settle()
        elif statement.joint and self._reader is not None and self.connection is None:
            return await self._answered(self._reader.rows(statement, values))
        compiled = statement.compiled(self.flavour)
        arguments = self._numbered(compiled.bind(values))
        return await self._run(statement.name, lambda connection: connection.rows(compiled.sql, arguments))

    async def row(self, statement: Statement, values: Values) -> Row | None:
        if statement.locks or self._waiting:
            await self._settle()
        elif statement.joint and self._reader is not None and self.connection is None:
            return await self._answered(self._reader.row(statement, values))
        compiled = statement.compiled(self.flavour)
        arguments = self._numbered(compiled.bind(values))
        return await self._run(statement.name, lambda connection: connection.row(compiled.sql, arguments))

    async def queue(self, thing: Hashable) -> bool:
        if self._queued is None and not (self.begun or self._waiting or self._guards):
            self._check()
            await self._queues.take(thing)
            self._queued = thing
        return self.locks_as_read

    def leave(self) -> None:
        """At the end, whichever it is: who has queued behind it may go on."""
        if self._queued is not None:
            self._queues.give(self._queued)
            self._queued = None

    @property
    def locks_as_read(self) -> bool:
        return self._reader is not None and not self.begun and not self._waiting

    async def lock(self, lock: Lock, values: Values) -> Row | None:
        if not lock.shared:
            await self.queue((lock.table, values["id"]))
        if not self.locks_as_read:
            return await self.row(lock.hold, values)
        row = await self.row(lock.read, values)
        if row is not None:
            self._guard(lock, values["id"], row[lock.revision])
        return row

    def lock_as_read(self, lock: Lock, record_id: int, revision: int) -> bool:
        if not self.locks_as_read:
            return False
        self._guard(lock, record_id, revision)
        return True

    def lock_as_known(self, lock: Lock, record_id: int, revision: int, updated_at: int) -> None:
        known = {"id": record_id, "revision_before": revision, "updated_before": updated_at}
        self._guards[lock.table, record_id] = Deferred(lock.known, [known], None)
        self._guarded = self.relies = True

    def recall(self, key: Hashable) -> Any | None:
        if self._known is None or not self.locks_as_read or self._guards:
            return None
        found = self._known.find(key)
        if self._trusts is None:
            self._trusts = self._known.trusted(found=found is not None)
        if found is None or not self._trusts:
            return None
        self.recalled[key] = found
        return found

    def learn(self, key: Hashable, thing: Any, *, new: bool = False) -> None:
        if self._lazy:
            self.learned.append((key, thing, new))

    def _guard(self, lock: Lock, record_id: int, revision: int) -> None:
        self._guarded = True
        guard = Deferred(lock.guard, [{"id": record_id, "revision_before": revision}], None)
        if self._guards.setdefault((lock.table, record_id), guard) != guard:
            self.failure = ChangedError(f"the {lock.table} {record_id} changed between two looks at it")
            raise self.failure

    async def execute(self, statement: Statement, values: Values) -> int:
        await self._settle()
        compiled = statement.compiled(self.flavour)
        arguments = self._numbered(compiled.bind(values))
        return await self._run(statement.name, lambda connection: connection.execute(compiled.sql, arguments))

    async def execute_many(self, statement: Statement, rows: Rows) -> None:
        if rows:
            await self._settle()
            sql = statement.compiled(self.flavour).sql
            numbered = [self._numbered(row) for row in bound(statement, rows, self.flavour)]
            await self._run(statement.name, lambda connection: connection.execute_many(sql, numbered))

    async def later(self, statement: Statement, rows: Rows, taken: Taken | None = None) -> None:
        self._check()
        if rows:
            if len(rows) > FEW and not isinstance(statement, Bulk):
                await self.execute_many(statement, rows)
                return
            if self._given and isinstance(statement, Bulk):
                rows = [self._numbered(row) for row in cast("Sequence[Row]", rows)]
            self._waiting.append(Deferred(statement, rows, taken))
            if statement.guards and self._guards:
                for row in cast("Sequence[Values]", rows):
                    self._guards.pop((statement.table_name, row.get("id")), None)

    async def next_id(self, sequence: IdSequence) -> int:
        if not self._lazy:
            await self.begin()
        return await self._run("next id", lambda connection: connection.next_id(sequence))

    async def new_id(self, sequence: IdSequence, keep: Callable[[int], None]) -> None:
        if not self._lazy:
            keep(await self.next_id(sequence))
            return
        new = NewId(sequence, keep)
        self._new.append(new)
        keep(cast("int", new))

    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]:
        if not self._lazy:
            await self.begin()
        return await self._run("next ids", lambda connection: connection.next_ids(sequence, count))

    async def begin(self) -> None:
        if not self.begun:
            await self.command("BEGIN")
            self.begun = True

    async def finish(self) -> None:
        """Make everything durable. What waited is sent with the commit's risk: if the connection is lost, nobody knows the outcome.

        Raises what a statement failed with, should it have been kept back.
        """
        if self.failure is not None:
            raise self.failure
        if self.begun:
            await self._flush()
            await self._commit("COMMIT")
        elif self._waiting or (self.relies and self._guards):
            if not self._lazy:
                await self.begin()
                return await self.finish()
            try:
                if self._together is None or self.connection is not None or not await self._jointly(self._together):
                    await self._flush()
            except ConnectionLostError as error:
                raise Unavailable(_OUTCOME_UNKNOWN, retry_after=1) from error
        return None

    async def _jointly(self, together: JointWrites) -> bool:
        """Whether all that waits has been done, with what waits of other units."""
        work = work_of([*self._guards.values(), *self._waiting], self._new, tuple(self._guards))
        return work is not None and await self._answered(together.done(work))

    async def settle(self) -> None:
        """Have every new id given."""
        if self._new:
            await self._settle()

    async def command(self, sql: str) -> None:
        await self._run(sql, lambda connection: connection.command(sql))

    async def _commit(self, sql: str) -> None:
        if self.connection is None or not self.connection.usable:
            raise ConnectionLostError("the connection was lost before the commit")
        try:
            await self.command(sql)
        except ConnectionLostError as error:
            raise Unavailable(_OUTCOME_UNKNOWN, retry_after=1) from error

    async def _settle(self) -> None:
        """Before a statement that cannot wait: what waited goes first, since the statement may depend on it."""
        await self.begin()
        await self._flush()

    async def _flush(self) -> None:
        if self._waiting or self._guards:
            name = f"batch: {next(iter(self._waiting or self._guards.values())).statement.name}"
            waiting, self._waiting = [*self._guards.values(), *self._waiting], []
            new, self._new = self._new, []
            self._guards = {}
            await self._run(name, lambda connection: connection.batch(waiting, new, self._guarded))
            self._given = self._given or bool(new)

    def _numbered(self, values: Sequence[Any]) -> Sequence[Any]:
        """With the numbers in the place of new ids that have been given: whoever began with one may still use it."""
        if not self._given:
            return values
        return [value.number if type(value) is NewId and value.number is not None else value for value in values]

    def _check(self) -> None:
        if self.failure is not None:
            raise UnitFailedError("a statement of this unit failed before; it can only be undone") from self.failure

    async def _answered(self, answer: Awaitable[T]) -> T:
        self._check()
        try:
            return await answer
        except Exception as error:
            self.failure = error
            raise

    async def _run(self, name: str, run: Callable[[Connection], Awaitable[T]]) -> T:
        self._check()
        if self.connection is None:
            self.connection = await self._answered(self._take())
        connection = self.connection
        connection.touched = self._clock()
        result, started = None, time.perf_counter()
        try:
            result = await run(connection)
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
