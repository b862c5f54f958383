"""Whose turn it is at a thing."""

import asyncio

import pytest

from modelyard.store.turns import Queues


async def test_first_come_first_served_at_each_thing() -> None:
    queues, done = Queues(), list[str]()

    async def visit(name: str, thing: str) -> None:
        await queues.take(thing)
        await asyncio.sleep(0)
        done.append(name)
        queues.give(thing)

    await queues.take("a")
    waiting = [asyncio.create_task(visit(f"a{number}", "a")) for number in range(3)]
    await visit("b", "b")
    await asyncio.sleep(0)
    assert done == ["b"]

    queues.give("a")
    await asyncio.gather(*waiting)
    assert done == ["b", "a0", "a1", "a2"]


async def test_who_stops_waiting_keeps_nobody_waiting_and_is_forgotten() -> None:
    queues = Queues()
    await queues.take("a")
    impatient = asyncio.create_task(queues.take("a"))
    patient = asyncio.create_task(queues.take("a"))
    await asyncio.sleep(0)

    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    queues.give("a")
    await asyncio.wait_for(patient, 5)
    queues.give("a")
    assert queues.waited_for == 0


async def test_a_turn_that_came_together_with_the_cancellation_goes_to_the_next() -> None:
    queues = Queues()
    await queues.take("a")
    unlucky, next_one = asyncio.create_task(queues.take("a")), asyncio.create_task(queues.take("a"))
    await asyncio.sleep(0)

    queues.give("a")
    unlucky.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unlucky
    await asyncio.wait_for(next_one, 5)
    queues.give("a")
    assert queues.waited_for == 0

    await queues.take("a")
    last = asyncio.create_task(queues.take("a"))
    await asyncio.sleep(0)
    queues.give("a")
    last.cancel()
    with pytest.raises(asyncio.CancelledError):
        await last
    assert queues.waited_for == 0
