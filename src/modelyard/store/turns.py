"""Who may write to a SQLite file next."""

import asyncio
from collections import deque


class Turns:
    """First come, first served. Whoever holds the turn may pass it on from anywhere, unlike with a lock's `async with`."""

    def __init__(self) -> None:
        self._taken = False
        self._queue: deque[asyncio.Future[None]] = deque()
        self.waiting = 0

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
