"""Models know how many versions they have, and which is the latest, whatever is done to these at the same time."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from contextvars import Context
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from modelyard.errors import NotFound
from modelyard.models.entities import ModelPatch, ModelState, NewModel, NewVersion, VersionPatch
from modelyard.models.tables import MODEL
from modelyard.overview.integrity import counts
from modelyard.search.page import ListQuery
from modelyard.store.database import IdSequence, Unit
from modelyard.store.pooled_unit import PooledUnit
from modelyard.store.sqlite_unit import SqliteUnit
from modelyard.store.statements import Statement
from tests.store.conftest import DATABASES, NewStore
from tests.store.test_overview import measured, registry_of
from tests.store.worlds import world_at
from tests.unit.world import ANN, World

AT_ONCE = 6
PATIENCE = 0.3
"""Seconds that who waits for a lock is given to show it."""


async def test_each_is_counted_once(sql: World) -> None:
    """Made side by side, with artifacts and without, while their model changes; put in the trash, and brought back."""
    model = await sql.models.create_model(ANN, NewModel())
    made = await asyncio.gather(
        *(sql.models.create_version(ANN, NewVersion(model_id=model.id), measured(number % 2)) for number in range(AT_ONCE)),
        *(sql.models.update_model(ANN, model.id, ModelPatch(description=str(number))) for number in range(2)),
    )
    assert await counted(sql, model.id) == AT_ONCE

    versions = made[:AT_ONCE]
    gone = await asyncio.gather(*(sql.models.trash_version(ANN, version.id) for version in versions[1:]), another(sql, model.id))
    assert await counted(sql, model.id) == 2

    await asyncio.gather(*(sql.trash.restore(ANN, deletion.id) for deletion in gone[:-1] if deletion), another(sql, model.id))
    assert await counted(sql, model.id) == AT_ONCE + 2


async def test_what_comes_back_with_its_model_is_counted_as_before(sql: World) -> None:
    """And what was put in the trash before stays there."""
    model = await sql.models.create_model(ANN, NewModel())
    versions = [await sql.models.create_version(ANN, NewVersion(model_id=model.id)) for _ in range(3)]
    earlier = await sql.models.trash_version(ANN, versions[0].id)
    deletion = await sql.models.trash_model(ANN, model.id)

    await sql.trash.restore(ANN, deletion.id)
    assert await counted(sql, model.id) == 2
    await sql.trash.restore(ANN, earlier.id)
    assert await counted(sql, model.id) == 3


async def test_one_that_is_not_made_is_not_counted(sql: World) -> None:
    """Because of its name, or of a model that goes meanwhile."""
    model = await sql.models.create_model(ANN, NewModel())
    for _ in range(3):
        results = await asyncio.gather(
            *(sql.models.create_version(ANN, NewVersion(model_id=model.id, name="one")) for _ in range(2)), return_exceptions=True
        )
        assert any(isinstance(result, Exception) for result in results)
    assert await counted(sql, model.id) == 1

    _, *made = await asyncio.gather(
        sql.models.trash_model(ANN, model.id), *(another(sql, model.id) for _ in range(3)), return_exceptions=True
    )
    assert {type(one) for one in made if isinstance(one, Exception)} <= {NotFound}
    deletion = (await sql.trash.list_deletions(ANN, limit=1)).items[0]
    await sql.trash.restore(ANN, deletion.id)
    assert await counted(sql, model.id) == 1 + sum(one is None for one in made)


async def test_the_latest_is_the_last_that_is_not_archived(sql: World) -> None:
    model = await sql.models.create_model(ANN, NewModel())
    assert await latest(sql, model.id) is None
    one, two = [await sql.models.create_version(ANN, NewVersion(model_id=model.id, name=name)) for name in ("one", "two")]
    await sql.models.create_version(ANN, NewVersion(model_id=model.id, name="put away", state=ModelState.ARCHIVED))
    assert await latest(sql, model.id) == "two"

    await sql.models.update_version(ANN, two.id, VersionPatch(description="still", state=ModelState.LIVE))
    assert await latest(sql, model.id) == "two"
    await sql.models.update_version(ANN, two.id, VersionPatch(state=ModelState.ARCHIVED))
    assert await latest(sql, model.id) == "one"
    deletion = await sql.models.trash_version(ANN, one.id)
    assert await latest(sql, model.id) is None

    await sql.trash.restore(ANN, deletion.id, "the first")
    assert await latest(sql, model.id) == "the first"
    await sql.models.update_version(ANN, two.id, VersionPatch(state=None))
    assert await latest(sql, model.id) == "two"
    await sql.models.create_version(ANN, NewVersion(model_id=model.id, name="three"), measured(1))
    assert await latest(sql, model.id) == "three"


@pytest.fixture(params=DATABASES)
async def servers(request: pytest.FixtureRequest, new_store: NewStore) -> AsyncIterator[list[World]]:
    """Two on one store, as far as the store can tell."""
    store = await new_store(request.param)
    async with AsyncExitStack() as opened:
        yield [await opened.enter_async_context(world_at(store)) for _ in range(2)]


async def test_two_servers_agree_on_the_latest(servers: list[World]) -> None:
    """Whatever each of them does to the versions of one model meanwhile."""
    dice = random.Random(4)  # noqa: S311 - not for secrets
    models = servers[0].models
    model = await models.create_model(ANN, NewModel())
    for _ in range(20):
        made = [version.id for version in (await models.list_versions(ANN, ListQuery())).items]
        changes = (one_change(dice.choice(servers), model.id, dice.choice(made or [0]), dice) for _ in range(AT_ONCE))
        outcomes = await asyncio.gather(*changes, return_exceptions=True)
        assert {type(one) for one in outcomes if isinstance(one, Exception)} <= {NotFound}
        await counted(servers[0], model.id)


async def test_an_id_that_was_asked_for_early_is_not_taken_for_the_latest(servers: list[World], monkeypatch: pytest.MonkeyPatch) -> None:
    """The ids of what other records refer to come before anything is locked, where units are hopeful."""
    here, there = servers
    model = await here.models.create_model(ANN, NewModel())
    others: list[asyncio.Task[object]] = []

    def slowly(next_id: Callable[..., Awaitable[int]]) -> Callable[..., Awaitable[int]]:
        async def then_another(unit: Unit, sequence: IdSequence) -> int:
            given = await next_id(unit, sequence)
            if not others:
                others.append(at_the_same_time(another(there, model.id)))
                await asyncio.wait(others, timeout=PATIENCE)  # where the model is locked already, it comes after this one
            return given

        return then_another

    for kind in (SqliteUnit, PooledUnit):
        monkeypatch.setattr(kind, "next_id", slowly(kind.next_id))
    await here.models.create_version(ANN, NewVersion(model_id=model.id), measured(1))
    await asyncio.gather(*others)

    assert len(others) == 1
    assert await counted(here, model.id) == 2


async def test_who_archives_the_latest_sees_the_one_that_is_being_made(servers: list[World]) -> None:
    here, there = servers
    model = await here.models.create_model(ANN, NewModel())
    versions = [await here.models.create_version(ANN, NewVersion(model_id=model.id)) for _ in range(2)]
    archiving: list[asyncio.Task[object]] = []

    async def work(unit: Unit) -> None:
        await here.records.versions.insert(unit, msgspec.structs.replace(versions[1], name="third"))
        await unit.rows(Statement("make it be sent", select(MODEL.c.id), locks=True), {})
        archived = VersionPatch(state=ModelState.ARCHIVED)
        archiving.append(at_the_same_time(there.models.update_version(ANN, versions[1].id, archived)))
        await asyncio.wait(archiving, timeout=PATIENCE)

    await here.database.write(work)
    await asyncio.gather(*archiving)

    assert await latest(here, model.id) == "third"


def at_the_same_time(work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
    """Not as a part of the unit that is running."""
    return asyncio.get_running_loop().create_task(work, context=Context())


def one_change(world: World, model_id: int, version_id: int, dice: random.Random) -> Awaitable[object]:
    state = dice.choice([ModelState.LIVE, ModelState.ARCHIVED])
    match dice.randrange(5):
        case 0:
            return world.models.create_version(ANN, NewVersion(model_id=model_id, state=state))
        case 1:
            return world.models.create_version(ANN, NewVersion(model_id=model_id), measured(1))
        case 2:
            return world.models.update_version(ANN, version_id, VersionPatch(state=state))
        case 3:
            return world.models.trash_version(ANN, version_id)
    return thrown_away_and_back(world, version_id)


async def thrown_away_and_back(world: World, version_id: int) -> None:
    deletion = await world.models.trash_version(ANN, version_id)
    await world.trash.restore(ANN, deletion.id)


async def another(sql: World, model_id: int) -> None:
    await sql.models.create_version(ANN, NewVersion(model_id=model_id))


async def latest(sql: World, model_id: int) -> str | None:
    await counted(sql, model_id)
    return (await registry_of(sql.database).model(ANN, model_id)).latest


async def counted(sql: World, model_id: int) -> int:
    """How many the model says it has. It is as many as there are, and the latest is the one that it names."""
    async with sql.database.snapshot() as reader:
        assert [str(finding) async for finding in counts.versions(reader, lambda _: None)] == []
    return (await registry_of(sql.database).model(ANN, model_id)).versions
