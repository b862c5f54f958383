"""The check of the store: a healthy one is clean, and whatever is broken behind its back is found, that and nothing else."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.context import Millis
from modelyard.errors import Unavailable
from modelyard.experiments.entities import NewPoint, NewRun
from modelyard.models.entities import ModelPatch, NewModel
from modelyard.overview.integrity.blocks import LOOSE
from modelyard.overview.integrity.check import Repaired, Verdict, check, look, mend
from modelyard.store.database import Unit
from modelyard.store.statements import Flavour, Statement
from modelyard.store.wipe import wipe
from tests.servers.sql import execute
from tests.store.busy import keep_busy
from tests.store.conftest import DATABASES, NewStore
from tests.store.corruptions import CORRUPTIONS, SOUGHT, Found
from tests.store.things import opened
from tests.store.worlds import world_at
from tests.unit.world import ANN, World

_UNGUARDED_FOR_NOW = {
    Flavour.SQLITE: "PRAGMA defer_foreign_keys = ON",
    Flavour.POSTGRESQL: "SET LOCAL session_replication_role = replica",
    Flavour.MYSQL: "SET foreign_key_checks = 0",
}


class _UndoneError(Exception):
    pass


class Store(NamedTuple):
    url: str
    world: World

    @property
    def flavour(self) -> Flavour:
        return self.world.database.flavour

    def corrupt(self, sql: str) -> None:
        """Run a statement with foreign keys unguarded."""
        unguarded = {
            Flavour.SQLITE: "PRAGMA foreign_keys = OFF",
            Flavour.POSTGRESQL: "SET session_replication_role = replica",
            Flavour.MYSQL: "SET foreign_key_checks = 0",
        }
        execute(self.url, f"{unguarded[self.flavour]}; {sql};")

    async def verdict(self) -> Verdict:
        return await check(self.world.database, lambda _name, _rows: None)

    async def found(self) -> list[Found]:
        return [(finding.check, finding.table, finding.id) for finding in (await self.verdict()).findings]

    async def found_after(self, sql: str) -> set[Found]:
        """What is found once these statements have run, in a transaction that is then undone."""
        found: set[Found] = set()

        async def work(unit: Unit) -> None:
            for one in (_UNGUARDED_FOR_NOW[self.flavour], *sql.split("; ")):
                await unit.rows(Statement("corrupt", text(one.replace(":", "\\:")), locks=True), {})
            found.update((finding.check, finding.table, finding.id) for finding in (await look(unit, lambda _name, _rows: None)).findings)
            raise _UndoneError

        with suppress(_UndoneError):
            await self.world.database.write(work)
        return found

    async def asked(self, id_: int | str | None) -> Any:
        """The id itself, or the one that a query of this name finds."""
        return execute(self.url, SOUGHT[id_])[0][0] if id_ in SOUGHT else id_

    async def mend(self) -> Repaired:
        return await mend(self.world.database, lambda _name, _rows: None)


@pytest.fixture(scope="module")
async def stores(new_store: NewStore) -> AsyncIterator[dict[str, Store]]:
    async with AsyncExitStack() as opened:
        made = {}
        for parameter in DATABASES:
            url = await new_store(str(parameter.values[0]))
            made[str(parameter.values[0])] = Store(url, await opened.enter_async_context(world_at(url)))
        yield made


@pytest.fixture(params=DATABASES)
async def store(request: pytest.FixtureRequest, stores: dict[str, Store]) -> Store:
    """A busy store, once on each database."""
    store = stores[request.param]
    await wipe(store.world.database)
    await keep_busy(store.world)
    return store


async def test_a_busy_store_is_whole(store: Store) -> None:
    verdict = await store.verdict()

    assert [str(finding) for finding in verdict.findings] == []
    assert verdict.looked["index entries"] > 100
    assert verdict.looked["indexed values"] > 10
    assert verdict.looked["events of records"] > 10
    assert verdict.looked["events of accounts"] == 5
    assert verdict.looked["metric blocks"] == 5


REVISION = Statement("revision", text("SELECT revision FROM model WHERE id = 1"))


async def test_what_is_broken_is_found_and_nothing_else(store: Store) -> None:
    expected = {sql: {(check, table, await store.asked(id_)) for check, table, id_ in broken} for sql, broken in CORRUPTIONS}
    assert {sql: await store.found_after(sql) for sql in expected} == expected


async def test_a_sequence_that_would_give_an_id_again_is_found(store: Store) -> None:
    behind = {
        Flavour.SQLITE: "UPDATE id_sequence SET value = 3 WHERE name = 'artifact'",
        Flavour.POSTGRESQL: "SELECT setval('artifact_id_seq', 3)",
        Flavour.MYSQL: "DELETE FROM artifact_sequence; ALTER TABLE artifact_sequence AUTO_INCREMENT = 4",
    }
    store.corrupt(behind[store.flavour])

    assert await store.found() == [("sequences", "artifact", 260), ("sequences", "metric_point", 263)]


async def test_so_is_one_of_accounts(store: Store) -> None:
    behind = {
        Flavour.SQLITE: "UPDATE id_sequence SET value = 2 WHERE name = 'access'",
        Flavour.POSTGRESQL: "SELECT setval('access_id_seq', 2)",
        Flavour.MYSQL: "DELETE FROM access_sequence; ALTER TABLE access_sequence AUTO_INCREMENT = 3",
    }
    store.corrupt(behind[store.flavour])

    assert await store.found() == [("sequences", "role_grant", 3)]


async def test_two_of_one_name_are_found_when_the_index_that_forbids_it_is_gone(new_store: NewStore) -> None:
    for parameter in DATABASES:
        url = await new_store(str(parameter.values[0]))
        async with world_at(url) as world:
            store = Store(url, world)
            await world.models.create_model(ANN, NewModel(name="one"))
            await world.models.create_model(ANN, NewModel(name="two", external_id="e"))
            unguard = {
                Flavour.SQLITE: "PRAGMA legacy_alter_table = ON; ALTER TABLE model RENAME TO old; CREATE TABLE model AS SELECT * FROM old",
                Flavour.POSTGRESQL: "ALTER TABLE model DROP CONSTRAINT uq_model_name",
                Flavour.MYSQL: "ALTER TABLE model ADD INDEX other (project_id); ALTER TABLE model DROP INDEX uq_model_name",
            }
            store.corrupt(unguard[store.flavour])
            store.corrupt("UPDATE model SET name = 'one'")

            assert set(await store.found()) == {("uniqueness", "model", 1), ("audit", "model", 2)}


async def test_a_finding_says_where_what_and_what_to_do(store: Store) -> None:
    store.corrupt("UPDATE property_number SET value = 3.5 WHERE kind = 1 AND id = 1 AND name = 'n'")

    assert [str(finding) for finding in (await store.verdict()).findings] == [
        "property_number 1: n = 3.5 of kind 1 is indexed, but the model has no such value. Run modelyard check --repair-index.",
        "property_number 1: n = 2.5 of this model is not indexed: filters miss it. Run modelyard check --repair-index.",
    ]


async def test_an_index_that_is_lost_is_made_again(store: Store) -> None:
    entries = "SELECT project_id, kind, name, value, id, type FROM property_{} ORDER BY 1, 2, 3, 4, 5"
    before = [execute(store.url, entries.format(table)) for table in ("number", "text")]
    store.corrupt("DELETE FROM property_number; DELETE FROM property_text")
    assert (await store.verdict()).cut == ("indexed values",)

    repaired = await store.mend()

    assert repaired == Repaired(0, sum(len(rows) for rows in before), 0, 0)
    assert [execute(store.url, entries.format(table)) for table in ("number", "text")] == before
    assert (await store.verdict()).whole


async def test_an_index_that_is_wrong_is_mended(store: Store) -> None:
    store.corrupt("UPDATE property_number SET type = 1 WHERE id = 3; UPDATE property_text SET value = 'x' WHERE name = 'tasks'")
    store.corrupt("UPDATE property_text SET id = 987654 WHERE kind = 1 AND id = 1; UPDATE property_number SET kind = 77 WHERE id = 1")

    repaired = await store.mend()

    assert min(repaired.removed, repaired.added) > 10
    assert (await store.verdict()).whole
    assert await store.mend() == Repaired(0, 0, 0, 0)


async def test_blocks_that_are_wrong_are_made_again(store: Store) -> None:
    kept = "SELECT * FROM metric_block WHERE name = 'accuracy' ORDER BY number"
    long = [NewPoint("accuracy", 0.5, step) for step in range(LOOSE)]
    await store.world.metrics.log(ANN, int(await store.asked("run")), long)
    before = execute(store.url, kept)
    store.corrupt("DELETE FROM metric_block WHERE name = 'accuracy'; UPDATE metric_block SET high = 99, number = number + 10")
    found = ("blocks", "metric_block", await store.asked("run"))
    assert await store.found() == [found] * 3

    assert await store.mend() == Repaired(0, 0, 1, 0)

    assert execute(store.url, kept) == before
    assert (await store.verdict()).whole


async def test_a_metric_is_whole_whatever_became_of_its_run(store: Store) -> None:
    """One came back under another name, one outlived its run, one went before it; and no database need keep the sign of zero."""
    world, run = store.world, int(await store.asked("run"))
    draft = ArtifactDraft(type=ArtifactType.METRIC, name="zero", value=-0.0)
    renamed = (await world.experiments.put_artifact(ANN, run, draft, None)).artifact
    await world.metrics.log(ANN, run, [NewPoint("logged zero", -0.0)])
    assert await store.found() == []
    deletion = await world.artifacts.trash_artifact(ANN, renamed.id)
    await world.trash.restore(ANN, deletion.id, "nought")
    assert await store.found() == []

    other = await world.experiments.create_run(ANN, NewRun(experiment_id=(await world.experiments.get_run(ANN, run)).experiment_id))
    lent = (await world.experiments.put_artifact(ANN, other.id, draft, None)).artifact
    draft = ArtifactDraft(type=ArtifactType.METRIC, name="gone before", value=1.0)
    gone = (await world.experiments.put_artifact(ANN, other.id, draft, None)).artifact
    version = int(await store.asked("version"))
    await world.models.put_artifact(ANN, version, ArtifactDraft(type=ArtifactType.METRIC, value=1.0), lent.id)
    await world.artifacts.trash_artifact(ANN, gone.id)
    deletion = await world.experiments.trash_run(ANN, other.id)
    assert await store.found() == []
    await world.trash.purge_deletion(ANN, deletion.id)
    assert await store.found() == []


async def test_a_short_series_needs_no_block(store: Store) -> None:
    run = int(await store.asked("run"))
    await store.world.metrics.log(ANN, run, [NewPoint("new", 0.5)] * LOOSE)
    store.corrupt("DELETE FROM metric_block WHERE name = 'new'")
    assert await store.found() == []

    await store.world.metrics.log(ANN, run, [NewPoint("new", 0.5)])
    store.corrupt("DELETE FROM metric_block WHERE name = 'new'")
    assert await store.found() == [("blocks", "metric_block", run)]


async def test_versions_that_were_counted_wrong_are_counted_again(store: Store) -> None:
    kept = "SELECT versions, latest FROM model WHERE id = 1"
    before = [tuple(row) for row in execute(store.url, kept)]
    store.corrupt("UPDATE model SET versions = versions + 5, latest = 'another' WHERE id = 1")

    assert await store.mend() == Repaired(0, 0, 0, 1)

    assert [tuple(row) for row in execute(store.url, kept)] == before
    assert (await store.verdict()).whole


async def test_what_is_in_the_trash_is_not_held_against_the_store(store: Store) -> None:
    """Whether its index entries stay is the trash's business; its name, its external id and its claim are free."""
    await store.world.models.trash_model(ANN, 1)
    assert not execute(store.url, "SELECT id FROM external_id WHERE value = 'ext-2'")
    assert await store.found() == []

    store.corrupt("DELETE FROM property_text WHERE id = 1 AND kind IN (1, 101); DELETE FROM property_number WHERE id = 1 AND kind = 1")
    assert await store.found() == []


async def test_what_was_deleted_restored_under_another_name_and_purged_leaves_the_store_whole(store: Store) -> None:
    world = store.world
    for name in ("back", None):
        deletion = await world.models.trash_model(ANN, 1)
        assert await store.found() == []
        if name is not None:
            await world.trash.restore(ANN, deletion.id, name)
            assert await store.found() == []
    await world.trash.purge(ANN, Millis(world.clock.now + 1))

    assert await store.found() == []


async def test_a_run_whose_metrics_came_in_batches_leaves_the_store_whole_whatever_becomes_of_it(store: Store) -> None:
    world, run = store.world, int(await store.asked("run"))
    for name in (None, "back"):
        deletion = await world.experiments.trash_run(ANN, run)
        assert await store.found() == []
        await world.trash.restore(ANN, deletion.id, name)
        assert await store.found() == []
        await world.metrics.log(ANN, run, [NewPoint("accuracy", 0.5), NewPoint("new", 1.0)])
    await world.experiments.trash_run(ANN, run)
    await world.trash.purge(ANN, Millis(world.clock.now + 1))

    assert await store.found() == []


async def test_a_metric_of_two_runs_is_measured_in_both(store: Store) -> None:
    world, run = store.world, int(await store.asked("run"))
    other = await world.experiments.create_run(ANN, NewRun(experiment_id=(await world.experiments.get_run(ANN, run)).experiment_id))
    shared = ArtifactDraft(type=ArtifactType.METRIC, value=0.5)
    await world.experiments.put_artifact(ANN, other.id, shared, int(await store.asked("accuracy")))
    for one in (other.id, run, other.id):
        await world.metrics.log(ANN, one, [NewPoint("accuracy", 0.75)])
    assert await store.found() == []

    await world.experiments.trash_run(ANN, run)
    await world.trash.purge(ANN, Millis(world.clock.now + 1))
    assert await store.found() == []


async def test_it_looks_at_one_moment_while_others_write(store: Store) -> None:
    async with store.world.database.snapshot() as reader:
        await store.world.models.update_model(ANN, 1, ModelPatch(properties={"n": 7}))
        then = await reader.row(REVISION, {})
        now = await store.world.database.reader.row(REVISION, {})

    assert then is not None
    assert now is not None
    assert (then[0], now[0]) == (3, 4)
    assert await store.found() == []


async def test_another_schema_is_refused(new_store: NewStore) -> None:
    url = await new_store("sqlite")
    execute(url, "UPDATE alembic_version SET version_num = '0000'")

    async with opened(url) as database:
        with pytest.raises(Unavailable, match="schema 0000"):
            await check(database, lambda _name, _rows: None)


async def test_a_damaged_file_is_told_by_sqlite_itself(new_store: NewStore) -> None:
    url = await new_store("sqlite")
    async with world_at(url) as world:
        await keep_busy(world)
    path = url.removeprefix("sqlite:///")
    root = execute(url, "SELECT rootpage FROM sqlite_master WHERE name = 'uq_model_name' OR name = 'sqlite_autoindex_model_1'")[0][0]
    size = execute(url, "PRAGMA page_size")[0][0]
    with open(path, "r+b") as file:  # noqa: PTH123, ASYNC230 - a few bytes, beside everything else
        file.seek(root * size - 100)
        file.write(b"\xff" * 100)

    async with opened(url) as database:
        verdict = await check(database, lambda _name, _rows: None)

    assert {finding.check for finding in verdict.findings} == {"engine"}
