"""The schema's history: it ends at what the program declares, can be undone, and may be applied by several servers at once."""

import asyncio
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, inspect

from modelyard.access.permissions import Role
from modelyard.access.service import NewAccount, NewGrant, NewToken
from modelyard.app import bring_up_to_date
from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.deployments.entities import NewEnvironment, NewInferenceService, NewServeRecord
from modelyard.errors import Unavailable
from modelyard.experiments.entities import NewExperiment, NewPoint, NewRun
from modelyard.experiments.repository import SqlSeries
from modelyard.models.entities import ModelState, NewModel, NewVersion, VersionPatch
from modelyard.overview.health import SchemaState, StoreHealth
from modelyard.overview.integrity import counts
from modelyard.search.page import ListQuery
from modelyard.store import migrate, schema
from modelyard.store.columns import METADATA
from modelyard.store.statements import Flavour
from modelyard.store.urls import DatabaseUrl
from modelyard.store.wipe import wipe
from tests.conftest import NewDatabase
from tests.servers.sql import execute
from tests.store.conftest import DATABASES
from tests.store.things import opened
from tests.store.worlds import row_counts, sql_world, world_at
from tests.unit.world import ANN, World


def differences(connection: Connection) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": True, "include_object": _ours}
    return [found for found in compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) if not _sequenced(found)]


def _sequenced(found: Any) -> bool:
    """On PostgreSQL the migration makes a sequence the default of each id (see `store.migrations.sequences`)."""
    if not isinstance(found, list):
        return False
    ((change, _, _, column, _, default, _),) = found
    return change == "modify_default" and column == "id" and "_id_seq'::regclass" in str(default.arg)


def _ours(_: object, name: str | None, kind: str, reflected: bool, __: object) -> bool:  # noqa: FBT001 - Alembic calls it so, by position
    """MySQL's id sequences are tables that only the migration knows; it also makes an index for a foreign key that has none."""
    return not reflected or not (
        (kind == "table" and str(name).endswith("_sequence")) or (kind == "index" and name in _FOREIGN_KEY_INDEXES)
    )


_FOREIGN_KEY_INDEXES = {"project_id", "version_id"}


def tables(url: str) -> set[str]:
    found: set[str] = set()
    migrate.run(DatabaseUrl.parse(url), lambda connection: found.update(inspect(connection).get_table_names()))
    return found


def test_there_is_one_head_and_the_program_knows_it() -> None:
    scripts = ScriptDirectory(str(migrate._scripts()))

    assert scripts.get_heads() == [schema.HEAD]
    assert migrate.head() == schema.HEAD
    assert len(scripts.get_bases()) == 1


def test_the_schema_is_what_the_program_declares(database_url: str) -> None:
    url = DatabaseUrl.parse(database_url)
    migrate.upgrade(url)

    found: list[Any] = []
    migrate.run(url, lambda connection: found.extend(differences(connection)))

    assert found == []
    assert tables(database_url) >= set(METADATA.tables)


def test_a_difference_would_be_seen(new_database: NewDatabase) -> None:
    address = new_database("sqlite")
    migrate.upgrade(DatabaseUrl.parse(address))
    execute(address, "DROP INDEX ix_model_created")
    execute(address, "ALTER TABLE run ADD COLUMN surprise INTEGER")

    found: list[Any] = []
    migrate.run(DatabaseUrl.parse(address), lambda connection: found.extend(differences(connection)))

    assert sorted(difference[0] for difference in found) == ["add_index", "remove_column"]


def test_upgrading_again_changes_nothing(database_url: str) -> None:
    url = DatabaseUrl.parse(database_url)

    assert migrate.current(url) is None
    for _ in range(2):
        migrate.upgrade(url)
        assert migrate.current(url) == schema.HEAD


async def test_the_program_asks_for_the_version_without_alembic(database_url: str) -> None:
    await asyncio.to_thread(migrate.upgrade, DatabaseUrl.parse(database_url))

    async with opened(database_url) as database:
        assert await schema.schema_version(database) == schema.HEAD


async def test_down_to_nothing_and_up_again_with_data_in_it(database_url: str) -> None:
    url = DatabaseUrl.parse(database_url)
    await asyncio.to_thread(migrate.upgrade, url)
    async with world_at(database_url) as world:
        await fill(world)

    await asyncio.to_thread(migrate.downgrade, url, "base")

    assert await asyncio.to_thread(migrate.current, url) is None
    assert await asyncio.to_thread(tables, database_url) <= {"alembic_version", "sqlite_sequence"}
    await asyncio.to_thread(migrate.upgrade, url)
    async with world_at(database_url) as world:
        assert (await world.models.list_models(ANN, ListQuery())).items == []
        await fill(world)
        assert [model.id for model in (await world.models.list_models(ANN, ListQuery())).items] == [1]


async def test_what_is_in_the_trash_survives_the_step_down_and_up(database_url: str) -> None:
    url = DatabaseUrl.parse(database_url)
    await asyncio.to_thread(migrate.upgrade, url)
    async with world_at(database_url) as world:
        await fill(world)
        version, model = [
            (await world.models.list_versions(ANN, ListQuery())).items[0],
            (await world.models.list_models(ANN, ListQuery())).items[0],
        ]
        deletions = [await world.models.trash_version(ANN, version.id), await world.models.trash_model(ANN, model.id)]

    await asyncio.to_thread(migrate.downgrade, url, "0001")
    await asyncio.to_thread(migrate.upgrade, url)

    async with world_at(database_url) as world:
        found = (await world.trash.list_deletions(ANN, limit=9)).items
        assert [(one.id, one.kind, one.record_id, one.name) for one in found[:2]] == [
            (one.id, one.kind, one.record_id, one.name) for one in reversed(deletions)
        ]
        for deletion in reversed(deletions):
            await world.trash.restore(ANN, deletion.id)
        assert (await world.models.get_version(ANN, version.id), await world.models.get_model(ANN, model.id)) == (version, model)


async def test_points_that_are_there_get_their_blocks(database_url: str) -> None:
    url = DatabaseUrl.parse(database_url)
    await asyncio.to_thread(migrate.upgrade, url)
    async with world_at(database_url) as world:
        await fill(world)
        (run,) = (await world.experiments.list_runs(ANN, ListQuery())).items
        await world.metrics.log(ANN, run.id, [NewPoint(f"m{number % 3}", number % 11, number % 7 or None) for number in range(1_000)])
        before = await world.metrics.summaries(ANN, run.id)

    await asyncio.to_thread(migrate.downgrade, url, "0001")
    await asyncio.to_thread(migrate.upgrade, url)

    async with world_at(database_url) as world:
        assert await SqlSeries().wrong(world.database.reader, run.id) == []
        assert await world.metrics.summaries(ANN, run.id) == before
        await world.metrics.log(ANN, run.id, [NewPoint("m0", 5.0)])
        assert await SqlSeries().wrong(world.database.reader, run.id) == []


async def test_versions_that_are_there_are_counted(database_url: str) -> None:
    """Also those in the trash with their model, and not those that were there before; and the latest is found."""
    url = DatabaseUrl.parse(database_url)
    await asyncio.to_thread(migrate.upgrade, url)
    async with world_at(database_url) as world:
        models = [await world.models.create_model(ANN, NewModel()) for _ in range(3)]
        versions = [await world.models.create_version(ANN, NewVersion(model_id=model.id)) for model in models[1:] for _ in range(3)]
        for version in (versions[0], versions[5]):
            await world.models.trash_version(ANN, version.id)
        await world.models.update_version(ANN, versions[2].id, VersionPatch(state=ModelState.ARCHIVED))
        deletion = await world.models.trash_model(ANN, models[2].id)

    await asyncio.to_thread(migrate.downgrade, url, "0007")
    await asyncio.to_thread(migrate.upgrade, url)

    async with world_at(database_url) as world:
        await world.trash.restore(ANN, deletion.id)
        assert [found async for found in counts.versions(world.database.reader, lambda _: None)] == []
    found = execute(database_url, "SELECT versions, latest FROM model ORDER BY id")
    assert [tuple(row) for row in found] == [(0, None), (2, versions[1].name), (2, versions[4].name)]


async def test_servers_that_start_at_once_all_find_the_schema(database_url: str) -> None:
    url = DatabaseUrl.parse(database_url)

    await asyncio.gather(*(asyncio.to_thread(migrate.upgrade, url) for _ in range(3)))

    assert await asyncio.to_thread(migrate.current, url) == schema.HEAD


@pytest.mark.parametrize("flavour", DATABASES)
def test_so_do_processes(new_database: NewDatabase, flavour: str) -> None:
    url = DatabaseUrl.parse(new_database(flavour))
    context = multiprocessing.get_context("spawn")

    processes = [context.Process(target=migrate.upgrade, args=(url,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0]
    assert migrate.current(url) == schema.HEAD


async def test_a_step_that_fails_leaves_nothing_where_the_database_allows_it(database_url: str) -> None:
    """MariaDB and MySQL commit with every change of the schema."""
    url = DatabaseUrl.parse(database_url)
    if url.flavour is Flavour.MYSQL:
        return

    def fails(connection: Connection) -> None:
        METADATA.tables["project"].create(connection)
        raise LookupError

    with pytest.raises(LookupError):
        await asyncio.to_thread(migrate.run, url, fails)

    assert await asyncio.to_thread(tables, database_url) == set()


class Killed(Exception):
    pass


@pytest.mark.servers
def test_a_first_migration_that_was_killed_anywhere_is_completed_by_the_next(new_database: NewDatabase) -> None:
    """MariaDB and MySQL commit with every change of the schema, so half of it is there when the program starts again."""
    address = new_database("mysql")
    url = DatabaseUrl.parse(address)

    made: set[str] = set()
    while killed_after_one_change_more(url, made):
        pass

    found: list[Any] = []
    migrate.run(url, lambda connection: found.extend(differences(connection)))
    assert found == []
    assert len(made) > len(METADATA.tables) + sum(len(table.indexes) for table in METADATA.tables.values())
    assert migrate.current(url) == schema.HEAD
    assert list(execute(address, "SELECT id, name FROM project")) == [(1, "default")]


def killed_after_one_change_more(url: DatabaseUrl, made: set[str]) -> bool:
    """Migrate, make a change that is not among those `made`, and go away before the next. False if there is none to go away before."""
    before = len(made)

    def count(_: Any, __: Any, sql: str, *___: Any) -> None:
        if sql.lstrip().startswith(("CREATE", "INSERT", "ALTER", "UPDATE")) and sql not in made:
            if len(made) > before:
                raise Killed
            made.add(sql)

    def work(connection: Connection) -> None:
        event.listen(connection, "before_cursor_execute", count)
        command.upgrade(migrate.config(connection), "head")

    try:
        migrate.run(url, work)
    except Killed:
        return True
    return False


@pytest.mark.servers
def test_a_migration_that_another_server_keeps_from_starting_says_so(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    address = new_database("mysql")
    elsewhere = DatabaseUrl.parse(new_database("mysql"))
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 1)

    def blocked(_: Connection) -> None:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(migrate.upgrade, elsewhere).result()  # another database is none of its business
            with pytest.raises(Unavailable, match=r"being migrated .* start again"):
                thread.submit(migrate.upgrade, DatabaseUrl.parse(address)).result()

    migrate.run(DatabaseUrl.parse(address), blocked)

    assert migrate.current(elsewhere) == schema.HEAD


class TestStart:
    """What a server makes of the schema it finds."""

    async def test_nothing_there_is_migrated(self, database_url: str) -> None:
        async with opened(database_url) as database:
            assert await schema.schema_version(database) is None
            await bring_up_to_date(database, DatabaseUrl.parse(database_url))
            assert await schema.schema_version(database) == schema.HEAD

    async def test_a_newer_schema_is_refused_and_left_alone(self, database_url: str) -> None:
        await asyncio.to_thread(migrate.upgrade, DatabaseUrl.parse(database_url))
        execute(database_url, "UPDATE alembic_version SET version_num = '0999'")

        async with opened(database_url) as database:
            with pytest.raises(Unavailable) as caught:
                await bring_up_to_date(database, DatabaseUrl.parse(database_url))
            assert await schema.schema_version(database) == "0999"

        assert caught.value.message == (
            f"the store was made by a newer Modelyard (schema 0999, this program knows {schema.HEAD}): "
            "start a newer version, or restore a backup"
        )

    async def test_a_version_that_cannot_be_read_is_no_reason_to_migrate(self, database_url: str) -> None:
        execute(database_url, "CREATE TABLE alembic_version (other INTEGER)")

        async with opened(database_url) as database:
            with pytest.raises(Exception, match="version_num"):
                await bring_up_to_date(database, DatabaseUrl.parse(database_url))

        assert await asyncio.to_thread(tables, database_url) == {"alembic_version"}

    async def test_health_tells_a_schema_that_is_not_ours(self, database_url: str) -> None:
        async with opened(database_url) as database:
            health = StoreHealth(database, {})
            assert await health.database() == SchemaState(version=0, dirty=True)
            await bring_up_to_date(database, DatabaseUrl.parse(database_url))
            assert await health.database() == SchemaState(version=int(schema.HEAD), dirty=False)
            execute(database_url, "UPDATE alembic_version SET version_num = 'abc'")
            await asyncio.sleep(0)  # what one turn of the event loop reads is of one moment
            assert await health.database() == SchemaState(version=0, dirty=True)


class TestWipe:
    async def test_empties_everything_and_ids_begin_again(self, sql: World) -> None:
        for _ in range(2):
            await fill(sql)
            empty = {table for table, count in (await row_counts(sql)).items() if not count}
            assert empty <= {"audit_seal", "idempotency_key", "id_sequence"}

            await wipe(sql.database)

            assert await sql.events() == []
            left = {table: count for table, count in (await row_counts(sql)).items() if count and table != "id_sequence"}
            assert left == {"project": 1, "access_state": 1}
        await fill(sql)
        assert (await sql.models.get_model(ANN, 1)).name == "fraud"
        assert (await sql.artifacts.get_artifact(ANN, 1)).name == "rows"
        assert (await sql.deployments.get_serve(ANN, 1)).name == "rollout"

    async def test_worlds_that_are_open_go_on(self, sql: World) -> None:
        await fill(sql)
        await wipe(sql.database)

        again = sql_world(sql.database)
        await fill(again)

        assert len((await again.models.list_models(ANN, ListQuery())).items) == 1


async def fill(world: World) -> None:
    """At least one row of every kind, indexed properties, claims and events; an account with a token and a grant."""
    properties = {"n": 1, "s": "text"}
    model = await world.models.create_model(ANN, NewModel(name="fraud", external_id="x", properties=properties, tasks=("a",)))  # type: ignore[arg-type]  # the values of this dict are numbers and texts, which mypy joins to object
    version = await world.models.create_version(ANN, NewVersion(model_id=model.id))
    experiment = await world.experiments.create_experiment(ANN, NewExperiment())
    run = await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id))
    await world.models.put_artifact(ANN, version.id, ArtifactDraft(type=ArtifactType.DATASET, name="rows"), None)
    await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=0.5), None)
    environment = await world.deployments.create_environment(ANN, NewEnvironment())
    service = await world.deployments.create_service(ANN, NewInferenceService(environment_id=environment.id, model_id=model.id))
    await world.deployments.create_serve(ANN, NewServeRecord(name="rollout", service_id=service.id, version_id=version.id))
    await world.deployments.trash_environment(ANN, (await world.deployments.create_environment(ANN, NewEnvironment())).id)
    account = await world.access.accounts.create(ANN, NewAccount("ben"))
    await world.access.tokens.create(ANN, account.name, NewToken("laptop"))
    await world.access.grants.create(ANN, NewGrant(account.name, Role.ADMIN))
