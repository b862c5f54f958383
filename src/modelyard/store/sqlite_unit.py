"""Statements on one SQLite connection: a reader's, and those of the writer during a unit of work."""

import operator
import sqlite3
import time
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import NoReturn, TypeVar

from modelyard.errors import Unavailable
from modelyard.store.database import (
    IdSequence,
    NoSuchTableError,
    Row,
    Rows,
    Taken,
    UniqueViolationError,
    UnitFailedError,
    Values,
    bound,
)
from modelyard.store.meter import Meter
from modelyard.store.sqlite_rows import ROWS as TOGETHER
from modelyard.store.sqlite_rows import together
from modelyard.store.statements import Bulk, Flavour, Lock, Statement

T = TypeVar("T")

Fetch = Callable[[sqlite3.Cursor], T]
"""What is wanted of a statement."""

_HERE = Flavour.SQLITE
"""Looked up once: a member of an enum takes Python 3.11 0.2 µs each time."""
_LAST_ID = "SELECT value FROM id_sequence WHERE name = ?"
KEEP_ID = "UPDATE id_sequence SET value = ? WHERE name = ?"

ROWS: Fetch[Sequence[Row]] = sqlite3.Cursor.fetchall
ROW: Fetch[Row | None] = sqlite3.Cursor.fetchone
COUNT: Fetch[int] = operator.attrgetter("rowcount")

_NO_ADAPTERS: dict[None, None] = {}
sqlite3.register_adapter(type(None), _NO_ADAPTERS.get)
"""Before it binds a NULL, the module asks in three places how None is to be adapted: 0.8 µs each time, and a new model has a dozen. Here
the first place answers, without any Python of ours: with None.
"""

_TROUBLE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


class SqliteReader:
    flavour = _HERE

    def __init__(
        self,
        connection: sqlite3.Connection,
        meter: Meter,
        in_thread: Callable[[str, str, Sequence[object]], Awaitable[Sequence[Row]]] | None = None,
    ) -> None:
        self._connection = connection
        self._meter = meter
        self._thread = in_thread

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        compiled = statement.compiled(_HERE)
        if statement.slow and self._thread is not None:
            return await self._thread(statement.name, compiled.sql, compiled.bind(values))
        return self._run(statement.name, compiled.sql, compiled.bind(values), ROWS)

    async def row(self, statement: Statement, values: Values) -> Row | None:
        compiled = statement.compiled(_HERE)
        return self._run(statement.name, compiled.sql, compiled.bind(values), ROW)

    def _run(self, name: str, sql: str, values: Sequence[object], fetch: Fetch[T]) -> T:
        result, started = None, time.perf_counter()
        try:
            result = fetch(self._connection.execute(sql, values))
        except sqlite3.Error as error:
            _raise_ours(error)
        else:
            return result
        finally:
            self._meter.ran(name, time.perf_counter() - started, result)


class SqliteUnit(SqliteReader):
    """The writer during one unit of work. After one of its statements failed it takes no other and cannot be committed.

    SQLite itself would go on; but then what is undone would depend on the database.
    """

    def __init__(self, connection: sqlite3.Connection, meter: Meter, ids: dict[IdSequence, int]) -> None:
        super().__init__(connection, meter)
        self.failure: Exception | None = None
        self.empties = False
        """Set by who empties the store: once the unit is done, ids begin at 1 again. Its group keeps the last ones outside their table."""
        self._ids = ids

    async def queue(self, thing: Hashable) -> bool:
        del thing  # there is one writer
        return True

    async def lock(self, lock: Lock, values: Values) -> Row | None:
        return await self.row(lock.read, values)  # there is one writer

    locks_as_read = True

    def lock_as_read(self, lock: Lock, record_id: int, revision: int) -> bool:
        del lock, record_id, revision
        return True

    def lock_as_known(self, lock: Lock, record_id: int, revision: int, updated_at: int) -> None:
        raise AssertionError(f"nothing is recalled on SQLite, and {lock.table} {record_id} was: {revision}, {updated_at}")

    def recall(self, key: Hashable) -> None:
        del key  # reading is as cheap

    def learn(self, key: Hashable, thing: object, *, new: bool = False) -> None:
        pass

    async def execute(self, statement: Statement, values: Values) -> int:
        compiled = statement.compiled(_HERE)
        return self._run(statement.name, compiled.sql, compiled.bind(values), COUNT)

    async def execute_many(self, statement: Statement, rows: Rows) -> None:
        self._run_many(statement, rows)

    async def later(self, statement: Statement, rows: Rows, taken: Taken | None = None) -> None:
        """Nothing is won by waiting: there is no round trip."""
        try:
            self._run_many(statement, rows)
        except UniqueViolationError as error:
            if taken is None:
                raise
            raise taken(error) from error

    async def next_id(self, sequence: IdSequence) -> int:
        return self._next_ids(sequence, 1)[0]

    async def new_id(self, sequence: IdSequence, keep: Callable[[int], None]) -> None:
        keep(self._next_ids(sequence, 1)[0])

    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]:
        return self._next_ids(sequence, count)

    def _next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]:
        last = self._ids.get(sequence)
        if last is None:
            row = self._run("next id", _LAST_ID, (sequence.value,), ROW)
            assert row is not None  # noqa: S101 - the migration makes a row of each sequence
            last = int(row[0])
        self._ids[sequence] = last + count
        return range(last + 1, last + count + 1)

    def check_whole(self) -> None:
        """Raise the failure of a statement, should `work` have kept it to itself."""
        if self.failure is not None:
            raise self.failure

    def _run(self, name: str, sql: str, values: Sequence[object], fetch: Fetch[T]) -> T:
        if self.failure is not None:
            self._refuse()
        try:
            return super()._run(name, sql, values, fetch)
        except Exception as error:
            self.failure = error
            raise

    def _run_many(self, statement: Statement, rows: Rows) -> None:
        """Counted as one statement, as on the other databases."""
        if not rows:
            return
        if self.failure is not None:
            self._refuse()
        values = bound(statement, rows, _HERE)
        started = time.perf_counter()
        try:
            if len(rows) >= TOGETHER and isinstance(statement, Bulk) and statement.same:
                whole = len(rows) // TOGETHER * TOGETHER
                for sql, some in together(statement, values[:whole]):
                    run(self._connection, sql, some, COUNT)
                values = values[whole:]
            if values:
                _run_many(self._connection, statement.compiled(_HERE).sql, values)
        except Exception as error:
            self.failure = error
            raise
        finally:
            self._meter.ran(statement.name, time.perf_counter() - started, None)

    def _refuse(self) -> NoReturn:
        raise UnitFailedError("a statement of this unit failed before; it can only be undone") from self.failure


def run(connection: sqlite3.Connection, sql: str, values: Sequence[object], fetch: Fetch[T]) -> T:
    try:
        return fetch(connection.execute(sql, values))
    except sqlite3.Error as error:
        _raise_ours(error)


def _run_many(connection: sqlite3.Connection, sql: str, rows: Sequence[Sequence[object]]) -> None:
    try:
        connection.executemany(sql, rows)
    except sqlite3.Error as error:
        _raise_ours(error)


def _raise_ours(error: sqlite3.Error) -> NoReturn:
    meaning = _meaning(error)
    if meaning is error:
        raise error
    raise meaning from error


def _meaning(error: sqlite3.Error) -> Exception:
    """What the store calls this error, or the error itself."""
    code = getattr(error, "sqlite_errorcode", 0)  # the module's own errors have none
    if code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
        return UniqueViolationError(str(error))
    if code & 0xFF in _TROUBLE:
        return Unavailable(f"SQLite is not available: {error}", retry_after=1)
    if code == sqlite3.SQLITE_INTERRUPT:
        return Unavailable("SQLite stopped a statement that took too long; try again", retry_after=1)
    if str(error).startswith("no such table"):
        return NoSuchTableError(str(error))
    if "closed database" in str(error):
        return closed()
    return error


def closed() -> Unavailable:
    return Unavailable("the database has been closed")
