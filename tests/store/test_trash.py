"""What is in the trash is nowhere else, and comes back as it was: in memory and on every database."""

from typing import Any, NamedTuple

import msgspec
import pytest

from modelyard.artifacts.entities import Artifact, ArtifactDraft, ArtifactType
from modelyard.audit.events import Action
from modelyard.deployments.entities import Environment, InferenceService, NewEnvironment, NewInferenceService, NewServeRecord, ServeRecord
from modelyard.errors import AlreadyExists, Invalid, NotFound
from modelyard.experiments.entities import Experiment, ExperimentPatch, NewExperiment, NewRun, Run
from modelyard.models.entities import Model, ModelPatch, ModelVersion, NewModel, NewVersion, VersionPatch
from modelyard.records.kinds import Kind
from modelyard.records.record import Record
from modelyard.search.page import ListQuery
from modelyard.search.tree import Compare, Field, In, Operator, Property, equals
from tests.unit.world import ANN, NOON, World

METRIC, FILES = ArtifactType.METRIC, ArtifactType.MODEL


class Filled(NamedTuple):
    """One record of every kind, in all the ways in which they belong together, and one that is listed twice."""

    model: Model
    version: ModelVersion
    files: Artifact
    experiment: Experiment
    run: Run
    metric: Artifact
    shared: Artifact
    environment: Environment
    service: InferenceService
    serve: ServeRecord


async def fill(world: World) -> Filled:
    text: dict[str, Any] = {"properties": {"n": 1, "s": "text"}}
    model = await world.models.create_model(ANN, NewModel(name="fraud", external_id="m", tasks=("a", "b"), **text))
    version = await world.models.create_version(ANN, NewVersion(name="1", external_id="v", model_id=model.id, **text))
    files = await world.models.put_artifact(ANN, version.id, ArtifactDraft(type=FILES, name="onnx", external_id="a", **text), None)
    experiment = await world.experiments.create_experiment(ANN, NewExperiment(name="try", **text))
    run = await world.experiments.create_run(ANN, NewRun(name="one", external_id="r", experiment_id=experiment.id, **text))
    loss: dict[str, Any] = {"type": METRIC, "name": "loss", **text}
    await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(value=0.5, **loss), None)
    metric = await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(value=0.25, **loss), None)
    shared = await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=FILES, name="shared"), None)
    shared = await world.models.put_artifact(ANN, version.id, ArtifactDraft(type=FILES), shared.artifact.id)
    environment = await world.deployments.create_environment(ANN, NewEnvironment(name="prod", **text))
    new = NewInferenceService(name="api", external_id="s", environment_id=environment.id, model_id=model.id, **text)
    service = await world.deployments.create_service(ANN, new)
    serve = await world.deployments.create_serve(ANN, NewServeRecord(name="rollout", service_id=service.id, version_id=version.id, **text))
    return Filled(model, version, files.artifact, experiment, run, metric.artifact, shared.artifact, environment, service, serve)


async def everything(world: World, query: ListQuery | None = None) -> list[Record]:
    """All that any list shows."""
    query = query or ListQuery()
    lists = (
        world.models.list_models,
        world.models.list_versions,
        world.experiments.list_experiments,
        world.experiments.list_runs,
        world.experiments.list_points,
        world.artifacts.list_artifacts,
        world.deployments.list_environments,
        world.deployments.list_services,
        world.deployments.list_serves,
    )
    return [record for list_ in lists for record in (await list_(ANN, query)).items]


async def trash(world: World, record: Record) -> int:
    """Delete a record of any kind; returns the deletion's id."""
    verbs: dict[type[Record], Any] = {
        Model: world.models.trash_model,
        ModelVersion: world.models.trash_version,
        Experiment: world.experiments.trash_experiment,
        Run: world.experiments.trash_run,
        Artifact: world.artifacts.trash_artifact,
        Environment: world.deployments.trash_environment,
        InferenceService: world.deployments.trash_service,
        ServeRecord: world.deployments.trash_serve,
    }
    return int((await verbs[type(record)](ANN, record.id)).id)


GOES = {
    "model": {"model", "version", "files", "serve"},
    "version": {"version", "files", "serve"},
    "files": {"files"},
    "experiment": {"experiment", "run", "metric"},
    "run": {"run", "metric"},
    "metric": {"metric"},
    "shared": {"shared"},
    "environment": {"environment", "service", "serve"},
    "service": {"service", "serve"},
    "serve": {"serve"},
}
"""What goes with what."""


@pytest.mark.parametrize("name", GOES)
async def test_it_goes_with_all_that_belongs_to_it_and_comes_back_with_it(world: World, name: str) -> None:
    filled = await fill(world)
    kept = {field: record for field, record in filled._asdict().items() if field not in GOES[name]}
    before = await everything(world)
    points = (await world.experiments.list_points(ANN, ListQuery())).items
    assert len(points) == 2

    deletion = await trash(world, getattr(filled, name))

    left = [*kept.values(), *([] if "run" in GOES[name] else points)]
    assert by_kind(await everything(world)) == by_kind(left)
    found = await everything(world, ListQuery(filter=Compare(Property("s"), Operator.EQ, "text")))
    assert by_kind(found) == by_kind([record for record in left if record.properties])
    await world.trash.restore(ANN, deletion)
    assert await everything(world) == before


def by_kind(records: list[Record]) -> list[tuple[str, Record]]:
    return sorted(((type(record).__name__, record) for record in records), key=lambda pair: (pair[0], pair[1].id))


async def test_nothing_can_be_done_with_it_or_under_it(world: World) -> None:
    filled = await fill(world)
    for record in (filled.model, filled.experiment, filled.environment):
        await trash(world, record)
    draft = ArtifactDraft(type=FILES)

    for work in (
        world.models.get_model(ANN, filled.model.id),
        world.models.get_version(ANN, filled.version.id),
        world.models.update_model(ANN, filled.model.id, ModelPatch(owner="sam")),
        world.models.update_version(ANN, filled.version.id, VersionPatch(author="sam")),
        world.models.create_version(ANN, NewVersion(model_id=filled.model.id)),
        world.models.put_artifact(ANN, filled.version.id, draft, None),
        world.artifacts.get_artifact(ANN, filled.files.id),
        world.artifacts.update_artifact(ANN, filled.files.id, draft),
        world.experiments.get_run(ANN, filled.run.id),
        world.experiments.create_run(ANN, NewRun(experiment_id=filled.experiment.id)),
        world.experiments.put_artifact(ANN, filled.run.id, draft, None),
        world.deployments.get_service(ANN, filled.service.id),
        world.deployments.create_service(ANN, NewInferenceService(environment_id=filled.environment.id, model_id=1)),
        world.deployments.create_serve(ANN, NewServeRecord(service_id=filled.service.id, version_id=filled.version.id)),
    ):
        with pytest.raises(NotFound):
            await work


async def test_what_others_list_too_is_listed_under_it_no_more(world: World) -> None:
    filled = await fill(world)
    deletion = await trash(world, filled.version)

    assert await under(world, filled.version.id) == []
    assert await under(world, filled.version.id, filled.version.id) == []
    assert await under(world, filled.run.id, filled.version.id) == [filled.metric, filled.shared]
    await world.trash.restore(ANN, deletion)
    assert await under(world, filled.version.id) == [filled.files, filled.shared]


async def under(world: World, *parents: int) -> list[Artifact]:
    """Artifacts that are listed under a version or run, or under any of these."""
    scope = equals("parent_id", parents[0]) if len(parents) == 1 else In(Field("parent_id"), parents)
    return list((await world.artifacts.list_artifacts(ANN, ListQuery(scope=scope))).items)


async def test_it_is_not_served(world: World) -> None:
    filled = await fill(world)
    newer = await world.models.create_version(ANN, NewVersion(name="2", model_id=filled.model.id))
    assert await world.deployments.get_served_version(ANN, filled.service.id) == newer

    await trash(world, newer)
    assert await world.deployments.get_served_version(ANN, filled.service.id) == filled.version
    await trash(world, filled.model)

    with pytest.raises(NotFound):
        await world.deployments.get_served_version(ANN, filled.service.id)
    with pytest.raises(NotFound):
        await world.deployments.get_served_model(ANN, filled.service.id)


async def test_an_artifact_that_is_put_again_is_a_new_one(world: World) -> None:
    filled = await fill(world)
    await trash(world, filled.metric)

    again = await world.experiments.put_artifact(ANN, filled.run.id, ArtifactDraft(type=METRIC, name="loss", value=0.1), None)
    with pytest.raises(Invalid, match="mismatched types"):
        await world.experiments.put_artifact(ANN, filled.run.id, ArtifactDraft(type=METRIC, value=0.2), filled.metric.id)

    assert again.created
    listed = await world.artifacts.list_artifacts(ANN, ListQuery(scope=equals("parent_id", filled.run.id)))
    assert [artifact.id for artifact in listed.items] == [filled.shared.id, again.artifact.id]


async def test_name_and_external_id_are_free_at_once_and_ids_never_are(world: World) -> None:
    ids = []
    for _ in range(3):
        model = await world.models.create_model(ANN, NewModel(name="fraud", external_id="x"))
        version = await world.models.create_version(ANN, NewVersion(name="1", model_id=model.id, external_id="y"))
        ids += [model.id, version.id]
        await trash(world, model)

    experiment = await world.experiments.create_experiment(ANN, NewExperiment(external_id="y"))
    assert len({*ids, experiment.id}) == 7
    assert ids == sorted(ids)


async def test_what_comes_back_has_its_external_id_again(world: World) -> None:
    filled = await fill(world)
    await world.trash.restore(ANN, await trash(world, filled.model))

    for value in ("m", "v"):
        with pytest.raises(AlreadyExists):
            await world.experiments.create_experiment(ANN, NewExperiment(external_id=value))


class TestRestore:
    async def test_another_name_is_a_change(self, world: World) -> None:
        filled = await fill(world)
        deletion = await trash(world, filled.model)
        await world.models.create_model(ANN, NewModel(name="fraud"))
        world.clock.move(5)

        with pytest.raises(AlreadyExists, match="model with name fraud already exists: choose another name") as caught:
            await world.trash.restore(ANN, deletion)
        await world.trash.restore(ANN, deletion, name="spam")

        assert caught.value.details["field"] == "name"
        restored = await world.models.get_model(ANN, filled.model.id)
        assert (restored.name, restored.revision, restored.updated_at) == ("spam", filled.model.revision + 1, NOON + 5)
        assert await world.models.get_version(ANN, filled.version.id) == filled.version
        last = (await world.events())[-1]
        assert (last.action, last.kind, last.record_id) == (Action.UPDATED, Kind.MODEL, filled.model.id)
        assert [last.before, last.after] == [msgspec.json.encode(record).decode() for record in (filled.model, restored)]

    async def test_an_external_id_that_is_taken_by_its_own_kind(self, world: World) -> None:
        deletion = await trash(world, (await fill(world)).model)
        other = await world.models.create_model(ANN, NewModel(external_id="m"))

        with pytest.raises(AlreadyExists, match="external id m already exists") as caught:
            await world.trash.restore(ANN, deletion)

        assert caught.value.details["field"] == "external_id"
        await world.models.update_model(ANN, other.id, ModelPatch(external_id=None))
        await world.trash.restore(ANN, deletion)

    @pytest.mark.parametrize("taken", ["m", "v"])
    async def test_an_external_id_that_is_taken_by_another_kind(self, world: World, taken: str) -> None:
        deletion = await trash(world, (await fill(world)).model)
        other = await world.experiments.create_experiment(ANN, NewExperiment(external_id=taken))

        with pytest.raises(AlreadyExists, match="external id") as caught:
            await world.trash.restore(ANN, deletion)

        assert caught.value.details["field"] == "external_id"
        await world.experiments.update_experiment(ANN, other.id, ExperimentPatch(external_id=None))
        await world.trash.restore(ANN, deletion)

    async def test_what_would_come_along_and_is_taken(self, world: World) -> None:
        filled = await fill(world)
        deletion = await trash(world, filled.version)
        other = await world.models.create_version(ANN, NewVersion(model_id=filled.model.id))
        await world.deployments.create_serve(ANN, NewServeRecord(name="rollout", service_id=filled.service.id, version_id=other.id))

        with pytest.raises(AlreadyExists, match=r"the name of a serve record that would come back is taken by now"):
            await world.trash.restore(ANN, deletion)

        with pytest.raises(NotFound):
            await world.models.get_version(ANN, filled.version.id)

    async def test_not_before_its_owner(self, world: World) -> None:
        filled = await fill(world)
        version = await trash(world, filled.version)
        model = await trash(world, filled.model)

        with pytest.raises(Invalid, match=f"the model of model version {filled.version.id} is in the trash: restore that first"):
            await world.trash.restore(ANN, version)
        await world.trash.restore(ANN, model)
        with pytest.raises(NotFound):
            await world.models.get_version(ANN, filled.version.id)  # it went on its own, and stays
        await world.trash.restore(ANN, version)

        assert await world.models.get_version(ANN, filled.version.id) == filled.version

    async def test_only_once(self, world: World) -> None:
        deletion = await trash(world, (await fill(world)).model)
        await world.trash.restore(ANN, deletion)

        with pytest.raises(NotFound):
            await world.trash.restore(ANN, deletion)


async def test_the_list_has_the_newest_first_page_after_page(world: World) -> None:
    models = [await world.models.create_model(ANN, NewModel(name=str(number))) for number in range(5)]
    for model in models:
        world.clock.move(1)
        await trash(world, model)

    first = await world.trash.list_deletions(ANN, limit=2)
    await trash(world, await world.models.create_model(ANN, NewModel(name="meanwhile")))
    second = await world.trash.list_deletions(ANN, limit=2, after=first.next)
    third = await world.trash.list_deletions(ANN, limit=2, after=second.next)

    assert [[deletion.name for deletion in page.items] for page in (first, second, third)] == [["4", "3"], ["2", "1"], ["0"]]
    assert [deletion.deleted_at for deletion in first.items] == [NOON + 5, NOON + 4]
    assert third.next is None


async def test_every_record_has_its_event(world: World) -> None:
    filled = await fill(world)
    seen = len(await world.events())
    deletion = await trash(world, filled.experiment)
    await world.trash.restore(ANN, deletion)

    events = (await world.events())[seen:]

    went = [(Kind.EXPERIMENT, filled.experiment.id), (Kind.RUN, filled.run.id), (Kind.ARTIFACT, filled.metric.id)]
    assert [(event.action, event.kind, event.record_id) for event in events] == [
        *((Action.TRASHED, *one) for one in went),
        *((Action.RESTORED, *one) for one in went),
    ]
    assert {(event.before, event.after) for event in events[:3]} == {(None, str(deletion))}
    assert {(event.before, event.after) for event in events[3:]} == {(str(deletion), None)}
    assert {(event.actor, event.request_id, event.at) for event in events} == {(ANN.name, ANN.request_id, NOON)}


async def test_what_is_refused_changes_nothing(world: World) -> None:
    filled = await fill(world)
    deletion = await trash(world, filled.model)
    await world.models.create_model(ANN, NewModel(name="fraud"))
    before, events = await everything(world), await world.events()

    with pytest.raises(AlreadyExists):
        await world.trash.restore(ANN, deletion)

    assert await everything(world) == before
    assert await world.events() == events
    assert [one.id for one in (await world.trash.list_deletions(ANN, limit=9)).items] == [deletion]
