"""A store that is emptied while servers are writing to it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from modelyard import app
from modelyard.errors import ModelyardError, NotFound, Unavailable
from modelyard.models.entities import NewModel, NewVersion
from modelyard.search.page import ListQuery
from modelyard.settings import Settings
from modelyard.store.wipe import wipe
from tests.conftest import NewDatabase
from tests.servers.sql import execute
from tests.store.conftest import DATABASES, NewStore
from tests.store.things import opened
from tests.store.worlds import sql_world, world_at
from tests.unit.world import ANN, World

WRITERS = 6


@pytest.fixture(params=DATABASES)
async def world(request: pytest.FixtureRequest, new_store: NewStore) -> AsyncIterator[World]:
    async with world_at(await new_store(request.param)) as world:
        yield world


async def test_it_succeeds_while_six_are_writing_who_are_told_nothing_strange(world: World) -> None:
    writers = [asyncio.create_task(keep_writing(world, number)) for number in range(WRITERS)]
    for _ in range(3):
        await asyncio.sleep(0.3)
        await asyncio.wait_for(wipe(world.database), 20)
    written = await stop(writers)

    assert min(written) > 3
    await wipe(world.database)
    assert (await world.models.list_models(ANN, ListQuery())).items == []
    assert (await world.models.create_model(ANN, NewModel(name="first"))).id == 1


async def keep_writing(world: World, number: int) -> int:
    """Makes models and versions until cancelled; how many models. A model may be gone before its version is made."""
    done = 0
    for turn in itertools.count():
        try:
            model = await world.models.create_model(ANN, NewModel(name=f"{number} {turn}", external_id=f"{number} {turn}"))
            await world.models.create_version(ANN, NewVersion(model_id=model.id, name=str(turn)))
            done += 1
        except NotFound:
            continue
        except asyncio.CancelledError:
            break
    return done


async def stop(writers: "list[asyncio.Task[int]]") -> list[int]:
    for writer in writers:
        writer.cancel()
    return await asyncio.gather(*writers)


async def test_the_default_project_is_never_away(world: World) -> None:
    """Its row stays, or else a create at that moment would refer to nothing."""
    other = sql_world(world.database)
    await other.models.create_model(ANN, NewModel(name="before"))

    await asyncio.gather(wipe(world.database), *(other.models.create_model(ANN, NewModel(name=f"beside {n}")) for n in range(5)))


async def test_the_command_has_no_time_limit(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest stores take the longest to empty."""
    seen: list[Settings] = []
    open_database = app.open_database
    monkeypatch.setattr(app, "open_database", lambda settings, url: (seen.append(settings), open_database(settings, url))[1])
    if database_url.startswith("sqlite"):
        await asyncio.to_thread(execute, database_url, "CREATE TABLE here (id INTEGER)")

    await asyncio.to_thread(app.wipe, Settings(database_url=database_url, statement_timeout_seconds=0.001))

    assert [settings.statement_timeout_seconds for settings in seen] == [0]
    async with opened(database_url) as database:
        assert (await sql_world(database).models.create_model(ANN, NewModel(name="first"))).id == 1


def test_a_file_that_does_not_exist_is_told_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "typo.db"

    with pytest.raises(Unavailable, match=r"folder/typo\.db"):
        app.wipe(msgspec.structs.replace(Settings(), database_url=f"sqlite:///{path}"))

    assert not path.parent.exists()


async def test_a_parent_that_vanishes_is_looked_for_again(new_database: NewDatabase, new_store: NewStore) -> None:
    del new_database
    for flavour in ("postgresql", "mysql"):
        url = await new_store(flavour)
        async with world_at(url) as world:
            model = await world.models.create_model(ANN, NewModel(name="gone soon"))
            assert isinstance(model.id, int)
            with pytest.raises(ModelyardError):
                await world.database.write(lambda unit, world=world: orphan(world, unit))  # type: ignore[misc]  # a default in a lambda


async def orphan(world: World, unit: object) -> None:
    raise NotImplementedError
