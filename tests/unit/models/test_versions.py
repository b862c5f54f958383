import pytest

from modelyard.errors import AlreadyExists, NotFound
from modelyard.models.entities import Model, ModelState, NewModel, NewVersion, VersionPatch
from modelyard.search.page import ListQuery
from modelyard.search.tree import equals
from tests.unit.world import ANN, World


@pytest.fixture
async def fraud(world: World) -> Model:
    return await world.models.create_model(ANN, NewModel(name="fraud"))


async def test_a_version_belongs_to_a_model_that_exists(world: World, fraud: Model) -> None:
    version = await world.models.create_version(ANN, NewVersion(name="v1", model_id=fraud.id, author="ann"))

    assert (version.model_id, version.author, version.state, version.revision) == (fraud.id, "ann", ModelState.LIVE, 1)
    with pytest.raises(NotFound, match="no model has the id 99"):
        await world.models.create_version(ANN, NewVersion(name="v1", model_id=99))
    with pytest.raises(NotFound):
        await world.models.create_version(ANN, NewVersion(name="v1", model_id=version.id))


async def test_names_are_unique_in_a_model_only(world: World, fraud: Model) -> None:
    spam = await world.models.create_model(ANN, NewModel(name="spam"))
    await world.models.create_version(ANN, NewVersion(name="v1", model_id=fraud.id))

    assert (await world.models.create_version(ANN, NewVersion(name="v1", model_id=spam.id))).model_id == spam.id
    with pytest.raises(AlreadyExists, match="model version with name v1"):
        await world.models.create_version(ANN, NewVersion(name="v1", model_id=fraud.id))


async def test_a_patch(world: World, fraud: Model) -> None:
    version = await world.models.create_version(ANN, NewVersion(name="v1", model_id=fraud.id, author="ann"))

    changed = await world.models.update_version(ANN, version.id, VersionPatch(state=ModelState.ARCHIVED))

    assert (changed.state, changed.author, changed.model_id, changed.revision) == (ModelState.ARCHIVED, "ann", fraud.id, 2)


async def test_versions_of_one_model(world: World, fraud: Model) -> None:
    spam = await world.models.create_model(ANN, NewModel(name="spam"))
    for model in (fraud, spam, fraud):
        await world.models.create_version(ANN, NewVersion(model_id=model.id))

    of_fraud = await world.models.list_versions(ANN, ListQuery(scope=equals("model_id", fraud.id)))

    assert {version.model_id for version in of_fraud.items} == {fraud.id}
    assert len(of_fraud.items) == 2
    assert len((await world.models.list_versions(ANN, ListQuery())).items) == 3


async def test_the_newest_version_is_the_one_created_last_whatever_its_state(world: World, fraud: Model) -> None:
    assert await world.models.newest_version(ANN, fraud.id) is None

    for name in ("v1", "v2", "v3"):
        world.clock.move(1)
        version = await world.models.create_version(ANN, NewVersion(name=name, model_id=fraud.id))
        await world.models.update_version(ANN, version.id, VersionPatch(state=ModelState.ARCHIVED))
    newest = await world.models.newest_version(ANN, fraud.id)

    assert newest is not None
    assert newest.name == "v3"


async def test_of_those_created_in_one_millisecond_the_last_is_the_newest(world: World, fraud: Model) -> None:
    for name in ("v1", "v2"):
        await world.models.create_version(ANN, NewVersion(name=name, model_id=fraud.id))
    newest = await world.models.newest_version(ANN, fraud.id)

    assert newest is not None
    assert newest.name == "v2"
