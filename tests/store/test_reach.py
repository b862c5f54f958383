"""Callers with roles on some models and experiments only: what they see and what they may do, in memory and on every database."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from modelyard.artifacts.entities import Artifact, ArtifactDraft, ArtifactType
from modelyard.context import Reach
from modelyard.deployments.entities import (
    EnvironmentPatch,
    InferenceServicePatch,
    NewEnvironment,
    NewInferenceService,
    NewServeRecord,
)
from modelyard.errors import Forbidden, Invalid, NotFound
from modelyard.experiments.entities import ExperimentPatch, NewExperiment, NewPoint, NewRun, RunPatch
from modelyard.models.entities import ModelPatch, NewModel, NewVersion, VersionPatch
from modelyard.search.page import ListQuery, Page, SortKey
from modelyard.search.tree import Compare, Operator, Property, equals
from tests.store.test_trash import Filled, fill
from tests.unit.world import ANN, World

FILES, METRIC = ArtifactType.MODEL, ArtifactType.METRIC
NOBODY = 999_999
"""An id that nothing has."""

Act = Callable[[Any], Awaitable[object]]


class Two(msgspec.Struct):
    """Two of everything: those that Ola reaches, and others. `free` is an artifact that nothing lists."""

    mine: Filled
    other: Filled
    free: Artifact

    def ola(self, *, model: bool = True, experiment: bool = True, sees: str = "mine") -> Any:
        """She may change the model, the experiment or both of hers; she sees those (`mine`), or the whole project (`all`)."""
        both = Reach(frozenset({self.mine.model.id}), frozenset({self.mine.experiment.id}))
        reach = Reach(both.models if model else frozenset(), both.experiments if experiment else frozenset())
        return msgspec.structs.replace(ANN, name="ola", reach=reach, sight=both if sees == "mine" else None)


async def two(world: World) -> Two:
    mine = await fill(world)
    text: dict[str, Any] = {"properties": {"n": 1}}
    model = await world.models.create_model(ANN, NewModel(name="other", **text))
    version = await world.models.create_version(ANN, NewVersion(name="1", model_id=model.id, **text))
    files = await world.models.put_artifact(ANN, version.id, ArtifactDraft(type=FILES, name="onnx", **text), None)
    experiment = await world.experiments.create_experiment(ANN, NewExperiment(name="other", **text))
    run = await world.experiments.create_run(ANN, NewRun(name="one", experiment_id=experiment.id, **text))
    metric = await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=METRIC, name="loss", value=1.0), None)
    environment = await world.deployments.create_environment(ANN, NewEnvironment(name="other", **text))
    new = NewInferenceService(name="api", environment_id=environment.id, model_id=model.id, **text)
    service = await world.deployments.create_service(ANN, new)
    serve = await world.deployments.create_serve(ANN, NewServeRecord(name="rollout", service_id=service.id, version_id=version.id))
    other = Filled(model, version, files.artifact, experiment, run, metric.artifact, files.artifact, environment, service, serve)
    return Two(mine, other, await world.artifacts.create_artifact(ANN, ArtifactDraft(type=FILES, name="free")))


def ids(records: list[Any]) -> list[int]:
    return sorted(record.id for record in records)


async def seen(world: World, caller: Any, query: ListQuery) -> dict[str, list[int]]:
    lists: dict[str, Callable[[Any, ListQuery], Awaitable[Page[Any]]]] = {
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
    return {name: ids((await listing(caller, query)).items) for name, listing in lists.items()}


async def test_lists_show_what_is_within_the_reach_and_nothing_else(world: World) -> None:
    both = await two(world)
    mine = both.mine
    points = ids((await world.experiments.list_points(ANN, ListQuery(scope=equals("run_id", mine.run.id)))).items)
    everything = {
        "models": [mine.model.id],
        "versions": [mine.version.id],
        "experiments": [mine.experiment.id],
        "runs": [mine.run.id],
        "points": points,
        "artifacts": sorted([mine.files.id, mine.metric.id, mine.shared.id]),
        "environments": [],
        "services": [mine.service.id],
        "serves": [mine.serve.id],
    }
    ola = both.ola()
    assert await seen(world, ola, ListQuery()) == everything
    assert await seen(world, ola, ListQuery(sort=SortKey.CREATED, descending=True, limit=50)) == everything
    filtered = await seen(world, ola, ListQuery(filter=Compare(Property("n"), Operator.EQ, 1), limit=50))
    assert filtered == {**everything, "points": points, "artifacts": sorted({mine.files.id, mine.metric.id})}
    wide = await seen(world, both.ola(sees="all"), ListQuery())
    assert wide == await seen(world, ANN, ListQuery())


async def test_a_reach_of_models_has_nothing_of_experiments_but_what_both_list(world: World) -> None:
    both = await two(world)
    mine = both.mine
    only = Reach(models=frozenset({mine.model.id}))
    ola = msgspec.structs.replace(ANN, reach=only, sight=only)
    found = await seen(world, ola, ListQuery())
    assert (found["experiments"], found["runs"], found["points"]) == ([], [], [])
    assert found["artifacts"] == sorted([mine.files.id, mine.shared.id])
    only = Reach(experiments=frozenset({mine.experiment.id}))
    ola = msgspec.structs.replace(ANN, reach=only, sight=only)
    found = await seen(world, ola, ListQuery())
    assert (found["models"], found["versions"], found["services"], found["serves"]) == ([], [], [], [])
    assert found["artifacts"] == sorted([mine.metric.id, mine.shared.id])


async def test_an_artifact_is_out_of_reach_when_its_owner_is_in_the_trash(world: World) -> None:
    both = await two(world)
    only = Reach(models=frozenset({both.mine.model.id}))
    ola = msgspec.structs.replace(ANN, reach=only, sight=only)
    await world.models.trash_version(ANN, both.mine.version.id)
    assert (await world.artifacts.list_artifacts(ola, ListQuery())).items == []
    assert (await world.artifacts.get_artifact(ANN, both.mine.shared.id)).id == both.mine.shared.id
    with pytest.raises(NotFound):
        await world.artifacts.get_artifact(ola, both.mine.shared.id)


async def test_a_long_list_is_scoped_on_every_page(world: World) -> None:
    both = await two(world)
    for number in range(5):
        for filled in (both.mine, both.other):
            await world.models.create_version(ANN, NewVersion(name=f"v{number}", model_id=filled.model.id))
    query, found = ListQuery(limit=2), []
    while True:
        page = await world.models.list_versions(both.ola(), query)
        found += page.items
        if page.next is None:
            break
        query = msgspec.structs.replace(query, after=page.next)
    assert {version.model_id for version in found} == {both.mine.model.id}
    assert len(found) == 6


def reads(world: World) -> dict[str, tuple[str, Callable[[Any, int], Awaitable[object]]]]:
    """By name: which record of `Filled` it asks for, and how."""
    return {
        "get_model": ("model", world.models.get_model),
        "get_version": ("version", world.models.get_version),
        "get_artifact of a version": ("files", world.artifacts.get_artifact),
        "get_artifact of a run": ("metric", world.artifacts.get_artifact),
        "get_experiment": ("experiment", world.experiments.get_experiment),
        "get_run": ("run", world.experiments.get_run),
        "get_service": ("service", world.deployments.get_service),
        "get_served_model": ("service", world.deployments.get_served_model),
        "get_served_version": ("service", world.deployments.get_served_version),
        "get_serve": ("serve", world.deployments.get_serve),
        "summaries": ("run", world.metrics.summaries),
        "read": ("run", lambda caller, id_: world.metrics.read(caller, id_, "loss", None, 100)),
    }


async def test_by_id_what_is_out_of_reach_is_not_there(world: World) -> None:
    both = await two(world)
    ola = both.ola()
    for name, (field, read) in reads(world).items():
        await read(ola, getattr(both.mine, field).id)
        with pytest.raises(NotFound) as out_of_reach:
            await read(ola, getattr(both.other, field).id)
        with pytest.raises(NotFound) as unknown:
            await read(ola, NOBODY)
        assert out_of_reach.value.message.replace(str(getattr(both.other, field).id), "#") == unknown.value.message.replace(
            str(NOBODY), "#"
        ), name
    for of_project in (both.mine.environment.id, both.other.environment.id):
        with pytest.raises(NotFound):
            await world.deployments.get_environment(ola, of_project)
    with pytest.raises(NotFound):
        await world.artifacts.get_artifact(ola, both.free.id)


def changes(world: World) -> dict[str, tuple[str, Callable[[Any, int], Awaitable[object]]]]:
    """By name: which record of `Filled` it needs, and a change that needs it. Trashing comes last."""
    m, e, a, d = world.models, world.experiments, world.artifacts, world.deployments
    files = ArtifactDraft(type=FILES, description="new")
    return {
        "update_model": ("model", lambda caller, id_: m.update_model(caller, id_, ModelPatch(owner="ola"))),
        "create_version": ("model", lambda caller, id_: m.create_version(caller, NewVersion(model_id=id_))),
        "update_version": ("version", lambda caller, id_: m.update_version(caller, id_, VersionPatch(author="ola"))),
        "put under a version": ("version", lambda caller, id_: m.put_artifact(caller, id_, files, None)),
        "update_artifact of a version": ("files", lambda caller, id_: a.update_artifact(caller, id_, files)),
        "update_artifact of a run": (
            "metric",
            lambda caller, id_: a.update_artifact(caller, id_, ArtifactDraft(type=METRIC, value=0.5)),
        ),
        "update_experiment": ("experiment", lambda caller, id_: e.update_experiment(caller, id_, ExperimentPatch(owner="ola"))),
        "create_run": ("experiment", lambda caller, id_: e.create_run(caller, NewRun(experiment_id=id_))),
        "update_run": ("run", lambda caller, id_: e.update_run(caller, id_, RunPatch(owner="ola"))),
        "put under a run": ("run", lambda caller, id_: e.put_artifact(caller, id_, files, None)),
        "log": ("run", lambda caller, id_: world.metrics.log(caller, id_, [NewPoint("loss", 0.1)])),
        "update_service": ("service", lambda caller, id_: d.update_service(caller, id_, InferenceServicePatch(runtime="new"))),
        "trash_serve": ("serve", d.trash_serve),
        "trash_service": ("service", d.trash_service),
        "trash_artifact": ("files", a.trash_artifact),
        "trash_run": ("run", e.trash_run),
        "trash_experiment": ("experiment", e.trash_experiment),
        "trash_version": ("version", m.trash_version),
        "trash_model": ("model", m.trash_model),
    }


async def test_what_is_within_the_reach_can_be_changed_and_nothing_else(world: World) -> None:
    both = await two(world)
    hers, all_seeing = both.ola(), both.ola(sees="all")
    reader = both.ola(model=False, experiment=False)
    for field, change in changes(world).values():
        mine, other = getattr(both.mine, field).id, getattr(both.other, field).id
        with pytest.raises(NotFound):
            await change(hers, other)
        with pytest.raises(Forbidden):
            await change(all_seeing, other)
        with pytest.raises(NotFound):
            await change(all_seeing, NOBODY)
        with pytest.raises(Forbidden):
            await change(reader, mine)
        await change(hers, mine)


async def test_what_is_nobodys_needs_the_whole_project(world: World) -> None:
    both = await two(world)
    ola = both.ola(sees="all")
    environment = both.mine.environment.id
    for act in (
        world.models.create_model(ola, NewModel(name="more")),
        world.experiments.create_experiment(ola, NewExperiment(name="more")),
        world.deployments.create_environment(ola, NewEnvironment(name="more")),
        world.artifacts.create_artifact(ola, ArtifactDraft(type=FILES)),
        world.artifacts.update_artifact(ola, both.free.id, ArtifactDraft(type=FILES)),
        world.deployments.update_environment(ola, environment, EnvironmentPatch(description="hers")),
        world.deployments.trash_environment(ola, environment),
    ):
        with pytest.raises(Forbidden):
            await act


async def test_a_model_is_deployed_by_whoever_reaches_it_in_any_environment(world: World) -> None:
    both = await two(world)
    ola, place = both.ola(), both.other.environment.id
    deployments = world.deployments
    service = await deployments.create_service(ola, NewInferenceService(environment_id=place, model_id=both.mine.model.id))
    await deployments.create_serve(ola, NewServeRecord(service_id=service.id, version_id=both.mine.version.id))
    with pytest.raises(NotFound):
        await deployments.create_service(ola, NewInferenceService(environment_id=NOBODY, model_id=both.mine.model.id))
    with pytest.raises(NotFound):
        await deployments.create_service(ola, NewInferenceService(environment_id=place, model_id=both.other.model.id))
    with pytest.raises(NotFound):
        await deployments.create_serve(ola, NewServeRecord(service_id=service.id, version_id=both.other.version.id))
    with pytest.raises(NotFound):
        await deployments.create_serve(ola, NewServeRecord(service_id=both.other.service.id, version_id=both.mine.version.id))


async def test_an_artifact_of_others_cannot_be_taken(world: World) -> None:
    """Putting an artifact by its id under a version of one's own would show and change it."""
    both = await two(world)
    for theirs in (both.other.files.id, both.free.id, NOBODY):
        with pytest.raises(Invalid, match=f"artifact with id {theirs} is not"):
            await world.models.put_artifact(both.ola(), both.mine.version.id, ArtifactDraft(type=FILES), theirs)
    with pytest.raises(Forbidden):
        await world.models.put_artifact(both.ola(sees="all"), both.mine.version.id, ArtifactDraft(type=FILES), both.other.files.id)
    assert await world.artifacts.get_artifact(ANN, both.other.files.id) == both.other.files


async def test_a_service_may_name_no_version_of_a_model_that_is_out_of_sight(world: World) -> None:
    both = await two(world)
    patch = InferenceServicePatch(version_id=both.other.version.id)
    await world.deployments.update_service(both.ola(), both.mine.service.id, patch)
    with pytest.raises(NotFound):
        await world.deployments.get_served_version(both.ola(), both.mine.service.id)
