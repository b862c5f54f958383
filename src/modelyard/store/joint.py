"""Reads that ask for a row or a few, all of one turn of the event loop as one statement.

Requests come in handfuls, and each round trip to a server has its price for both sides: calls of the system, a process to be woken. Nobody
reads anything older for it, since the statement is sent after all of them have asked.
"""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from modelyard.errors import Unavailable
from modelyard.store.connection import Connection
from modelyard.store.database import Row
from modelyard.store.statements import Compiled
from modelyard.tally import Tally, current_tally

Fetch = Callable[[Connection], Awaitable[Sequence[Row]]]
Found = Sequence[Row]


class _Asked:
    __slots__ = ("answer", "arguments")

    def __init__(self, arguments: tuple[Any, ...], answer: "asyncio.Future[Found | None]") -> None:
        self.arguments = arguments
        self.answer = answer
        """None: this one has to be asked alone."""

    def tell(self, found: Found | None) -> None:
        if not self.answer.done():  # else whoever asked has been cancelled
            self.answer.set_result(found)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


def of_all() -> contextvars.Context:
    """No request's context, and no request's tally: each adds its own. Where a line is logged, it is for the one that asked first."""
    context = contextvars.Context()
    context.run(current_tally.set, Tally(current_tally.get().request_id))
    return context


class Joint:
    """Takes what runs a statement of that name on a connection."""

    def __init__(self, read: Callable[[str, Fetch], Awaitable[Found]]) -> None:
        self._read = read
        self._asked: dict[str, list[_Asked]] = {}
        """What this turn asks for, by the statement for one."""
        self._running: set[asyncio.Task[None]] = set()

    async def rows(self, name: str, compiled: Compiled, arguments: tuple[Any, ...]) -> Found:
        """What the statement finds for these arguments, as if it had been asked for alone."""
        loop, started = asyncio.get_running_loop(), time.perf_counter()
        asked = _Asked(arguments, loop.create_future())
        if (others := self._asked.get(compiled.sql)) is not None:
            others.append(asked)
        else:
            self._asked[compiled.sql] = [asked]
            loop.call_soon(self._begin, name, compiled, context=of_all())
        found = await asked.answer
        if found is None:
            return await self._alone(name, compiled, arguments)
        tally = current_tally.get()
        tally.statements += 1
        tally.seconds += time.perf_counter() - started
        return found

    def _begin(self, name: str, compiled: Compiled) -> None:
        task = asyncio.get_running_loop().create_task(self._ask(name, compiled, self._asked.pop(compiled.sql)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _ask(self, name: str, compiled: Compiled, asked: Sequence[_Asked]) -> None:
        try:
            if len(asked) == 1:
                asked[0].tell(await self._alone(name, compiled, asked[0].arguments))
                return
            columns = tuple(map(list, zip(*[one.arguments for one in asked], strict=True)))
            rows = await self._read(name, lambda connection: connection.rows(compiled.joint, columns))
        except Exception as error:  # noqa: BLE001 - of several, each finds out for itself whether it was its own
            everybodys = len(asked) == 1 or isinstance(error, Unavailable)
            for one in asked:
                if everybodys:
                    one.fail(error)
                else:
                    one.tell(None)
        else:
            found: list[list[Row]] = [[] for _ in asked]
            for row in rows:
                found[row[-1] - 1].append(row[:-1])
            for one, its in zip(asked, found, strict=True):
                one.tell(its)

    async def _alone(self, name: str, compiled: Compiled, arguments: tuple[Any, ...]) -> Found:
        return await self._read(name, lambda connection: connection.rows(compiled.sql, arguments))
