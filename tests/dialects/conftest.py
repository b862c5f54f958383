"""One server per database and session: tests of the dialects make their own things with unique names and ask only about those."""

from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import NewDatabase
from tests.dialects.registry import Registry
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


@pytest.fixture
def registry(request: pytest.FixtureRequest) -> Registry:
    """The session's server, on SQLite unless the module says `pytestmark = on_every_database`."""
    served: Registry = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_registry")
    return served


def _served(flavour: str, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    database_url = new_database(flavour)
    with serving(database_url, home=tmp_path_factory.mktemp(flavour)) as server, httpx.Client(timeout=30) as client:
        yield Registry(client, server.url)
