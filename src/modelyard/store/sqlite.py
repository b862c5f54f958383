"""SQLite: one writer connection with group commit, readers that nobody blocks.

A unit of work takes its turn on the writer, runs inline in a savepoint (its statements never suspend), and is answered after a COMMIT
that covers every unit which finished while the one before was syncing. One fsync then pays for many units, with `synchronous=FULL`. A
group waits a little for those whom the last commit has answered: most of them have more to write, and would find the next sync begun.
Several processes may use one file: `BEGIN IMMEDIATE` is tried, without blocking the event loop, until the other one is done.
"""

import asyncio
import operator
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

import msgspec

from modelyard.errors import Unavailable
from modelyard.store.database import (
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
from modelyard.store.folder import make_durable
from modelyard.store.meter import Meter
from modelyard.store.statements import Flavour, Lock, Statement
from modelyard.store.turns import Turns
from modelyard.store.unit import current_unit, joined
from modelyard.tally import current_tally

T = TypeVar("T")

Fetch = Callable[[sqlite3.Cursor], T]
"""What is wanted of a statement."""

MIN_VERSION = (3, 35, 0)
"""RETURNING came with 3.35."""
MAX_GROUP = 64
"""Units that share one COMMIT at most."""
MAX_PATIENCE = 0.005
"""Seconds that a group waits for more units at most: a commit may take long for reasons of its own, such as a checkpoint."""
BUSY_SECONDS = 10.0
"""How long a unit waits for another process that is writing, its wait for a turn included, before it is `Unavailable`."""
CHECK_EVERY = 10_000
"""SQLite's virtual machine asks after this many of its steps, some 0.1 ms, whether a statement's time is up."""

_LAST_ID = "SELECT value FROM id_sequence WHERE name = ?"
_KEEP_ID = "UPDATE id_sequence SET value = ? WHERE name = ?"
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16384",
    "PRAGMA mmap_size = 268435456",
    "PRAGMA wal_autocheckpoint = 8192",
)
"""A checkpoint, which copies the log's pages into the file, comes after 8192 of them (32 MiB) and not SQLite's 1000: pages that many
changes touch are copied once. Measured: 57 µs less per create."""


class SqliteDatabase:
    """A database file. `path` is created with its folder when missing. Reads in threads end after `statement_seconds` (0: never)."""

    flavour = Flavour.SQLITE

    def __init__(self, path: Path, *, readers: int = 3, statement_seconds: float = 30.0, meter: Meter | None = None) -> None:
        self._path = path
        self._meter = meter or Meter(Flavour.SQLITE)
        self._statement_seconds = statement_seconds
        self._threads = threading.local()
        self._readers = ThreadPoolExecutor(readers, "sqlite-reader")
        self._committer = ThreadPoolExecutor(1, "sqlite-commit")
        self._turns = self._meter.writers = Turns()
        self._group: list[asyncio.Future[None]] = []
        self._begun = False
        self._ids: dict[IdSequence, int] = {}
        """The ids last given in the transaction that is open: written to their table once for a group, not once for a unit."""
        self._gave_up = float("-inf")
        """When a unit last gave up waiting for another process."""
        self._company = 1
        """How many units would share the next commit, if everyone who wrote just now wrote again."""
        self._patience = 0.0
        """Seconds that a group waits for its company: half of what the last commit took, so that who waits in vain loses little."""
        self._waits: asyncio.TimerHandle | None = None
        self._commits: set[asyncio.Task[None]] = set()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False

    async def open(self) -> None:
        if sqlite3.sqlite_version_info < MIN_VERSION:
            found, needed = sqlite3.sqlite_version, ".".join(map(str, MIN_VERSION))
            raise Unavailable(f"SQLite {found} is too old: {needed} or newer is needed, which comes with a newer Python or system")
        make_durable(self._path.parent)
        self._inline = self._connect()
        self._writer = self._connect(busy_seconds=0)
        self._reader = _SqliteReader(self._inline, self._meter, self._in_thread)

    async def close(self) -> None:
        """Whoever waits to write already is served first; who comes later is refused."""
        await self._turns.take()
        self._closed = True
        self._start_commit()
        while self._commits:
            await asyncio.gather(*self._commits, return_exceptions=True)
        for pool in (self._readers, self._committer):
            pool.shutdown(wait=True)
        for connection in self._connections:
            connection.close()

    @property
    def reader(self) -> Reader:
        return current_unit.get() or self._reader

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reader]:
        connection = self._connect()
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # the moment is that of the first read
            yield _SqliteReader(connection, self._meter)
        finally:
            self._connections.remove(connection)
            connection.close()

    async def ping(self) -> None:
        _run(self._inline, "SELECT 1", (), _ROW)

    async def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        if (running := current_unit.get()) is not None:
            return await work(running)
        loop = asyncio.get_running_loop()
        came = loop.time()
        await self._take_turn()
        durable: asyncio.Future[None] = loop.create_future()
        try:
            await self._begin(came)
            outcome = await self._outcome(work)
            self._group.append(durable)
        finally:
            self._end_turn()
        waiting = time.perf_counter()
        await durable  # its own: a caller who goes away takes nothing from the others of the group
        current_tally.get().seconds += time.perf_counter() - waiting
        if isinstance(outcome, _Failed):
            raise outcome.error
        return outcome

    async def _outcome(self, work: Callable[[Unit], Awaitable[T]]) -> "T | _Failed":
        """What the unit made. It may have failed of what others of its group wrote, and must not tell before that is durable."""
        try:
            return await self._savepoint(work)
        except Exception as error:
            if not self._group:
                raise
            return _Failed(error)

    async def _savepoint(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        unit = _SqliteUnit(self._writer, self._meter, self._ids)
        _run(self._writer, "SAVEPOINT unit", (), _ROW)
        try:
            with joined(unit):
                result = await work(unit)
            unit.check_whole()
        except BaseException:
            self._undo()
            raise
        _run(self._writer, "RELEASE unit", (), _ROW)
        return result

    def _undo(self) -> None:
        """Undo the unit that failed. Where SQLite undid the whole transaction by itself (a full disk), its group failed with it."""
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK TO unit")
            self._writer.execute("RELEASE unit")
            return
        group, self._group, self._begun = self._group, [], False
        self._ids.clear()
        _tell(group, Unavailable("SQLite had to undo what was written together with a change that failed", retry_after=1))

    async def _take_turn(self) -> None:
        try:
            await self._turns.take()
        except asyncio.CancelledError:
            self._settle()
            raise
        if self._closed:
            self._turns.give()
            raise _closed()

    def _end_turn(self) -> None:
        """Let the next unit join the group; when none is there or will be soon, or the group is full, commit."""
        if self._turns.waiting and len(self._group) < MAX_GROUP:
            self._turns.give()
        elif 0 < len(self._group) < min(self._company, MAX_GROUP):
            self._turns.give()
            self._waits = self._waits or asyncio.get_running_loop().call_later(self._patience, self._stop_waiting)
        else:
            self._start_commit()

    def _stop_waiting(self) -> None:
        self._waits, self._company = None, 1
        self._settle()

    def _settle(self) -> None:
        """Nobody more is to come: the group that counted on it commits now, or when the unit that has the turn is done."""
        if self._group and not self._turns.waiting and self._turns.try_take():
            self._start_commit()

    def _start_commit(self) -> None:
        if not self._begun:
            self._turns.give()
            return
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None
        group, self._group, self._begun = self._group, [], False
        task = asyncio.get_running_loop().create_task(self._commit(group))
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)

    async def _commit(self, group: list[asyncio.Future[None]]) -> None:
        """Make a group durable in a thread, holding the turn, since the connection is busy meanwhile."""
        failure: Exception | None = None
        started = time.perf_counter()
        try:
            await asyncio.get_running_loop().run_in_executor(self._committer, self._commit_now)
            seconds = time.perf_counter() - started
            self._company, self._patience = len(group) + self._turns.waiting, min(seconds / 2, MAX_PATIENCE)
            self._meter.committed(len(group), seconds)
        except Exception as error:  # noqa: BLE001 - whatever it is, the group waits to be told
            failure = Unavailable(f"SQLite could not commit: {error}", retry_after=1)
        finally:
            self._turns.give()
        _tell(group, failure)

    def _commit_now(self) -> None:
        try:
            for sequence, value in self._ids.items():
                self._writer.execute(_KEEP_ID, (value, sequence.value))
            self._writer.execute("COMMIT")
        except sqlite3.Error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        finally:
            self._ids.clear()

    async def _begin(self, came: float) -> None:
        """Open the transaction of a group. Another process may hold the file's write lock: wait for it without blocking the loop.

        When the unit that `came` first gives up, so do all that have been waiting behind it.
        """
        if self._begun:
            return
        if came < self._gave_up:
            raise self._cannot_write("database is locked")
        loop = asyncio.get_running_loop()
        deadline, pause = came + BUSY_SECONDS, 0.0005
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise self._cannot_write(error) from error
                if loop.time() > deadline:
                    self._gave_up = loop.time()
                    raise self._cannot_write(error) from error
            else:
                self._begun = True
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.02)

    def _cannot_write(self, cause: object) -> Unavailable:
        return Unavailable(f"SQLite cannot write to {self._path.name}: {cause}", retry_after=1)

    async def _in_thread(self, name: str, sql: str, values: Sequence[object]) -> Sequence[Row]:
        """Its wait for a thread counts as the statement's time: the request waits that long."""
        if self._closed:
            raise _closed()
        rows, started = None, time.perf_counter()
        try:
            rows = await asyncio.get_running_loop().run_in_executor(self._readers, self._read_in_thread, sql, values)
            return rows
        finally:
            self._meter.ran(name, time.perf_counter() - started, rows)

    def _read_in_thread(self, sql: str, values: Sequence[object]) -> Sequence[Row]:
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = self._threads.connection = self._connect()
        if self._statement_seconds:
            deadline = time.monotonic() + self._statement_seconds
            connection.set_progress_handler(lambda: time.monotonic() > deadline, CHECK_EVERY)
        return _run(connection, sql, values, _ROWS)

    def _connect(self, *, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=512)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        connection.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
        self._connections.append(connection)
        return connection


class _Failed(msgspec.Struct, frozen=True):
    error: Exception


def _tell(group: list[asyncio.Future[None]], failure: Exception | None) -> None:
    """Answer everyone of a group."""
    for durable in group:
        if durable.done():
            continue
        if failure is None:
            durable.set_result(None)
        else:
            durable.set_exception(failure)


class _SqliteReader:
    flavour = Flavour.SQLITE

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
        compiled = statement.compiled(Flavour.SQLITE)
        if statement.slow and self._thread is not None:
            return await self._thread(statement.name, compiled.sql, compiled.bind(values))
        return self._run(statement.name, compiled.sql, compiled.bind(values), _ROWS)

    async def row(self, statement: Statement, values: Values) -> Row | None:
        compiled = statement.compiled(Flavour.SQLITE)
        return self._run(statement.name, compiled.sql, compiled.bind(values), _ROW)

    def _run(self, name: str, sql: str, values: Sequence[object], fetch: Fetch[T]) -> T:
        result, started = None, time.perf_counter()
        try:
            result = _run(self._connection, sql, values, fetch)
            return result
        finally:
            self._meter.ran(name, time.perf_counter() - started, result)


class _SqliteUnit(_SqliteReader):
    """The writer during one unit of work. After one of its statements failed it takes no other and cannot be committed.

    SQLite itself would go on; but then what is undone would depend on the database.
    """

    def __init__(self, connection: sqlite3.Connection, meter: Meter, ids: dict[IdSequence, int]) -> None:
        super().__init__(connection, meter)
        self.failure: Exception | None = None
        self._ids = ids

    async def lock(self, lock: Lock, values: Values) -> Row | None:
        return await self.row(lock.read, values)  # there is one writer

    def lock_as_read(self, lock: Lock, record_id: int, revision: int) -> bool:
        del lock, record_id, revision
        return True

    async def execute(self, statement: Statement, values: Values) -> int:
        compiled = statement.compiled(Flavour.SQLITE)
        return self._run(statement.name, compiled.sql, compiled.bind(values), _COUNT)

    async def execute_many(self, statement: Statement, rows: Rows) -> None:
        if rows:
            self._run_many(statement.name, statement.compiled(Flavour.SQLITE).sql, bound(statement, rows, Flavour.SQLITE))

    async def later(self, statement: Statement, rows: Rows, taken: Taken | None = None) -> None:
        """Nothing is won by waiting: there is no round trip."""
        try:
            await self.execute_many(statement, rows)
        except UniqueViolationError as error:
            if taken is None:
                raise
            raise taken(error) from error

    async def next_id(self, sequence: IdSequence) -> int:
        return (await self.next_ids(sequence, 1))[0]

    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]:
        last = self._ids.get(sequence)
        if last is None:
            row = self._run("next id", _LAST_ID, (sequence.value,), _ROW)
            assert row is not None  # noqa: S101 - the migration makes a row of each sequence
            last = int(row[0])
        self._ids[sequence] = last + count
        return range(last + 1, last + count + 1)

    def check_whole(self) -> None:
        """Raise the failure of a statement, should `work` have kept it to itself."""
        if self.failure is not None:
            raise self.failure

    def _run(self, name: str, sql: str, values: Sequence[object], fetch: Fetch[T]) -> T:
        return self._guarded(name, lambda: _run(self._connection, sql, values, fetch))

    def _run_many(self, name: str, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Counted as one statement, as on the other databases."""
        self._guarded(name, lambda: _run_many(self._connection, sql, rows))

    def _guarded(self, name: str, run: Callable[[], T]) -> T:
        if self.failure is not None:
            raise UnitFailedError("a statement of this unit failed before; it can only be undone") from self.failure
        result, started = None, time.perf_counter()
        try:
            result = run()
        except Exception as error:
            self.failure = error
            raise
        else:
            return result
        finally:
            self._meter.ran(name, time.perf_counter() - started, result)


_ROWS: Fetch[Sequence[Row]] = sqlite3.Cursor.fetchall
_ROW: Fetch[Row | None] = sqlite3.Cursor.fetchone
_COUNT: Fetch[int] = operator.attrgetter("rowcount")

_TROUBLE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


def _run(connection: sqlite3.Connection, sql: str, values: Sequence[object], fetch: Fetch[T]) -> T:
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
        return _closed()
    return error


def _closed() -> Unavailable:
    return Unavailable("the database has been closed")
