"""How many records there are is remembered, and exact whoever writes meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Self

import pytest

from modelyard.audit.horizon import MySqlLook
from modelyard.context import Millis
from modelyard.models.entities import Model, NewModel
from modelyard.overview import totals
from modelyard.overview.offsets import Pages, Slice
from modelyard.overview.places import Places
from modelyard.overview.registry import RegistryOverview
from modelyard.store.database import Reader, Row, Values
from modelyard.store.statements import Statement
from modelyard.store.wipe import wipe
from tests.store.conftest import DATABASES, Worlds
from tests.store.counted import Counted
from tests.store.test_overview import registry_of
from tests.store.worlds import sql_world
from tests.unit.world import ANN, World

ALL = Slice(1_000)
WRITERS = 4


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is remembered from the first list on."""
    monkeypatch.setattr(totals, "SETTLING", 0.0)
    monkeypatch.setattr(totals, "BEHIND", 3)


@pytest.fixture(params=DATABASES)
async def emptied(request: pytest.FixtureRequest, lasting_worlds: Worlds) -> World:
    """A world that was emptied just now."""
    database = (await lasting_worlds(request.param)).database
    await wipe(database)
    return sql_world(database)


async def exact(registry: RegistryOverview) -> int:
    """How many there are, as the list says and as its rows do: both come from one snapshot."""
    found = await registry.models(ANN, ALL)
    assert len(found.items) == found.total
    return found.total


async def test_nothing_is_counted_a_second_time(counted: Counted) -> None:
    """Made, put in the trash, brought back, and gone for good: the log says what that changes."""
    world, registry = counted.world, registry_of(counted.database)
    assert await exact(registry) == 1

    async def total(work: Awaitable[object]) -> int:
        await work
        counted.database.forget()
        found = await exact(registry)
        assert "count model" not in counted.database.names
        return found

    model = await world.models.create_model(ANN, NewModel())
    assert await total(asyncio.gather(*(world.models.create_model(ANN, NewModel()) for _ in range(9)))) == 11
    deletion = await world.models.trash_model(ANN, model.id)
    assert await total(asyncio.sleep(0)) == 10
    assert await total(world.trash.restore(ANN, deletion.id)) == 11
    await world.models.trash_model(ANN, model.id)
    assert await total(world.trash.purge(ANN, Millis(world.clock.now + 1))) == 10
    assert (await registry.models(ANN, Slice(1, 99))).total == 10


async def test_it_is_exact_while_others_write(emptied: World) -> None:
    """Two servers remember for themselves, and both see what either's clients do."""
    servers = [registry_of(emptied.database) for _ in range(2)]
    await emptied.models.create_model(ANN, NewModel())  # a page without rows is no snapshot of how many there are
    await asyncio.gather(*map(exact, servers))
    writing = asyncio.gather(*(come_and_go(emptied) for _ in range(WRITERS)))
    looks = 0
    while not writing.done():
        await asyncio.gather(*map(exact, servers))
        looks += 1
    await writing

    assert looks > WRITERS
    assert [await exact(server) for server in servers] == [WRITERS * 8 + 1, WRITERS * 8 + 1]


async def test_many_changes_between_two_looks_are_found(emptied: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the statement for a page looks through."""
    monkeypatch.setattr(totals, "REACH", 5)
    registry = registry_of(emptied.database)
    assert await exact(registry) == 0
    for _ in range(2):
        await asyncio.gather(*(emptied.models.create_model(ANN, NewModel()) for _ in range(9)))
        await exact(registry)

    assert await exact(registry) == 18


async def test_an_emptied_store_is_counted_anew(emptied: World) -> None:
    """Though ids of events come back on PostgreSQL."""
    registry = registry_of(emptied.database)
    for number in (7, 9):
        await asyncio.gather(*(emptied.models.create_model(ANN, NewModel()) for _ in range(number)))
        assert await exact(registry) == number
        await wipe(emptied.database)

    assert await exact(registry) == 0


async def test_pages_begin_where_they_should_whatever_comes_and_goes(emptied: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers remember where pages began; one of them reads after every change, the other now and then."""
    monkeypatch.setattr(totals, "REACH", 12)
    monkeypatch.setattr(totals, "MOVES", 3)
    monkeypatch.setattr(Places, "apart", 1)
    often, seldom = registry_of(emptied.database), registry_of(emptied.database)
    models = [await emptied.models.create_model(ANN, NewModel()) for _ in range(12)]
    for _ in range(MySqlLook.LOOKS + 2):  # until the log is settled
        await asyncio.gather(exact(often), exact(seldom))
    for number, model in enumerate(models[:8]):
        deletion = await emptied.models.trash_model(ANN, model.id)
        await assert_paged(often)
        if number % 2:
            await emptied.trash.restore(ANN, deletion.id)
        await emptied.models.create_model(ANN, NewModel())
        for registry in (often, seldom) if number % 4 == 3 else (often,):
            await assert_paged(registry)


async def test_a_page_read_again_passes_over_little(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Places, "apart", 1)
    registry = registry_of(counted.database)
    for _ in range(9):
        await counted.world.models.create_model(ANN, NewModel())
    for _ in range(MySqlLook.LOOKS + 2):  # until the log is settled
        await exact(registry)
    passed: list[int] = []

    class Seen(Pages):
        def statement(self, part: Slice, rows: int, *, slow: bool = False) -> Statement:
            passed.append(rows)
            return super().statement(part, rows, slow=slow)

    monkeypatch.setattr(registry._models._list.pages, "__class__", Seen)

    one, other = [await registry.models(ANN, Slice(2, 5)) for _ in range(2)]

    assert one == other
    assert passed == [5, 0]


async def test_what_is_learnt_while_places_are_moved_leads_nobody_astray(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page further down is read between the question what has moved and its answer."""
    monkeypatch.setattr(Places, "apart", 1)
    world, registry = counted.world, registry_of(counted.database)
    models = [counted.model, *[(await world.models.create_model(ANN, NewModel())).id for _ in range(20)]]
    for _ in range(MySqlLook.LOOKS + 2):  # until the log is settled
        await exact(registry)
    remembered = registry._models
    known = remembered._known[ANN.project]
    assert [line.id for line in (await registry.models(ANN, Slice(1, 5))).items] == [models[5]]
    await world.models.trash_model(ANN, models[10])
    for _ in range(MySqlLook.LOOKS):
        await remembered._horizon.settled()

    async def learn() -> None:
        known.places.learn(models[15], 15)  # as it was at the horizon that its page still went by

    monkeypatch.setattr(remembered, "_database", Meanwhile(counted.database.reader, remembered._list.moves, learn))
    assert (await remembered._advance(ANN.project, known)).mark > known.mark

    assert [line.id for line in (await registry.models(ANN, Slice(2, 15))).items] == models[16:18]


class Meanwhile(NamedTuple):
    """A database to read, where something else happens while one statement runs."""

    inner: Reader
    statement: Statement
    happens: Callable[[], Awaitable[None]]

    @property
    def reader(self) -> Self:
        return self

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        rows = await self.inner.rows(statement, values)
        if statement is self.statement:
            await self.happens()
        return rows

    async def row(self, statement: Statement, values: Values) -> Row | None:
        return await self.inner.row(statement, values)


async def assert_paged(registry: RegistryOverview) -> None:
    """Page by page the list is what it is as a whole."""
    whole = await registry.models(ANN, ALL)
    for size in (2, 5):
        pages = [await registry.models(ANN, Slice(size, offset)) for offset in range(0, whole.total, size)]
        assert [model for page in pages for model in page.items] == whole.items
        assert {page.total for page in pages} == {whole.total}


async def come_and_go(world: World) -> None:
    """Leaves eight models."""
    for _ in range(8):
        kept: Model = await world.models.create_model(ANN, NewModel())
        gone = await world.models.create_model(ANN, NewModel())
        await world.models.trash_model(ANN, gone.id)
        deletion = await world.models.trash_model(ANN, kept.id)
        await world.trash.restore(ANN, deletion.id)
