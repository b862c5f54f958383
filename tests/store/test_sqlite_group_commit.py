"""Many units of work share one commit on SQLite, and each is answered as if it had been alone."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select, text

from modelyard.errors import Unavailable
from modelyard.store.database import UniqueViolationError, Unit, UnitFailedError
from modelyard.store.meter import Cause, Retried
from modelyard.store.sqlite import CAREFUL, MAX_GROUP, SqliteDatabase
from modelyard.store.statements import Statement
from tests.store.things import ALL, COUNT, THING, add, count

IDS = Statement("things by id", select(THING.c.id, THING.c.name))


@contextmanager
def traced(database: SqliteDatabase) -> Iterator[list[str]]:
    """The SQL that the writer runs."""
    said: list[str] = []
    database._writer.set_trace_callback(said.append)
    yield said
    database._writer.set_trace_callback(None)


async def test_many_units_share_few_commits(database: SqliteDatabase) -> None:
    with traced(database) as said:
        await asyncio.gather(*(database.write(lambda unit, n=n: add(unit, f"t{n}")) for n in range(200)))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type

    assert await count(database) == 200
    assert -(-200 // MAX_GROUP) <= said.count("COMMIT") <= 2 * -(-200 // MAX_GROUP)
    assert said.count("COMMIT") == said.count("BEGIN IMMEDIATE")


async def test_those_who_write_again_and_again_share_every_commit(database: SqliteDatabase) -> None:
    """And not every other: a group does not begin to sync while those whom the last one answered are about to write again."""

    async def write_on(writer: int) -> None:
        for number in range(50):
            await database.write(lambda unit, number=number: add(unit, f"{writer} {number}"))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type

    with traced(database) as said:
        await asyncio.gather(*map(write_on, range(8)))

    assert await count(database) == 400
    assert said.count("COMMIT") <= 60


async def test_a_group_waits_once_for_those_who_have_left(database: SqliteDatabase) -> None:
    database._company, database._patience = 8, 0.05
    await database.write(lambda unit: add(unit, "first"))
    assert database._company == 1

    database._patience = 3600
    await database.write(lambda unit: add(unit, "second"))
    assert await count(database) == 2


async def test_one_unit_has_one_commit(database: SqliteDatabase) -> None:
    with traced(database) as said:
        await database.write(lambda unit: add(unit, "one"))

    assert [sql for sql in said if not sql.startswith(("SELECT value", "UPDATE", "INSERT"))] == ["BEGIN IMMEDIATE", "COMMIT"]


async def fails_late(unit: Unit, name: str) -> None:
    await add(unit, name)
    raise LookupError(name)


@pytest.mark.parametrize("careful", [0, CAREFUL], ids=["at first", "for a while after"])
async def test_a_failing_unit_does_not_undo_its_neighbours(database: SqliteDatabase, careful: int) -> None:
    async def work(unit: Unit, number: int) -> None:
        await add(unit, f"before {number}")
        if number % 3 == 1:
            raise LookupError(number)
        await add(unit, "the same" if number % 3 == 2 else f"after {number}")

    database._careful = careful
    with traced(database) as said:
        outcomes = await asyncio.gather(
            *(database.write(lambda unit, n=n: work(unit, n)) for n in range(30)),  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
            return_exceptions=True,
        )

    assert said.count("COMMIT") <= 3
    assert [type(outcome) for outcome in outcomes[0::3]] == [type(None)] * 10
    assert [type(outcome) for outcome in outcomes[1::3]] == [LookupError] * 10
    (winner,) = (number for number in range(2, 30, 3) if outcomes[number] is None)
    assert [type(outcomes[number]) for number in range(2, 30, 3) if number != winner] == [UniqueViolationError] * 9
    names = {row[0] for row in await database.reader.rows(ALL, {})}
    kept = {f"{when} {n}" for n in range(0, 30, 3) for when in ("before", "after")}
    assert names == kept | {f"before {winner}", "the same"}


async def test_units_that_were_undone_with_another_run_again_and_the_next_ones_in_savepoints(database: SqliteDatabase) -> None:
    runs: list[str] = []

    async def work(unit: Unit, name: str) -> int:
        runs.append(name)
        return await add(unit, name)

    names = ["alone", "first", "second"]
    with traced(database) as said:
        tasks = [asyncio.create_task(database.write(lambda unit, name=name: work(unit, name))) for name in names]  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
        late = asyncio.create_task(database.write(lambda unit: fails_late(unit, "late")))
        ids = await asyncio.gather(*tasks)
        with pytest.raises(LookupError):
            await late

    assert runs == ["alone", "first", "second", "first", "second"]
    assert set(await database.reader.rows(IDS, {})) == set(zip(ids, names, strict=True))
    assert said.count("ROLLBACK") == 1
    assert said.count("SAVEPOINT unit") == said.count("RELEASE unit") == 3
    assert said.count("ROLLBACK TO unit") == 1
    assert database._meter.retries == {(Retried.UNIT, Cause.NEIGHBOUR_FAILED): 3}


async def test_a_unit_that_fails_before_it_changed_anything_undoes_nothing(database: SqliteDatabase) -> None:
    async def clash(unit: Unit) -> None:
        await unit.row(COUNT, {})
        await add(unit, "first")

    with traced(database) as said:
        await asyncio.gather(
            *(database.write(lambda unit, name=name: add(unit, name)) for name in ("alone", "first")),  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
            *(database.write(clash) for _ in range(3)),
            return_exceptions=True,
        )

    assert await count(database) == 2
    assert [sql for sql in said if sql.startswith(("ROLLBACK", "SAVEPOINT"))] == []


@pytest.mark.parametrize("seed", range(5))
async def test_what_is_kept_is_what_was_told_whoever_failed_or_went_away(database: SqliteDatabase, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same choices each time
    told: list[str] = []
    gone: list[str] = []

    async def write_on(writer: int) -> None:
        for number in range(20):
            name, way = f"{writer} {number}", random.random()
            if way < 0.1:
                with pytest.raises(LookupError):
                    await database.write(lambda unit, name=name: fails_late(unit, name))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
            elif way < 0.2:
                task = asyncio.create_task(database.write(lambda unit, name=name: add(unit, name)))  # type: ignore[misc]  # as above
                for _ in range(random.randrange(4)):
                    await asyncio.sleep(0)
                task.cancel()
                gone.append(name)
            else:
                await database.write(lambda unit, name=name: add(unit, name))  # type: ignore[misc]  # as above
                told.append(name)
            database._careful = random.choice((0, database._careful))

    async with asyncio.timeout(30):
        await asyncio.gather(*map(write_on, range(12)))
        await database.write(lambda unit: add(unit, "last"))

    kept = [row[0] for row in await database.reader.rows(ALL, {})]
    assert set(kept) - set(gone) == {"last", *told}
    assert database._meter.retries[Retried.UNIT, Cause.NEIGHBOUR_FAILED] > 0


async def test_nobody_is_answered_before_the_commit(database: SqliteDatabase, path: Path) -> None:
    seen: list[int] = []

    async def write(number: int) -> None:
        await database.write(lambda unit: add(unit, f"t{number}"))
        with closing(sqlite3.connect(path)) as other:
            seen.extend(other.execute("SELECT count(*) FROM thing WHERE name = ?", (f"t{number}",)).fetchone())

    await asyncio.gather(*(write(number) for number in range(50)))

    assert seen == [1] * 50


@pytest.mark.parametrize("cancelled", [[0], [5], [19], [18, 19], list(range(10, 20)), list(range(1, 20)), list(range(20))], ids=str)
@pytest.mark.parametrize("steps", range(5))
async def test_those_who_go_away_do_not_strand_the_others(database: SqliteDatabase, cancelled: list[int], steps: int) -> None:
    tasks = [asyncio.create_task(database.write(lambda unit, n=n: add(unit, f"t{n}"))) for n in range(20)]  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
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
async def test_when_all_go_away_who_would_have_joined_the_group_it_still_commits(database: SqliteDatabase, behind: int) -> None:
    tasks: list[asyncio.Task[int]] = []

    async def work(unit: Unit) -> int:
        for task in tasks[2:]:
            task.cancel()
        return await add(unit, "stays")

    tasks.append(asyncio.create_task(database.write(lambda unit: add(unit, "first"))))
    tasks.append(asyncio.create_task(database.write(work)))
    tasks += [asyncio.create_task(database.write(lambda unit, n=n: add(unit, f"t{n}"))) for n in range(behind)]  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [int, int, *[asyncio.CancelledError] * behind]
    assert [row[0] for row in await database.reader.rows(ALL, {})] == ["first", "stays"]


async def test_one_who_goes_away_while_it_works_is_undone_alone(database: SqliteDatabase) -> None:
    async def stays(unit: Unit) -> None:
        await add(unit, "never")
        await asyncio.sleep(60)

    first = asyncio.create_task(database.write(lambda unit: add(unit, "first")))
    stuck = asyncio.create_task(database.write(stays))
    others = [asyncio.create_task(database.write(lambda unit, n=n: add(unit, f"t{n}"))) for n in range(3)]  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
    await asyncio.sleep(0.05)
    stuck.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(first, *others)

    assert {row[0] for row in await database.reader.rows(ALL, {})} == {"first", "t0", "t1", "t2"}


async def test_a_file_that_is_full_fails_its_group_and_heals(database: SqliteDatabase) -> None:
    """SQLite may undo the whole transaction then, savepoints and all: nobody in it may be told that all is well."""
    await database.write(lambda unit: add(unit, "before"))
    pages = database._writer.execute("PRAGMA page_count").fetchone()[0]
    database._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    sizes = [10, 10, 200_000, 10, 10, 200_000, 10]

    outcomes = await asyncio.gather(
        *(database.write(lambda unit, n=n, size=size: add(unit, f"t{n}", note="x" * size)) for n, size in enumerate(sizes)),  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
        return_exceptions=True,
    )

    database._writer.execute("PRAGMA max_page_count = 1000000")
    after = await database.write(lambda unit: add(unit, "after"))
    names = {row[0] for row in await database.reader.rows(ALL, {})}
    told = {f"t{n}" for n, outcome in enumerate(outcomes) if isinstance(outcome, int)}
    assert names == {"before", "after"} | told
    assert {type(outcome) for outcome in outcomes if not isinstance(outcome, int)} == {Unavailable}
    assert after > 0


async def test_a_clash_is_told_only_when_what_it_clashes_with_is_durable(database: SqliteDatabase, path: Path) -> None:
    async def clash() -> int:
        with pytest.raises(UniqueViolationError):
            await database.write(lambda unit: add(unit, "taken"))
        with closing(sqlite3.connect(path)) as other:
            return int(other.execute("SELECT count(*) FROM thing").fetchone()[0])

    first = [database.write(lambda unit, name=name: add(unit, name)) for name in ("alone", "taken")]  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
    _, _, *seen = await asyncio.gather(*first, *(clash() for _ in range(3)))

    assert seen == [2, 2, 2]


async def test_a_clash_with_what_could_not_be_made_durable_is_unavailable(database: SqliteDatabase) -> None:
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


async def test_a_unit_that_was_undone_by_sqlite_reads_nothing_more(database: SqliteDatabase) -> None:
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


async def test_a_unit_whose_read_failed_is_undone(database: SqliteDatabase) -> None:
    async def work(unit: Unit) -> None:
        await add(unit, "never")
        with pytest.raises(sqlite3.OperationalError):
            await unit.rows(Statement("wrong", text("SELECT abs(-9223372036854775808)")), {})

    with pytest.raises(sqlite3.OperationalError):
        await database.write(work)

    assert await count(database) == 0
