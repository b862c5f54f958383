import pytest

from modelyard.deployments.entities import (
    DesiredState,
    Environment,
    EnvironmentPatch,
    InferenceService,
    InferenceServicePatch,
    NewEnvironment,
    NewInferenceService,
    NewServeRecord,
    ServeState,
)
from modelyard.errors import AlreadyExists, Invalid, NotFound
from modelyard.models.entities import Model, ModelState, NewModel, NewVersion, VersionPatch
from modelyard.records.properties import Properties
from modelyard.search.page import ListQuery
from modelyard.search.tree import equals
from tests.unit.world import ANN, World


@pytest.fixture
async def staging(world: World) -> Environment:
    return await world.deployments.create_environment(ANN, NewEnvironment(name="staging"))


@pytest.fixture
async def fraud(world: World) -> Model:
    return await world.models.create_model(ANN, NewModel(name="fraud"))


@pytest.fixture
async def service(world: World, staging: Environment, fraud: Model) -> InferenceService:
    return await world.deployments.create_service(ANN, NewInferenceService(name="svc", environment_id=staging.id, model_id=fraud.id))


async def test_an_environment(world: World, staging: Environment) -> None:
    changed = await world.deployments.update_environment(ANN, staging.id, EnvironmentPatch(description="for tests"))

    assert (changed.description, changed.revision) == ("for tests", 2)
    assert await world.deployments.get_environment(ANN, staging.id) == changed
    assert (await world.deployments.list_environments(ANN, ListQuery())).items == [changed]
    with pytest.raises(AlreadyExists, match="environment with name staging"):
        await world.deployments.create_environment(ANN, NewEnvironment(name="staging"))


class TestServices:
    async def test_belong_to_an_environment_that_exists(self, world: World, service: InferenceService, staging: Environment) -> None:
        assert (service.environment_id, service.desired_state, service.version_id) == (staging.id, DesiredState.DEPLOYED, None)
        with pytest.raises(NotFound, match="no environment has the id 99"):
            await world.deployments.create_service(ANN, NewInferenceService(environment_id=99, model_id=service.model_id))

    async def test_names_are_unique_in_an_environment_only(self, world: World, service: InferenceService) -> None:
        other = await world.deployments.create_environment(ANN, NewEnvironment(name="production"))
        await world.deployments.create_service(ANN, NewInferenceService(name="svc", environment_id=other.id, model_id=service.model_id))

        new = NewInferenceService(name="svc", environment_id=service.environment_id, model_id=service.model_id)
        with pytest.raises(AlreadyExists, match="inference service with name svc"):
            await world.deployments.create_service(ANN, new)

    async def test_a_patch(self, world: World, service: InferenceService) -> None:
        patch = InferenceServicePatch(desired_state=DesiredState.UNDEPLOYED, runtime="triton", version_id=5)

        changed = await world.deployments.update_service(ANN, service.id, patch)
        unpinned = await world.deployments.update_service(ANN, service.id, InferenceServicePatch(version_id=None))

        assert (changed.desired_state, changed.runtime, changed.version_id) == (DesiredState.UNDEPLOYED, "triton", 5)
        assert (unpinned.version_id, unpinned.runtime) == (None, "triton")

    async def test_of_one_environment(self, world: World, service: InferenceService) -> None:
        other = await world.deployments.create_environment(ANN, NewEnvironment())
        await world.deployments.create_service(ANN, NewInferenceService(environment_id=other.id, model_id=1))

        page = await world.deployments.list_services(ANN, ListQuery(scope=equals("environment_id", service.environment_id)))

        assert page.items == [service]


class TestServed:
    async def test_the_model(self, world: World, service: InferenceService, fraud: Model) -> None:
        assert await world.deployments.get_served_model(ANN, service.id) == fraud

    async def test_a_model_that_is_not_here(self, world: World, staging: Environment) -> None:
        service = await world.deployments.create_service(ANN, NewInferenceService(environment_id=staging.id, model_id=99))

        with pytest.raises(NotFound, match="no model has the id 99"):
            await world.deployments.get_served_model(ANN, service.id)

    async def test_the_version_that_is_named(self, world: World, service: InferenceService, fraud: Model) -> None:
        one = await world.models.create_version(ANN, NewVersion(name="v1", model_id=fraud.id))
        await world.models.create_version(ANN, NewVersion(name="v2", model_id=fraud.id))
        await world.deployments.update_service(ANN, service.id, InferenceServicePatch(version_id=one.id))

        assert await world.deployments.get_served_version(ANN, service.id) == one

    async def test_or_else_the_newest(self, world: World, service: InferenceService, fraud: Model) -> None:
        with pytest.raises(NotFound, match="has no version yet"):
            await world.deployments.get_served_version(ANN, service.id)

        for name in ("v1", "v2"):
            world.clock.move(1)
            await world.models.create_version(ANN, NewVersion(name=name, model_id=fraud.id))
        oldest = (await world.models.list_versions(ANN, ListQuery(limit=1))).items[0]
        world.clock.move(1)
        await world.models.update_version(ANN, oldest.id, VersionPatch(state=ModelState.ARCHIVED))

        assert (await world.deployments.get_served_version(ANN, service.id)).name == "v2"

    async def test_of_a_service_that_is_not_there(self, world: World) -> None:
        with pytest.raises(NotFound, match="no inference service has the id 9"):
            await world.deployments.get_served_version(ANN, 9)


class TestServes:
    async def serve(self, world: World, service: InferenceService, properties: Properties, name: str | None = None) -> int:
        version = await world.models.create_version(ANN, NewVersion(model_id=service.model_id, properties=properties))
        serve = await world.deployments.create_serve(ANN, NewServeRecord(name=name, service_id=service.id, version_id=version.id))
        return serve.id

    async def test_record_what_was_served(self, world: World, service: InferenceService) -> None:
        serve_id = await self.serve(world, service, {}, "rollout")

        serve = await world.deployments.get_serve(ANN, serve_id)

        assert (serve.name, serve.service_id, serve.last_known_state) == ("rollout", service.id, ServeState.UNKNOWN)
        assert (await world.deployments.list_serves(ANN, ListQuery(scope=equals("service_id", service.id)))).items == [serve]
        with pytest.raises(AlreadyExists, match="serve record with name rollout"):
            await self.serve(world, service, {}, "rollout")

    async def test_service_and_version_must_exist(self, world: World, service: InferenceService, fraud: Model) -> None:
        version = await world.models.create_version(ANN, NewVersion(model_id=fraud.id))

        with pytest.raises(NotFound, match="no model version has the id 99"):
            await world.deployments.create_serve(ANN, NewServeRecord(service_id=service.id, version_id=99))
        with pytest.raises(NotFound, match="no inference service has the id 99"):
            await world.deployments.create_serve(ANN, NewServeRecord(service_id=99, version_id=version.id))

    @pytest.mark.parametrize(
        ("properties", "refusal"),
        [
            ({"hf_gated": "auto"}, "gated"),
            ({"hf_gated": "true"}, "gated"),
            ({"hf_private": "true"}, "private"),
            ({"hf_gated": "manual", "hf_private": "true"}, "gated"),
        ],
    )
    async def test_gated_and_private_hugging_face_models_are_refused(
        self, world: World, service: InferenceService, properties: Properties, refusal: str
    ) -> None:
        with pytest.raises(Invalid, match=f"cannot deploy {refusal} HuggingFace model"):
            await self.serve(world, service, properties)

        assert (await world.deployments.list_serves(ANN, ListQuery())).items == []

    @pytest.mark.parametrize("properties", [{"hf_gated": "false"}, {"hf_gated": ""}, {"hf_private": "false"}, {"hf_private": True}])
    async def test_public_ones_are_not(self, world: World, service: InferenceService, properties: Properties) -> None:
        assert await self.serve(world, service, properties)
