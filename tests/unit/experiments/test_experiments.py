import pytest

from modelyard.errors import AlreadyExists, Invalid, NotFound
from modelyard.experiments.entities import (
    Experiment,
    ExperimentPatch,
    ExperimentState,
    NewExperiment,
    NewRun,
    RunPatch,
    RunStatus,
)
from modelyard.search.page import ListQuery
from modelyard.search.tree import equals
from tests.unit.world import ANN, World


@pytest.fixture
async def study(world: World) -> Experiment:
    return await world.experiments.create_experiment(ANN, NewExperiment(name="study"))


async def test_an_experiment(world: World, study: Experiment) -> None:
    changed = await world.experiments.update_experiment(ANN, study.id, ExperimentPatch(owner="ann", state=ExperimentState.ARCHIVED))

    assert (study.state, study.owner) == (ExperimentState.LIVE, None)
    assert (changed.state, changed.owner, changed.revision) == (ExperimentState.ARCHIVED, "ann", 2)
    assert await world.experiments.get_experiment(ANN, study.id) == changed
    with pytest.raises(AlreadyExists):
        await world.experiments.create_experiment(ANN, NewExperiment(name="study"))


async def test_a_run_belongs_to_an_experiment_that_exists(world: World, study: Experiment) -> None:
    run = await world.experiments.create_run(ANN, NewRun(name="first", experiment_id=study.id))

    assert (run.experiment_id, run.status, run.state) == (study.id, RunStatus.RUNNING, ExperimentState.LIVE)
    with pytest.raises(NotFound, match="no experiment has the id 99"):
        await world.experiments.create_run(ANN, NewRun(experiment_id=99))


async def test_run_names_are_unique_in_their_experiment_only(world: World, study: Experiment) -> None:
    other = await world.experiments.create_experiment(ANN, NewExperiment(name="other"))
    await world.experiments.create_run(ANN, NewRun(name="first", experiment_id=study.id))
    await world.experiments.create_run(ANN, NewRun(name="first", experiment_id=other.id))

    with pytest.raises(AlreadyExists, match="run with name first"):
        await world.experiments.create_run(ANN, NewRun(name="first", experiment_id=study.id))


async def test_runs_of_one_experiment(world: World, study: Experiment) -> None:
    other = await world.experiments.create_experiment(ANN, NewExperiment())
    for name, experiment in (("a", study), ("b", other), ("c", study)):
        await world.experiments.create_run(ANN, NewRun(name=name, experiment_id=experiment.id))

    page = await world.experiments.list_runs(ANN, ListQuery(scope=equals("experiment_id", study.id)))

    assert [run.name for run in page.items] == ["a", "c"]


class TestTimes:
    async def test_a_run_cannot_end_before_it_starts(self, world: World, study: Experiment) -> None:
        with pytest.raises(Invalid, match=r"EndTimeSinceEpoch \(9\) cannot be less than StartTimeSinceEpoch \(10\)"):
            await world.experiments.create_run(ANN, NewRun(experiment_id=study.id, started_at=10, ended_at=9))

        run = await world.experiments.create_run(ANN, NewRun(experiment_id=study.id, started_at=10, ended_at=10))
        with pytest.raises(Invalid):
            await world.experiments.update_run(ANN, run.id, RunPatch(ended_at=9))
        assert (await world.experiments.get_run(ANN, run.id)).ended_at == 10

    async def test_either_may_be_unknown(self, world: World, study: Experiment) -> None:
        started = await world.experiments.create_run(ANN, NewRun(experiment_id=study.id, started_at=10))
        ended = await world.experiments.create_run(ANN, NewRun(experiment_id=study.id, ended_at=5))

        assert (await world.experiments.update_run(ANN, started.id, RunPatch(ended_at=None))).ended_at is None
        assert (await world.experiments.update_run(ANN, started.id, RunPatch(ended_at=11))).ended_at == 11
        assert (await world.experiments.update_run(ANN, ended.id, RunPatch(ended_at=1, status=RunStatus.KILLED))).ended_at == 1
