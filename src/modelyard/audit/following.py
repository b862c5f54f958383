"""Follows a project's events as they come, from whichever server they come."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

from modelyard.audit.horizon import Horizon
from modelyard.audit.log import EventFilter, EventLog, Logged
from modelyard.context import ProjectId
from modelyard.errors import Unavailable
from modelyard.store.database import Database

MOST = 100
"""Who may follow at a time, for one process."""
STRETCH = 200
"""Ids that are looked at by one statement."""
HEARTBEAT = 15.0
"""Seconds without news after which that is told."""


class News(NamedTuple):
    """The events that were asked for up to this id; perhaps none. Nothing more will come of what is up to there."""

    up_to: int
    events: Sequence[Logged]


class Following:
    """Everyone who follows. They look into the store from time to time, and hold nothing of it in between."""

    def __init__(self, database: Database, log: EventLog, horizon: Horizon, *, pause: float = 0.5, most: int = MOST) -> None:
        self._database = database
        self._log = log
        self._horizon = horizon
        self._pause = pause
        self._most = most
        self._stopping = asyncio.Event()
        self.running = 0

    def stop(self) -> None:
        """All come to their end."""
        self._stopping.set()

    def check_room(self) -> None:
        """Raises `Unavailable` when there are too many already."""
        if self.running >= self._most or self._stopping.is_set():
            raise Unavailable(f"{self._most} clients follow events already, the most that the server takes; try again", retry_after=10)

    async def follow(self, project: ProjectId, wanted: EventFilter, after: int | None) -> AsyncGenerator[News]:
        """The events after this id, each once, in the order of ids; without one, those that can be seen from about now on.

        The first news come as soon as it is known where that is. While the store cannot be reached, none come.
        """
        self.running += 1
        try:
            position, told = after, float("-inf")
            while not self._stopping.is_set():
                news = await self._next(project, wanted, position)
                now = asyncio.get_running_loop().time()
                if news is not None and (news.events or now - told >= HEARTBEAT):
                    yield news
                    told = now
                if news is None or news.up_to == position:
                    await self._rest()
                else:
                    position = news.up_to
        finally:
            self.running -= 1

    async def _next(self, project: ProjectId, wanted: EventFilter, after: int | None) -> News | None:
        """None where the store cannot be asked, or it is not known yet how far its log is settled."""
        try:
            settled = await self._horizon.settled()
            if settled is None:
                return None
            if after is None or settled <= after:
                return News(settled if after is None else after, ())
            up_to = min(settled, after + STRETCH)
            found = await self._log.of_project(self._database.reader, project, after, up_to)
        except Unavailable:
            return None
        return News(up_to, [one for one in found if wanted.takes(one.event)])

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pause):
                await self._stopping.wait()
