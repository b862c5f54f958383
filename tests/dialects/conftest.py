"""One server per database and session: tests of the dialects make their own things with unique names and ask only about those."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.conftest import NewDatabase
from tests.dialects.registry import Registry
from tests.servers.client import PoolPerRequest
from tests.servers.modelyard import serving


@pytest.fixture(scope="session")
def sqlite_registry(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    yield from _served("sqlite", new_database, tmp_path_factory)


@pytest.fixture(scope="session")
def postgresql_registry(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    yield from _served("postgresql", new_database, tmp_path_factory)


@pytest.fixture(scope="session")
def mysql_registry(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    yield from _served("mysql", new_database, tmp_path_factory)


@pytest.fixture(scope="session")
def sqlite_pair_registry(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    yield from _served("sqlite", new_database, tmp_path_factory, servers=2)


@pytest.fixture(scope="session")
def postgresql_pair_registry(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    yield from _served("postgresql", new_database, tmp_path_factory, servers=2)


@pytest.fixture(scope="session")
def mysql_pair_registry(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    yield from _served("mysql", new_database, tmp_path_factory, servers=2)


@pytest.fixture
def registry(request: pytest.FixtureRequest) -> Registry:
    """The session's server, on SQLite unless the module says `pytestmark = on_every_database` or `on_pairs_too`."""
    name: str = getattr(request, "param", "sqlite")
    if request.config.getoption("--pairs"):
        name = f"{name.removesuffix('_pair')}_pair"
    served: Registry = request.getfixturevalue(f"{name}_registry")
    return served


def _served(flavour: str, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory, *, servers: int = 1) -> Iterator[Registry]:
    database_url = new_database(flavour)
    with ExitStack() as running, httpx.Client(timeout=30, transport=PoolPerRequest()) as client:
        urls = [running.enter_context(serving(database_url, home=tmp_path_factory.mktemp(flavour))).url for _ in range(servers)]
        yield Registry(client, itertools.cycle(urls))
