"""What the tests of PostgreSQL and MariaDB share: connections that can be watched, cut and killed."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from sqlalchemy import func, select

from modelyard.store.database import Unit
from modelyard.store.pooled import PooledDatabase
from modelyard.store.statements import Flavour, Statement
from modelyard.store.urls import DatabaseUrl
from tests.servers.proxy import Proxy
from tests.servers.sql import execute
from tests.store.things import COUNT, opened

SESSION = {
    Flavour.POSTGRESQL: Statement("session", select(func.pg_backend_pid())),
    Flavour.MYSQL: Statement("session", select(func.connection_id())),
}
SLEEP = {
    Flavour.POSTGRESQL: Statement("sleep", select(func.pg_sleep(60))),
    Flavour.MYSQL: Statement("sleep", select(func.sleep(60))),
}
RUNNING = {
    Flavour.POSTGRESQL: (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(%' AND state = 'active' AND pid <> pg_backend_pid()"
    ),
    Flavour.MYSQL: "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%sleep(%' AND id <> connection_id()",
}


@contextlib.asynccontextmanager
async def pooled(url: str, **options: Any) -> AsyncIterator[PooledDatabase]:
    async with opened(url, **options) as database:
        assert isinstance(database, PooledDatabase)
        yield database


@contextlib.asynccontextmanager
async def behind_proxy(url: str, **options: Any) -> AsyncIterator[tuple[PooledDatabase, Proxy]]:
    port = DatabaseUrl.parse(url).port
    async with Proxy(port) as proxy, pooled(url.replace(f":{port}/", f":{proxy.port}/"), **options) as database:
        yield database, proxy


async def session(reader: Any) -> int:
    """The server's number for the connection that reads."""
    row = await reader.row(SESSION[reader.flavour], {})
    return int(row[0])


async def count_in(unit: Unit) -> int:
    row = await unit.row(COUNT, {})
    assert row is not None
    return int(row[0])


def kill(url: str, number: int) -> None:
    """End a connection from the server's side."""
    on_postgres = DatabaseUrl.parse(url).flavour is Flavour.POSTGRESQL
    execute(url, f"SELECT pg_terminate_backend({number})" if on_postgres else f"KILL {number}")


async def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)
