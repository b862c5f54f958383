"""SQLite: one writer connection with group commit, readers that nobody blocks.

A unit of work takes its turn on the writer, runs inline (its statements never suspend), and is answered after a COMMIT that covers every
unit which finished while the one before was syncing. One fsync then pays for many units, with `synchronous=FULL`. A group waits a little
for those whom the last commit has answered: most of them have more to write, and would find the next sync begun. A unit that fails after
it has changed something undoes its whole group, whose other units run again: a savepoint for each would cost every unit a copy of every
page that it writes. Only for a while after that do units have savepoints.

Several processes may use one file: `BEGIN IMMEDIATE` is tried, without blocking the event loop, until the other one is done.
"""

import asyncio
import functools
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from modelyard.errors import Unavailable
from modelyard.store.aside import Aside
from modelyard.store.database import (
    IdSequence,
    Reader,
    Row,
    Unit,
)
from modelyard.store.folder import make_durable
from modelyard.store.meter import Cause, Meter, Retried
from modelyard.store.sqlite_turn import TurnReader
from modelyard.store.sqlite_unit import KEEP_ID, ROW, ROWS, SqliteReader, SqliteUnit, closed, run
from modelyard.store.statements import Flavour
from modelyard.store.turns import Turns
from modelyard.store.unit import current_unit, enter, leave
from modelyard.tally import current_tally

T = TypeVar("T")

MIN_VERSION = (3, 35, 0)
"""RETURNING came with 3.35."""
MAX_GROUP = 64
"""Units that share one COMMIT at most."""
MAX_PATIENCE = 0.005
"""Seconds that a group waits for more units at most: a commit may take long for reasons of its own, such as a checkpoint."""
BUSY_SECONDS = 10.0
"""How long a unit waits for another process that is writing, its wait for a turn included, before it is `Unavailable`."""
CAREFUL = 1_000
"""So many units run in savepoints after one has undone its group: who fails again and again shall not have others run again each time."""
CHECK_EVERY = 10_000
"""SQLite's virtual machine asks after this many of its steps, some 0.1 ms, whether a statement's time is up."""

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -1024",
    "PRAGMA mmap_size = 268435456",
    "PRAGMA wal_autocheckpoint = 8192",
)
"""A checkpoint, which copies the log's pages into the file, comes after 8192 of them (32 MiB) and not SQLite's 1000: pages that many
changes touch are copied once. Measured: 57 µs less per create."""
_WRITER_PRAGMAS = ("PRAGMA mmap_size = 0", "PRAGMA cache_size = -16384")
"""In a mapped file SQLite looks for every page that it reads in the log first, even one that it has in its cache. So the writer maps
nothing and has a large cache, 16 MiB. Readers, of which there are some, need theirs only for the log, and for what of a file is beyond
the 256 MiB that they map."""


class SqliteDatabase:
    """A database file. `path` is created with its folder when missing. Reads in threads end after `statement_seconds` (0: never)."""

    flavour = Flavour.SQLITE

    def __init__(self, path: Path, *, readers: int = 3, statement_seconds: float = 30.0, meter: Meter | None = None) -> None:
        self._path = path
        self._meter = meter or Meter(Flavour.SQLITE)
        self._statement_seconds = statement_seconds
        self._threads = threading.local()
        self._readers = ThreadPoolExecutor(readers, "sqlite-reader")
        self._committer = Aside("sqlite-commit")
        self._turns = self._meter.writers = Turns()
        self._group: list[asyncio.Future[None]] = []
        self._begun = False
        self._careful = 0
        """How many more units run in savepoints."""
        self._ids: dict[IdSequence, int] = {}
        """The ids last given in the transaction that is open: written to their table once for a group, not once for a unit."""
        self._gave_up = float("-inf")
        """When a unit last gave up waiting for another process."""
        self._company = 1
        """How many units would share the next commit, if everyone who wrote just now wrote again."""
        self._patience = 0.0
        """Seconds that a group waits for its company: half of what the last commit took, so that who waits in vain loses little."""
        self._waits: asyncio.TimerHandle | None = None
        self._connections: list[sqlite3.Connection] = []
        self._closed = False

    async def open(self) -> None:
        if sqlite3.sqlite_version_info < MIN_VERSION:
            found, needed = sqlite3.sqlite_version, ".".join(map(str, MIN_VERSION))
            raise Unavailable(f"SQLite {found} is too old: {needed} or newer is needed, which comes with a newer Python or system")
        try:
            make_durable(self._path.parent)
            self._inline = self._connect()
            self._writer = self._connect(busy_seconds=0)
            for pragma in _WRITER_PRAGMAS:
                self._writer.execute(pragma)
        except BaseException:
            for connection in self._connections:
                connection.close()
            raise
        self._reader = TurnReader(self._inline, self._meter, self._in_thread)

    async def close(self) -> None:
        """Whoever waits to write already is served first; who comes later is refused."""
        await self._turns.take()
        self._closed = True
        self._start_commit()
        await self._turns.take()  # the commit is done
        self._turns.give()
        self._committer.close()
        self._readers.shutdown(wait=True)
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
            yield SqliteReader(connection, self._meter)
        finally:
            self._connections.remove(connection)
            connection.close()

    async def ping(self) -> None:
        run(self._inline, "SELECT 1", (), ROW)

    async def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        if (running := current_unit.get()) is not None:
            return await work(running)
        loop = asyncio.get_running_loop()
        came = loop.time()
        while True:
            try:
                return await self._join_group(work, loop, came)
            except _UndoneError:
                self._meter.retries[Retried.UNIT, Cause.NEIGHBOUR_FAILED] += 1

    async def _join_group(self, work: Callable[[Unit], Awaitable[T]], loop: asyncio.AbstractEventLoop, came: float) -> T:
        """Run it and wait for the commit. Raises `_UndoneError` when it was undone for the sake of another."""
        if self._closed or not self._turns.try_take():
            await self._take_turn()
        durable: asyncio.Future[None] = loop.create_future()
        try:
            if not self._begun:
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
        careful = self._careful > 0
        if careful:
            self._careful -= 1
            run(self._writer, "SAVEPOINT unit", (), ROW)
        unit, before = SqliteUnit(self._writer, self._meter, self._ids), self._writer.total_changes
        try:
            running = enter(unit)
            try:
                result = await work(unit)
            finally:
                leave(running)
            unit.check_whole()
        except BaseException as error:
            again = self._undo(changed=self._writer.total_changes != before, careful=careful)
            if isinstance(error, Exception):
                if again:
                    raise _UndoneError from error
                if self._group:
                    return _Failed(error)
            raise
        if careful:
            run(self._writer, "RELEASE unit", (), ROW)
        if unit.empties:
            self._ids.update(dict.fromkeys(IdSequence, 0))
        return result

    def _undo(self, *, changed: bool, careful: bool) -> bool:
        """Undo the unit that failed. True if that undid others of its group, too: they run again, and so should it."""
        if not self._writer.in_transaction:  # SQLite undid all of it by itself, as it does when the disk is full
            self._give_up_group(Unavailable("SQLite had to undo what was written together with a change that failed", retry_after=1))
        elif careful:
            self._writer.execute("ROLLBACK TO unit")
            self._writer.execute("RELEASE unit")
        elif changed:
            self._writer.execute("ROLLBACK")
            if self._give_up_group(_UndoneError()):
                self._careful = CAREFUL
                return True
        return False

    def _give_up_group(self, why: Exception) -> bool:
        """Its transaction is gone: tell everyone in it. True if there was anyone."""
        self._ids.clear()
        group = self._take_group()
        _tell(group, why)
        return bool(group)

    def _take_group(self) -> list[asyncio.Future[None]]:
        """The group: its transaction ends now, and nobody joins it any more."""
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None
        group, self._group, self._begun = self._group, [], False
        return group

    async def _take_turn(self) -> None:
        try:
            await self._turns.take()
        except asyncio.CancelledError:
            self._settle()
            raise
        if self._closed:
            self._turns.give()
            raise closed()

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
        self._committer.start(self._commit, functools.partial(self._end_commit, self._take_group(), time.perf_counter()))

    def _end_commit(self, group: list[asyncio.Future[None]], started: float, failure: Exception | None) -> None:
        """The turn was held meanwhile, since the connection was busy."""
        seconds = time.perf_counter() - started
        if failure is None:
            self._company, self._patience = len(group) + self._turns.waiting, min(seconds / 2, MAX_PATIENCE)
        else:
            failure = Unavailable(f"SQLite could not commit: {failure}", retry_after=1)
        self._turns.give()
        _tell(group, failure)
        if failure is None:
            self._meter.committed(len(group), seconds)

    def _commit(self) -> None:
        """In a thread: make a group durable."""
        try:
            for sequence, value in self._ids.items():
                self._writer.execute(KEEP_ID, (value, sequence.value))
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
            raise closed()
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
        return run(connection, sql, values, ROWS)

    def _connect(self, *, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=512)
        if sys.version_info >= (3, 12):
            # Else newer SQLites (3.51 does) plan a statement anew whenever a LIMIT is given: a list of 20 cost 1.4 times as much.
            connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_QPSG)
        self._connections.append(connection)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        connection.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
        return connection


class _Failed(msgspec.Struct, frozen=True):
    error: Exception


class _UndoneError(Exception):
    """Another unit of the group failed, and what this one had written went with it. It has only to run again."""


def _tell(group: list[asyncio.Future[None]], failure: Exception | None) -> None:
    """Answer everyone of a group."""
    for durable in group:
        if durable.done():
            continue
        if failure is None:
            durable.set_result(None)
        else:
            durable.set_exception(failure)
