"""The unit of work that is running: what a nested `write` joins, and a read inside a unit sees."""

import asyncio
from contextvars import ContextVar, Token
from typing import Any

from modelyard.store.database import Unit

_running: ContextVar[tuple[Unit, asyncio.Task[Any] | None] | None] = ContextVar("modelyard_running_unit", default=None)

Running = Token[tuple[Unit, asyncio.Task[Any] | None] | None]


class CurrentUnit:
    """The unit that the running task has open.

    A task started inside a unit inherits its context, and may outlive it or run beside it: for that task there is no unit.
    """

    @staticmethod
    def get() -> Unit | None:
        running = _running.get()
        if running is None or running[1] is not asyncio.current_task():
            return None
        return running[0]


current_unit = CurrentUnit()


class joined:  # noqa: N801 - reads as the function that it is used as
    """While the block runs, `unit` is the task's current one."""

    __slots__ = ("_token", "_unit")

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def __enter__(self) -> None:
        self._token = enter(self._unit)

    def __exit__(self, *_: object) -> None:
        leave(self._token)


def enter(unit: Unit) -> Running:
    """Make `unit` the task's current one, until `leave`: what `joined` does, at less cost."""
    return _running.set((unit, asyncio.current_task()))


def leave(running: Running) -> None:
    _running.reset(running)
