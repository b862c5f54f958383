"""Work that is begun together: each in a task that stays its own while it waits."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest
import uvloop

from modelyard.arrivals import Arrivals, begun

note: ContextVar[str] = ContextVar("note", default="")


class Begun:
    """What is written down of the work in the order in which it happens."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.arrivals = Arrivals()

    def add(self, *works: Coroutine[Any, Any, None]) -> None:
        for work in works:
            self.arrivals.add(work, asyncio.get_running_loop(), self.tasks)

    async def quick(self, name: str) -> None:
        self.said.append(name)

    async def waiting(self, name: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        note.set(name)
        self.said.append(f"{name} begins")
        await asyncio.sleep(0.01)
        assert asyncio.current_task() is task
        assert note.get() == name
        self.said.append(f"{name} ends")


async def test_all_is_begun_in_order_in_the_next_turn_and_what_waits_holds_up_nothing() -> None:
    work = Begun()
    work.add(work.quick("a"), work.waiting("b"), work.quick("c"), work.waiting("d"), work.quick("e"))
    assert work.said == []
    await asyncio.sleep(0)
    assert work.said == ["a", "b begins", "c", "d begins", "e"]
    assert len(work.tasks) == 2
    await asyncio.gather(*work.tasks)
    assert work.said[5:] == ["b ends", "d ends"]
    assert work.tasks == set()


async def test_what_comes_while_work_is_done_waits_for_the_turn_after() -> None:
    work = Begun()

    async def asks_for_more() -> None:
        work.add(work.quick("more"))
        await work.quick("first")

    work.add(asks_for_more())
    await asyncio.sleep(0)
    assert work.said == ["first"]
    await asyncio.sleep(0)
    assert work.said == ["first", "more"]


async def test_who_waits_can_be_cancelled_and_nobody_else_is() -> None:
    work = Begun()
    tasks: list[asyncio.Task[Any] | None] = []

    async def until_cancelled() -> None:
        tasks.append(asyncio.current_task())
        try:
            async with asyncio.timeout(60):
                await asyncio.sleep(60)
        except asyncio.CancelledError:
            work.said.append("cancelled")

    work.add(until_cancelled(), work.waiting("other"))
    await asyncio.sleep(0)
    [task] = tasks
    assert task is not None
    task.cancel()
    await asyncio.gather(*work.tasks)
    assert sorted(work.said) == ["cancelled", "other begins", "other ends"]


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_what_a_finalizer_asks_for_while_the_task_is_made_is_not_lost(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    said: list[str] = []

    async def work() -> None:
        said.append("work")

    class Finalized:
        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self.loop, self.itself = loop, self

        def __del__(self) -> None:
            self.loop.call_soon(said.append, "finalizer")

    def begin(loop: asyncio.AbstractEventLoop) -> None:
        Finalized(loop)
        often = gc.get_threshold()
        gc.set_threshold(1)
        try:
            begun(loop, work())
        finally:
            gc.set_threshold(*often)
        gc.collect()

    async def main() -> None:
        asyncio.get_running_loop().call_soon(begin, asyncio.get_running_loop())
        await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert said == ["work", "finalizer"]
