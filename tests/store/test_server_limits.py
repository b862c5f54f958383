"""What a PostgreSQL or MariaDB server is told on each connection, and what it may refuse."""

import asyncio

import pytest
from sqlalchemy import func, select, text

from modelyard.errors import Unavailable
from modelyard.store.database import Unit
from modelyard.store.statements import Flavour, Statement
from modelyard.store.urls import DatabaseUrl
from tests.conftest import NewDatabase
from tests.servers.sql import execute
from tests.store.servers import RUNNING, SLEEP, count_in, pooled, until
from tests.store.things import COUNT, THING, add, connected, create_tables

pytestmark = pytest.mark.servers


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
