"""The domain over a real database: what `tests.unit.world` is over memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import bindparam, func, insert, select

from modelyard.access.repository import SqlRegister
from modelyard.artifacts.repository import ArtifactParents, artifacts
from modelyard.artifacts.tables import ARTIFACT_PARENT
from modelyard.audit.events import Action, Event
from modelyard.audit.repository import SqlEvents
from modelyard.audit.tables import AUDIT_EVENT
from modelyard.context import Caller
from modelyard.deployments.repository import environments, serve_records, services
from modelyard.experiments.repository import SqlSeries, experiments, metric_points, runs
from modelyard.models.repository import models, versions
from modelyard.records.sql_trash import SqlTrash
from modelyard.store.columns import METADATA
from modelyard.store.database import Database
from modelyard.store.statements import Statement
from modelyard.store.tables import PROJECT
from tests.store.things import connected
from tests.unit.world import Repositories, World

_EVENT_COLUMNS = [AUDIT_EVENT.c[name] for name in Event.__struct_fields__]
_EVENTS = Statement("all events", select(*_EVENT_COLUMNS).order_by(AUDIT_EVENT.c.id))
_PROJECT = Statement("new project", insert(PROJECT).values(id=bindparam("id"), name=bindparam("name")))


def sql_repositories() -> Repositories:
    nouns = (
        models(),
        versions(),
        experiments(),
        runs(),
        metric_points(),
        artifacts(),
        environments(),
        services(),
        serve_records(),
    )
    return Repositories(*nouns, ArtifactParents(), SqlTrash(nouns, ARTIFACT_PARENT), SqlSeries(), SqlRegister())


def sql_world(database: Database) -> World:
    async def read() -> list[Event]:
        rows = [Event(*row) for row in await database.reader.rows(_EVENTS, {})]
        assert {event.action for event in rows} <= {action.value for action in Action}
        return rows

    return World(database, sql_repositories(), SqlEvents(), read)


@asynccontextmanager
async def world_at(url: str) -> AsyncIterator[World]:
    """A world of its own over a migrated database."""
    database = connected(url)
    await database.open()
    try:
        yield sql_world(database)
    finally:
        await database.close()


async def add_project(database: Database, caller: Caller) -> None:
    """Make the caller's project; memory needs none."""
    await database.write(lambda unit: unit.execute(_PROJECT, {"id": caller.project, "name": f"project {caller.project}"}))


async def row_counts(world: World) -> dict[str, int]:
    """How many rows each table has."""
    found: dict[str, int] = {}
    for table in METADATA.sorted_tables:
        row = await world.database.reader.row(Statement("count", select(func.count()).select_from(table)), {})
        assert row is not None
        found[table.name] = int(row[0])
    return found
