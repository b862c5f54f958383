"""Many units, reads and callers at a time on one PostgreSQL or MariaDB server."""

import asyncio
import time

import pytest
from sqlalchemy import text

from modelyard.errors import Unavailable
from modelyard.store.database import Unit
from modelyard.store.statements import Flavour, Statement
from modelyard.store.urls import DatabaseUrl
from tests.conftest import NewDatabase
from tests.servers.sql import execute
from tests.store.servers import behind_proxy, kill, pooled, session, until
from tests.store.things import ALL, SET_SCORE, THING, add, count, create_tables

pytestmark = pytest.mark.servers

STRICTER = {
    Flavour.POSTGRESQL: ("ROLLBACK", "BEGIN ISOLATION LEVEL REPEATABLE READ"),
    Flavour.MYSQL: (
        "ROLLBACK",
        "SET SESSION innodb_snapshot_isolation = ON",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT",
    ),
}


async def test_units_in_a_deadlock_both_succeed(url: str) -> None:
    async with pooled(url) as database:
        for name in ("a", "b"):
            await database.write(lambda unit, name=name: add(unit, name, score=0))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
        runs: list[str] = []
        both = asyncio.Barrier(2)

        async def work(unit: Unit, first: str, second: str, score: float) -> None:
            runs.append(first)
            await unit.execute(SET_SCORE, {"which": first, "score_now": score})
            if len(runs) <= 2:
                await both.wait()
            await unit.execute(SET_SCORE, {"which": second, "score_now": score})

        await asyncio.gather(
            database.write(lambda unit: work(unit, "a", "b", 1)),
            database.write(lambda unit: work(unit, "b", "a", 2)),
        )

        assert len(runs) >= 3, "there was no deadlock"
        first, second = [row[1] for row in await database.reader.rows(ALL, {})]
        assert first == second


async def test_units_that_the_server_cannot_put_in_an_order_both_succeed(url: str) -> None:
    """A serialization failure: one changes what the other read before. The store's own isolation level has none, so a stricter is set."""
    async with pooled(url) as database:
        await database.write(lambda unit: add(unit, "a", score=0))
        runs: list[Unit] = []
        both = asyncio.Barrier(2)

        async def work(unit: Unit) -> None:
            runs.append(unit)
            for sql in STRICTER[unit.flavour]:
                await unit.command(sql)  # type: ignore[attr-defined]  # no service may do that, so `Unit` has no word for it
            (_, score, *_) = await unit.row(ALL, {}) or ()
            if len(runs) <= 2:
                await both.wait()
            await unit.execute(SET_SCORE, {"which": "a", "score_now": score + 1})

        await asyncio.gather(database.write(work), database.write(work))

        assert len(runs) >= 3, "there was no conflict"
        row = await database.reader.row(ALL, {})
        assert row is not None
        assert row[1] == 2


async def test_a_unit_that_always_loses_ends_as_unavailable(url: str) -> None:
    async with pooled(url) as database:
        runs = []

        async def work(unit: Unit) -> None:
            runs.append(unit)
            kill(url, await session(unit))
            await add(unit, "never")

        with pytest.raises(Unavailable):
            await database.write(work)

        assert len(runs) == 8
        assert await count(database) == 0


async def test_a_parent_that_vanished_in_between_is_looked_for_again(url: str) -> None:
    execute(url, "CREATE TABLE parent (id BIGINT PRIMARY KEY)")
    execute(url, "CREATE TABLE child (parent BIGINT, FOREIGN KEY (parent) REFERENCES parent (id))")
    async with pooled(url) as database:
        runs = []

        async def work(unit: Unit, wanted: int) -> None:
            runs.append(unit)
            if len(runs) == wanted:
                await unit.execute(Statement("parent", text("INSERT INTO parent VALUES (1)")), {})
            await unit.execute(Statement("child", text("INSERT INTO child VALUES (1)")), {})

        with pytest.raises(Unavailable):
            await database.write(lambda unit: work(unit, 0))
        assert len(runs) == 8
        runs.clear()
        await database.write(lambda unit: work(unit, 2))
        assert len(runs) == 2


async def test_a_unit_that_waits_too_long_for_another_is_not_run_again(new_database: NewDatabase) -> None:
    """Each run would wait as long again. PostgreSQL's statements end at their own limit."""
    url = new_database("mysql")
    create_tables(url)
    async with pooled(url, statement_seconds=1) as impatient, pooled(url) as patient:
        await patient.write(lambda unit: add(unit, "thing"))
        runs, locked, done = [], asyncio.Event(), asyncio.Event()

        async def holds(unit: Unit) -> None:
            await unit.execute(SET_SCORE, {"which": "thing", "score_now": 1})
            locked.set()
            await done.wait()

        async def waits(unit: Unit) -> None:
            runs.append(unit)
            await unit.command("SET max_statement_time = 0")  # type: ignore[attr-defined]  # a pooled unit has it, the protocol of all units has not
            await unit.execute(SET_SCORE, {"which": "thing", "score_now": 2})

        task = asyncio.create_task(patient.write(holds))
        await locked.wait()
        with pytest.raises(Unavailable, match="lock") as caught:
            await impatient.write(waits)
        done.set()
        await task

        assert caught.value.details == {"retry_after": 1}
        assert len(runs) == 1


@pytest.mark.parametrize("conflicts", [1, 2])
async def test_a_read_that_conflicts_runs_once_more_and_is_then_unavailable(url: str, conflicts: int) -> None:
    """A standby ends a read so, in favour of what it has to catch up with."""
    execute(url, "CREATE SEQUENCE calls")
    if DatabaseUrl.parse(url).flavour is Flavour.POSTGRESQL:
        raising = "RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'"
        body = f"RETURNS INT AS $$ BEGIN IF nextval('calls') <= {conflicts} THEN {raising}; END IF; RETURN 7; END $$ LANGUAGE plpgsql"
    else:
        raising = "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213"
        body = f"RETURNS INT BEGIN IF nextval(calls) <= {conflicts} THEN {raising}; END IF; RETURN 7; END"
    execute(url, f"CREATE FUNCTION read_it() {body}")
    async with pooled(url) as database:
        reading = database.reader.row(Statement("read it", text("SELECT read_it()")), {})
        if conflicts == 1:
            row = await reading
            assert row is not None
            assert row[0] == 7
        else:
            with pytest.raises(Unavailable) as caught:
                await reading
            assert caught.value.details == {"retry_after": 1}
        assert database.pool.in_use == 0


async def test_an_exhausted_pool_is_unavailable_after_the_wait_and_usable_again(url: str) -> None:
    async with pooled(url, pool_size=1, wait_seconds=0.2) as database:
        go = asyncio.Event()

        async def holds(unit: Unit) -> None:
            await add(unit, "thing")
            await go.wait()

        task = asyncio.create_task(database.write(holds))
        await until(lambda: database.pool.in_use == 1)
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="in use") as caught:
            await count(database)
        assert 0.15 < time.monotonic() - begun < 1
        assert caught.value.details == {"retry_after": 1}
        assert database.pool.waiting == 0

        waiting = asyncio.create_task(count(database))
        await asyncio.sleep(0.05)
        go.set()
        await task
        assert await waiting == 1


async def test_a_cancelled_waiter_does_not_take_a_connection_with_it(url: str) -> None:
    async with pooled(url, pool_size=1, wait_seconds=1) as database:
        for _ in range(30):
            tasks = [asyncio.create_task(count(database)) for _ in range(6)]
            await asyncio.sleep(0.001)
            for task in tasks[1:4]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(answer == 0 or isinstance(answer, asyncio.CancelledError) for answer in answers), answers


async def test_never_more_connections_than_the_pool_has(url: str) -> None:
    async with behind_proxy(url, pool_size=3) as (database, proxy):
        await asyncio.gather(*(count(database) for _ in range(50)))

        assert proxy.connections == 3


async def test_writers_of_one_row_take_turns(url: str) -> None:
    raise_score = Statement("raise score", THING.update().values(score=THING.c.score + 1))
    async with pooled(url) as database:
        await database.write(lambda unit: add(unit, "thing", score=0))

        await asyncio.gather(*(database.write(lambda unit: unit.execute(raise_score, {})) for _ in range(50)))

        row = await database.reader.row(ALL, {})
        assert row is not None
        assert row[1] == 50
