"""What the rest of the program knows of a database: read, and write in a unit of work."""

import functools
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

import msgspec

from modelyard.store.statements import Bulk, Flavour, Lock, Statement

Row = Sequence[Any]
Values = Mapping[str, Any]
T = TypeVar("T")
P = ParamSpec("P")


class IdSequence(StrEnum):
    """Ids come from one of these; a number is never given twice, not even after a delete."""

    RESOURCE = "resource"
    ARTIFACT = "artifact"
    SERVE = "serve"
    ACCESS = "access"


class UniqueViolationError(Exception):
    """An insert or update met an existing row. `constraint` is the index's name or, on SQLite, contains its columns.

    `table` is told by PostgreSQL only, whose statements may change several.
    """

    def __init__(self, constraint: str, table: str = "") -> None:
        super().__init__(constraint)
        self.constraint = constraint
        self.table = table


Taken = Callable[[UniqueViolationError], Exception]
"""Makes the error to raise of a unique violation."""


Rows = Sequence[Row] | Sequence[Values]
"""What a waiting change is given: tuples for a `Bulk`, values by name for any other statement."""

FEW = 8
"""So many rows of a statement that is no `Bulk` may wait. More happen at once: waiting, each would be a statement of its own."""


class Deferred(msgspec.Struct, frozen=True):
    """A change that may wait until its unit ends."""

    statement: Statement
    rows: Rows
    taken: Taken | None

    def bound(self, flavour: Flavour) -> Sequence[Sequence[Any]]:
        """The rows as the driver takes them."""
        return bound(self.statement, self.rows, flavour)


def bound(statement: Statement, rows: Rows, flavour: Flavour) -> Sequence[Sequence[Any]]:
    """The rows as the driver takes them."""
    if isinstance(statement, Bulk):
        return rows  # type: ignore[return-value]  # a `Bulk` is given tuples
    compiled = statement.compiled(flavour)
    return [compiled.bind(row) for row in cast("Sequence[Values]", rows)]


class NewId:
    """Stands for an id that the database gives in the very statement that stores what it names (see `Unit.new_id`)."""

    __slots__ = ("keep", "number", "place", "sequence")

    def __init__(self, sequence: IdSequence, keep: Callable[[int], None]) -> None:
        self.sequence = sequence
        self.keep = keep
        self.number: int | None = None
        self.place = 0
        """Where several units get theirs in one statement: the how manieth of them this one's is, from 1 on."""

    def given(self, number: int) -> None:
        self.number = number
        self.keep(number)


class Told:
    """JSON text of an object whose first field is `id`, to be put in where the text has a 0.

    No struct: msgspec would write one as an object where it must ask what to write (see `store.joint_batch`).
    """

    __slots__ = ("id", "text")

    def __init__(self, new: NewId, text: str) -> None:
        self.id = new
        self.text = text


class NoSuchTableError(Exception):
    """A statement named a table that does not exist."""


class UnitFailedError(Exception):
    """A statement was run in a unit after one had failed there. The databases disagree on what that means, so it means nothing."""


class Reader(Protocol):
    """Runs single reading statements. Rows are positional, in the statement's column order.

    Raises `errors.Unavailable` when the database cannot be reached.
    """

    @property
    def flavour(self) -> Flavour: ...

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]: ...

    async def row(self, statement: Statement, values: Values) -> Row | None:
        """The first one. PostgreSQL locks no more than that: where a statement is to lock several, ask for `rows`."""
        ...


class Unit(Reader, Protocol):
    """A transaction: everything run on it happens, or nothing does.

    Inside it nothing but its own methods may be awaited: on SQLite the whole process's writes wait for it.
    """

    async def queue(self, thing: Hashable) -> bool:
        """Before a record is locked: wait for the units of this process that have queued for the same thing, until they end.

        That spares them from having to give way to one another. A unit queues once, and only while it has locked nothing. What
        `locks_as_read` says then.
        """
        ...

    async def lock(self, lock: Lock, values: Values) -> Row | None:
        """Read a record (its `id` is among the values) that nobody else changes until the unit ends."""
        ...

    @property
    def locks_as_read(self) -> bool:
        """Whether `lock_as_read` works, here and now."""
        ...

    def lock_as_read(self, lock: Lock, record_id: int, revision: int) -> bool:
        """Lock a record that this unit has read already, without reading it again. False where that cannot be: `lock` it then."""
        ...

    def recall(self, key: Hashable) -> Any | None:
        """What a unit of this process has learned, if it is still known, and this unit has locked nothing so far.

        It may be outdated. So whoever goes by it locks every record that it is made of with `lock_as_known`. Then the unit only counts if
        all of it was true, and else runs once more and recalls nothing, whatever it has raised.
        """
        ...

    def lock_as_known(self, lock: Lock, record_id: int, revision: int, updated_at: int) -> None:
        """Lock a record that this unit has recalled, as it was then."""
        ...

    def learn(self, key: Hashable, thing: Any, *, new: bool = False) -> None:
        """Once this unit is durable, the next one may `recall` it: if something is known by that key, or it is `new`. None: nothing is."""
        ...

    async def execute(self, statement: Statement, values: Values) -> int:
        """Run one changing statement; returns the number of rows it matched. Raises `UniqueViolationError`."""
        ...

    async def execute_many(self, statement: Statement, rows: Rows) -> None: ...

    async def later(self, statement: Statement, rows: Rows, taken: Taken | None = None) -> None:
        """Run a changing statement for these rows, now or at the latest before the unit's next statement that cannot wait.

        Nothing comes back, so PostgreSQL gets all such changes of a unit in one round trip. The changes of a unit that wait at the same
        time must not concern the same row. `taken` says what to raise of a unique violation, which may come as late as the end of the
        unit.
        """
        ...

    async def next_id(self, sequence: IdSequence) -> int:
        """A number that was never given before. It may be lost if the unit is undone, and never comes back."""
        ...

    async def new_id(self, sequence: IdSequence, keep: Callable[[int], None]) -> None:
        """Number what `later` is going to store: `keep` is called with the number.

        Where the database gives it only as it stores the rows, `keep` is called with a `NewId` first, which stands for the number in the
        columns of ids of rows that are given to `later`, of all of them alike, and in a `Told` there. It is a number by the unit's next
        statement that cannot wait, and at its end.
        """
        ...

    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]:
        """So many of them in one step, ascending. Another's may lie between."""
        ...


class Database(Protocol):
    """One per process. `open` before use, `close` at the end; both may be called once."""

    @property
    def flavour(self) -> Flavour: ...

    @property
    def reader(self) -> Reader:
        """Reads what is committed, outside any transaction."""
        ...

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Run `work` in a transaction and return its result once it is durable.

        An exception undoes all of it. `work` runs again when the database asks for it (deadlock, serialization failure, a
        connection lost before the commit, on SQLite a neighbour in the same commit that failed), so it must have no effect outside the
        unit. Called inside a running unit, it joins it.
        """
        ...

    def snapshot(self) -> AbstractAsyncContextManager[Reader]:
        """A reader that sees what was committed when the block began, whatever is written meanwhile; nobody waits for it.

        For programs that read much: on SQLite its statements run where it is called, in a server that is the event loop.
        """
        ...

    async def ping(self) -> None:
        """Raises `errors.Unavailable` with the cause when the database does not answer."""
        ...


class HasDatabase(Protocol):
    @property
    def database(self) -> Database: ...


S = TypeVar("S", bound=HasDatabase)


def transactional(method: Callable[Concatenate[S, Unit, P], Awaitable[T]]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Make a service method run in one unit of work: the method takes the unit first, its callers do not give it."""

    @functools.wraps(method)
    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.database.write(lambda unit: method(self, unit, *args, **kwargs))

    return call
