"""A thread at the side of the event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import NamedTuple

Work = Callable[[], None]
Done = Callable[[Exception | None], None]


class _Task(NamedTuple):
    work: Work
    done: Done
    loop: asyncio.AbstractEventLoop
    context: Context


class Aside:
    """Runs one function after another in a thread of its own. An executor does the same for three times the CPU: its futures are two."""

    def __init__(self, name: str) -> None:
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._name = name
        self._thread: threading.Thread | None = None

    def start(self, work: Work, done: Done) -> None:
        """Run `work` in the thread, and then `done` with what it raised, if it did, on the event loop and in the caller's context."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._tasks.put(_Task(work, done, asyncio.get_running_loop(), copy_context()))

    def close(self) -> None:
        """Wait for what was started."""
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            failure: Exception | None = None
            try:
                task.work()
            except Exception as error:  # noqa: BLE001 - whatever it is, the event loop is told
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody is left to be told
                task.loop.call_soon_threadsafe(task.done, failure, context=task.context)
