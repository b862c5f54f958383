"""A store in which something of everything has happened, through the services."""

from typing import Any

from modelyard.access.permissions import Role
from modelyard.access.service import NewAccount, NewGrant, NewToken
from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.deployments.entities import NewEnvironment, NewInferenceService, NewServeRecord
from modelyard.experiments.entities import NewExperiment, NewPoint, NewRun, RunPatch, RunStatus
from modelyard.models.entities import ModelPatch, NewModel, NewVersion
from modelyard.records.properties import Properties, PropertyValue, ProtoValue, StructValue
from modelyard.store.idempotency import Answer, Answers
from tests.store.zoo import FLOATS, INTEGERS, TEXTS
from tests.unit.world import ANN, World

_EVERY: list[PropertyValue] = [*TEXTS, *INTEGERS, *FLOATS, True, False, ProtoValue("type", "AA==")]
VALUES: Properties = {f"v{number}": value for number, value in enumerate(_EVERY)}


async def keep_busy(world: World) -> None:
    """The first model has the id 1 and the version 2; every value that a database could bend is there."""
    models = world.models
    model = await models.create_model(
        ANN, NewModel(name="first", external_id="ext-1", properties={"n": 1, "t": "text"}, language=("en", "x" * 300), tasks=("é", "a"))
    )
    version = await models.create_version(ANN, NewVersion(model_id=model.id, name="v1", properties={"opaque": StructValue("e30=")}))
    await models.create_model(ANN, NewModel(name="all values", properties=VALUES, description=TEXTS[-1]))
    await models.update_model(ANN, model.id, ModelPatch(properties={"n": 2.5, "t": "other", "on": True}, external_id="ext-2"))
    await models.update_model(ANN, model.id, ModelPatch(tasks=("summarisation",), description="twice changed"))
    await _produce(world, version.id)
    await _deploy(world, model.id, version.id)
    await _ask_twice(world)
    await _let_in(world)
    await _throw_away(world)


async def _produce(world: World, version_id: int) -> None:
    experiment = await world.experiments.create_experiment(ANN, NewExperiment(name="tuning"))
    run = await world.experiments.create_run(ANN, NewRun(name="one", experiment_id=experiment.id, external_id="run-1"))
    for step in range(3):
        draft = ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=1 / (step + 3), step=step, properties={"epoch": step})
        await world.experiments.put_artifact(ANN, run.id, draft, None)
    await world.experiments.update_run(ANN, run.id, RunPatch(status=RunStatus.FINISHED))
    document = ArtifactDraft(type=ArtifactType.DOCUMENT, name="card", uri="s3://cards/1", external_id="card-1")
    put = await world.models.put_artifact(ANN, version_id, document, None)
    await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=ArtifactType.DOCUMENT), put.artifact.id)
    await world.artifacts.create_artifact(ANN, ArtifactDraft(type=ArtifactType.MODEL, uri="s3://models/1"))
    points = [NewPoint("accuracy", 1 - 1 / (step + 3), step) for step in range(3, 253)]
    await world.metrics.log(ANN, run.id, [*points, NewPoint("loss", 0.125), NewPoint("loss", 0.25)])
    await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=ArtifactType.METRIC, name="late", value=1.0), None)
    await world.metrics.log(ANN, run.id, [NewPoint("late", 2.0), NewPoint("late", 3.0, 7, 1_700_000_000_000)])


async def _deploy(world: World, model_id: int, version_id: int) -> None:
    environment = await world.deployments.create_environment(ANN, NewEnvironment(name="production"))
    new = NewInferenceService(name="service", environment_id=environment.id, model_id=model_id, version_id=version_id)
    service = await world.deployments.create_service(ANN, new)
    await world.deployments.create_serve(ANN, NewServeRecord(service_id=service.id, version_id=version_id))


async def _ask_twice(world: World) -> None:
    async def produce() -> Answer:
        await world.models.create_model(ANN, NewModel(name="asked for twice"))
        return Answer(201, "[]", "{}")

    async def ask() -> Any:
        return await Answers(world.database, world.clock).run(ANN, "key", "fingerprint", produce)

    await ask()
    await ask()


async def _let_in(world: World) -> None:
    """The first account has the id 1, its token 2 and its grant 3. A second one has come and gone."""
    for name in ("ben", "cat"):
        await world.access.accounts.create(ANN, NewAccount(name))
        await world.access.tokens.create(ANN, name, NewToken("laptop"))
        await world.access.grants.create(ANN, NewGrant(name, Role.ADMIN))
    await world.access.accounts.remove(ANN, "cat")
    await world.access.projects.create(ANN, "fraud")


async def _throw_away(world: World) -> None:
    """A model with a version."""
    model = await world.models.create_model(ANN, NewModel(name="thrown away"))
    await world.models.create_version(ANN, NewVersion(model_id=model.id, name="thrown away, too"))
    await world.models.trash_model(ANN, model.id)
