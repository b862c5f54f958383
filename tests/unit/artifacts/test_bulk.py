import pytest

from modelyard.artifacts.entities import Artifact, ArtifactDraft, ArtifactType
from modelyard.audit.events import Action
from modelyard.models.entities import ModelVersion, NewModel, NewVersion, VersionPatch
from modelyard.records.kinds import Kind
from modelyard.search.page import ListQuery
from modelyard.search.tree import equals
from tests.unit.world import ANN, World, memory_world

FILES = ArtifactDraft(type=ArtifactType.MODEL, name="model", uri="s3://a")
LOSS = ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=0)
RATE = ArtifactDraft(type=ArtifactType.PARAMETER, name="loss", text_value="")


@pytest.fixture
def world() -> World:
    return memory_world()


@pytest.fixture
async def version(world: World) -> ModelVersion:
    model = await world.models.create_model(ANN, NewModel())
    return await world.models.create_version(ANN, NewVersion(model_id=model.id), (FILES, LOSS, RATE))


async def artifacts(world: World, version: ModelVersion) -> list[Artifact]:
    return (await world.artifacts.list_artifacts(ANN, ListQuery(scope=equals("parent_id", version.id)))).items


async def test_a_version_is_made_with_its_artifacts(world: World, version: ModelVersion) -> None:
    found = await artifacts(world, version)

    assert [(one.type, one.name, one.uri, one.value, one.text_value) for one in found] == [
        (ArtifactType.MODEL, "model", "s3://a", None, None),
        (ArtifactType.METRIC, "loss", None, 0, None),
        (ArtifactType.PARAMETER, "loss", None, None, ""),
    ]
    assert {(one.owner_id, one.revision) for one in found} == {(version.id, 1)}


async def test_the_namesake_of_its_type_is_changed_and_the_rest_stays(world: World, version: ModelVersion) -> None:
    before = await artifacts(world, version)
    drafts = [ArtifactDraft(type=ArtifactType.METRIC, name=name, value=value) for name, value in (("loss", 1.0), ("more", 2.0))]

    await world.models.update_version(ANN, version.id, VersionPatch(), drafts)

    files, loss, rate, new = await artifacts(world, version)
    assert [files, rate] == [before[0], before[2]]
    assert (loss.id, loss.value, loss.revision) == (before[1].id, 1.0, 2)
    assert (new.name, new.value) == ("more", 2.0)


async def test_of_several_namesakes_the_versions_own_is_changed(world: World, version: ModelVersion) -> None:
    other = await world.models.create_version(ANN, NewVersion(model_id=version.model_id))
    theirs = (await world.models.put_artifact(ANN, other.id, LOSS, None)).artifact
    await world.models.put_artifact(ANN, version.id, LOSS, theirs.id)

    await world.models.update_version(ANN, version.id, VersionPatch(), (ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=9.0),))

    assert [(one.owner_id, one.value) for one in await artifacts(world, version) if one.type is ArtifactType.METRIC] == [
        (version.id, 9.0),
        (other.id, 0),
    ]


async def test_nothing_is_made_to_say_nothing(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel())
    nothing = ArtifactDraft(type=ArtifactType.MODEL, name="model", uri=None)
    version = await world.models.create_version(ANN, NewVersion(model_id=model.id), (nothing,))

    assert await artifacts(world, version) == []


async def test_each_leaves_its_own_event(world: World, version: ModelVersion) -> None:
    await world.models.update_version(ANN, version.id, VersionPatch(), (FILES, LOSS))

    told = [event for event in await world.events() if event.kind == Kind.ARTIFACT]
    assert [event.action for event in told] == [Action.CREATED] * 3 + [Action.UPDATED] * 2
    assert all(event.before is not None for event in told[3:])
