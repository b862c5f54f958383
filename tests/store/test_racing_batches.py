"""Two servers that log points of one run at the same moment, each with its own queue of what it is at."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg
import pytest

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.experiments.entities import NewExperiment, NewPoint, NewRun
from modelyard.experiments.repository import SqlSeries
from modelyard.search.page import ListQuery
from modelyard.search.tree import equals
from modelyard.store.database import IdSequence
from modelyard.store.pooled_unit import PooledUnit
from modelyard.store.urls import DatabaseUrl
from tests.servers.sql import execute
from tests.store.conftest import NewStore
from tests.store.servers import until
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


class Lending(NamedTuple):
    """Two servers on PostgreSQL; a run that has a metric and some points; and the id of a namesake that another run has.

    A point put by that id changes another metric than a batch does, and always brings the blocks up to date.
    """

    url: str
    one: World
    other: World
    run_id: int
    lent_id: int

    async def batch(self) -> None:
        """So short that it would leave its points loose, if it might."""
        await self.one.metrics.log(ANN, self.run_id, [NewPoint("loss", number) for number in range(3)])

    async def put(self) -> None:
        await self.other.experiments.put_artifact(ANN, self.run_id, loss(-2), self.lent_id)

    async def check(self) -> None:
        assert (await self.one.metrics.read(ANN, self.run_id, "loss", None, 100)).count == 1 + 3 + 1
        assert await SqlSeries().wrong(self.one.database.reader, self.run_id) == []


@pytest.fixture
async def lending(new_store: NewStore) -> AsyncIterator[Lending]:
    url = await new_store("postgresql")
    async with world_at(url) as one, world_at(url) as other:
        experiment = await one.experiments.create_experiment(ANN, NewExperiment())
        run, lender = [await one.experiments.create_run(ANN, NewRun(experiment_id=experiment.id)) for _ in range(2)]
        lent = (await one.experiments.put_artifact(ANN, lender.id, loss(0), None)).artifact
        await one.metrics.log(ANN, run.id, [NewPoint("loss", 1)])
        yield Lending(url, one, other, run.id, lent.id)


@asynccontextmanager
async def held(url: str, run_id: int) -> AsyncIterator[None]:
    """While the block runs, whoever locks the run waits."""
    connection = await asyncpg.connect(**DatabaseUrl.parse(url).connect_arguments())
    try:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM run WHERE id = $1 FOR UPDATE", run_id)
            yield
    finally:
        await connection.close()


def waiting(url: str) -> int:
    ((count,),) = execute(url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    return int(count)


async def test_a_point_that_comes_while_the_statement_of_a_batch_waits(lending: Lending) -> None:
    """The batch has its ids, and its snapshot, and then waits behind a point with a higher id whose block it does not see."""
    async with held(lending.url, lending.run_id):
        point = asyncio.create_task(lending.put())
        await until(lambda: waiting(lending.url) == 1)
        batch = asyncio.create_task(lending.batch())
        await until(lambda: waiting(lending.url) == 2)
    await asyncio.gather(point, batch)

    await lending.check()


async def test_a_point_that_comes_when_a_batch_has_its_ids(lending: Lending, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, go_on = asyncio.Event(), asyncio.Event()
    next_ids = PooledUnit.next_ids

    async def pausing(unit: PooledUnit, sequence: IdSequence, count: int) -> Sequence[int]:
        ids = await next_ids(unit, sequence, count)
        taken.set()
        await go_on.wait()
        return ids

    monkeypatch.setattr(PooledUnit, "next_ids", pausing)
    batch = asyncio.create_task(lending.batch())
    await taken.wait()
    await lending.put()
    go_on.set()
    await batch

    await lending.check()
