"""A store that is emptied while servers are writing to it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelyard import app
from modelyard.errors import NotFound, Unavailable
from modelyard.models.entities import NewModel, NewVersion
from modelyard.search.page import ListQuery
from modelyard.settings import Settings
from modelyard.store import migrate
from modelyard.store.urls import DatabaseUrl
from modelyard.store.wipe import wipe
from tests.store.conftest import DATABASES, NewStore
from tests.store.worlds import world_at
from tests.unit.world import ANN, World

WRITERS = 6


@pytest.fixture(params=DATABASES)
async def world(request: pytest.FixtureRequest, new_store: NewStore) -> AsyncIterator[World]:
    async with world_at(await new_store(request.param)) as world:
        yield world


async def test_it_succeeds_while_six_are_writing_who_are_told_nothing_strange(world: World) -> None:
    stop = asyncio.Event()
    writers = [asyncio.create_task(keep_writing(world, number, stop)) for number in range(WRITERS)]
    for _ in range(3):
        await asyncio.sleep(0.3)
        await asyncio.wait_for(wipe(world.database), 20)
    stop.set()
    written = await asyncio.gather(*writers)

    assert min(written) > 0
    await wipe(world.database)
    assert (await world.models.list_models(ANN, ListQuery())).items == []
    assert (await world.models.create_model(ANN, NewModel(name="first"))).id == 1


async def test_ids_begin_at_1_though_others_write_in_the_same_group(new_store: NewStore) -> None:
    """SQLite's group of writers keeps the ids that it gave outside their table until it commits."""
    async with world_at(await new_store("sqlite")) as world:
        models = (world.models.create_model(ANN, NewModel(name=f"early {number}")) for number in range(7))
        await asyncio.gather(*models, wipe(world.database))

        assert (await world.models.create_model(ANN, NewModel(name="first"))).id == 1


async def keep_writing(world: World, number: int, stop: asyncio.Event) -> int:
    """Makes models and versions until told to stop; how many models. A model may be gone before its version is made."""
    done = 0
    for turn in itertools.count():
        if stop.is_set():
            break
        try:
            model = await world.models.create_model(ANN, NewModel(name=f"{number} {turn}", external_id=f"{number} {turn}"))
            await world.models.create_version(ANN, NewVersion(model_id=model.id, name=str(turn)))
            done += 1
        except NotFound:
            continue
    return done


async def test_the_command_has_no_time_limit(database_url: str) -> None:
    """The largest stores take the longest to empty."""
    impatient = Settings(database_url=database_url, statement_timeout_seconds=0.001)
    await asyncio.to_thread(migrate.upgrade, DatabaseUrl.parse(database_url))

    await asyncio.to_thread(app.wipe, impatient)

    async with world_at(database_url) as world:
        assert (await world.models.create_model(ANN, NewModel(name="first"))).id == 1


def test_a_file_that_does_not_exist_is_told_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "typo.db"

    with pytest.raises(Unavailable, match=r"folder/typo\.db"):
        app.wipe(Settings(database_url=f"sqlite:///{path}"))

    assert not path.parent.exists()
