"""Deleting beside others who are at work on the same records."""

import asyncio
import contextlib

import msgspec
import pytest
from sqlalchemy import text

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.deployments.entities import NewEnvironment, NewInferenceService, NewServeRecord
from modelyard.errors import NotFound
from modelyard.experiments.entities import NewExperiment, NewRun
from modelyard.models.entities import ModelVersion, NewModel, NewVersion
from modelyard.overview.integrity.check import check
from modelyard.records.sql_trash import SqlTrash
from modelyard.records.trash import Deletion
from modelyard.search.page import ListQuery
from modelyard.search.tree import equals
from modelyard.store.database import Unit
from modelyard.store.statements import Statement
from tests.store.test_trash import everything
from tests.unit.world import ANN, World

ROUNDS = 8
TOUCH = Statement("touch project", text("UPDATE project SET archived = archived WHERE id = 1"))
"""Has a unit lock for real and send what waits, as one with an idempotency key does."""


async def test_nobody_makes_something_under_what_has_gone(sql: World) -> None:
    """Whoever makes a version keeps its model out of the trash until it is made, or is run again and finds the model gone."""
    model = await sql.models.create_model(ANN, NewModel())
    version = await sql.models.create_version(ANN, NewVersion(model_id=model.id))
    deleting: list[asyncio.Task[Deletion]] = []

    async def work(unit: Unit) -> None:
        if await sql.records.models.hold(unit, ANN.project, model.id) is None:
            raise NotFound("it has gone")
        if not deleting:
            deleting.append(asyncio.create_task(sql.models.trash_model(ANN, model.id)))
            await asyncio.wait(deleting, timeout=0.3)
        await sql.records.versions.insert(unit, msgspec.structs.replace(version, name="another"))

    with contextlib.suppress(NotFound):
        await sql.database.write(work)
    await deleting[0]

    assert await everything(sql) == []


async def test_a_model_goes_while_versions_are_made(sql: World) -> None:
    for _ in range(ROUNDS):
        model = await sql.models.create_model(ANN, NewModel())

        made = await asyncio.gather(
            *(sql.models.create_version(ANN, NewVersion(model_id=model.id)) for _ in range(3)),
            sql.models.trash_model(ANN, model.id),
            *(sql.models.create_version(ANN, NewVersion(model_id=model.id)) for _ in range(3)),
            return_exceptions=True,
        )

        assert {type(one) for one in made if isinstance(one, Exception)} <= {NotFound}
        assert (await sql.models.list_versions(ANN, ListQuery())).items == []
        (deletion,) = (await sql.trash.list_deletions(ANN, limit=1)).items
        await sql.trash.restore(ANN, deletion.id)
        assert len((await sql.models.list_versions(ANN, ListQuery())).items) == sum(not isinstance(one, Exception) for one in made) - 1
        await sql.models.trash_model(ANN, model.id)


async def test_of_many_who_delete_one_does(sql: World) -> None:
    for _ in range(ROUNDS):
        model = await sql.models.create_model(ANN, NewModel())
        version = await sql.models.create_version(ANN, NewVersion(model_id=model.id))

        outcomes = await asyncio.gather(
            *(sql.models.trash_model(ANN, model.id) for _ in range(3)),
            *(sql.models.trash_version(ANN, version.id) for _ in range(3)),
            return_exceptions=True,
        )

        assert sum(not isinstance(one, NotFound) for one in outcomes[:3]) == 1
        assert sum(not isinstance(one, NotFound) for one in outcomes[3:]) <= 1
        assert await everything(sql) == []


async def test_a_shared_artifact_is_never_lost(sql: World) -> None:
    """It is attached to a run while its only version goes: it goes along, or the run has it."""
    run = await sql.experiments.create_run(ANN, NewRun(experiment_id=(await sql.experiments.create_experiment(ANN, NewExperiment())).id))
    draft = ArtifactDraft(type=ArtifactType.MODEL)
    for _ in range(ROUNDS):
        model = await sql.models.create_model(ANN, NewModel())
        version = await sql.models.create_version(ANN, NewVersion(model_id=model.id))
        artifact = (await sql.models.put_artifact(ANN, version.id, draft, None)).artifact

        _, attached = await asyncio.gather(
            sql.models.trash_model(ANN, model.id),
            sql.experiments.put_artifact(ANN, run.id, draft, artifact.id),
            return_exceptions=True,
        )

        live = [one.id for one in (await sql.artifacts.list_artifacts(ANN, ListQuery())).items]
        assert (artifact.id in live) is not isinstance(attached, Exception)


async def new_version(world: World) -> ModelVersion:
    model = await world.models.create_model(ANN, NewModel())
    return await world.models.create_version(ANN, NewVersion(model_id=model.id))


async def served(world: World, version: ModelVersion) -> tuple[int, int]:
    """The ids of a service, and of a record that it serves this version."""
    environment = await world.deployments.create_environment(ANN, NewEnvironment())
    service = await world.deployments.create_service(ANN, NewInferenceService(environment_id=environment.id, model_id=version.model_id))
    return service.id, (await world.deployments.create_serve(ANN, NewServeRecord(service_id=service.id, version_id=version.id))).id


async def findings(world: World) -> list[str]:
    return [str(finding) for finding in (await check(world.database, lambda *_: None)).findings]


async def test_what_two_deletions_took_comes_back_when_both_are_undone_at_once(sql: World) -> None:
    for _ in range(ROUNDS):
        version = await new_version(sql)
        service, serve = await served(sql, version)
        by_version = await sql.models.trash_version(ANN, version.id)
        by_service = await sql.deployments.trash_service(ANN, service)

        await asyncio.gather(sql.trash.restore(ANN, by_version.id), sql.trash.restore(ANN, by_service.id))

        assert (await sql.deployments.get_serve(ANN, serve)).id == serve
    assert await findings(sql) == []


async def test_of_several_artifacts_none_that_another_takes_meanwhile_is_lost(sql: World) -> None:
    """Not only the first of them waits for who is at work on it."""
    version = await new_version(sql)
    experiment = await sql.experiments.create_experiment(ANN, NewExperiment())
    run = await sql.experiments.create_run(ANN, NewRun(experiment_id=experiment.id))
    draft = ArtifactDraft(type=ArtifactType.MODEL)
    _, second = [(await sql.models.put_artifact(ANN, version.id, draft, None)).artifact for _ in range(2)]
    deleting: list[asyncio.Task[Deletion]] = []

    async def work(unit: Unit) -> None:
        await unit.execute(TOUCH, {})
        await sql.experiments.put_artifact(ANN, run.id, draft, second.id)
        await unit.execute(TOUCH, {})
        if not deleting:
            deleting.append(asyncio.create_task(sql.models.trash_version(ANN, version.id)))
            await asyncio.wait(deleting, timeout=0.3)

    await sql.database.write(work)
    await deleting[0]

    listed = (await sql.artifacts.list_artifacts(ANN, ListQuery(scope=equals("parent_id", run.id)))).items
    assert [artifact.id for artifact in listed] == [second.id]


async def test_services_that_go_while_a_version_comes_back_take_along_what_they_serve(sql: World, monkeypatch: pytest.MonkeyPatch) -> None:
    version = await new_version(sql)
    services = [(await served(sql, version))[0] for _ in range(3)]
    deletion = await sql.models.trash_version(ANN, version.id)
    deleting: list[asyncio.Task[Deletion]] = []
    read = SqlTrash._read_members

    async def late(self: SqlTrash, unit: Unit, deletion: Deletion) -> object:
        if not deleting:
            deleting.extend([asyncio.create_task(sql.deployments.trash_service(ANN, service)) for service in services])
            await asyncio.wait(deleting, timeout=0.3)
        return await read(self, unit, deletion)

    monkeypatch.setattr(SqlTrash, "_read_members", late)
    await sql.trash.restore(ANN, deletion.id)
    await asyncio.gather(*deleting)

    assert await findings(sql) == []
