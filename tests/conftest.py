"""Fixtures every test may use: empty databases on real servers, and the program serving one."""

import itertools
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import mariadb, postgres
from tests.servers.mariadb import MariadbServer
from tests.servers.modelyard import serving
from tests.servers.postgres import PostgresServer

NewDatabase = Callable[[str], str]
"""Given a flavour (sqlite, postgresql, mysql), makes an empty database and returns its URL."""


class Serve(Protocol):
    def __call__(self, database_url: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Start a server on the database with these further arguments; returns its base URL, without a slash at the end."""
        ...


NO_SKIPS = os.environ.get("TESTS_NO_SKIPS") == "1"
"""Set by CI, where all that the tests need is there: a test that cannot run has failed."""
MAY_SKIP = ("schemathesis cannot make such requests: ",)
"""How the reasons begin of skips that no machine could avoid."""

# A busy machine may take long over an example. CI judges a change by the same examples each time; others look for new ones.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=NO_SKIPS)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pairs", action="store_true", help="run the dialects' tests on two servers that share a database, in turn")


def pytest_configure(config: pytest.Config) -> None:
    config.option.anyio_mode = "auto"  # `async def test_...` needs no mark


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several processes each takes file after file: those with slow tests come first, or one process would be left alone with them."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not NO_SKIPS or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(MAY_SKIP):
        report.outcome = "failed"
        report.longrepr = f"Skipped, and TESTS_NO_SKIPS=1 allows no skips: {reason}"


@pytest.fixture
def away_from_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, without settings of the shell that runs the tests: for commands run in the test's own process."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("MODELYARD_", "MR_", "OTEL_")):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Async tests run on the event loop that the server runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    if postgres.programs() is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariadbServer]:
    if mariadb.programs() is None:
        pytest.skip("MariaDB's server programs are not installed")
    server = MariadbServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewDatabase:
    def make(flavour: str) -> str:
        match flavour:
            case "sqlite":
                return f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'test.db'}"
            case "postgresql":
                postgres_server: PostgresServer = request.getfixturevalue("postgres_server")
                return postgres_server.new_database()
            case "mysql":
                mariadb_server: MariadbServer = request.getfixturevalue("mariadb_server")
                return mariadb_server.new_database()
        raise ValueError(f"flavour is {flavour!r}: give sqlite, postgresql or mysql")

    return make


@pytest.fixture(
    params=[
        pytest.param("sqlite", id="sqlite"),
        pytest.param("postgresql", id="postgresql", marks=pytest.mark.servers),
        pytest.param("mysql", id="mariadb", marks=pytest.mark.servers),
    ]
)
def database_url(request: pytest.FixtureRequest, new_database: NewDatabase) -> str:
    """A fresh empty database, once on each flavour."""
    return new_database(request.param)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    numbers = itertools.count(1)
    with ExitStack() as running:

        def start(database_url: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
            home = tmp_path / f"server-{next(numbers)}"
            home.mkdir()
            return running.enter_context(serving(database_url, *arguments, home=home, env=env)).url

        yield start
