"""What many ask a server for in one turn of the event loop: each gets what it would have got alone, and PostgreSQL is asked once."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import String, bindparam, select
from structlog.testing import capture_logs

from modelyard.errors import Unavailable
from modelyard.store.database import Database, Row
from modelyard.store.meter import Meter
from modelyard.store.statements import Flavour, Statement
from modelyard.store.urls import DatabaseUrl
from modelyard.tally import Tally, current_tally
from tests.servers.sql import execute
from tests.store.things import THING, add, opened

ONE = Statement("one thing", select(THING.c.id, THING.c.name).where(THING.c.name == bindparam("name", type_=String(255))), joint=True)
UP_TO = Statement(
    "some things",
    select(THING.c.name).where(THING.c.id > bindparam("after", type_=THING.c.id.type)).order_by(THING.c.id).limit(2),
    joint=True,
)
NAMES = [f"thing {number}" for number in range(40)]


def metered(url: str) -> Meter:
    return Meter(DatabaseUrl.parse(url).flavour)


async def fill(database: Database) -> None:
    for name in NAMES:
        await database.write(lambda unit, name=name: add(unit, name))  # type: ignore[misc]  # mypy sees no type for a default


async def named(database: Database, *names: str) -> Sequence[Row | None | BaseException]:
    return await asyncio.gather(*[database.reader.row(ONE, {"name": name}) for name in names], return_exceptions=True)


async def test_each_gets_its_own(url: str) -> None:
    meter = metered(url)
    async with opened(url, meter=meter) as database:
        await fill(database)
        rows = await named(database, *NAMES, "nobody", NAMES[0])
        assert [None if row is None else row[1] for row in rows] == [*NAMES, None, NAMES[0]]  # type: ignore[index]  # no errors
        assert {len(row) for row in rows if row is not None} == {2}  # type: ignore[arg-type]  # no errors
        assert meter.statements[ONE.name].count == (1 if meter.flavour is Flavour.POSTGRESQL else len(rows))


async def test_each_gets_all_of_its_rows(url: str) -> None:
    async with opened(url) as database:
        await fill(database)
        found = await asyncio.gather(*[database.reader.rows(UP_TO, {"after": after}) for after in (0, 38, 39, 40)])
        assert [[name for (name,) in rows] for rows in found] == [NAMES[:2], NAMES[38:40], NAMES[39:], []]


async def test_nobody_pays_for_what_another_asks(url: str) -> None:
    async with opened(url) as database:
        await fill(database)
        first, bad, last = await named(database, NAMES[0], "no text has \ud800", NAMES[1])
        assert isinstance(bad, Exception)
        assert not isinstance(bad, Unavailable)
        assert [first[1], last[1]] == NAMES[:2]  # type: ignore[index]  # no errors


async def test_who_asks_alone_asks_once(url: str) -> None:
    meter = metered(url)
    async with opened(url, meter=meter) as database:
        (bad,) = await named(database, "no text has \ud800")
        assert isinstance(bad, Exception)
        assert meter.statements[ONE.name].count == 1


async def test_nobody_is_cancelled_with_another(url: str) -> None:
    async with opened(url) as database:
        await fill(database)
        asking = [asyncio.create_task(named(database, name)) for name in NAMES[:3]]
        await asyncio.sleep(0)
        asking[0].cancel()
        asked = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(asked[0], asyncio.CancelledError)
        assert [rows[0][1] for rows in asked[1:]] == NAMES[1:3]  # type: ignore[index]  # no errors
        assert (await named(database, NAMES[4]))[0] is not None


async def test_an_answer_is_no_older_than_its_question(url: str) -> None:
    """The first of a turn asks before the change and the others after it, while the statement has not been sent."""
    async with opened(url) as database:
        await fill(database)
        for number in range(20):
            before = asyncio.create_task(named(database, f"new {number}"))
            await database.write(lambda unit, number=number: add(unit, f"new {number}"))  # type: ignore[misc]  # as above
            (row,) = await named(database, f"new {number}")
            assert row is not None
            await before


async def test_each_request_counts_its_statement(url: str) -> None:
    async def request() -> Tally:
        tally = Tally("request")
        token = current_tally.set(tally)
        await database.reader.row(ONE, {"name": NAMES[0]})
        current_tally.reset(token)
        return tally

    async with opened(url) as database:
        await fill(database)
        for tally in await asyncio.gather(*[request() for _ in range(3)]):
            assert tally.statements == 1
            assert tally.seconds > 0


@pytest.mark.parametrize("many", [1, 5])
async def test_what_cannot_be_read_is_told_to_all(url: str, many: int) -> None:
    async with opened(url) as database:
        await fill(database)
        execute(url, "DROP TABLE thing")
        assert all(isinstance(error, Exception) for error in await named(database, *NAMES[:many]))


async def test_a_slow_one_is_logged_for_who_asked_first(url: str) -> None:
    meter = Meter(DatabaseUrl.parse(url).flavour, slow_seconds=1e-9)
    async with opened(url, meter=meter) as database:
        await fill(database)
        with capture_logs() as logged:
            token = current_tally.set(Tally("request 7"))
            assert len(await named(database, *NAMES[:3])) == 3
            current_tally.reset(token)
    slow = [line for line in logged if line["statement"] == ONE.name]
    assert {line["request_id"] for line in slow} == {"request 7"}
