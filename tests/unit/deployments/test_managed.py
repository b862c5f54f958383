import pytest

from modelyard.deployments.entities import DesiredState, NewEnvironment, NewInferenceService, NewServeRecord, ServeState
from modelyard.deployments.managed import ENVIRONMENT, NO_BACKEND, Deployment, NewDeployment, Progress
from modelyard.errors import AlreadyExists, InUse, Invalid, NotFound, Stale
from modelyard.models.entities import ModelVersion, NewModel, NewVersion
from modelyard.search.page import ListQuery
from tests.unit.world import ANN, STRANGER, World, memory_world


@pytest.fixture
def world() -> World:
    return memory_world()


@pytest.fixture
async def version(world: World) -> ModelVersion:
    model = await world.models.create_model(ANN, NewModel(name="fraud"))
    return await world.models.create_version(ANN, NewVersion(model_id=model.id, name="1"))


def asked(version: ModelVersion, replicas: int = 1) -> NewDeployment:
    return NewDeployment(name="live", model_id=version.model_id, version_id=version.id, replicas=replicas, cpu="500m", memory="1Gi", gpu=1)


async def states(world: World) -> list[ServeState | None]:
    return [serve.last_known_state for serve in (await world.deployments.list_serves(ANN, ListQuery())).items]


async def test_it_begins_new_and_fails_for_lack_of_a_backend(world: World, version: ModelVersion) -> None:
    made = await world.managed.deploy(ANN, asked(version, replicas=2))

    kept = await world.deployments.get_service(ANN, made.service.id)
    assert made == Deployment(kept, ServeState.NEW)
    assert made.progress is Progress.DEPLOYING
    assert (kept.replicas, kept.cpu, kept.memory, kept.gpu, kept.message) == (2, "500m", "1Gi", 1, NO_BACKEND)
    assert (kept.model_id, kept.version_id, kept.desired_state) == (version.model_id, version.id, DesiredState.DEPLOYED)
    assert await states(world) == [ServeState.FAILED]
    assert (await world.deployments.get_environment(ANN, kept.environment_id)).name == ENVIRONMENT


async def test_one_of_no_replicas_needs_no_backend(world: World, version: ModelVersion) -> None:
    made = await world.managed.deploy(ANN, asked(version, replicas=0))

    assert (made.progress, made.service.message, made.service.desired_state) == (Progress.STOPPED, None, DesiredState.UNDEPLOYED)
    assert await states(world) == [ServeState.COMPLETE]


async def test_a_name_is_unique_among_deployments(world: World, version: ModelVersion) -> None:
    await world.managed.deploy(ANN, asked(version))
    with pytest.raises(AlreadyExists):
        await world.managed.deploy(ANN, asked(version))
    assert len(await states(world)) == 1


async def test_the_version_must_be_the_models(world: World, version: ModelVersion) -> None:
    other = await world.models.create_model(ANN, NewModel(name="other"))
    with pytest.raises(Invalid, match=f"it is a version of model {version.model_id}, not of model {other.id}"):
        await world.managed.deploy(ANN, NewDeployment(name="live", model_id=other.id, version_id=version.id))


async def test_nobody_deploys_what_is_anothers(world: World, version: ModelVersion) -> None:
    with pytest.raises(NotFound):
        await world.managed.deploy(STRANGER, asked(version))


@pytest.mark.parametrize("last", [None, *ServeState])
async def test_every_state_is_some_progress(world: World, version: ModelVersion, last: ServeState | None) -> None:
    made = await world.managed.deploy(ANN, asked(version))
    assert Deployment(made.service, last).progress in Progress


@pytest.mark.parametrize("state", [ServeState.NEW, ServeState.UNKNOWN, ServeState.RUNNING, ServeState.CACHED])
async def test_what_is_deployed_stays(world: World, version: ModelVersion, state: ServeState) -> None:
    made = await world.managed.deploy(ANN, asked(version))
    await world.deployments.create_serve(ANN, NewServeRecord(service_id=made.service.id, version_id=version.id, last_known_state=state))

    with pytest.raises(InUse, match=rf"deployment live \({made.service.id}\) of model {version.model_id} is "):
        await world.managed.retire_model(ANN, version.model_id)
    with pytest.raises(InUse, match=f"of version {version.id} is "):
        await world.managed.retire_version(ANN, version.model_id, version.id)
    await world.managed.remove(ANN, made.service.id)
    await world.managed.retire_model(ANN, version.model_id)


async def test_what_only_another_environment_serves_may_go(world: World, version: ModelVersion) -> None:
    environment = await world.deployments.create_environment(ANN, NewEnvironment(name="elsewhere"))
    new = NewInferenceService(environment_id=environment.id, model_id=version.model_id, version_id=version.id)
    service = await world.deployments.create_service(ANN, new)
    serve = NewServeRecord(service_id=service.id, version_id=version.id, last_known_state=ServeState.RUNNING)
    await world.deployments.create_serve(ANN, serve)

    with pytest.raises(NotFound, match="no deployment has the id"):
        await world.managed.remove(ANN, service.id)
    await world.managed.retire_version(ANN, version.model_id, version.id)


async def test_another_models_version_is_not_found(world: World, version: ModelVersion) -> None:
    with pytest.raises(NotFound, match=f"model 99 has no version with the id {version.id}"):
        await world.managed.retire_version(ANN, 99, version.id)


async def test_a_stale_deletion_deletes_nothing(world: World, version: ModelVersion) -> None:
    made = await world.managed.deploy(ANN, asked(version, replicas=0))
    stale = frozenset({7})

    for work in (
        world.managed.remove(ANN, made.service.id, stale),
        world.managed.retire_version(ANN, version.model_id, version.id, stale),
        world.managed.retire_model(ANN, version.model_id, stale),
    ):
        with pytest.raises(Stale):
            await work
    assert (await world.trash.list_deletions(ANN, limit=10)).items == []
