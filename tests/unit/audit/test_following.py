"""Following events, in memory: in order, once each, for as long as someone wants them."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from modelyard.audit import following
from modelyard.audit.following import Following, News
from modelyard.audit.horizon import Horizon, MemoryLook
from modelyard.audit.log import EventFilter, MemoryEventLog
from modelyard.audit.repository import MemoryEvents
from modelyard.errors import Unavailable
from modelyard.store.memory import MemoryDatabase
from tests.store.trails import event
from tests.unit.world import ANN, STRANGER

ALL = EventFilter()


class Away:
    """Looks at a store that cannot be reached for a while."""

    def __init__(self, look: MemoryLook) -> None:
        self.away = False
        self._look = look

    async def settled(self) -> int | None:
        if self.away:
            raise Unavailable("the store is away")
        return await self._look.settled()


class Store:
    def __init__(self, most: int = 9) -> None:
        self.database = MemoryDatabase()
        self.look = Away(MemoryLook(self.database))
        log, horizon = MemoryEventLog(self.database), Horizon(self.look, pause=0)
        self.following = Following(self.database, log, horizon, pause=0.001, most=most)

    async def append(self, *numbers: int) -> None:
        events = [event(number) for number in numbers]
        await self.database.write(lambda unit: MemoryEvents(self.database).extend(unit, events))


async def numbers(news: AsyncGenerator[News]) -> list[int]:
    """Of the records that the next news are about."""
    async with asyncio.timeout(10):
        return [one.event.record_id for one in (await anext(news)).events]


async def test_from_now_on() -> None:
    store = Store()
    await store.append(1, 2)
    news = store.following.follow(ANN.project, ALL, None)
    assert await anext(news) == News(2, ())

    await store.append(3, 4)

    assert await numbers(news) == [3, 4]
    await store.append(5)
    assert await numbers(news) == [5]
    await news.aclose()


async def test_from_an_id_on_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "STRETCH", 2)
    store = Store()
    await store.append(1, 2, 3, 4, 5, 6)

    news = store.following.follow(ANN.project, ALL, 1)

    assert [await numbers(news) for _ in range(3)] == [[2, 3], [4, 5], [6]]
    await news.aclose()


async def test_only_what_is_asked_for_of_ones_own_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "HEARTBEAT", 0.0)
    store = Store()
    own, others = store.following.follow(ANN.project, EventFilter(record_id=2), 0), store.following.follow(STRANGER.project, ALL, 0)
    await store.append(1, 2, 3)

    assert await numbers(own) == [2]
    assert await anext(others) == News(3, [])
    await own.aclose()
    await others.aclose()


async def test_a_heartbeat_says_up_to_where_there_was_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "HEARTBEAT", 0.001)
    store = Store()
    news = store.following.follow(ANN.project, EventFilter(record_id=9), 0)
    assert await anext(news) == News(0, ())
    await store.append(1, 2)

    async with asyncio.timeout(10):
        while (told := await anext(news)).up_to < 2:
            pass

    assert told.events in ([], ())
    await news.aclose()


async def test_a_store_that_is_away_for_a_while_loses_nobody_anything() -> None:
    store = Store()
    news = store.following.follow(ANN.project, ALL, 0)
    assert await anext(news) == News(0, ())
    store.look.away = True
    await store.append(1)

    listening = asyncio.ensure_future(numbers(news))
    await asyncio.sleep(0.02)
    assert not listening.done()
    store.look.away = False

    assert await listening == [1]
    await news.aclose()


async def test_all_end_when_the_server_stops() -> None:
    store = Store()
    news = store.following.follow(ANN.project, ALL, 0)
    await anext(news)
    waiting = asyncio.ensure_future(anext(news, "end"))

    store.following.stop()

    assert await asyncio.wait_for(waiting, 10) == "end"
    assert store.following.running == 0
    with pytest.raises(Unavailable):
        store.following.check_room()


async def test_there_is_room_for_so_many_and_again_when_one_has_gone() -> None:
    store = Store(most=1)
    store.following.check_room()
    news = store.following.follow(ANN.project, ALL, 0)
    await anext(news)

    with pytest.raises(Unavailable, match="1 clients follow events already"):
        store.following.check_room()
    await news.aclose()

    store.following.check_room()
