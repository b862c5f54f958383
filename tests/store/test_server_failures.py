"""What a network, a server and a cancelled caller can do to a `Database`, and what it makes of that. SQLite has no part in this."""

import asyncio
import contextlib
import itertools
import time

import pytest
from sqlalchemy import func, select

from modelyard.errors import Unavailable
from modelyard.store import pool
from modelyard.store.database import Unit, UnitFailedError
from modelyard.store.statements import Flavour, Statement
from modelyard.store.urls import DatabaseUrl
from tests.conftest import NewDatabase
from tests.servers.process import free_port
from tests.servers.sql import execute
from tests.store.servers import RUNNING, SLEEP, behind_proxy, kill, pooled, session, until
from tests.store.things import ALL, COUNT, NAMED, add, count

pytestmark = pytest.mark.servers

OPEN_TRANSACTIONS = {
    Flavour.POSTGRESQL: "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
    Flavour.MYSQL: "SELECT count(*) FROM information_schema.innodb_trx",
}


# ------------------------------------------------------------------------------------------------------------ lost connections


async def test_a_read_heals_when_its_connection_was_killed_while_idle(url: str) -> None:
    async with pooled(url, pool_size=1) as database:
        first = await session(database.reader)
        kill(url, first)

        assert await session(database.reader) != first


async def test_a_read_heals_when_its_connection_is_killed_under_it(url: str) -> None:
    async with pooled(url, pool_size=2) as database:
        lost = await session(database.reader)
        slow = Statement("slow session", select(func.pg_sleep(1)) if database.flavour is Flavour.POSTGRESQL else select(func.sleep(1)))
        task = asyncio.create_task(database.reader.row(slow, {}))
        await asyncio.sleep(0.3)
        kill(url, lost)

        assert await task is not None
        assert await session(database.reader) != lost


async def test_all_idle_connections_lost_at_once_cost_no_caller_anything(url: str) -> None:
    async with behind_proxy(url, pool_size=8) as (database, proxy):
        await asyncio.gather(*(database.reader.row(COUNT, {}) for _ in range(8)))
        assert proxy.connections == 8
        proxy.cut()

        await asyncio.gather(*(database.write(lambda unit, n=n: add(unit, f"thing {n}")) for n in range(8)))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type

        assert await count(database) == 8
        assert database.pool.in_use == 0


async def test_idle_connections_that_a_firewall_forgot_cost_no_caller_anything(url: str) -> None:
    async with behind_proxy(url, pool_size=10) as (database, proxy):
        await asyncio.gather(*(count(database) for _ in range(10)))
        proxy.forget()
        await database.write(lambda unit: add(unit, "thing"))

        assert [await count(database) for _ in range(12)] == [1] * 12


async def test_a_unit_whose_connection_is_lost_runs_again(url: str) -> None:
    async with pooled(url) as database:
        runs = []

        async def work(unit: Unit) -> int:
            runs.append(await session(unit))
            await add(unit, f"thing {len(runs)}")
            if len(runs) == 1:
                kill(url, runs[0])
            return await add(unit, "last")

        await database.write(work)

        assert len(runs) == 2
        assert runs[0] != runs[1]
        assert [row[0] for row in await database.reader.rows(ALL, {})] == ["thing 2", "last"]


async def test_a_unit_that_words_the_error_its_own_way_runs_again_all_the_same(url: str) -> None:
    async with pooled(url) as database:
        runs = []

        async def work(unit: Unit) -> None:
            runs.append(await session(unit))
            if len(runs) == 1:
                kill(url, runs[0])
            try:
                await add(unit, "thing")
            except Exception as error:
                raise LookupError("wrapped") from error

        await database.write(work)

        assert len(runs) == 2
        assert await count(database) == 1


async def test_a_connection_lost_just_before_the_commit_is_no_reason_to_give_up(url: str) -> None:
    async with behind_proxy(url) as (database, proxy):
        runs = []

        async def work(unit: Unit) -> None:
            await add(unit, "thing")
            runs.append(unit)
            if len(runs) == 1:
                proxy.cut()
                await asyncio.sleep(0.05)

        await database.write(work)

        assert len(runs) == 2
        assert await count(database) == 1


async def test_a_connection_lost_during_the_commit_leaves_the_outcome_open(url: str) -> None:
    async with behind_proxy(url) as (database, proxy):
        await database.write(lambda unit: add(unit, "first"))
        runs = []

        async def work(unit: Unit) -> None:
            runs.append(await add(unit, "second"))
            proxy.swallow = b"COMMIT"

        with pytest.raises(Unavailable, match="may have been made or not") as caught:
            await database.write(work)
        proxy.swallow = None

        assert caught.value.details == {"retry_after": 1}
        assert len(runs) == 1
        assert await count(database) in {1, 2}
        assert database.pool.in_use == 0


async def test_an_unreachable_server_is_unavailable_at_once_and_heals(url: str) -> None:
    async with behind_proxy(url, pool_size=2) as (database, proxy):
        target, proxy.target = proxy.target, free_port()
        begun = time.monotonic()
        for request in (database.ping, lambda: count(database), lambda: database.write(lambda unit: add(unit, "no"))):
            with pytest.raises(Unavailable) as caught:
                await request()
            assert caught.value.details == {"retry_after": 1}
        assert time.monotonic() - begun < 2

        proxy.target = target
        await database.ping()
        assert await count(database) == 0
        assert database.pool.in_use == 0


async def test_a_server_that_takes_no_connections_is_given_up_in_time(url: str) -> None:
    async with behind_proxy(url, connect_seconds=0.3) as (database, proxy):
        proxy.stalled = True
        with pytest.raises(Unavailable, match=r"no answer in 0\.3 s"):
            await database.ping()

        proxy.stalled = False
        await database.ping()


async def test_a_server_that_falls_silent_is_given_up_in_time(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "GRACE_SECONDS", 0.2)
    async with behind_proxy(url, pool_size=2, connect_seconds=0.3, statement_seconds=0.3) as (database, proxy):
        await database.ping()
        proxy.stalled = True
        for request in (database.ping(), database.write(lambda unit: add(unit, "no"))):
            with pytest.raises(Unavailable):
                await asyncio.wait_for(request, 15)
        proxy.stalled = False

        await database.ping()
        assert await count(database) == 0
        assert database.pool.in_use == 0


async def test_a_wrong_password_is_told_without_the_right_one(url: str) -> None:
    password = DatabaseUrl.parse(url).password
    async with pooled(url.replace(password, "wrong")) as database:
        with pytest.raises(Unavailable, match=r"(?i)password") as caught:
            await database.ping()
        assert "wrong" not in str(caught.value)


# -------------------------------------------------------------------------------------------------------------- cancelled callers


async def test_a_cancelled_read_leaves_no_answer_for_the_next(url: str) -> None:
    async with pooled(url, pool_size=1) as database:
        await database.write(lambda unit: add(unit, "thing"))
        used = await session(database.reader)
        task = asyncio.create_task(database.reader.row(SLEEP[database.flavour], {}))
        await until(lambda: execute(url, RUNNING[database.flavour])[0][0] == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        row = await database.reader.row(NAMED, {"name": "thing"})

        assert row is not None
        assert row[1] == "thing"
        assert await session(database.reader) != used
        assert database.pool.in_use == 0


async def test_postgresql_stops_what_nobody_waits_for(new_database: NewDatabase) -> None:
    url = new_database("postgresql")
    async with pooled(url) as database:
        task = asyncio.create_task(database.reader.row(SLEEP[database.flavour], {}))
        await until(lambda: execute(url, RUNNING[database.flavour])[0][0] == 1)
        task.cancel()

        await until(lambda: execute(url, RUNNING[database.flavour])[0][0] == 0)


async def test_requests_cancelled_at_any_moment_never_mix_up_answers(url: str) -> None:
    async with pooled(url, pool_size=3) as database:
        for n in range(20):
            await database.write(lambda unit, n=n: add(unit, f"thing {n}"))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type

        async def ask(n: int) -> None:
            row = await database.reader.row(NAMED, {"name": f"thing {n}"})
            assert row is not None
            assert row[1] == f"thing {n}"

        for delay in range(60):
            tasks = [asyncio.create_task(ask(n % 20)) for n in range(12)]
            await asyncio.sleep(delay / 20_000)
            for task in tasks[::2]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(answer is None or isinstance(answer, asyncio.CancelledError) for answer in answers), answers

        await until(lambda: database.pool.in_use == 0)
        await asyncio.gather(*(ask(n) for n in range(20)))


async def test_units_cancelled_at_any_moment_are_whole_or_undone_and_leave_clean_connections(url: str) -> None:
    async with pooled(url, pool_size=3) as database:
        numbers = itertools.count()
        done: set[int] = set()

        async def work(unit: Unit, number: int) -> None:
            await add(unit, f"first {number}")
            await add(unit, f"second {number}")

        async def write(number: int) -> None:
            await database.write(lambda unit: work(unit, number))
            done.add(number)

        for delay in range(24):
            tasks = [asyncio.create_task(write(next(numbers))) for _ in range(8)]
            await asyncio.sleep(delay / 2400)
            for task in tasks[::2]:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(outcome is None or isinstance(outcome, asyncio.CancelledError) for outcome in outcomes), outcomes

        names = {row[0] for row in await database.reader.rows(ALL, {})}
        assert {name.replace("first", "second") for name in names if "first" in name} == {name for name in names if "second" in name}
        assert {f"first {number}" for number in done} <= names
        assert 0 < len(done) < next(numbers)
        await until(lambda: database.pool.in_use == 0)
        await until(lambda: execute(url, OPEN_TRANSACTIONS[database.flavour])[0][0] == 0)


async def test_a_timeout_inside_a_unit_undoes_it(url: str) -> None:
    async with pooled(url, pool_size=1) as database:
        used = await session(database.reader)

        async def work(unit: Unit) -> None:
            await add(unit, "never")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await unit.row(SLEEP[unit.flavour], {})

        with pytest.raises(UnitFailedError):
            await database.write(work)

        assert await session(database.reader) != used
        assert await count(database) == 0
