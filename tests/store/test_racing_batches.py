"""Two servers that log points of one run at the same moment, each with its own queue of what it is at."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.experiments.entities import NewExperiment, NewPoint, NewRun
from modelyard.experiments.repository import SqlSeries
from modelyard.search.page import ListQuery
from modelyard.search.tree import equals
from tests.store.conftest import NewStore
from tests.store.worlds import world_at
from tests.unit.world import ANN, World

ROUNDS = 20


@pytest.fixture(params=[pytest.param("postgresql", id="postgresql"), pytest.param("mysql", id="mariadb")])
async def worlds(request: pytest.FixtureRequest, new_store: NewStore) -> AsyncIterator[tuple[World, World]]:
    url = await new_store(request.param)
    async with world_at(url) as one, world_at(url) as other:
        yield one, other


def loss(value: float) -> ArtifactDraft:
    return ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=value)


async def test_batches_and_points_of_one_series_lose_nothing(worlds: tuple[World, World]) -> None:
    """Points come in batches long and short, one by one by the metric's name, and by the id of a namesake that another run has."""
    one, other = worlds
    experiment = await one.experiments.create_experiment(ANN, NewExperiment())
    run, lender = [await one.experiments.create_run(ANN, NewRun(experiment_id=experiment.id)) for _ in range(2)]
    lent = (await one.experiments.put_artifact(ANN, lender.id, loss(0), None)).artifact

    async def batch(world: World, length: int, number: int) -> None:
        await world.metrics.log(ANN, run.id, [NewPoint("loss", number, step) for step in range(length)])

    await batch(one, 1, -3)  # the run has a metric of its own, which is the one that batches change
    for number in range(ROUNDS):
        await asyncio.gather(
            batch(one, 7, number),
            other.experiments.put_artifact(ANN, run.id, loss(-2), lent.id),
            batch(one, 3, number),
            batch(other, 130, number),
            one.experiments.put_artifact(ANN, run.id, loss(-1), None),
        )

    points = (await one.experiments.list_points(ANN, ListQuery(scope=equals("run_id", run.id)))).items
    assert len(points) == 1 + ROUNDS * (7 + 130 + 1 + 1 + 3)
    assert await SqlSeries().wrong(one.database.reader, run.id) == []
    (summary,) = await other.metrics.summaries(ANN, run.id)
    assert (summary.count, summary.last.id) == (len(points), points[-1].id)
    for number in range(ROUNDS):  # each batch lies together
        long = [place for place, point in enumerate(points) if point.value == number and (point.step or 0) >= 7]
        assert long == list(range(long[0], long[0] + 123))
