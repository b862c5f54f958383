import pytest

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType, Put
from modelyard.errors import Invalid, NotFound
from modelyard.experiments.entities import MetricPoint, NewExperiment, NewRun, Run
from modelyard.models.entities import NewModel, NewVersion
from modelyard.search.page import ListQuery
from modelyard.search.tree import both, equals
from tests.unit.world import ANN, World


@pytest.fixture
async def run(world: World) -> Run:
    experiment = await world.experiments.create_experiment(ANN, NewExperiment(name="study"))
    return await world.experiments.create_run(ANN, NewRun(name="first", experiment_id=experiment.id))


async def log(world: World, run: Run, name: str, value: float, step: int | None = None, timestamp: str | None = None) -> Put:
    draft = ArtifactDraft(type=ArtifactType.METRIC, name=name, value=value, step=step, timestamp=timestamp)
    return await world.experiments.put_artifact(ANN, run.id, draft, None)


async def points(world: World, run: Run, name: str = "loss") -> list[MetricPoint]:
    query = ListQuery(scope=both(equals("run_id", run.id), equals("name", name)))
    return (await world.experiments.list_points(ANN, query)).items


async def test_each_metric_put_leaves_a_point_and_the_metric_is_the_last(world: World, run: Run) -> None:
    first = await log(world, run, "loss", 0.9, step=1, timestamp="1700000000001")
    world.clock.move(7)
    second = await log(world, run, "loss", 0.5, step=2, timestamp="yesterday")

    assert (first.created, second.created) == (True, False)
    assert first.artifact.id == second.artifact.id
    assert second.artifact.value == 0.5
    history = await points(world, run)
    assert [(point.value, point.step, point.timestamp, point.recorded_at) for point in history] == [
        (0.9, 1, "1700000000001", 1700000000001),
        (0.5, 2, "yesterday", None),
    ]
    assert [point.created_at for point in history] == [first.artifact.updated_at, second.artifact.updated_at]
    assert {(point.run_id, point.experiment_id) for point in history} == {(run.id, run.experiment_id)}


async def test_what_a_later_put_leaves_out_stays_in_the_metric_and_its_point(world: World, run: Run) -> None:
    await log(world, run, "loss", 0.9, step=3, timestamp="1")

    await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=0.5), None)

    assert [(point.value, point.step, point.recorded_at) for point in await points(world, run)] == [(0.9, 3, 1), (0.5, 3, 1)]


async def test_histories_are_apart_by_name_and_run(world: World, run: Run) -> None:
    other = await world.experiments.create_run(ANN, NewRun(experiment_id=run.experiment_id))
    await log(world, run, "loss", 1)
    await log(world, run, "Loss", 2)
    await log(world, other, "loss", 3)

    assert [point.value for point in await points(world, run)] == [1]
    assert [point.value for point in await points(world, run, "Loss")] == [2]
    assert [point.value for point in await points(world, other)] == [3]


async def test_nothing_else_leaves_a_point(world: World, run: Run) -> None:
    put = await log(world, run, "loss", 0.9)
    model = await world.models.create_model(ANN, NewModel())
    version = await world.models.create_version(ANN, NewVersion(model_id=model.id))
    metric = ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=0.1)

    await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=ArtifactType.PARAMETER, name="loss", text_value="7"), None)
    await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=ArtifactType.DATASET, name="loss"), None)
    await world.models.put_artifact(ANN, version.id, metric, None)
    await world.artifacts.create_artifact(ANN, metric)
    await world.artifacts.update_artifact(ANN, put.artifact.id, metric)

    assert len((await world.experiments.list_points(ANN, ListQuery())).items) == 1


async def test_a_refused_put_leaves_none(world: World, run: Run) -> None:
    with pytest.raises(Invalid, match="metric value is required"):
        await world.experiments.put_artifact(ANN, run.id, ArtifactDraft(type=ArtifactType.METRIC, name="loss"), None)
    with pytest.raises(NotFound, match="no run has the id"):
        await world.experiments.put_artifact(ANN, 99, ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=1.0), None)

    assert (await world.experiments.list_points(ANN, ListQuery())).items == []
