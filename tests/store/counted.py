"""A world whose statements are counted, with one record of each kind in it."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.context import Caller
from modelyard.deployments.entities import (
    NewEnvironment,
    NewInferenceService,
    NewServeRecord,
)
from modelyard.experiments.entities import NewExperiment, NewRun
from modelyard.models.entities import NewModel, NewVersion
from modelyard.search.page import ListQuery, Page
from modelyard.store.database import Database
from tests.store.counting import CountingDatabase
from tests.store.worlds import sql_world
from tests.unit.world import ANN, World

METRIC, PARAMETER, DATASET = ArtifactType.METRIC, ArtifactType.PARAMETER, ArtifactType.DATASET
SIZE = 205


class Counted(NamedTuple):
    world: World
    database: CountingDatabase
    model: int
    version: int
    experiment: int
    run: int
    environment: int
    service: int

    async def names(self, work: Awaitable[Any]) -> list[str]:
        """The statements that this runs, in order."""
        self.database.forget()
        await work
        assert self.database.units <= 1
        return self.database.names


async def counted_world(database: Database) -> Counted:
    counting = CountingDatabase(database)
    world = sql_world(counting)
    model = await world.models.create_model(ANN, NewModel())
    version = await world.models.create_version(ANN, NewVersion(model_id=model.id))
    experiment = await world.experiments.create_experiment(ANN, NewExperiment())
    run = await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id))
    environment = await world.deployments.create_environment(ANN, NewEnvironment())
    service = await world.deployments.create_service(ANN, NewInferenceService(environment_id=environment.id, model_id=model.id))
    return Counted(world, counting, model.id, version.id, experiment.id, run.id, environment.id, service.id)


def lists(world: World) -> dict[str, Callable[[Caller, ListQuery], Awaitable[Page[Any]]]]:
    return {
        "models": world.models.list_models,
        "versions": world.models.list_versions,
        "experiments": world.experiments.list_experiments,
        "runs": world.experiments.list_runs,
        "points": world.experiments.list_points,
        "artifacts": world.artifacts.list_artifacts,
        "environments": world.deployments.list_environments,
        "services": world.deployments.list_services,
        "serves": world.deployments.list_serves,
    }


async def fill(counted: Counted, size: int = SIZE) -> None:
    """`size` rows of every kind, with properties that filters can ask for."""
    world = counted.world

    async def work(_: object) -> None:
        for number in range(size):
            text: dict[str, Any] = {"description": "é" if number % 50 == 0 else "e", "properties": {"n": number, "s": f"text {number}"}}
            await world.models.create_model(ANN, NewModel(tasks=("a", "b"), **text))
            await world.models.create_version(ANN, NewVersion(model_id=counted.model, **text))
            await world.experiments.create_experiment(ANN, NewExperiment(**text))
            await world.experiments.create_run(ANN, NewRun(experiment_id=counted.experiment, **text))
            draft = ArtifactDraft(type=METRIC, name=f"loss {number % 9}", value=number / 7, **text)
            await world.experiments.put_artifact(ANN, counted.run, draft, None)
            await world.artifacts.create_artifact(ANN, ArtifactDraft(type=DATASET, **text))
            await world.deployments.create_environment(ANN, NewEnvironment(**text))
            new = NewInferenceService(environment_id=counted.environment, model_id=counted.model, **text)
            await world.deployments.create_service(ANN, new)
            serve = NewServeRecord(service_id=counted.service, version_id=counted.version, **text)
            await world.deployments.create_serve(ANN, serve)

    await world.database.write(work)
