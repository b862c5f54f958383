"""What a `Database` counts while it works, on every flavour."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from modelyard.store.database import Database, UniqueViolationError, Unit
from modelyard.store.meter import Cause, Meter, Retried
from modelyard.store.statements import Flavour, Statement
from modelyard.store.urls import DatabaseUrl
from modelyard.tally import Tally, current_tally
from tests.conftest import NewDatabase
from tests.store.servers import kill, session
from tests.store.things import ALL, COUNT, INSERT, NAMED, add, create_tables, opened

OWN = {"BEGIN", "COMMIT"}
"""Statements that a unit of work on a server has beside those it is asked for."""


@pytest.fixture
def url(database_url: str) -> str:
    create_tables(database_url)
    return database_url


def meter_for(url: str, **options: Any) -> Meter:
    return Meter(DatabaseUrl.parse(url).flavour, **options)


def counts(meter: Meter) -> Mapping[str, int]:
    return {name: cost.count for name, cost in meter.statements.items() if name not in OWN}


def thing(number: int) -> dict[str, Any]:
    return {"id": 1000 + number, "name": f"thing {number}", "score": None, "size": None, "note": None}


async def test_statements_are_counted_by_name(url: str) -> None:
    meter = meter_for(url)
    async with opened(url, meter=meter) as database:

        async def work(unit: Unit) -> None:
            await add(unit, "one")
            await unit.execute_many(INSERT, [thing(number) for number in range(5)])
            await unit.execute_many(INSERT, [])
            await unit.row(NAMED, {"name": "one"})

        await database.write(work)
        for _ in range(2):
            await database.reader.row(COUNT, {})
        await database.reader.rows(ALL, {})
    assert counts(meter) == {"next id": 1, "insert thing": 2, "thing by name": 1, "count things": 2, "all things": 1}
    assert all(cost.seconds > 0 for cost in meter.statements.values())


async def test_a_change_that_waits_is_counted_when_it_is_sent(url: str) -> None:
    meter = meter_for(url)
    async with opened(url, meter=meter) as database:
        await database.write(lambda unit: unit.later(INSERT, [thing(1)]))
    on_sqlite = meter.flavour is Flavour.SQLITE
    assert counts(meter) == {"insert thing" if on_sqlite else "batch: insert thing": 1}


async def test_a_read_in_a_thread_is_counted(url: str) -> None:
    meter = meter_for(url)
    async with opened(url, meter=meter) as database:
        await database.reader.rows(Statement("slow count", COUNT._clause, slow=True), {})
    assert counts(meter) == {"slow count": 1}


async def test_a_statement_that_fails_is_counted(url: str) -> None:
    meter = meter_for(url)
    async with opened(url, meter=meter) as database:
        for _ in range(2):
            with pytest.raises(UniqueViolationError):
                await database.write(twice)
    assert counts(meter)["insert thing"] == 4


async def twice(unit: Unit) -> None:
    await add(unit, "same")
    await add(unit, "same")


async def test_each_request_is_told_its_own(url: str) -> None:
    async def request(database: Database, number: int) -> Tally:
        tally = Tally(f"request-{number}")
        current_tally.set(tally)
        for _ in range(number):
            await database.reader.row(COUNT, {})
            await asyncio.sleep(0)
        return tally

    async with opened(url) as database:
        tallies = await asyncio.gather(*(request(database, number) for number in range(6)))
    assert [tally.statements for tally in tallies] == [0, 1, 2, 3, 4, 5]
    assert tallies[0].seconds == 0
    assert all(tally.seconds > 0 for tally in tallies[1:])


async def test_a_slow_statement_is_logged_without_its_values(url: str) -> None:
    meter = meter_for(url, slow_seconds=1e-9)
    current_tally.set(Tally("request-1"))
    async with opened(url, meter=meter) as database:
        with capture_logs() as lines:
            await database.write(lambda unit: add(unit, "a secret", note="another"))
            await database.reader.rows(ALL, {})
            await database.reader.row(NAMED, {"name": "a secret"})
    told = {line["statement"]: line for line in lines}
    assert {"next id", "insert thing", "all things", "thing by name"} == set(told) - OWN
    assert {line["event"] for line in lines} == {"slow statement"}
    assert {line["request_id"] for line in lines} == {"request-1"}
    assert {line["database"] for line in lines} == {meter.flavour}
    assert {name: line["rows"] for name, line in told.items() if "rows" in line} == {"all things": 1}
    assert "a secret" not in str(lines)
    assert "another" not in str(lines)


async def test_on_sqlite_commits_are_counted_with_the_units_that_share_them(new_database: NewDatabase) -> None:
    url = new_database("sqlite")
    create_tables(url)
    meter, tally = meter_for(url), Tally("request-1")
    current_tally.set(tally)
    async with opened(url, meter=meter) as database:
        await asyncio.gather(*(database.write(lambda unit, n=n: add(unit, f"thing {n}")) for n in range(20)))  # type: ignore[misc]  # a default in a lambda
        in_statements = sum(cost.seconds for cost in meter.statements.values())
    assert meter.commit_units.total == 20
    assert sum(meter.commit_units.counts) == sum(meter.commit_seconds.counts) < 20
    assert tally.seconds > in_statements  # the wait for the commit is in, too
    assert meter.writers is not None
    assert meter.writers.waiting == 0


@pytest.mark.servers
@pytest.mark.parametrize("flavour", ["postgresql", "mysql"])
async def test_on_a_server_what_is_run_again_is_counted(flavour: str, new_database: NewDatabase) -> None:
    url = new_database(flavour)
    create_tables(url)
    meter = meter_for(url)
    async with opened(url, meter=meter, pool_size=3) as database:
        kill(url, await session(database.reader))
        await database.reader.row(COUNT, {})
        assert meter.retries == {(Retried.READ, Cause.CONNECTION_LOST): 1}

        runs = []

        async def work(unit: Unit) -> None:
            runs.append(await session(unit))
            if len(runs) == 1:
                await asyncio.to_thread(kill, url, runs[0])
            await add(unit, "one")

        await database.write(work)
        assert len(runs) == 2
        assert meter.retries[Retried.UNIT, Cause.CONNECTION_LOST] == 1
        assert meter.pool is not None
        assert (meter.pool.size, meter.pool.in_use, meter.pool.waiting) == (3, 0, 0)
