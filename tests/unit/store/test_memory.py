import asyncio

import pytest

from modelyard.store.database import IdSequence, Unit
from modelyard.store.memory import MemoryDatabase
from modelyard.store.wipe import wipe


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


async def test_a_failed_unit_leaves_no_trace(database: MemoryDatabase) -> None:
    database.tables["a"][1] = "before"

    async def work(unit: Unit) -> None:
        del unit
        database.tables["a"][1] = "changed"
        database.tables["b"][1] = "new"
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(work)

    assert dict(database.tables) == {"a": {1: "before"}}


async def test_a_unit_that_fails_does_not_undo_what_another_wrote_meanwhile(database: MemoryDatabase) -> None:
    begun, proceed = asyncio.Event(), asyncio.Event()

    async def fails(unit: Unit) -> None:
        del unit
        begun.set()
        await proceed.wait()
        raise LookupError

    async def works(unit: Unit) -> None:
        del unit
        database.tables["a"][1] = "kept"

    failing = asyncio.create_task(database.write(fails))
    await begun.wait()
    working = asyncio.create_task(database.write(works))
    await asyncio.sleep(0)
    proceed.set()
    with pytest.raises(LookupError):
        await failing
    await working

    assert database.tables["a"] == {1: "kept"}


async def test_a_nested_write_joins_the_unit_around_it(database: MemoryDatabase) -> None:
    async def inner(unit: Unit) -> None:
        del unit
        database.tables["a"][1] = "inner"

    async def outer(unit: Unit) -> None:
        del unit
        await database.write(inner)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(outer)

    assert not database.tables.get("a")


async def test_a_task_started_in_a_unit_has_a_unit_of_its_own(database: MemoryDatabase) -> None:
    async def inner(unit: Unit) -> None:
        del unit
        database.tables["a"][1] = "kept"

    async def outer(unit: Unit) -> "asyncio.Task[None]":
        del unit
        return asyncio.create_task(database.write(inner))

    await (await database.write(outer))

    assert database.tables["a"] == {1: "kept"}


def test_an_id_is_given_once_in_its_sequence(database: MemoryDatabase) -> None:
    assert [database.next_id(IdSequence.RESOURCE) for _ in range(3)] == [1, 2, 3]
    assert database.next_id(IdSequence.ARTIFACT) == 1


async def test_it_runs_no_statements(database: MemoryDatabase) -> None:
    with pytest.raises(AssertionError, match="memory runs no statements, and was asked to: wipe"):
        await wipe(database)
