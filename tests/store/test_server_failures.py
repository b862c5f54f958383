"""What a network, a server and a cancelled caller can do to a `Database`, and what it makes of that. SQLite has no part in this."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text

from modelyard.errors import Unavailable
from modelyard.store import pool
from modelyard.store.database import Unit, UnitFailedError
from modelyard.store.pooled import PooledDatabase
from modelyard.store.statements import Flavour, Statement
from modelyard.store.urls import DatabaseUrl
from tests.conftest import NewDatabase
from tests.servers.process import free_port
from tests.servers.proxy import Proxy
from tests.servers.sql import execute
from tests.store.things import ALL, COUNT, NAMED, SET_SCORE, THING, add, connected, count, create_tables, opened

pytestmark = pytest.mark.servers

SESSION = {
    Flavour.POSTGRESQL: Statement("session", select(func.pg_backend_pid())),
    Flavour.MYSQL: Statement("session", select(func.connection_id())),
}
SLEEP = {
    Flavour.POSTGRESQL: Statement("sleep", select(func.pg_sleep(60))),
    Flavour.MYSQL: Statement("sleep", select(func.sleep(60))),
}
RUNNING = {
    Flavour.POSTGRESQL: (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(%' AND state = 'active' AND pid <> pg_backend_pid()"
    ),
    Flavour.MYSQL: "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%sleep(%' AND id <> connection_id()",
}

OPEN_TRANSACTIONS = {
    Flavour.POSTGRESQL: "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
    Flavour.MYSQL: "SELECT count(*) FROM information_schema.innodb_trx",
}
STRICTER = {
    Flavour.POSTGRESQL: ("ROLLBACK", "BEGIN ISOLATION LEVEL REPEATABLE READ"),
    Flavour.MYSQL: (
        "ROLLBACK",
        "SET SESSION innodb_snapshot_isolation = ON",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT",
    ),
}


@pytest.fixture(params=[pytest.param("postgresql", id="postgresql"), pytest.param("mysql", id="mariadb")])
def url(request: pytest.FixtureRequest, new_database: NewDatabase) -> str:
    url = new_database(request.param)
    create_tables(url)
    return url


@contextlib.asynccontextmanager
async def pooled(url: str, **options: Any) -> AsyncIterator[PooledDatabase]:
    async with opened(url, **options) as database:
        assert isinstance(database, PooledDatabase)
        yield database


@contextlib.asynccontextmanager
async def behind_proxy(url: str, **options: Any) -> AsyncIterator[tuple[PooledDatabase, Proxy]]:
    port = DatabaseUrl.parse(url).port
    async with Proxy(port) as proxy, pooled(url.replace(f":{port}/", f":{proxy.port}/"), **options) as database:
        yield database, proxy


async def session(reader: Any) -> int:
    """The server's number for the connection that reads."""
    row = await reader.row(SESSION[reader.flavour], {})
    return int(row[0])


async def count_in(unit: Unit) -> int:
    row = await unit.row(COUNT, {})
    assert row is not None
    return int(row[0])


def kill(url: str, number: int) -> None:
    """End a connection from the server's side."""
    on_postgres = DatabaseUrl.parse(url).flavour is Flavour.POSTGRESQL
    execute(url, f"SELECT pg_terminate_backend({number})" if on_postgres else f"KILL {number}")


async def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


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

        await asyncio.gather(*(database.write(lambda unit, n=n: add(unit, f"thing {n}")) for n in range(8)))  # type: ignore[misc]  # a default in a lambda

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
            await database.write(lambda unit, n=n: add(unit, f"thing {n}"))  # type: ignore[misc]  # a default in a lambda

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

        await asyncio.sleep(0.1)
        assert database.pool.in_use == 0
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


# --------------------------------------------------------------------------------------------------------------- many at a time


async def test_units_in_a_deadlock_both_succeed(url: str) -> None:
    async with pooled(url) as database:
        for name in ("a", "b"):
            await database.write(lambda unit, name=name: add(unit, name, score=0))  # type: ignore[misc]  # a default in a lambda
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
            await unit.command("SET max_statement_time = 0")  # type: ignore[attr-defined]  # this one is about the lock's limit
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


# -------------------------------------------------------------------------------------------------------------- the server's limits


async def test_a_statement_that_takes_too_long_is_stopped(url: str) -> None:
    async with pooled(url, statement_seconds=0.2) as database:
        with pytest.raises(Unavailable) as caught:
            await database.reader.row(_counting_for_ever(database.flavour), {})
        assert caught.value.details == {"retry_after": 1}

        await database.ping()
        assert database.pool.in_use == 0


async def test_a_unit_reads_what_is_committed_whatever_the_server_is_set_to(url: str) -> None:
    if DatabaseUrl.parse(url).flavour is Flavour.POSTGRESQL:
        execute(url, f"ALTER DATABASE {DatabaseUrl.parse(url).database} SET default_transaction_isolation = 'serializable'")
    async with pooled(url) as database:

        async def work(unit: Unit) -> tuple[int, int]:
            before = await count_in(unit)
            execute(url, "INSERT INTO thing (id, name) VALUES (99, 'from elsewhere')")
            return before, await count_in(unit)

        assert await database.write(work) == (0, 1)


async def test_what_does_not_fit_is_refused_not_cut(url: str) -> None:
    async with pooled(url) as database:
        with pytest.raises(Exception, match=r"(?i)too long") as caught:
            await database.write(lambda unit: add(unit, "x" * 256))
        assert not isinstance(caught.value, Unavailable)

        await database.write(lambda unit: add(unit, "x" * 255))
        assert database.pool.in_use == 0


async def test_a_migrated_table_does_not_disturb_prepared_statements(url: str) -> None:
    everything = Statement("everything", select(text("*")).select_from(text("thing")))
    async with pooled(url, pool_size=1) as database:
        await database.write(lambda unit: add(unit, "thing"))
        before = await database.reader.row(everything, {})
        execute(url, "ALTER TABLE thing ADD COLUMN colour VARCHAR(10) DEFAULT 'red'")

        after = await database.reader.row(everything, {})

        assert before is not None
        assert after is not None
        assert len(after) == len(before) + 1
        assert after[5] == "red"


async def test_statements_of_many_shapes_do_not_pile_up_on_the_server(new_database: NewDatabase) -> None:
    url = new_database("postgresql")
    create_tables(url)
    prepared = Statement("prepared", select(func.count()).select_from(text("pg_prepared_statements")))
    async with pooled(url, pool_size=1) as database:
        for n in range(300):
            await database.reader.row(Statement("shape", select(THING.c.id).where(text(f"id = {n}"))), {})

        row = await database.reader.row(prepared, {})

        assert row is not None
        assert 200 < row[0] < 270


async def test_closing_ends_waiting_and_running_requests(url: str) -> None:
    database = connected(url, pool_size=1)
    await database.open()
    running = asyncio.create_task(database.reader.row(SLEEP[database.flavour], {}))
    waiting = asyncio.create_task(database.reader.row(COUNT, {}))
    await until(lambda: execute(url, RUNNING[database.flavour])[0][0] == 1)

    await database.close()

    for task in (running, waiting):
        with pytest.raises(Unavailable):
            await asyncio.wait_for(task, 5)


def _counting_for_ever(flavour: Flavour) -> Statement:
    if flavour is Flavour.POSTGRESQL:
        return SLEEP[flavour]
    # MariaDB's sleep() answers 1 when its time is up, so this one works instead.
    numbers = select(text("seq")).select_from(text("seq_1_to_100000000000"))
    return Statement("count for ever", select(func.sum(text("seq * 2"))).select_from(numbers.subquery("numbers")))
