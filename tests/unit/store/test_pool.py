import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from modelyard.errors import Unavailable
from modelyard.store import pool as pool_module
from modelyard.store.pool import Pool


class Line:
    """A connection to nowhere. `goodbye` holds back the end of `close`."""

    def __init__(self, number: int, goodbye: asyncio.Event) -> None:
        self.number = number
        self.touched = asyncio.get_running_loop().time()
        self.expired = False
        self.broken = False
        self._goodbye = goodbye

    @property
    def usable(self) -> bool:
        return not self.broken

    def terminate(self) -> None:
        self.broken = True

    async def close(self) -> None:
        await self._goodbye.wait()
        self.broken = True


class Exchange:
    """Opens lines; `down` makes it refuse."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.down = False
        self.goodbye = asyncio.Event()
        self.goodbye.set()

    async def connect(self) -> Line:
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("down")
        return Line(next(self.numbers), self.goodbye)


@asynccontextmanager
async def pool_of(size: int, exchange: Exchange, wait: float = 0.1, statement: float = 0) -> AsyncIterator[Pool[Line]]:
    pool: Pool[Line] = Pool(exchange.connect, size=size, wait_seconds=wait, statement_seconds=statement)
    await pool.open()
    try:
        yield pool
    finally:
        exchange.goodbye.set()
        await pool.close()


async def test_the_connection_used_last_is_used_next() -> None:
    async with pool_of(3, Exchange()) as pool:
        lines = [await pool.wait() for _ in range(3)]
        for line in lines:
            pool.give(line)

        assert pool.take() is lines[2]
        assert pool.take() is lines[1]


async def test_a_connection_closed_while_idle_is_not_handed_out() -> None:
    async with pool_of(1, Exchange()) as pool:
        line = await pool.wait()
        pool.give(line)
        line.broken = True

        assert pool.take() is None
        assert (await pool.wait()).number == 2


async def test_waiters_are_served_in_order() -> None:
    async with pool_of(1, Exchange(), wait=5) as pool:
        line = await pool.wait()
        served: list[int] = []

        async def client(number: int) -> None:
            got = pool.take() or await pool.wait()
            served.append(number)
            pool.give(got)

        clients = [asyncio.create_task(client(n)) for n in range(5)]
        await asyncio.sleep(0)
        pool.give(line)
        await asyncio.gather(*clients)

        assert served == [0, 1, 2, 3, 4]
        assert pool.in_use == 0


async def test_a_failure_to_connect_lets_the_next_waiter_try() -> None:
    exchange = Exchange()
    async with pool_of(1, exchange, wait=5) as pool:
        exchange.down = True
        first, second = asyncio.create_task(pool.wait()), asyncio.create_task(pool.wait())
        with pytest.raises(Unavailable, match="down"):
            await first
        exchange.down = False

        assert (await second).number == 1


async def test_a_waiter_cancelled_as_it_is_served_passes_the_connection_on() -> None:
    async with pool_of(1, Exchange()) as pool:
        line = await pool.wait()
        waiter = asyncio.create_task(pool.wait())
        await asyncio.sleep(0)
        pool.give(line)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter

        assert pool.take() is line


async def test_a_discarded_connection_keeps_its_place_until_the_server_has_let_go() -> None:
    exchange = Exchange()
    async with pool_of(1, exchange) as pool:
        line = await pool.wait()
        exchange.goodbye.clear()
        pool.discard(line)
        with pytest.raises(Unavailable, match="in use"):
            await pool.wait()

        exchange.goodbye.set()
        assert (await pool.wait()).number == 2


async def test_a_fresh_connection_takes_the_place_of_an_idle_one() -> None:
    async with pool_of(2, Exchange()) as pool:
        first, second = await pool.wait(), await pool.wait()
        pool.give(first)
        pool.give(second)

        assert (await pool.fresh()).number == 3
        assert pool.take() is second
        assert pool.take() is None


async def test_connections_idle_for_long_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "IDLE_SECONDS", 0.5)
    async with pool_of(2, Exchange()) as pool:
        first, second = await pool.wait(), await pool.wait()
        pool.give(first)
        pool.give(second)
        first.touched -= 10
        second.touched += 10
        await asyncio.sleep(1.1)

        assert first.broken
        assert pool.take() is second


async def test_a_connection_whose_server_says_nothing_is_terminated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "GRACE_SECONDS", 0)
    async with pool_of(2, Exchange(), statement=5) as pool:
        silent, busy = await pool.wait(), await pool.wait()
        silent.touched -= 10
        await asyncio.sleep(1.1)

        assert (silent.expired, silent.broken) == (True, True)
        assert (busy.expired, busy.broken) == (False, False)


async def test_a_closed_pool_opens_nothing() -> None:
    exchange = Exchange()
    async with pool_of(1, exchange) as pool:
        line = await pool.wait()
        waiter = asyncio.create_task(pool.wait())
        await asyncio.sleep(0)
        await pool.close()
        pool.give(line)

        with pytest.raises(Unavailable, match="stopping"):
            await waiter
        assert line.broken
