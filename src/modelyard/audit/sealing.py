"""Seals audit events in the background: a job of the server's."""

import asyncio

from modelyard.audit import chain
from modelyard.audit.chain import Head
from modelyard.audit.horizon import Horizon
from modelyard.audit.log import EventLog
from modelyard.audit.seals import Seals
from modelyard.context import Clock
from modelyard.store.database import Database

EVERY = 5.0
"""Seconds between two looks for events to seal."""
BATCH = 200
"""Events of one seal at most: they are hashed on the event loop, in about a millisecond."""


class Sealing:
    def __init__(self, database: Database, log: EventLog, seals: Seals, horizon: Horizon, clock: Clock) -> None:
        self._database = database
        self._log = log
        self._seals = seals
        self._horizon = horizon
        self._clock = clock

    async def seal(self) -> int:
        """Seal what is settled; returns how many events.

        It may run anywhere, any number of times at once: of those who seal the same events one succeeds, and the others leave the rest
        to it. It may be ended at any time.
        """
        settled = await self._horizon.settled()
        if settled is None:
            return 0
        total, head = 0, await self._seals.head(self._database.reader)
        while events := await self._log.stretch(self._database.reader, head.last_id, settled, BATCH):
            seal = chain.seal(head, events, self._clock())
            if not await self._seals.add(seal, events[-1]):
                break
            total, head = total + len(events), Head.of(seal)
            await asyncio.sleep(0)  # on SQLite nothing above may have let others run
        return total
