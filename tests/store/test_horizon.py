"""An event is seen when its transaction commits, which may be after later ones: nobody goes past it before that."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from modelyard.audit.following import Following
from modelyard.audit.horizon import Horizon, PostgresLook
from modelyard.audit.log import EventFilter
from modelyard.audit.repository import SqlEvents
from modelyard.audit.tables import AUDIT_EVENT
from modelyard.store.database import Unit
from modelyard.store.statements import Bulk
from modelyard.store.wipe import wipe
from tests.store.conftest import DATABASES, NewStore, Worlds
from tests.store.things import opened
from tests.store.trails import event, horizon_of, log_of, sealing_of, seals_of, verified
from tests.store.worlds import sql_world
from tests.unit.world import ANN, World

MANY = 30
"""Looks: more than it takes to give up waiting for an id that is not used."""

_NOW = Bulk("insert audit_event now", AUDIT_EVENT, without=("id",))


@pytest.fixture(params=DATABASES[1:])
async def server(request: pytest.FixtureRequest, lasting_worlds: Worlds) -> World:
    """An empty world on each database that has several writers at a time."""
    database = (await lasting_worlds(request.param)).database
    await wipe(database)
    return sql_world(database)


async def append(world: World, number: int = 1) -> None:
    await world.database.write(lambda unit: SqlEvents().append(unit, event(number)))


@asynccontextmanager
async def appending(world: World, number: int = 1) -> AsyncIterator[Callable[[], None]]:
    """A transaction that has an event's id, and is open until the end of the block; then it commits, unless it is told to fail."""
    begun, told = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def work(unit: Unit) -> None:
        await unit.execute_many(_NOW, [msgspec.structs.astuple(event(number))])
        begun.set()
        if not await told:
            raise LookupError("on purpose")

    task = asyncio.create_task(world.database.write(work))
    await begun.wait()
    try:
        yield lambda: told.set_result(False)
    finally:
        if not told.done():
            told.set_result(True)
        await asyncio.gather(task, return_exceptions=True)


async def ids(world: World) -> list[int]:
    """Of the events that can be read."""
    return [one.id for one in await log_of(world).stretch(world.database.reader, 0, 10**9, 10**6)]


async def look_past(horizon: Horizon, wanted: int) -> int:
    """Look until it is there, or further."""
    deadline = time.monotonic() + 20
    while (settled := await horizon.settled() or 0) < wanted:
        assert time.monotonic() < deadline, f"it stays at {settled}"
        await asyncio.sleep(0.01)
    return settled


async def test_it_is_at_the_newest_event_when_nobody_writes(sql: World) -> None:
    horizon = horizon_of(sql)
    assert await horizon.settled() == 0

    for _ in range(3):
        await append(sql)

    newest = (await ids(sql))[-1]
    assert await look_past(horizon, newest) == newest


async def test_it_waits_for_who_has_a_smaller_id_and_is_not_done(server: World) -> None:
    horizon = horizon_of(server)
    await append(server)
    (first,) = await ids(server)
    assert await look_past(horizon, first) == first

    async with appending(server):
        for _ in range(3):
            await append(server)
        seen = await ids(server)
        for _ in range(MANY):
            assert await horizon.settled() == first

    late = (set(await ids(server)) - {first, *seen}).pop()
    assert first < late < seen[1]
    assert await look_past(horizon, seen[-1]) == seen[-1]


async def test_a_server_that_starts_meanwhile_waits_as_well(server: World) -> None:
    async with appending(server):
        await append(server)
        horizon = horizon_of(server)
        for _ in range(MANY):
            assert not await horizon.settled()

    newest = (await ids(server))[-1]
    assert await look_past(horizon, newest) == newest


async def test_what_was_undone_holds_nobody_up_for_ever(server: World) -> None:
    horizon = horizon_of(server)
    async with appending(server) as fail:
        await append(server)
        fail()

    newest = (await ids(server))[-1]
    assert await look_past(horizon, newest) == newest


async def test_others_may_write_all_the_time(server: World) -> None:
    horizon = horizon_of(server)
    stopped = False

    async def keep_writing() -> None:
        while not stopped:
            await append(server)

    writers = [asyncio.create_task(keep_writing()) for _ in range(4)]
    try:
        for _ in range(5):
            await look_past(horizon, (await ids(server) or [0])[-1])
    finally:
        stopped = True
        await asyncio.gather(*writers)


async def test_everything_up_to_it_can_be_read_whatever_happens(server: World) -> None:
    """Nothing ever appears below it, though transactions end in any order, and some are undone."""
    horizon, known, low = horizon_of(server), set[int](), 0

    async def one(number: int) -> None:
        async with appending(server, number) as fail:
            await asyncio.sleep(number % 7 / 500)
            if number % 5 == 0:
                fail()

    async def writer(start: int) -> None:
        for number in range(start, start + 25):
            await one(number)

    writers = asyncio.gather(*[writer(100 * number) for number in range(4)])
    while not writers.done():
        settled = await horizon.settled()
        now = await ids(server)
        assert {number for number in now if number <= low} == {number for number in known if number <= low}
        known, low = set(now), settled or 0
        await asyncio.sleep(0.002)
    await writers
    assert {number for number in await ids(server) if number <= low} == {number for number in known if number <= low}
    assert low > 0


async def test_a_seal_and_a_follower_miss_nothing(server: World) -> None:
    sealing, following = sealing_of(server), Following(server.database, log_of(server), horizon_of(server), pause=0.01)
    news = following.follow(ANN.project, EventFilter(), 0)
    got: list[int] = []

    async def listen() -> None:
        async for one in news:
            got.extend(logged.event.record_id for logged in one.events)

    listener = asyncio.create_task(listen())
    async with appending(server, 1):
        for number in range(2, 5):
            await append(server, number)
        for _ in range(MANY):
            assert await sealing.seal() == 0
            await asyncio.sleep(0.01)
        assert got == []
    async with asyncio.timeout(10):
        while len(got) < 4 or not await sealed_all(server):
            await sealing.seal()
            await asyncio.sleep(0.01)
    following.stop()
    await listener

    assert got == [1, 2, 3, 4]
    attestation = await verified(server)
    assert (attestation.intact, attestation.sealed, attestation.waiting) == (True, 4, 0)


@pytest.mark.servers
async def test_followers_hold_no_connection_in_between(new_store: NewStore) -> None:
    """There is one, for five of them and for who writes."""
    async with opened(await new_store("postgresql"), pool_size=1) as database:
        world = sql_world(database)
        following = Following(database, log_of(world), horizon_of(world), pause=0.01)
        news = [following.follow(ANN.project, EventFilter(), 0) for _ in range(5)]
        assert [(await anext(one)).events for one in news] == [()] * 5

        await append(world, 7)

        async with asyncio.timeout(20):
            for one in news:
                assert [logged.event.record_id for logged in (await anext(one)).events] == [7]
                await one.aclose()


async def sealed_all(world: World) -> bool:
    head = await seals_of(world).head(world.database.reader)
    return await seals_of(world).unsealed(world.database.reader, head.last_id) == 0


class TestPostgresLook:
    """What it makes of what it sees, without a server: the newest id, and who is writing."""

    def look(self, *seen: tuple[int, str]) -> int | None:
        look = PostgresLook(None)  # type: ignore[arg-type]  # it is not asked
        for newest, writers in seen:
            look.saw(newest, writers)
        return look._settled

    def test_nobody_writes(self) -> None:
        assert self.look((7, "")) == 7

    def test_somebody_writes(self) -> None:
        assert self.look((7, "a")) is None
        assert self.look((5, ""), (7, "a")) == 5

    def test_who_wrote_when_it_was_the_newest_has_ended(self) -> None:
        assert self.look((7, "a"), (9, "b")) == 7
        assert self.look((7, "ab"), (9, "bc")) is None
        assert self.look((7, "ab"), (9, "bc"), (12, "cd")) == 7
        assert self.look((7, "ab"), (9, "bc"), (12, "cd"), (15, "e")) == 12

    def test_the_store_was_emptied(self) -> None:
        assert self.look((7, ""), (3, "a")) is None
        assert self.look((7, ""), (3, "")) == 3
