"""A pool of connections to a database server.

Last in, first out: a quiet server keeps a few connections warm and lets the others go. Taking an idle connection and giving it back
cost no round trip, so every connection in here must be clean: one that was cancelled or failed in the middle of something is discarded.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from modelyard.errors import Unavailable

IDLE_SECONDS = 300.0
"""An idle connection is closed after this long: firewalls forget silent connections, some without telling."""
GRACE_SECONDS = 5.0
"""The server ends a statement at its limit; one still unanswered this much later is on a dead connection."""


class Connection(Protocol):
    """A connection to a database server, as far as the pool is concerned."""

    touched: float
    """When it was taken or its last statement was sent, by the event loop's clock."""
    expired: bool
    """Whether it was terminated because the server did not answer in time."""
    broken: bool
    """Whether it was terminated, or must be: lost, or out of step with the server."""

    @property
    def usable(self) -> bool:
        """Not broken, and not closed by the server. True promises nothing: the server may be gone without a word."""
        ...

    def terminate(self) -> None:
        """Drop it now. Whoever waits for an answer on it gets the error of a lost connection."""
        ...

    async def close(self) -> None:
        """Ask the server to stop what it is doing for it, and leave. Never raises, and ends within a second."""
        ...


C = TypeVar("C", bound=Connection)


class Pool(Generic[C]):
    """At most `size` connections, opened by `connect` when first needed.

    `take` or `wait` for one, then `give` it back clean or `discard` it. `statement_seconds` is how long the server may take for one
    statement (0: for ever).
    """

    def __init__(self, connect: Callable[[], Awaitable[C]], *, size: int, wait_seconds: float, statement_seconds: float) -> None:
        self.size = size
        self._connect = connect
        self._wait_seconds = wait_seconds
        self._statement_seconds = statement_seconds
        self._idle: list[C] = []
        self._open: set[C] = set()
        self._slots = size
        self._waiters: OrderedDict[asyncio.Future[C | None], None] = OrderedDict()
        self._farewells: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._closed = True
        self._clock = time.monotonic

    @property
    def in_use(self) -> int:
        return self.size - self._slots - len(self._idle)

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    async def open(self) -> None:
        self._closed = False
        loop = asyncio.get_running_loop()
        self._clock = loop.time
        self._watch = loop.create_task(self._watch_over())

    async def close(self) -> None:
        """Close the idle connections and terminate those in use."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        idle, self._idle = self._idle, []
        for connection in idle:
            self.discard(connection)
        for connection in tuple(self._open):
            connection.terminate()
        await asyncio.gather(*self._farewells)

    def take(self) -> C | None:
        """An idle connection, the one used last; None when there is none: `wait` then."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                connection.touched = self._clock()
                return connection
            self.discard(connection)
        return None

    async def wait(self) -> C:
        """A connection opened now, or, when `size` are, the next one given back. Raises `Unavailable` if neither comes in time."""
        if self._slots:
            self._slots -= 1
            return await self._open_one()
        connection = await self._queue()
        if connection is None:
            return await self._open_one()
        connection.touched = self._clock()
        return connection

    async def fresh(self) -> C:
        """A connection opened now where possible: the idle ones may have been lost together with the last."""
        if not self._slots and self._idle:
            self.discard(self._idle.pop(0))
        return await self.wait()

    def give(self, connection: C) -> None:
        """Back from use, with nothing left open on it, or broken."""
        if connection.broken or self._closed:
            self.discard(connection)
        elif self._waiters and (waiter := self._next_waiter()) is not None:
            waiter.set_result(connection)
        else:
            self._idle.append(connection)

    def discard(self, connection: C) -> None:
        """Back from use in an unknown state: it is closed, and its place taken by a new one when needed."""
        if connection.usable:
            # The place stays taken until the server has let go, so that a storm of cancelled requests cannot overrun its limit.
            farewell = asyncio.get_running_loop().create_task(self._say_farewell(connection))
            self._farewells.add(farewell)
            farewell.add_done_callback(self._farewells.discard)
        else:
            self._forget(connection)
            self._free_slot()

    async def _say_farewell(self, connection: C) -> None:
        try:
            await connection.close()
        finally:
            self._forget(connection)
            self._free_slot()

    def _forget(self, connection: C) -> None:
        self._open.discard(connection)
        connection.terminate()

    async def _open_one(self) -> C:
        """Open a connection in a slot the caller has."""
        if self._closed:
            self._free_slot()
            raise Unavailable("the database is closed: the server is stopping", retry_after=1)
        try:
            connection = await self._connect()
        except BaseException:
            self._free_slot()
            raise
        self._open.add(connection)
        return connection

    def _free_slot(self) -> None:
        if (waiter := self._next_waiter()) is not None:
            waiter.set_result(None)
        else:
            self._slots += 1

    def _next_waiter(self) -> "asyncio.Future[C | None] | None":
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():
                return waiter
        return None

    async def _queue(self) -> C | None:
        """Wait in line for a connection, or for None, which is leave to open one."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[C | None] = loop.create_future()
        self._waiters[waiter] = None
        timer = loop.call_later(self._wait_seconds, self._give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._pass_on(waiter.result())
            raise
        finally:
            timer.cancel()
            self._waiters.pop(waiter, None)

    def _pass_on(self, connection: C | None) -> None:
        if connection is None:
            self._free_slot()
        else:
            self.give(connection)

    def _give_up(self, waiter: asyncio.Future[C | None]) -> None:
        if not waiter.done():
            waiter.set_exception(
                Unavailable(f"all {self.size} database connections were in use for {self._wait_seconds:g} s; try again", retry_after=1)
            )

    async def _watch_over(self) -> None:
        """Once a second: end what has waited for the server far too long, and close what nobody has used for long."""
        while True:
            await asyncio.sleep(1)
            now = self._clock()
            while self._idle and now - self._idle[0].touched > IDLE_SECONDS:
                self.discard(self._idle.pop(0))
            if self._statement_seconds:
                self._expire(now - self._statement_seconds - GRACE_SECONDS)

    def _expire(self, before: float) -> None:
        for connection in self._open.difference(self._idle):
            if connection.touched < before and connection.usable:
                connection.expired = True
                connection.terminate()
