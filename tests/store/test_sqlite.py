"""What SQLite's `Database` promises beyond the others: group commit, no reader blocked, several processes on one file, durability."""

import asyncio
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
from modelyard.store.database import UniqueViolationError, Unit, UnitFailedError
from modelyard.store.sqlite import MAX_GROUP, SqliteDatabase
from modelyard.store.statements import Statement
from tests.store.things import ALL, COUNT, add, count, create_tables

SLOW_COUNT = Statement("slow count", text("SELECT count(*) FROM thing"), slow=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create_tables(f"sqlite:///{tmp_path / 'test.db'}")
    return tmp_path / "test.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def neighbour(path: Path) -> AsyncIterator[SqliteDatabase]:
    """The file as another process has it open."""
    database = SqliteDatabase(path)
    await database.open()
    yield database
    await database.close()


@contextmanager
def traced(database: SqliteDatabase) -> Iterator[list[str]]:
    """The SQL that the writer runs."""
    said: list[str] = []
    database._writer.set_trace_callback(said.append)
    yield said
    database._writer.set_trace_callback(None)


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


class TestGroupCommit:
    async def test_many_units_share_few_commits(self, database: SqliteDatabase) -> None:
        with traced(database) as said:
            await asyncio.gather(*(database.write(lambda unit, n=n: add(unit, f"t{n}")) for n in range(200)))  # type: ignore[misc]  # a default in a lambda

        assert await count(database) == 200
        assert -(-200 // MAX_GROUP) <= said.count("COMMIT") <= 2 * -(-200 // MAX_GROUP)
        assert said.count("COMMIT") == said.count("BEGIN IMMEDIATE")

    async def test_one_unit_has_one(self, database: SqliteDatabase) -> None:
        with traced(database) as said:
            await database.write(lambda unit: add(unit, "one"))

        assert [sql for sql in said if not sql.startswith(("SELECT value", "UPDATE", "INSERT"))] == [
            "BEGIN IMMEDIATE",
            "SAVEPOINT unit",
            "RELEASE unit",
            "COMMIT",
        ]

    async def test_a_failing_unit_does_not_undo_its_neighbours(self, database: SqliteDatabase) -> None:
        async def work(unit: Unit, number: int) -> None:
            await add(unit, f"before {number}")
            if number % 3 == 1:
                raise LookupError(number)
            await add(unit, "the same" if number % 3 == 2 else f"after {number}")

        with traced(database) as said:
            outcomes = await asyncio.gather(
                *(database.write(lambda unit, n=n: work(unit, n)) for n in range(30)),  # type: ignore[misc]  # a default in a lambda
                return_exceptions=True,
            )

        assert said.count("COMMIT") <= 3
        assert [type(outcome) for outcome in outcomes[1::3]] == [LookupError] * 10
        assert [type(outcome) for outcome in outcomes[2::3]] == [type(None)] + [UniqueViolationError] * 9
        names = {row[0] for row in await database.reader.rows(ALL, {})}
        kept = {f"{when} {n}" for n in range(0, 30, 3) for when in ("before", "after")}
        assert names == kept | {"before 2", "the same"}

    async def test_nobody_is_answered_before_the_commit(self, database: SqliteDatabase, path: Path) -> None:
        seen: list[int] = []

        async def write(number: int) -> None:
            await database.write(lambda unit: add(unit, f"t{number}"))
            with closing(sqlite3.connect(path)) as other:
                seen.extend(other.execute("SELECT count(*) FROM thing WHERE name = ?", (f"t{number}",)).fetchone())

        await asyncio.gather(*(write(number) for number in range(50)))

        assert seen == [1] * 50

    @pytest.mark.parametrize("cancelled", [[0], [5], [19], [18, 19], list(range(10, 20)), list(range(1, 20)), list(range(20))], ids=str)
    @pytest.mark.parametrize("steps", range(5))
    async def test_those_who_go_away_do_not_strand_the_others(self, database: SqliteDatabase, cancelled: list[int], steps: int) -> None:
        tasks = [asyncio.create_task(database.write(lambda unit, n=n: add(unit, f"t{n}"))) for n in range(20)]  # type: ignore[misc]  # a default in a lambda
        for _ in range(steps):
            await asyncio.sleep(0)

        for number in cancelled:
            tasks[number].cancel()
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            later = await database.write(lambda unit: add(unit, "later"))

        names = {row[0] for row in await database.reader.rows(ALL, {})}
        for number, outcome in enumerate(outcomes):
            if number in cancelled:
                assert isinstance(outcome, asyncio.CancelledError | int)
            else:
                assert isinstance(outcome, int)
                assert f"t{number}" in names
        assert later > 0
        assert "later" in names

    @pytest.mark.parametrize("behind", [1, 2, 5])
    async def test_when_all_go_away_who_would_have_joined_the_group_it_still_commits(self, database: SqliteDatabase, behind: int) -> None:
        tasks: list[asyncio.Task[int]] = []

        async def work(unit: Unit) -> int:
            for task in tasks[2:]:
                task.cancel()
            return await add(unit, "stays")

        tasks.append(asyncio.create_task(database.write(lambda unit: add(unit, "first"))))
        tasks.append(asyncio.create_task(database.write(work)))
        tasks += [asyncio.create_task(database.write(lambda unit, n=n: add(unit, f"t{n}"))) for n in range(behind)]  # type: ignore[misc]  # a default in a lambda
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [int, int, *[asyncio.CancelledError] * behind]
        assert [row[0] for row in await database.reader.rows(ALL, {})] == ["first", "stays"]

    async def test_one_who_goes_away_while_it_works_is_undone_alone(self, database: SqliteDatabase) -> None:
        async def stays(unit: Unit) -> None:
            await add(unit, "never")
            await asyncio.sleep(60)

        first = asyncio.create_task(database.write(lambda unit: add(unit, "first")))
        stuck = asyncio.create_task(database.write(stays))
        others = [asyncio.create_task(database.write(lambda unit, n=n: add(unit, f"t{n}"))) for n in range(3)]  # type: ignore[misc]  # a default in a lambda
        await asyncio.sleep(0.05)
        stuck.cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(first, *others)

        assert {row[0] for row in await database.reader.rows(ALL, {})} == {"first", "t0", "t1", "t2"}

    async def test_a_file_that_is_full_fails_its_group_and_heals(self, database: SqliteDatabase) -> None:
        """SQLite may undo the whole transaction then, savepoints and all: nobody in it may be told that all is well."""
        await database.write(lambda unit: add(unit, "before"))
        pages = database._writer.execute("PRAGMA page_count").fetchone()[0]
        database._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
        sizes = [10, 10, 200_000, 10, 10, 200_000, 10]

        outcomes = await asyncio.gather(
            *(database.write(lambda unit, n=n, size=size: add(unit, f"t{n}", note="x" * size)) for n, size in enumerate(sizes)),  # type: ignore[misc]  # defaults in a lambda
            return_exceptions=True,
        )

        database._writer.execute("PRAGMA max_page_count = 1000000")
        after = await database.write(lambda unit: add(unit, "after"))
        names = {row[0] for row in await database.reader.rows(ALL, {})}
        told = {f"t{n}" for n, outcome in enumerate(outcomes) if isinstance(outcome, int)}
        assert names == {"before", "after"} | told
        assert {type(outcome) for outcome in outcomes if not isinstance(outcome, int)} == {Unavailable}
        assert after > 0

    async def test_a_clash_is_told_only_when_what_it_clashes_with_is_durable(self, database: SqliteDatabase, path: Path) -> None:
        async def clash() -> int:
            with pytest.raises(UniqueViolationError):
                await database.write(lambda unit: add(unit, "taken"))
            with closing(sqlite3.connect(path)) as other:
                return int(other.execute("SELECT count(*) FROM thing").fetchone()[0])

        first = [database.write(lambda unit, name=name: add(unit, name)) for name in ("alone", "taken")]  # type: ignore[misc]  # a default in a lambda
        _, _, *seen = await asyncio.gather(*first, *(clash() for _ in range(3)))

        assert seen == [2, 2, 2]

    async def test_a_clash_with_what_could_not_be_made_durable_is_unavailable(self, database: SqliteDatabase) -> None:
        """A violation that SQLite is told to look for at the commit makes that fail."""
        database._writer.execute("CREATE TABLE child (parent INTEGER REFERENCES thing (id) DEFERRABLE INITIALLY DEFERRED)")

        async def refused(unit: Unit) -> None:
            await add(unit, "taken")
            await unit.execute(Statement("orphan", text("INSERT INTO child VALUES (99)")), {})

        alone = database.write(lambda unit: add(unit, "alone"))
        clashing = database.write(lambda unit: add(unit, "taken"))
        _, *outcomes = await asyncio.gather(alone, database.write(refused), clashing, return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
        await database.write(lambda unit: add(unit, "taken"))

    async def test_a_unit_that_was_undone_by_sqlite_reads_nothing_more(self, database: SqliteDatabase) -> None:
        """What it read would be outside any transaction."""
        pages = database._writer.execute("PRAGMA page_count").fetchone()[0]
        database._writer.execute(f"PRAGMA max_page_count = {pages + 2}")

        async def work(unit: Unit) -> None:
            with pytest.raises(Unavailable):
                await add(unit, "large", note="x" * 200_000)
            for read in (unit.row, unit.rows):
                with pytest.raises(UnitFailedError):
                    await read(COUNT, {})

        with pytest.raises(Unavailable):
            await database.write(work)

    async def test_a_unit_whose_read_failed_is_undone(self, database: SqliteDatabase) -> None:
        async def work(unit: Unit) -> None:
            await add(unit, "never")
            with pytest.raises(sqlite3.OperationalError):
                await unit.rows(Statement("wrong", text("SELECT abs(-9223372036854775808)")), {})

        with pytest.raises(sqlite3.OperationalError):
            await database.write(work)

        assert await count(database) == 0


class TestReaders:
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
            writes = (database.write(lambda unit, n=n: add(unit, f"t{n}")) for n in range(3))  # type: ignore[misc]  # a default in a lambda
            outcomes = await asyncio.gather(*writes, return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3

    async def test_nobody_waits_longer_than_one_wait(self, database: SqliteDatabase, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.3)
        begun = time.monotonic()
        with locked(path):
            early = [asyncio.create_task(database.write(lambda unit, n=n: add(unit, f"t{n}"))) for n in range(10)]  # type: ignore[misc]  # a default in a lambda
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
            return [await to.write(lambda unit, n=n: add(unit, f"{name} {n}")) for n in range(40)]  # type: ignore[misc]  # a default in a lambda

        both = [(database, "here"), (neighbour, "there")]
        ids = await asyncio.gather(*(write(to, f"{name} {writer}") for to, name in both for writer in range(3)))

        assert len({one for some in ids for one in some}) == 240
        assert await count(database) == await count(neighbour) == 240

    async def test_each_sees_at_once_what_the_other_was_told_is_written(self, database: SqliteDatabase, neighbour: SqliteDatabase) -> None:
        for number in range(20):
            here, there = (database, neighbour) if number % 2 else (neighbour, database)
            await here.write(lambda unit, number=number: add(unit, f"t{number}"))  # type: ignore[misc]  # a default in a lambda
            assert await count(there) == number + 1
            assert await there.reader.rows(SLOW_COUNT, {}) == [(number + 1,)]
