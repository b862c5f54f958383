"""Reads on the event loop of one SQLite connection."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from modelyard.store.database import Row
from modelyard.store.meter import Meter
from modelyard.store.sqlite_unit import ROW, Fetch, SqliteReader, run

T = TypeVar("T")


class TurnReader(SqliteReader):
    """All that is read in one turn of the event loop sees one moment: that of the turn's first read.

    Left alone, SQLite locks the file and looks at its size for each statement, three calls of the system that cost a get a fifth of its
    time. Nobody reads anything older for it: what comes in, an answer from another thread or process included, is begun in a turn after
    the one that it came in, and before that the last one's moment ends.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        meter: Meter,
        in_thread: Callable[[str, str, Sequence[object]], Awaitable[Sequence[Row]]],
    ) -> None:
        """Made on the event loop that it is used on."""
        super().__init__(connection, meter, in_thread)
        self._call_soon = asyncio.get_running_loop().call_soon
        self._begun = False

    def _run(self, name: str, sql: str, values: Sequence[object], fetch: Fetch[T]) -> T:
        if not self._begun:
            run(self._connection, "BEGIN", (), ROW)
            self._begun = True
            self._call_soon(self._end)
        return super()._run(name, sql, values, fetch)

    def _end(self) -> None:
        self._begun = False
        with contextlib.suppress(sqlite3.Error):  # it has been closed, or SQLite has given the transaction up
            self._connection.execute("COMMIT")
