"""Every step of the schema's history, down and up again, with records in it: what both sides of a step can hold is not touched by it.

Nothing here knows a revision by name: one that is added is tested without a word.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, select

from modelyard.models.entities import NewModel
from modelyard.search.page import ListQuery
from modelyard.store import migrate
from modelyard.store.urls import DatabaseUrl
from tests.store.counted import lists
from tests.store.test_migrations import fill
from tests.store.worlds import world_at
from tests.unit.world import ANN, World

Rows = list[Mapping[str, Any]]

REVISIONS = [script.revision for script in ScriptDirectory(str(migrate._scripts())).walk_revisions()][::-1]
"""From the first to the newest."""


def go_to(url: DatabaseUrl, revision: str) -> None:
    """Up or down, whichever it is."""
    found = migrate.current(url)
    up = found is None or REVISIONS.index(found) < REVISIONS.index(revision)
    step = command.upgrade if up else command.downgrade
    migrate.run(url, lambda connection: step(migrate.config(connection), revision))
    assert migrate.current(url) == revision


def content(url: DatabaseUrl) -> dict[str, Rows]:
    """Every row of every table, by column."""
    found: dict[str, Rows] = {}

    def read(connection: Connection) -> None:
        metadata = MetaData()
        metadata.reflect(connection)
        for name, table in metadata.tables.items():
            found[name] = [row._asdict() for row in connection.execute(select(table))]

    migrate.run(url, read)
    found.pop("alembic_version")
    return found


def shape(url: DatabaseUrl) -> dict[str, Any]:
    """Columns, keys and indexes of every table, so that they can be compared."""
    found: dict[str, Any] = {}

    def read(connection: Connection) -> None:
        inspector = inspect(connection)
        for table in inspector.get_table_names():
            columns = [(c["name"], str(c["type"]), c["nullable"], str(c["default"])) for c in inspector.get_columns(table)]
            parts = (inspector.get_indexes(table), inspector.get_foreign_keys(table), inspector.get_unique_constraints(table))
            found[table] = {
                "columns": sorted(columns),
                "key": inspector.get_pk_constraint(table)["constrained_columns"],
                "parts": [sorted(map(str, part)) for part in parts],
            }

    migrate.run(url, read)
    return found


def shared(before: Mapping[str, Rows], after: Mapping[str, Rows]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows of both, of the columns that both have, in an order of their own."""
    both: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for table in before.keys() & after.keys():
        names = [set(rows[table][0]) for rows in (before, after) if rows[table]]
        columns = sorted(set.intersection(*names)) if names else []
        for told, rows in zip(both, (before, after), strict=True):
            told[table] = sorted(str([(column, row[column]) for column in columns]) for row in rows[table])
    return both


def assert_kept(before: Mapping[str, Rows], after: Mapping[str, Rows]) -> None:
    kept, found = shared(before, after)
    assert found == kept


async def counted(world: World) -> dict[str, int]:
    """How many of each kind the services find."""
    return {name: len((await list_(ANN, ListQuery())).items) for name, list_ in lists(world).items()}


async def test_every_step_down_and_up_keeps_what_both_sides_can_hold(database_url: str) -> None:
    url = DatabaseUrl.parse(database_url)
    shapes = {}
    for revision in REVISIONS:
        await asyncio.to_thread(go_to, url, revision)
        shapes[revision] = await asyncio.to_thread(shape, url)
    async with world_at(database_url) as world:
        await fill(world)
        before = await counted(world)
    assert all(before.values()), "every kind of record has to make the journey"
    at_head = await asyncio.to_thread(content, url)

    above = at_head
    for revision in [*REVISIONS[-2::-1], *REVISIONS[1:]]:
        await asyncio.to_thread(go_to, url, revision)
        assert await asyncio.to_thread(shape, url) == shapes[revision]
        here = await asyncio.to_thread(content, url)
        assert_kept(above, here)
        above = here

    async with world_at(database_url) as world:
        assert await counted(world) == before
        made = await world.models.create_model(ANN, NewModel(name="after the journey"))
        assert await world.models.get_model(ANN, made.id) == made


async def test_every_revision_is_brought_to_the_newest(database_url: str) -> None:
    """As a newer program does when it starts on the store of any older one."""
    url = DatabaseUrl.parse(database_url)
    await asyncio.to_thread(go_to, url, REVISIONS[-1])
    newest = await asyncio.to_thread(shape, url)
    async with world_at(database_url) as world:
        await fill(world)
    for revision in REVISIONS[:-1]:
        await asyncio.to_thread(go_to, url, revision)
        older = await asyncio.to_thread(content, url)
        await asyncio.to_thread(migrate.upgrade, url)
        assert await asyncio.to_thread(shape, url) == newest
        assert_kept(older, await asyncio.to_thread(content, url))


def test_a_loss_would_be_seen() -> None:
    row: Mapping[str, Any] = {"id": 1, "name": "fraud"}
    kept = {"model": [row], "gone": [row]}
    assert_kept(kept, {"model": [{"id": 1}], "new": [row]})
    losses: list[Rows] = [[], [{"id": 2}], [{"id": 1, "name": "Fraud"}], [row, row]]
    for lost in losses:
        before, after = shared(kept, {"model": lost})
        assert before != after
