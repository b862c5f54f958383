"""Purging removes for good what was deleted long enough ago, and nothing else: in memory and on every database."""

import asyncio
from typing import Any

import pytest

from modelyard.audit.events import Action
from modelyard.context import Caller, Millis
from modelyard.errors import NotFound
from modelyard.experiments.entities import NewExperiment, NewRun
from modelyard.models.entities import Model, NewModel, NewVersion
from modelyard.records import trash_statements
from modelyard.records.kinds import Kind
from modelyard.search.page import ListQuery
from modelyard.search.tree import equals
from modelyard.store.memory import MemoryDatabase
from modelyard.trash import retention
from tests.store.test_trash import everything, fill, trash
from tests.store.worlds import add_project, row_counts
from tests.unit.world import ANN, NOON, STRANGER, World

LATER = Millis(NOON + 1)
"""After everything that a test deletes without moving the clock."""


async def test_what_is_old_enough_goes_and_the_rest_can_be_restored(world: World) -> None:
    old, new = [await world.models.create_model(ANN, NewModel(name=name)) for name in ("old", "new")]
    await trash(world, old)
    world.clock.move(10)
    kept = await world.models.trash_model(ANN, new.id)

    assert await world.trash.purge(ANN, before=NOON) == 0
    assert await world.trash.purge(ANN, before=Millis(NOON + 10)) == 1

    assert (await world.trash.list_deletions(ANN, limit=9)).items == [kept]
    await world.trash.restore(ANN, kept.id)
    assert (await world.models.list_models(ANN, ListQuery())).items == [new]


async def test_again_it_has_nothing_to_do(world: World) -> None:
    await trash(world, (await fill(world)).model)

    assert await world.trash.purge(ANN, before=LATER) == 4
    events = await world.events()
    assert await world.trash.purge(ANN, before=LATER) == 0

    assert await world.events() == events


async def test_what_is_listed_elsewhere_loses_a_parent_only(world: World) -> None:
    filled = await fill(world)
    await trash(world, filled.model)

    await world.trash.purge(ANN, before=LATER)

    under_run = await world.artifacts.list_artifacts(ANN, ListQuery(scope=equals("parent_id", filled.run.id)))
    under_version = await world.artifacts.list_artifacts(ANN, ListQuery(scope=equals("parent_id", filled.version.id)))
    assert filled.shared in under_run.items
    assert under_version.items == []


async def test_the_audit_stays_and_says_so(world: World) -> None:
    filled = await fill(world)
    deletion = await trash(world, filled.experiment)
    before = await world.events()

    await world.trash.purge(Caller(name="janitor", dialect="native", request_id="purge"), before=LATER)

    events = await world.events()
    assert events[: len(before)] == before
    gone = {(event.action, event.kind, event.record_id, event.before, event.actor) for event in events[len(before) :]}
    assert gone == {
        (Action.PURGED, kind, record.id, str(deletion), "janitor")
        for kind, record in ((Kind.EXPERIMENT, filled.experiment), (Kind.RUN, filled.run), (Kind.ARTIFACT, filled.metric))
    }
    assert len(events) == len(before) + 3


async def test_what_is_condemned_cannot_be_restored_and_goes_with_the_next_purge(world: World) -> None:
    """A purge that was killed after its first unit."""
    deletion = await trash(world, (await fill(world)).model)
    await world.database.write(lambda unit: world.records.trash.condemn(unit, ANN.project, LATER))

    with pytest.raises(NotFound):
        await world.trash.restore(ANN, deletion)
    assert (await world.trash.list_deletions(ANN, limit=9)).items == []
    assert await world.trash.purge(ANN, before=Millis(0)) == 4


async def test_ids_do_not_come_back(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel(name="fraud", external_id="x"))
    deletion = await trash(world, model)
    await world.trash.purge(ANN, before=LATER)

    assert (await world.models.create_model(ANN, NewModel(name="fraud", external_id="x"))).id > deletion


async def test_another_projects_trash_stays(world: World) -> None:
    deletion = await trash(world, (await fill(world)).model)

    assert await world.trash.purge(STRANGER, before=LATER) == 0

    await world.trash.restore(ANN, deletion)


async def test_one_deletion_and_no_other(world: World) -> None:
    old, new = [await world.models.create_model(ANN, NewModel(name=name)) for name in ("old", "new")]
    kept, gone = await trash(world, old), await trash(world, new)

    with pytest.raises(NotFound):
        await world.trash.purge_deletion(STRANGER, gone)
    assert await world.trash.purge_deletion(ANN, gone) == 1

    with pytest.raises(NotFound, match=f"nothing in the trash has the id {gone}"):
        await world.trash.purge_deletion(ANN, gone)
    with pytest.raises(NotFound):
        await world.trash.restore(ANN, gone)
    assert [one.id for one in (await world.trash.list_deletions(ANN, limit=9)).items] == [kept]


async def test_the_job_purges_every_project_of_what_is_old_and_what_is_left(world: World) -> None:
    if not isinstance(world.database, MemoryDatabase):
        await add_project(world.database, STRANGER)
    for caller in (ANN, STRANGER):
        for name in ("old", "new"):
            model = await world.models.create_model(caller, NewModel(name=name))
            await world.models.trash_model(caller, model.id)
            world.clock.move(retention.DAY)
    await world.database.write(lambda unit: world.records.trash.condemn(unit, ANN.project, Millis(NOON + 1)))

    assert await retention.purge_old(world.trash, world.clock, 5) == 1  # what an earlier run had begun
    assert await retention.purge_old(world.trash, world.clock, 2) == 1
    assert await retention.purge_old(world.trash, world.clock, 2) == 0

    left = {caller.project: [one.name for one in (await world.trash.list_deletions(caller, limit=9)).items] for caller in (ANN, STRANGER)}
    assert left == {ANN.project: [], STRANGER.project: ["new", "old"]}
    purged = [event for event in await world.events() if event.action == Action.PURGED]
    assert {(event.actor, event.dialect, event.project_id) for event in purged} == {("modelyard", "jobs", ANN.project)}


async def test_not_a_row_is_left(sql: World) -> None:
    before = await row_counts(sql)
    filled = await fill(sql)
    assert (await row_counts(sql))["property_text"] > 0
    for record in (filled.shared, filled.environment, filled.model, filled.experiment):
        await trash(sql, record)

    assert await sql.trash.purge(ANN, before=LATER) == 12  # ten records, two points

    changed = {table for table, count in (await row_counts(sql)).items() if count != before[table]}
    assert changed == {"audit_event"}


async def test_of_many_records_in_several_units(sql: World, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = await sql.experiments.create_experiment(ANN, NewExperiment())
    size = trash_statements.BATCH + 5

    async def many(_: object) -> None:
        properties: dict[str, Any] = {"n": 1, "s": "text"}
        for _ in range(size):
            await sql.experiments.create_run(ANN, NewRun(experiment_id=experiment.id, properties=properties))

    await sql.database.write(many)
    await trash(sql, experiment)
    units = 0
    write = sql.database.write

    async def counted(work: Any) -> Any:
        nonlocal units
        units += 1
        return await write(work)

    monkeypatch.setattr(sql.database, "write", counted)

    assert await sql.trash.purge(ANN, before=LATER) == size + 1

    assert units == 1 + 2 + 1 + 1  # condemning; the runs; the experiment; to see that nothing is left
    left = {table for table, count in (await row_counts(sql)).items() if count}
    assert left <= {"audit_event", "project", "id_sequence", "access_state"}


async def test_what_went_later_on_its_own_keeps_its_owner(sql: World) -> None:
    """Clocks of several servers differ: a version may seem to have been deleted after its model."""
    model = await sql.models.create_model(ANN, NewModel())
    version = await sql.models.create_version(ANN, NewVersion(model_id=model.id))
    sql.clock.move(10)
    await trash(sql, version)
    sql.clock.move(-10)
    await trash(sql, model)

    assert await sql.trash.purge(ANN, before=Millis(NOON + 10)) == 0
    assert await sql.trash.purge(ANN, before=Millis(NOON + 11)) == 2


async def test_two_at_once(sql: World) -> None:
    for _ in range(20):
        model = await sql.models.create_model(ANN, NewModel())
        await sql.models.create_version(ANN, NewVersion(model_id=model.id))
        await trash(sql, model)

    await asyncio.gather(*(sql.trash.purge(ANN, before=LATER) for _ in range(2)))

    assert await sql.trash.purge(ANN, before=LATER) == 0
    assert await everything(sql) == []
    purged = [(event.kind, event.record_id) for event in await sql.events() if event.action == Action.PURGED]
    assert len(purged) == len(set(purged)) == 40


async def test_beside_one_who_restores(sql: World) -> None:
    """Everything is back, or everything is gone."""
    for _ in range(10):
        model = await sql.models.create_model(ANN, NewModel())
        version = await sql.models.create_version(ANN, NewVersion(model_id=model.id))
        deletion = await trash(sql, model)

        _, restored = await asyncio.gather(sql.trash.purge(ANN, before=LATER), sql.trash.restore(ANN, deletion), return_exceptions=True)

        if isinstance(restored, NotFound):
            assert not [one for one in await everything(sql) if isinstance(one, Model) and one == model]
        else:
            assert await sql.models.get_version(ANN, version.id) == version
