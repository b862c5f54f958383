"""Whose turn it is: to write to a SQLite file, or to change one thing of a database server."""

import asyncio
from collections import deque
from collections.abc import Hashable


class Turns:
    """First come, first served. Whoever holds the turn may pass it on from anywhere, unlike with a lock's `async with`."""

    def __init__(self) -> None:
        self._taken = False
        self._queue: deque[asyncio.Future[None]] = deque()
        self.waiting = 0

    @property
    def free(self) -> bool:
        return not self._taken

    def try_take(self) -> bool:
        if self._taken:
            return False
        self._taken = True
        return True

    async def take(self) -> None:
        if self.try_take():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()
            raise
        finally:
            self.waiting -= 1

    def give(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False


class Queues:
    """Turns at things: whoever has the turn at one keeps it from the others of this process."""

    def __init__(self) -> None:
        self._turns: dict[Hashable, Turns] = {}

    @property
    def waited_for(self) -> int:
        """How many things somebody is at."""
        return len(self._turns)

    async def take(self, thing: Hashable) -> None:
        turns = self._turns.get(thing)
        if turns is None:
            turns = self._turns[thing] = Turns()
        try:
            await turns.take()
        except asyncio.CancelledError:
            self._forget(thing, turns)
            raise

    def give(self, thing: Hashable) -> None:
        turns = self._turns[thing]
        turns.give()
        self._forget(thing, turns)

    def _forget(self, thing: Hashable, turns: Turns) -> None:
        if turns.free:
            del self._turns[thing]
