"""An external id names one thing: one model, version, experiment, run, environment or service; one artifact; one serve record."""

import pytest

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.deployments.entities import EnvironmentPatch, NewEnvironment, NewInferenceService, NewServeRecord
from modelyard.errors import AlreadyExists
from modelyard.experiments.entities import NewExperiment, NewRun
from modelyard.models.entities import ModelPatch, NewModel, NewVersion
from tests.unit.world import ANN, World


async def test_one_resource_of_any_kind_has_it(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel(name="fraud", external_id="x"))
    experiment = await world.experiments.create_experiment(ANN, NewExperiment())
    environment = await world.deployments.create_environment(ANN, NewEnvironment())

    with pytest.raises(AlreadyExists, match="model with external id x already exists") as caught:
        await world.models.create_model(ANN, NewModel(external_id="x"))
    assert caught.value.details["field"] == "external_id"
    with pytest.raises(AlreadyExists):
        await world.models.create_version(ANN, NewVersion(model_id=model.id, external_id="x"))
    with pytest.raises(AlreadyExists):
        await world.experiments.create_experiment(ANN, NewExperiment(external_id="x"))
    with pytest.raises(AlreadyExists):
        await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id, external_id="x"))
    with pytest.raises(AlreadyExists):
        await world.deployments.create_environment(ANN, NewEnvironment(external_id="x"))
    new = NewInferenceService(environment_id=environment.id, model_id=model.id, external_id="x")
    with pytest.raises(AlreadyExists):
        await world.deployments.create_service(ANN, new)
    with pytest.raises(AlreadyExists):
        await world.deployments.update_environment(ANN, environment.id, EnvironmentPatch(external_id="x"))


async def test_artifacts_and_serves_have_families_of_their_own(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel(external_id="x"))
    version = await world.models.create_version(ANN, NewVersion(model_id=model.id))
    environment = await world.deployments.create_environment(ANN, NewEnvironment())
    service = await world.deployments.create_service(ANN, NewInferenceService(environment_id=environment.id, model_id=model.id))
    artifact = ArtifactDraft(type=ArtifactType.MODEL, external_id="x")
    serve = NewServeRecord(service_id=service.id, version_id=version.id, external_id="x")

    await world.artifacts.create_artifact(ANN, artifact)
    await world.deployments.create_serve(ANN, serve)

    with pytest.raises(AlreadyExists, match="artifact with external id x"):
        await world.artifacts.create_artifact(ANN, artifact)
    with pytest.raises(AlreadyExists, match="serve record with external id x"):
        await world.deployments.create_serve(ANN, serve)


async def test_it_can_be_kept_moved_and_given_away(world: World) -> None:
    one = await world.models.create_model(ANN, NewModel(external_id="x"))
    two = await world.models.create_model(ANN, NewModel())

    await world.models.update_model(ANN, one.id, ModelPatch(external_id="x"))
    await world.models.update_model(ANN, one.id, ModelPatch(external_id="y"))
    await world.models.update_model(ANN, two.id, ModelPatch(external_id="x"))
    with pytest.raises(AlreadyExists):
        await world.models.update_model(ANN, two.id, ModelPatch(external_id="y"))
    await world.models.update_model(ANN, one.id, ModelPatch(external_id=None))
    await world.models.update_model(ANN, two.id, ModelPatch(external_id="y"))

    assert (await world.models.get_model(ANN, two.id)).external_id == "y"


async def test_they_are_compared_exactly(world: World) -> None:
    for value in ("x", "X", "x ", "ẋ", ""):
        assert (await world.models.create_model(ANN, NewModel(external_id=value))).external_id == value
