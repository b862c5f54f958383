import pytest

from modelyard.artifacts.entities import ArtifactType
from modelyard.errors import AlreadyExists, NotFound, Stale
from modelyard.experiments.entities import NewExperiment, NewRun, Run, RunStatus
from modelyard.experiments.tracking import WITHOUT_MODEL, NewTrackedRun, TrackedChange
from modelyard.models.entities import NewModel
from modelyard.search.page import ListQuery
from modelyard.search.tree import equals
from tests.unit.world import ANN, NOON, STRANGER, World, memory_world


@pytest.fixture
def world() -> World:
    return memory_world()


async def begin(world: World, name: str = "try", model_id: int | None = None) -> Run:
    return await world.tracking.begin(ANN, NewTrackedRun(name=name, model_id=model_id, parameters={"lr": "0.1"}))


async def experiment_name(world: World, run: Run) -> str:
    return (await world.experiments.get_experiment(ANN, run.experiment_id)).name


async def test_a_run_is_in_the_experiment_named_after_its_model(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel(name="fraud"))

    first, second, other = await begin(world, "a", model.id), await begin(world, "b", model.id), await begin(world)

    assert first.experiment_id == second.experiment_id
    assert (await experiment_name(world, first), await experiment_name(world, other)) == ("fraud", WITHOUT_MODEL)
    assert (first.model_id, first.owner, first.status, first.started_at) == (model.id, "ann", RunStatus.RUNNING, NOON)


async def test_an_experiment_that_is_there_is_used(world: World) -> None:
    there = await world.experiments.create_experiment(ANN, NewExperiment(name=WITHOUT_MODEL, owner="sam"))

    assert (await begin(world)).experiment_id == there.id


async def test_its_parameters_are_artifacts_of_the_run(world: World) -> None:
    run = await begin(world)

    (artifact,) = (await world.artifacts.list_artifacts(ANN, ListQuery(scope=equals("parent_id", run.id)))).items
    assert (artifact.type, artifact.name, artifact.text_value) == (ArtifactType.PARAMETER, "lr", "0.1")
    assert (artifact.owner_id, artifact.run_id, artifact.experiment_id) == (run.id, run.id, run.experiment_id)


async def test_names_are_unique_for_each_model(world: World) -> None:
    await begin(world)
    with pytest.raises(AlreadyExists):
        await begin(world)


async def test_the_model_must_be_there(world: World) -> None:
    model = await world.models.create_model(STRANGER, NewModel())
    with pytest.raises(NotFound, match="no model has the id"):
        await begin(world, model_id=model.id)


@pytest.mark.parametrize("status", [RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED])
async def test_it_ends_when_it_is_no_longer_under_way(world: World, status: RunStatus) -> None:
    run = await begin(world)
    world.clock.move(7)

    ended = await world.tracking.change(ANN, run.id, TrackedChange(status=status))
    assert (ended.status, ended.ended_at) == (status, NOON + 7)
    world.clock.move(7)
    again = await world.tracking.change(ANN, run.id, TrackedChange(status=RunStatus.FAILED))
    assert again.ended_at == NOON + 7
    running = await world.tracking.change(ANN, run.id, TrackedChange(status=RunStatus.RUNNING))
    assert (running.status, running.ended_at) == (RunStatus.RUNNING, None)


async def test_what_is_scheduled_runs_as_far_as_others_know(world: World) -> None:
    experiment = await world.experiments.create_experiment(ANN, NewExperiment())
    run = await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id, status=RunStatus.SCHEDULED))

    assert (await world.tracking.change(ANN, run.id, TrackedChange(status=RunStatus.RUNNING))).status is RunStatus.SCHEDULED


async def test_no_run_ends_before_it_begins(world: World) -> None:
    experiment = await world.experiments.create_experiment(ANN, NewExperiment())
    run = await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id, started_at=NOON + 99))

    assert (await world.tracking.change(ANN, run.id, TrackedChange(status=RunStatus.FINISHED))).ended_at == NOON + 99


async def test_a_metric_becomes_a_point(world: World) -> None:
    run = await begin(world)
    for value in (0.5, 0.25):
        await world.tracking.change(ANN, run.id, TrackedChange(metrics={"loss": value}))

    points = (await world.experiments.list_points(ANN, ListQuery(scope=equals("run_id", run.id)))).items
    assert [(point.name, point.value, point.recorded_at) for point in points] == [("loss", 0.5, NOON), ("loss", 0.25, NOON)]


async def test_a_stale_change_changes_nothing(world: World) -> None:
    run = await begin(world)
    change = TrackedChange(metrics={"loss": 1}, parameters={"lr": "1"}, status=RunStatus.FAILED, revisions=frozenset({2}))

    with pytest.raises(Stale):
        await world.tracking.change(ANN, run.id, change)
    assert await world.experiments.get_run(ANN, run.id) == run
    with pytest.raises(Stale):
        await world.tracking.trash(ANN, run.id, frozenset({2}))
