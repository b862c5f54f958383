"""Deleting beside others who are at work on the same records."""

import asyncio
import contextlib

import msgspec

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.errors import NotFound
from modelyard.experiments.entities import NewExperiment, NewRun
from modelyard.models.entities import NewModel, NewVersion
from modelyard.records.trash import Deletion
from modelyard.search.page import ListQuery
from modelyard.store.database import Unit
from tests.store.test_trash import everything
from tests.unit.world import ANN, World

ROUNDS = 8


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
