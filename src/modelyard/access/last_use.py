"""Writes down when tokens were used last: in the background, and each at most once a minute."""

import asyncio
import contextvars
import time

from modelyard import logs
from modelyard.access.repository import Register
from modelyard.context import Millis
from modelyard.errors import Unavailable
from modelyard.store.database import Database

PAUSE = 60.0
"""Seconds between two writings."""

_FIRST = 1.0
"""Seconds that others have, after a use, to be written down with it."""


class LastUse:
    def __init__(self, database: Database, register: Register) -> None:
        self._database = database
        self._register = register
        self._uses: dict[int, Millis] = {}
        self._written = float("-inf")
        self._writing: asyncio.Task[None] | None = None

    def note(self, token_id: int, now: Millis) -> None:
        self._uses[token_id] = now
        if self._writing is None:
            # In no request's context: it outlives them all.
            self._writing = asyncio.get_running_loop().create_task(self._write_later(), context=contextvars.Context())

    async def write(self) -> None:
        """Write now what has not been written. What cannot be written now is with the next."""
        uses, self._uses = self._uses, {}
        self._written = time.monotonic()
        if not uses:
            return
        try:
            await self._database.write(lambda unit: self._register.used(unit, uses))
        except Unavailable as error:
            self._uses = {**uses, **self._uses}
            logs.logger().warning("the last uses of tokens are not written down yet", reason=error.message)

    async def close(self) -> None:
        """Before the database is closed."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self.write()

    async def _write_later(self) -> None:
        await asyncio.sleep(max(_FIRST, self._written + PAUSE - time.monotonic()))
        try:
            await self.write()
        finally:
            self._writing = None
