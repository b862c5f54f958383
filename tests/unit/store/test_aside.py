import asyncio
import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from modelyard.store.aside import Aside

who = ContextVar("who", default="nobody")


@pytest.fixture
def aside() -> Iterator[Aside]:
    aside = Aside("aside")
    yield aside
    aside.close()


async def test_what_was_started_runs_in_order_and_the_event_loop_is_told_of_each(aside: Aside) -> None:
    loop, finished = threading.current_thread(), asyncio.Event()
    ran: list[tuple[str, bool]] = []
    told: list[tuple[str, Exception | None, bool]] = []
    wrong = LookupError("wrong")

    def work(name: str) -> None:
        ran.append((name, threading.current_thread() is loop))
        if name == "second":
            raise wrong

    def done(name: str, failure: Exception | None) -> None:
        told.append((name, failure, threading.current_thread() is loop))
        if name == "third":
            finished.set()

    for name in ("first", "second", "third"):
        aside.start(lambda name=name: work(name), lambda failure, name=name: done(name, failure))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
    async with asyncio.timeout(5):
        await finished.wait()

    assert ran == [("first", False), ("second", False), ("third", False)]
    assert told == [("first", None, True), ("second", wrong, True), ("third", None, True)]


async def test_who_is_told_has_the_context_of_who_started(aside: Aside) -> None:
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    who.set("somebody")
    aside.start(lambda: None, lambda _: told.set_result(who.get()))
    who.set("another")

    async with asyncio.timeout(5):
        assert await told == "somebody"


async def test_closing_waits_for_what_was_started() -> None:
    aside, proceed, ran = Aside("aside"), threading.Event(), threading.Event()

    def work() -> None:
        proceed.wait(5)
        ran.set()

    aside.start(work, lambda _: None)
    proceed.set()
    aside.close()

    assert ran.is_set()


def test_closing_what_was_never_used_is_nothing() -> None:
    Aside("aside").close()


def test_an_event_loop_that_is_closed_by_then_is_not_told() -> None:
    aside, proceed = Aside("aside"), threading.Event()
    told: list[Exception | None] = []

    def work() -> None:
        proceed.wait(5)

    async def go_away() -> None:
        aside.start(work, told.append)

    asyncio.run(go_away())
    proceed.set()
    aside.close()

    assert told == []
