"""The database: whether it answers, how fast, with which schema, and whether its settings keep what the server promises."""

import asyncio
import time
from collections.abc import AsyncIterator

from modelyard.access.repository import SqlRegister
from modelyard.app import open_database
from modelyard.doctor import accounts, servers, sqlite
from modelyard.doctor.findings import Finding, broken, ok, warning
from modelyard.doctor.schema import judged
from modelyard.errors import ModelyardError
from modelyard.settings import Settings, flag
from modelyard.store.database import Database
from modelyard.store.facts import server_facts
from modelyard.store.schema import HEAD, schema_version
from modelyard.store.urls import DatabaseUrl

SLOW_SECONDS = 0.01
"""A round trip that takes longer is felt: a change needs a few."""


async def look(settings: Settings) -> AsyncIterator[Finding]:
    try:
        url = DatabaseUrl.parse(settings.database)
        if url.path is not None:
            for finding in sqlite.look(url.path, settings):
                yield finding
            return
        database = open_database(settings, url)
        await database.open()
        try:
            async for finding in _server(database, settings):
                yield finding
        finally:
            await database.close()
    except ModelyardError as error:
        first = "start the database" if "retry_after" in error.details else "see the findings above"
        remedy = f"{first}, or correct its address by {flag('database_url')}"
        yield broken("database", f"{settings.store}: {error.message.removesuffix('; try again')}", remedy)
    except Exception as error:  # noqa: BLE001 - such as a missing right, which each driver tells in its own way
        yield broken(
            "database", f"{settings.store} cannot be examined: {error}", "see what its server logs, and what this user may do there"
        )


async def _server(database: Database, settings: Settings) -> AsyncIterator[Finding]:
    await database.ping()  # connects
    started = time.perf_counter()
    await database.ping()
    seconds = time.perf_counter() - started
    shown = f"{settings.store} answers in {seconds * 1000:.1f} ms"
    if seconds > SLOW_SECONDS:
        yield warning("database", shown, "run the registry near its database: every change takes several round trips")
    else:
        yield ok("database", shown)
    revision = await schema_version(database)
    yield await asyncio.to_thread(judged, revision)
    some = revision == HEAD and (await SqlRegister().state(database.reader)).accounts
    yield accounts.judged(settings, some=some)
    facts = await server_facts(database)
    for finding in servers.look(facts, settings):
        yield finding
