"""What SQLite's `Database` promises beyond the others: no reader is blocked, and several processes share one file."""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import text

from modelyard.errors import Unavailable
from modelyard.store import sqlite
from modelyard.store.database import NoSuchTableError, UniqueViolationError, Unit
from modelyard.store.sqlite import SqliteDatabase
from modelyard.store.sqlite_rows import ROWS
from modelyard.store.statements import Bulk, Statement
from perf.cpu import ProcessTree
from tests.store.things import ALL, COUNT, THING, add, count

SLOW_COUNT = Statement("slow count", text("SELECT count(*) FROM thing"), slow=True)


@pytest.fixture
async def neighbour(path: Path) -> AsyncIterator[SqliteDatabase]:
    """The file as another process has it open."""
    database = SqliteDatabase(path)
    await database.open()
    yield database
    await database.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another connection is writing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


class Pulse:
    """Measures how long the event loop was away at most, in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _beat(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.monotonic() - before)


class TestReaders:
    async def test_see_one_moment_through_a_turn_of_the_loop_and_what_was_written_since_in_the_next(
        self, database: SqliteDatabase, path: Path
    ) -> None:
        assert await count(database) == 0
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("INSERT INTO thing (id, name) VALUES (1, 'since')")
        assert await count(database) == 0  # nothing has been awaited that took time: it is the same turn

        await asyncio.sleep(0)
        assert await count(database) == 1

    async def test_keep_nothing_from_being_written_over_once_their_turn_is_over(self, database: SqliteDatabase, path: Path) -> None:
        await database.write(lambda unit: add(unit, "one"))
        assert await count(database) == 1
        await asyncio.sleep(0)

        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)

    async def test_may_read_when_their_last_turn_met_an_error(self, database: SqliteDatabase) -> None:
        with pytest.raises(NoSuchTableError):
            await database.reader.rows(Statement("wrong", text("SELECT 1 FROM nowhere")), {})
        assert await count(database) == 0

        await asyncio.sleep(0)
        assert await count(database) == 0

    async def test_of_a_statement_without_end_are_stopped(self, path: Path) -> None:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        database = SqliteDatabase(path, readers=1, statement_seconds=0.2)
        await database.open()

        with pytest.raises(Unavailable, match="took too long") as caught:
            await database.reader.rows(Statement("endless", text(endless), slow=True), {})

        assert caught.value.details == {"retry_after": 1}
        assert await database.reader.rows(SLOW_COUNT, {}) == [(0,)]
        await database.close()

    async def test_are_told_that_the_database_is_closed(self, path: Path) -> None:
        database = SqliteDatabase(path)
        await database.open()
        reader = database.reader
        await database.close()

        for read in (reader.rows(SLOW_COUNT, {}), reader.rows(COUNT, {}), reader.row(COUNT, {}), database.ping()):
            with pytest.raises(Unavailable, match="closed"):
                await read

    async def test_see_only_what_is_committed(self, database: SqliteDatabase) -> None:
        inside, proceed = asyncio.Event(), asyncio.Event()

        async def work(unit: Unit) -> None:
            await add(unit, "first")
            inside.set()
            await proceed.wait()
            assert await unit.row(COUNT, {}) == (1,)

        task = asyncio.create_task(database.write(work))
        await inside.wait()
        assert await count(database) == 0
        assert await database.reader.rows(SLOW_COUNT, {}) == [(0,)]
        proceed.set()
        await task

        assert await count(database) == 1
        assert await database.reader.rows(SLOW_COUNT, {}) == [(1,)]

    async def test_are_not_held_up_by_a_writer_here_or_elsewhere(self, database: SqliteDatabase, path: Path) -> None:
        await database.write(lambda unit: add(unit, "first"))

        with locked(path):
            begun = time.monotonic()
            assert await count(database) == 1
            assert await database.reader.rows(SLOW_COUNT, {}) == [(1,)]
            await database.ping()

        assert time.monotonic() - begun < 1

    async def test_of_long_statements_leave_the_loop_alone(self, database: SqliteDatabase) -> None:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500000) SELECT count(*) FROM n"
        statement = Statement("long", text(endless), slow=True)

        async with Pulse() as pulse:
            begun = time.monotonic()
            assert await asyncio.gather(*(database.reader.rows(statement, {}) for _ in range(2))) == [[(1500000,)]] * 2
            took = time.monotonic() - begun

        assert pulse.longest < took / 2

    async def test_in_a_unit_read_what_it_wrote(self, database: SqliteDatabase) -> None:
        async def work(unit: Unit) -> object:
            await add(unit, "first")
            return await database.reader.rows(SLOW_COUNT, {})

        assert await database.write(work) == [(1,)]


class TestAnotherWriter:
    async def test_is_waited_for_without_blocking_the_loop(self, database: SqliteDatabase, path: Path) -> None:
        async with Pulse() as pulse:
            with locked(path):
                task = asyncio.create_task(database.write(lambda unit: add(unit, "patient")))
                await asyncio.sleep(0.4)
                assert not task.done()
                assert await count(database) == 0
            async with asyncio.timeout(5):
                await task

        assert pulse.longest < 0.2
        assert await count(database) == 1

    async def test_who_never_ends_is_given_up_on(self, database: SqliteDatabase, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
        with locked(path):
            for _ in range(2):
                with pytest.raises(Unavailable, match=r"cannot write to test\.db: database is locked"):
                    await database.write(lambda unit: add(unit, "impatient"))

        assert await database.write(lambda unit: add(unit, "later"))
        assert [row[0] for row in await database.reader.rows(ALL, {})] == ["later"]

    async def test_who_never_ends_fails_everyone_who_waits(
        self, database: SqliteDatabase, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
        with locked(path):
            writes = (database.write(lambda unit, n=n: add(unit, f"t{n}")) for n in range(3))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
            outcomes = await asyncio.gather(*writes, return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3

    async def test_nobody_waits_longer_than_one_wait(self, database: SqliteDatabase, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.3)
        begun = time.monotonic()
        with locked(path):
            early = [asyncio.create_task(database.write(lambda unit, n=n: add(unit, f"t{n}"))) for n in range(10)]  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
            await asyncio.sleep(0.2)
            late = asyncio.create_task(database.write(lambda unit: add(unit, "late")))
            outcomes = await asyncio.gather(*early, late, return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 11
        assert time.monotonic() - begun < 0.6

    async def test_who_never_ends_does_not_keep_it_from_closing(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
        database = SqliteDatabase(path)
        await database.open()
        with locked(path):
            writing = asyncio.create_task(database.write(lambda unit: add(unit, "never")))
            await asyncio.sleep(0.01)
            await asyncio.wait_for(database.close(), 5)
            with pytest.raises(Unavailable):
                await writing

    async def test_both_write_correctly(self, database: SqliteDatabase, neighbour: SqliteDatabase) -> None:
        async def write(to: SqliteDatabase, name: str) -> list[int]:
            return [await to.write(lambda unit, n=n: add(unit, f"{name} {n}")) for n in range(40)]  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type

        both = [(database, "here"), (neighbour, "there")]
        ids = await asyncio.gather(*(write(to, f"{name} {writer}") for to, name in both for writer in range(3)))

        assert len({one for some in ids for one in some}) == 240
        assert await count(database) == await count(neighbour) == 240

    async def test_each_sees_at_once_what_the_other_was_told_is_written(self, database: SqliteDatabase, neighbour: SqliteDatabase) -> None:
        for number in range(20):
            here, there = (database, neighbour) if number % 2 else (neighbour, database)
            await here.write(lambda unit, number=number: add(unit, f"t{number}"))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
            assert await count(there) == number + 1
            assert await there.reader.rows(SLOW_COUNT, {}) == [(number + 1,)]


ALIKE = Bulk("insert things", THING, same=("score", "note"))


def alike(number: int) -> list[tuple[int, str, float, int, str]]:
    return [(place, f"thing {place}", 0.5, place * 7, "it's alike") for place in range(number)]


@pytest.mark.parametrize("number", [1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS - 1])
async def test_rows_that_are_alike_are_stored_as_they_are(database: SqliteDatabase, number: int) -> None:
    await database.write(lambda unit: unit.later(ALIKE, alike(number)))

    assert [tuple(row) for row in await database.reader.rows(ALL, {})] == [row[1:] for row in alike(number)]


async def test_of_rows_one_of_which_clashes_none_is_stored(database: SqliteDatabase) -> None:
    rows = alike(3 * ROWS)
    rows[ROWS + 3] = (*rows[ROWS + 3][:1], "thing 2", *rows[ROWS + 3][2:])

    with pytest.raises(UniqueViolationError, match=r"thing\.name"):
        await database.write(lambda unit: unit.later(ALIKE, rows))

    assert await count(database) == 0


async def test_a_file_that_may_not_be_written_is_unavailable_for_changes(database: SqliteDatabase) -> None:
    database._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(Unavailable, match="readonly"):
        await database.write(lambda unit: add(unit, "new"))
    database._writer.execute("PRAGMA query_only = OFF")
    await database.write(lambda unit: add(unit, "new"))
    assert await count(database) == 1


async def test_a_statement_is_planned_once_whatever_its_limit(database: SqliteDatabase) -> None:
    """SQLite asks its authorizer whenever it plans one. Old SQLites do not look at the limit."""
    (writer, *_) = database._connections
    planned: list[tuple[object, ...]] = []

    def plan(*action: object) -> int:
        planned.append(action)
        return sqlite3.SQLITE_OK

    writer.set_authorizer(plan)
    writer.execute("SELECT id FROM thing ORDER BY id LIMIT ?", (1,)).fetchall()
    assert planned
    planned.clear()

    writer.execute("SELECT id FROM thing ORDER BY id LIMIT ?", (2,)).fetchall()

    assert planned == []


async def test_readers_keep_little_of_a_file_that_is_larger_than_what_they_map(
    database: SqliteDatabase, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a cache of its own; together they would grow with the file, for minutes, which looks like a leak."""

    async def fill(unit: Unit) -> None:
        await unit.execute_many(
            Bulk("insert things", THING), [(number, f"{number}", None, None, "x" * 3000) for number in range(1, 15_000)]
        )

    await database.write(fill)
    read_all = Statement("read all", text("SELECT sum(length(note)) FROM thing"), slow=True)
    monkeypatch.setattr(sqlite, "_PRAGMAS", tuple(pragma for pragma in sqlite._PRAGMAS if "mmap" not in pragma))
    reading, this = SqliteDatabase(path), ProcessTree(os.getpid())
    await reading.open()
    before = this.private_bytes()
    for _ in range(3):
        await asyncio.gather(*[reading.reader.rows(read_all, {}) for _ in range(8)])
    grown = this.private_bytes() - before
    await reading.close()
    assert grown < 24 * 2**20
