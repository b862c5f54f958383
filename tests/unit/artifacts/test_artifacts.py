import pytest

from modelyard.artifacts.entities import Artifact, ArtifactDraft, ArtifactState, ArtifactType, Put
from modelyard.errors import AlreadyExists, Invalid, NotFound, Stale
from modelyard.experiments.entities import NewExperiment, NewRun, Run
from modelyard.models.entities import ModelVersion, NewModel, NewVersion
from modelyard.search.page import ListQuery
from modelyard.search.tree import both, equals
from tests.unit.world import ANN, World

MODEL, DOCUMENT, DATASET, METRIC, PARAMETER = ArtifactType


@pytest.fixture
async def version(world: World) -> ModelVersion:
    model = await world.models.create_model(ANN, NewModel(name="fraud"))
    return await world.models.create_version(ANN, NewVersion(name="v1", model_id=model.id))


@pytest.fixture
async def run(world: World) -> Run:
    experiment = await world.experiments.create_experiment(ANN, NewExperiment(name="study"))
    return await world.experiments.create_run(ANN, NewRun(name="first", experiment_id=experiment.id))


async def listed(world: World, parent_id: int) -> list[Artifact]:
    return (await world.artifacts.list_artifacts(ANN, ListQuery(scope=equals("parent_id", parent_id)))).items


class TestFreeStanding:
    async def test_it_has_what_was_said(self, world: World) -> None:
        draft = ArtifactDraft(type=MODEL, name="onnx", uri="s3://b/k", properties={"opset": 17}, state=ArtifactState.LIVE)

        artifact = await world.artifacts.create_artifact(ANN, draft)

        assert (artifact.type, artifact.name, artifact.uri, artifact.properties) == (MODEL, "onnx", "s3://b/k", {"opset": 17})
        assert (artifact.owner_id, artifact.run_id, artifact.digest, artifact.revision) == (None, None, None, 1)
        assert await world.artifacts.get_artifact(ANN, artifact.id) == artifact

    async def test_names_may_repeat(self, world: World) -> None:
        draft = ArtifactDraft(type=MODEL, name="onnx")

        one, two = [await world.artifacts.create_artifact(ANN, draft) for _ in range(2)]

        assert one.id != two.id

    async def test_ids_are_counted_apart_from_other_things(self, world: World, version: ModelVersion) -> None:
        assert version.id == 2
        assert (await world.artifacts.create_artifact(ANN, ArtifactDraft(type=MODEL))).id == 1

    async def test_a_metric_needs_a_value(self, world: World) -> None:
        for value in ({}, {"value": None}):
            with pytest.raises(Invalid, match="metric value is required"):
                await world.artifacts.create_artifact(ANN, ArtifactDraft(type=METRIC, name="loss", **value))  # type: ignore[arg-type]  # an empty dict has no value type

    @pytest.mark.parametrize(
        ("timestamp", "moment"),
        [
            ("1700000000000", 1700000000000),
            ("-5", -5),
            ("+5", 5),
            ("soon", None),
            ("", None),
            ("1.5", None),
            ("9" * 19, None),
            (None, None),
        ],
    )
    async def test_a_timestamp_that_is_a_number_is_also_kept_as_one(self, world: World, timestamp: str | None, moment: int | None) -> None:
        artifact = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=METRIC, value=1.0, timestamp=timestamp))

        assert (artifact.timestamp, artifact.recorded_at) == (timestamp, moment)


class TestUpdate:
    async def test_says_only_what_changes(self, world: World) -> None:
        artifact = await world.artifacts.create_artifact(
            ANN, ArtifactDraft(type=MODEL, name="onnx", uri="old", digest="d", properties={"a": 1})
        )

        changed = await world.artifacts.update_artifact(ANN, artifact.id, ArtifactDraft(type=MODEL, uri="new", digest=None))

        assert (changed.uri, changed.digest, changed.properties, changed.revision) == ("new", None, {"a": 1}, 2)

    async def test_never_renames(self, world: World) -> None:
        artifact = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=MODEL, name="onnx"))

        assert (await world.artifacts.update_artifact(ANN, artifact.id, ArtifactDraft(type=MODEL, name="other"))).name == "onnx"

    async def test_never_changes_the_type(self, world: World) -> None:
        artifact = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=MODEL))

        with pytest.raises(Invalid, match="from 'model-artifact' to 'doc-artifact': artifact type is immutable"):
            await world.artifacts.update_artifact(ANN, artifact.id, ArtifactDraft(type=DOCUMENT))

    async def test_moves_the_moment_with_the_timestamp_only(self, world: World) -> None:
        artifact = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=METRIC, value=1.0, timestamp="5"))

        kept = await world.artifacts.update_artifact(ANN, artifact.id, ArtifactDraft(type=METRIC, value=2.0))
        moved = await world.artifacts.update_artifact(ANN, artifact.id, ArtifactDraft(type=METRIC, timestamp="6"))
        gone = await world.artifacts.update_artifact(ANN, artifact.id, ArtifactDraft(type=METRIC, timestamp=None))

        assert [(a.timestamp, a.recorded_at, a.value) for a in (kept, moved, gone)] == [("5", 5, 2.0), ("6", 6, 2.0), (None, None, 2.0)]

    async def test_of_an_old_revision_is_refused(self, world: World) -> None:
        artifact = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=MODEL))

        with pytest.raises(Stale):
            await world.artifacts.update_artifact(ANN, artifact.id, ArtifactDraft(type=MODEL, uri="new", revisions=frozenset({7})))

    async def test_of_what_is_not_there(self, world: World) -> None:
        with pytest.raises(NotFound, match="no artifact has the id 9"):
            await world.artifacts.update_artifact(ANN, 9, ArtifactDraft(type=MODEL))


class TestUnderAVersion:
    async def put(self, world: World, version: ModelVersion, draft: ArtifactDraft, artifact_id: int | None = None) -> Put:
        return await world.models.put_artifact(ANN, version.id, draft, artifact_id)

    async def test_created(self, world: World, version: ModelVersion) -> None:
        put = await self.put(world, version, ArtifactDraft(type=MODEL, name="onnx"))

        assert put.created
        assert (put.artifact.owner_id, put.artifact.run_id, put.artifact.experiment_id) == (version.id, None, None)
        assert await listed(world, version.id) == [put.artifact]

    async def test_named_by_id_it_is_changed_and_attached(self, world: World, version: ModelVersion) -> None:
        free = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=MODEL, name="onnx", uri="old", digest="d"))

        put = await self.put(world, version, ArtifactDraft(type=MODEL, name="ignored", uri="new"), free.id)

        assert not put.created
        assert (put.artifact.id, put.artifact.name, put.artifact.uri, put.artifact.digest) == (free.id, "onnx", "new", "d")
        assert put.artifact.owner_id is None
        assert await listed(world, version.id) == [put.artifact]

    async def test_it_can_be_attached_to_several_and_again(self, world: World, version: ModelVersion, run: Run) -> None:
        put = await self.put(world, version, ArtifactDraft(type=DATASET, name="rows"))

        again = await self.put(world, version, ArtifactDraft(type=DATASET), put.artifact.id)
        elsewhere = await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=DATASET), put.artifact.id)

        assert again.artifact.revision == 2
        assert elsewhere.artifact.owner_id == version.id
        assert (elsewhere.artifact.run_id, elsewhere.artifact.experiment_id) == (run.id, run.experiment_id)
        assert [artifact.id for artifact in await listed(world, version.id)] == [put.artifact.id]
        assert [artifact.id for artifact in await listed(world, run.id)] == [put.artifact.id]

    async def test_an_id_of_another_type_or_of_nothing_is_refused(self, world: World, version: ModelVersion) -> None:
        document = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=DOCUMENT))

        for wrong in (document.id, 99):
            with pytest.raises(Invalid, match=f"artifact with id {wrong} is not a model artifact"):
                await self.put(world, version, ArtifactDraft(type=MODEL), wrong)

        assert await listed(world, version.id) == []

    async def test_names_are_unique_by_type_and_parent(self, world: World, version: ModelVersion) -> None:
        second = await world.models.create_version(ANN, NewVersion(name="v2", model_id=version.model_id))
        await self.put(world, version, ArtifactDraft(type=MODEL, name="onnx"))

        await self.put(world, version, ArtifactDraft(type=DOCUMENT, name="onnx"))
        await self.put(world, second, ArtifactDraft(type=MODEL, name="onnx"))
        with pytest.raises(AlreadyExists, match="artifact with name onnx"):
            await self.put(world, version, ArtifactDraft(type=MODEL, name="onnx"))

    async def test_the_version_must_exist(self, world: World, version: ModelVersion) -> None:
        with pytest.raises(NotFound, match="no model version has the id"):
            await world.models.put_artifact(ANN, version.model_id, ArtifactDraft(type=MODEL), None)

    async def test_listed_by_type(self, world: World, version: ModelVersion) -> None:
        for type_ in (MODEL, DOCUMENT, MODEL):
            await self.put(world, version, ArtifactDraft(type=type_))

        scope = both(equals("parent_id", version.id), equals("type", MODEL.value))
        page = await world.artifacts.list_artifacts(ANN, ListQuery(scope=scope))

        assert [artifact.type for artifact in page.items] == [MODEL, MODEL]


class TestMeasured:
    """A metric or parameter that a parent already has under this very name is changed."""

    @pytest.mark.parametrize("type_", [METRIC, PARAMETER])
    async def test_put_again(self, world: World, run: Run, type_: ArtifactType) -> None:
        first = await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=type_, name="lr", value=1.0, text_value="1"), None)
        again = await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=type_, name="lr", value=2.0, text_value="2"), None)

        assert (first.created, again.created) == (True, False)
        assert (again.artifact.id, again.artifact.text_value, again.artifact.revision) == (first.artifact.id, "2", 2)
        assert (again.artifact.run_id, again.artifact.experiment_id) == (run.id, run.experiment_id)
        assert await listed(world, run.id) == [again.artifact]

    async def test_the_name_is_exact_and_the_types_are_apart(self, world: World, run: Run) -> None:
        for type_, name in ((METRIC, "lr"), (METRIC, "LR"), (METRIC, "lr "), (PARAMETER, "lr")):
            put = await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=type_, name=name, value=1.0), None)
            assert put.created

        assert len(await listed(world, run.id)) == 4

    async def test_other_parents_have_their_own(self, world: World, run: Run, version: ModelVersion) -> None:
        draft = ArtifactDraft(type=PARAMETER, name="lr", text_value="1")

        one = await world.experiments.put_artifact(ANN, run.id, draft, None)
        two = await world.models.put_artifact(ANN, version.id, draft, None)

        assert one.artifact.id != two.artifact.id

    async def test_without_a_name_it_is_always_new(self, world: World, run: Run) -> None:
        puts = [await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=METRIC, value=1.0), None) for _ in range(2)]

        assert all(put.created for put in puts)

    async def test_an_attached_one_counts_and_the_parents_own_goes_first(self, world: World, run: Run) -> None:
        free = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=PARAMETER, name="lr"))
        draft = ArtifactDraft(type=PARAMETER, name="lr", text_value="1")

        await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=PARAMETER), free.id)
        attached = await world.experiments.put_artifact(ANN, run.id, draft, None)

        assert attached.artifact.id == free.id

    async def test_a_metric_keeps_needing_a_value(self, world: World, run: Run) -> None:
        put = await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=METRIC, name="loss", value=1.0), None)

        for artifact_id in (None, put.artifact.id):
            with pytest.raises(Invalid, match="metric value is required"):
                await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=METRIC, name="loss"), artifact_id)
        assert await listed(world, run.id) == [put.artifact]

    async def test_a_value_is_finite(self, world: World, run: Run) -> None:
        for value in (float("nan"), float("inf")):
            with pytest.raises(Invalid, match="finite"):
                await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=METRIC, name="loss", value=value), None)
