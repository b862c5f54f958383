"""Requests that have come and whose work is to begin, all those of one turn of the event loop in one task.

asyncio's way, a task for each request, costs more than some of the work that it is for; most reads on SQLite wait for nothing and are
done when they have begun. Work that does wait, for a commit or a database server, keeps the task that it began in, and another task
begins what is left. So `asyncio.current_task` stays the same all through a request, and cancelling and timeouts, which go by it, are
right. The requests that one task answers share its context: what one of them sets there it resets, or else each sets it for itself.

Why not begin the work in the turn that reads the request: measured, that costs a tenth more than it saves. Reading is mostly done by
the system, and between two of its calls the processor forgets some of the program.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

Work = Coroutine[Any, Any, None]
Callback = Callable[..., object]


class Arrivals:
    """Those of one server process. Made before its event loop runs; if need be, in the process that starts it."""

    def __init__(self) -> None:
        self._waiting: deque[Work] = deque()

    def add(self, work: Work, loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[None]]) -> None:
        """Begin this work, which raises nothing, when what else has come is read. `tasks` holds the tasks that have to wait."""
        if not self._waiting:
            loop.call_soon(self._begin, loop, tasks)
        self._waiting.append(work)

    def _begin(self, loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[None]]) -> None:
        batch, self._waiting = self._waiting, deque()
        while batch:
            task = begun(loop, _do(batch))
            if not task.done():
                tasks.add(task)
                task.add_done_callback(tasks.discard)


async def _do(batch: deque[Work]) -> None:
    """All of it up to what has to wait. When that is over, nothing is left: other tasks have done it."""
    while batch:
        await batch.popleft()


if sys.version_info >= (3, 12):

    def begun(loop: asyncio.AbstractEventLoop, work: Work) -> asyncio.Task[None]:
        """A task that has done its first step. To be called by a callback of the loop, not in a task."""
        return asyncio.Task(work, loop=loop, eager_start=True)

else:
    from contextvars import copy_context

    def begun(loop: asyncio.AbstractEventLoop, work: Work) -> asyncio.Task[None]:
        """A task that has done its first step. To be called by a callback of the loop, not in a task.

        A new task asks its loop to call the first step soon. That one call is caught, and made now.
        """
        context = copy_context()
        first: Callback = _nothing

        def call_soon(callback: Callback, *arguments: Any, context: Any = None) -> object:
            nonlocal first
            task = getattr(callback, "__self__", None)
            if isinstance(task, asyncio.Task) and task.get_coro() is work:
                first = callback
                return None
            # A finalizer's: the garbage collector may run while the task is made.
            return type(loop).call_soon(loop, callback, *arguments, context=context)

        loop.call_soon = call_soon  # type: ignore[method-assign,assignment]  # only until the task is made
        try:
            task = asyncio.Task(work, loop=loop, context=context)
        finally:
            del loop.call_soon
        context.run(first)
        return task

    def _nothing() -> None:
        pass
