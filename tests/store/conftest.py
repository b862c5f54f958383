"""Worlds over every database. One migrated database per flavour serves all tests of a run; each test finds it wiped."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from modelyard.store import migrate
from modelyard.store.sqlite import SqliteDatabase
from modelyard.store.urls import DatabaseUrl
from modelyard.store.wipe import wipe
from tests.conftest import NewDatabase
from tests.store.counted import Counted, counted_world
from tests.store.things import create_tables
from tests.store.worlds import sql_world, world_at
from tests.unit.world import World, memory_world

DATABASES = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgresql", id="postgresql", marks=pytest.mark.servers),
    pytest.param("mysql", id="mariadb", marks=pytest.mark.servers),
]

NewStore = Callable[[str], Awaitable[str]]
"""Given a flavour, makes a database with the schema in it and returns its URL."""
Worlds = Callable[[str], Awaitable[World]]
"""Given a flavour, the world that lasts for the whole run."""


@pytest.fixture(scope="session")
def new_store(new_database: NewDatabase) -> NewStore:
    async def make(flavour: str) -> str:
        url = new_database(flavour)
        await asyncio.to_thread(migrate.upgrade, DatabaseUrl.parse(url))
        return url

    return make


@pytest.fixture(scope="session")
async def lasting_worlds(new_store: NewStore) -> AsyncIterator[Worlds]:
    worlds: dict[str, World] = {}
    async with AsyncExitStack() as opened:

        async def find(flavour: str) -> World:
            if flavour not in worlds:
                worlds[flavour] = await opened.enter_async_context(world_at(await new_store(flavour)))
            return worlds[flavour]

        yield find


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A SQLite file with the table of `things`."""
    create_tables(f"sqlite:///{tmp_path / 'test.db'}")
    return tmp_path / "test.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path)
    await database.open()
    yield database
    await database.close()


@pytest.fixture(params=[pytest.param("postgresql", id="postgresql"), pytest.param("mysql", id="mariadb")])
def url(request: pytest.FixtureRequest, new_database: NewDatabase) -> str:
    """A database with the table of `things`, once on each server."""
    url = new_database(request.param)
    create_tables(url)
    return url


@pytest.fixture(params=DATABASES)
async def sql(request: pytest.FixtureRequest, lasting_worlds: Worlds) -> World:
    """An empty world, once on each database."""
    database = (await lasting_worlds(request.param)).database
    await wipe(database)
    return sql_world(database)


@pytest.fixture(params=["memory", *DATABASES])
async def world(request: pytest.FixtureRequest, lasting_worlds: Worlds) -> World:
    """An empty world, once in memory and once on each database."""
    if request.param == "memory":
        return memory_world()
    database = (await lasting_worlds(request.param)).database
    await wipe(database)
    return sql_world(database)


@pytest.fixture
async def counted(sql: World) -> Counted:
    return await counted_world(sql.database)
