"""Metrics as series: many points in one batch, read back thinned, the same in memory and on every database."""

import asyncio
import random
from typing import Any

import msgspec
import pytest

from modelyard.artifacts.entities import Artifact, ArtifactDraft, ArtifactState, ArtifactType
from modelyard.audit.events import Action
from modelyard.context import Millis
from modelyard.errors import Invalid, NotFound, TooLarge
from modelyard.experiments.blocks import SIZE
from modelyard.experiments.entities import MetricPoint, NewExperiment, NewPoint, NewRun, Run, Steps
from modelyard.experiments.metrics import MAX_POINTS
from modelyard.experiments.repository import RAW, SqlSeries
from modelyard.records.kinds import Kind
from modelyard.search.page import ListQuery
from modelyard.search.tree import Compare, Field, Operator, Property, both, equals
from modelyard.store.memory import MemoryDatabase
from tests.store.worlds import row_counts
from tests.unit.world import ANN, STRANGER, World

EVERYTHING = 10**6


async def new_run(world: World) -> Run:
    experiment = await world.experiments.create_experiment(ANN, NewExperiment())
    return await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id))


@pytest.fixture
async def run(world: World) -> Run:
    return await new_run(world)


async def put(world: World, run: Run, point: NewPoint) -> None:
    """The way of Kubeflow's API: one point, as the metric it makes."""
    given: dict[str, Any] = {} if point.step is None else {"step": point.step}
    if point.timestamp is not None:
        given["timestamp"] = str(point.timestamp)
    draft = ArtifactDraft(type=ArtifactType.METRIC, name=point.name, value=point.value, **given)
    await world.experiments.put_artifact(ANN, run.id, draft, None)


async def history(world: World, run: Run) -> list[MetricPoint]:
    return (await world.experiments.list_points(ANN, ListQuery(scope=equals("run_id", run.id)))).items


async def metrics(world: World, run: Run) -> list[Artifact]:
    return (await world.artifacts.list_artifacts(ANN, ListQuery(scope=equals("parent_id", run.id)))).items


async def values(world: World, run: Run, name: str = "loss", steps: Steps | None = None, most: int = EVERYTHING) -> list[float]:
    return [sample.value for sample in (await world.metrics.read(ANN, run.id, name, steps, most)).samples]


def walk(count: int, seed: int = 1, name: str = "loss", first: int = 0) -> list[NewPoint]:
    """A random walk: `count` points whose steps are counted from `first`."""
    source, value, points = random.Random(seed), 0.0, []  # noqa: S311 - not for secrets
    for step in range(first, first + count):
        value += source.uniform(-1, 1)
        points.append(NewPoint(name, value, step, 1_700_000_000_000 + step))
    return points


def plain(records: list[Any], *but: str) -> list[dict[str, Any]]:
    """Records without what must differ between two runs."""
    return [
        {
            name: value
            for name, value in msgspec.structs.asdict(one).items()
            if name not in {"id", "run_id", "owner_id", "experiment_id", *but}
        }
        for one in records
    ]


MIXED = [
    NewPoint("loss", 0.9, 3, 1_700_000_000_000),
    NewPoint("acc", 0.1),
    NewPoint("loss", 0.5),
    NewPoint("loss", 0.4, 1),
    NewPoint("acc", 0.2, None, 5),
    NewPoint("acc", 7.0, -(2**63), 2**63 - 1),
    NewPoint("Loss ", 2),
    NewPoint("é" * 255, -0.0),
    NewPoint("loss", 0.3, None, 1_700_000_000_009),
]


async def test_a_batch_leaves_what_puts_one_by_one_leave(world: World, run: Run) -> None:
    other = await new_run(world)
    described = {"description": "what we minimise", "state": ArtifactState.LIVE, "properties": {"split": "val", "fold": 3}}
    for one in (run, other):
        draft = ArtifactDraft(type=ArtifactType.METRIC, name="acc", value=0.0, step=9, timestamp="then", **described)  # type: ignore[arg-type]  # as above
        await world.experiments.put_artifact(ANN, one.id, draft, None)

    await world.metrics.log(ANN, run.id, MIXED[:4])
    await world.metrics.log(ANN, run.id, MIXED[4:])
    for point in MIXED:
        await put(world, other, point)

    assert plain(await history(world, run)) == plain(await history(world, other))
    assert plain(await metrics(world, run), "revision") == plain(await metrics(world, other), "revision")
    assert {metric.owner_id for metric in await metrics(world, run)} == {run.id}
    assert {(point.run_id, point.experiment_id) for point in await history(world, run)} == {(run.id, run.experiment_id)}
    found = await world.experiments.list_points(ANN, ListQuery(filter=Compare(Property("fold"), Operator.EQ, 3)))
    assert len(found.items) == 2 * (1 + 3)


@pytest.mark.parametrize("names", [("loss",), ("loss", "acc")])
async def test_of_a_batch_of_any_length_every_point_is_kept_as_it_came(world: World, run: Run, names: tuple[str, ...]) -> None:
    sent: list[NewPoint] = []
    for count in (49, 50, 51, 127):
        batch = [point for name in names for point in walk(count, name=name, first=len(sent))]
        await world.metrics.log(ANN, run.id, batch)
        sent += batch

    kept = await history(world, run)
    assert [(one.name, one.value, one.step, one.timestamp) for one in kept] == [
        (one.name, one.value, one.step, str(one.timestamp)) for one in sent
    ]
    assert {(one.run_id, one.experiment_id, one.revision) for one in kept} == {(run.id, run.experiment_id, 1)}


async def test_ids_ascend_in_order_of_arrival(world: World, run: Run) -> None:
    await world.metrics.log(ANN, run.id, MIXED)
    await put(world, run, NewPoint("loss", 1))
    await world.metrics.log(ANN, run.id, MIXED)

    points = await history(world, run)
    ids = [point.id for point in points]
    assert ids == sorted(set(ids))
    assert [point.name for point in points] == [point.name for point in [*MIXED, NewPoint("loss", 1), *MIXED]]


async def test_it_says_what_it_stored_and_leaves_one_event(world: World, run: Run) -> None:
    before = len(await world.events())
    logged = await world.metrics.log(ANN, run.id, MIXED)

    assert (logged.points, logged.metrics) == (len(MIXED), {"loss": 4, "acc": 3, "Loss ": 1, "é" * 255: 1})
    (event,) = (await world.events())[before:]
    assert (event.action, event.kind, event.record_id, event.actor) == (Action.MEASURED, Kind.RUN, run.id, "ann")
    assert event.before == "[]"
    kept = {metric.name: metric for metric in await metrics(world, run)}
    after = msgspec.json.decode(event.after or "")
    assert after[0] == {
        "id": kept["loss"].id,
        "name": "loss",
        "revision": 1,
        "value": 0.3,
        "step": 1,
        "timestamp": "1700000000009",
        "points": 4,
    }
    await world.metrics.log(ANN, run.id, [NewPoint("loss", 7.0)])
    again = (await world.events())[-1]
    (old,), (new,) = msgspec.json.decode(again.before or ""), msgspec.json.decode(again.after or "")
    assert {**old, "points": 4} == after[0]
    assert new == {**after[0], "revision": 2, "value": 7.0, "points": 1}


@pytest.mark.parametrize("name", ["", "x" * 256, "a\0b"])
async def test_a_name_that_cannot_be_kept_is_refused_and_nothing_stored(world: World, run: Run, name: str) -> None:
    with pytest.raises(Invalid, match="name is"):
        await world.metrics.log(ANN, run.id, [NewPoint("loss", 1), NewPoint(name, 1)])
    assert await history(world, run) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
async def test_a_value_that_is_no_number_is_refused_and_nothing_stored(world: World, run: Run, value: float) -> None:
    with pytest.raises(Invalid, match="must be finite"):
        await world.metrics.log(ANN, run.id, [NewPoint("loss", 1), NewPoint("loss", value)])
    assert await history(world, run) == []


async def test_neither_none_nor_too_many(world: World, run: Run) -> None:
    with pytest.raises(Invalid, match="send at least one"):
        await world.metrics.log(ANN, run.id, [])
    with pytest.raises(TooLarge, match="send at most 10000 at once") as caught:
        await world.metrics.log(ANN, run.id, [NewPoint("loss", 1)] * (MAX_POINTS + 1))
    assert caught.value.details == {"limit": MAX_POINTS}


async def test_a_run_of_others_is_none(world: World, run: Run) -> None:
    for caller, run_id in ((STRANGER, run.id), (ANN, run.id + 77)):
        with pytest.raises(NotFound, match="no run has the id"):
            await world.metrics.log(caller, run_id, [NewPoint("loss", 1)])
        with pytest.raises(NotFound, match="no run has the id"):
            await world.metrics.read(caller, run_id, "loss", None, 10)
        with pytest.raises(NotFound, match="no run has the id"):
            await world.metrics.summaries(caller, run_id)


async def test_a_metric_that_is_not_there_is_not_an_empty_one(world: World, run: Run) -> None:
    await world.metrics.log(ANN, run.id, [NewPoint("loss", 1, 5)])

    assert await values(world, run, steps=Steps(6, 9)) == []
    for steps in (None, Steps(0, 9)):
        with pytest.raises(NotFound, match="has no metric named 'Loss'"):
            await world.metrics.read(ANN, run.id, "Loss", steps, 10)


async def test_summaries(world: World, run: Run) -> None:
    assert await world.metrics.summaries(ANN, run.id) == []
    points = [*walk(3 * SIZE + 7), *MIXED]
    await world.metrics.log(ANN, run.id, points)
    for step in range(5):
        await put(world, run, NewPoint("alone", -step, step))
    await put(world, run, NewPoint("loss", 99, 1))

    found = {one.name: one for one in await world.metrics.summaries(ANN, run.id)}

    assert list(found) == sorted(found) == sorted({"alone", *[point.name for point in MIXED]})
    loss = [point.value for point in points if point.name == "loss"]
    assert (found["loss"].count, found["loss"].low, found["loss"].high) == (len(loss) + 1, min(loss), 99)
    assert (found["loss"].last.value, found["loss"].last.step) == (99, 1)
    assert (found["alone"].count, found["alone"].low, found["alone"].high, found["alone"].last.step) == (5, -4, 0, 4)


async def test_as_many_summaries_as_a_run_has_metrics(world: World, run: Run) -> None:
    """MariaDB ends a recursion after a thousand rows, unless told otherwise."""
    names = [f"metric {number:04}" for number in range(1_003)]
    await world.metrics.log(ANN, run.id, [NewPoint(name, 1) for name in names])

    assert [one.name for one in await world.metrics.summaries(ANN, run.id)] == names


async def test_a_long_series_is_thinned_to_its_shape(world: World, run: Run) -> None:
    most = 10
    points = walk(RAW * most + 3 * SIZE + 50)
    for start in range(0, len(points), 83):
        await world.metrics.log(ANN, run.id, points[start : start + 83])
    for point in walk(3, seed=2, first=len(points)):
        await put(world, run, point)
        points.append(point)
    everything = [point.value for point in points]

    reading = await world.metrics.read(ANN, run.id, "loss", None, most)

    assert reading.count == len(points)
    samples = [(sample.value, sample.step, sample.timestamp) for sample in reading.samples]
    assert len(samples) <= most
    assert set(samples) <= {(point.value, point.step, point.timestamp) for point in points}
    steps = [sample.step for sample in reading.samples]
    assert (steps[0], steps[-1]) == (0, len(points) - 1)
    kept = [sample.value for sample in reading.samples]
    assert (min(kept), max(kept)) == (min(everything), max(everything))
    assert await values(world, run) == everything


async def test_steps_narrow_it_whatever_their_order(world: World, run: Run) -> None:
    most = 5
    points = walk(RAW * most + 5 * SIZE)
    points[250:260] = [NewPoint("loss", point.value) for point in points[250:260]]  # the step stays that of point 249
    points[:SIZE] = points[:SIZE][::-1]
    await world.metrics.log(ANN, run.id, [*points, NewPoint("loss", 1000.0, 333)])
    await world.metrics.log(ANN, run.id, [NewPoint("other", 5.0)])
    known = [(point.value, point.step if point.step is not None else 249) for point in points] + [(1000.0, 333)]

    for first, last in ((0, 10), (120, 420), (333, 333), (5, 10**9), (-(2**63), 2**63 - 1)):
        steps = Steps(first, last)
        wanted = [value for value, step in known if first <= step <= last]
        assert await values(world, run, steps=steps) == wanted
        reading = await world.metrics.read(ANN, run.id, "loss", steps, most)
        kept = [sample.value for sample in reading.samples]
        assert reading.count == len(wanted)
        assert len(kept) <= most
        assert (kept[0], kept[-1], min(kept), max(kept)) == (wanted[0], wanted[-1], min(wanted), max(wanted))
    assert await values(world, run, "other", Steps(-(2**63), 2**63 - 1)) == []
    assert await values(world, run, "other") == [5.0]


async def test_those_of_a_run_in_the_trash_are_not_there_and_come_back_with_it(world: World, run: Run) -> None:
    await world.metrics.log(ANN, run.id, [*walk(3 * SIZE + 7), *MIXED])
    before = (await values(world, run), await world.metrics.summaries(ANN, run.id), await metrics(world, run))

    deletion = await world.experiments.trash_run(ANN, run.id)
    for work in (
        world.metrics.log(ANN, run.id, [NewPoint("loss", 1)]),
        world.metrics.read(ANN, run.id, "loss", None, 10),
        world.metrics.summaries(ANN, run.id),
    ):
        with pytest.raises(NotFound, match="no run has the id"):
            await work
    await world.trash.restore(ANN, deletion.id, name="back")

    assert (await values(world, run), await world.metrics.summaries(ANN, run.id), await metrics(world, run)) == before
    await world.metrics.log(ANN, run.id, [NewPoint("loss", 7.5)])
    assert (await values(world, run))[-1] == 7.5


@pytest.mark.parametrize("batch", [False, True])
async def test_a_metric_that_came_back_under_another_name_has_a_series_again(world: World, run: Run, *, batch: bool) -> None:
    await world.metrics.log(ANN, run.id, [NewPoint("loss", 1, 1), NewPoint("acc", 5)])
    (metric,) = [metric for metric in await metrics(world, run) if metric.name == "loss"]
    deletion = await world.artifacts.trash_artifact(ANN, metric.id)
    await world.trash.restore(ANN, deletion.id, name="a loss")
    with pytest.raises(NotFound, match="has no metric named 'a loss'"):
        await world.metrics.read(ANN, run.id, "a loss", None, 10)

    for point in (NewPoint("a loss", 2, 2), NewPoint("a loss", 3, 3), NewPoint("a loss", 0, 4)):
        await (world.metrics.log(ANN, run.id, [point]) if batch else put(world, run, point))

    assert await values(world, run, "a loss") == [2, 3, 0]
    assert await values(world, run, "a loss", Steps(3, 9)) == [3, 0]
    assert await values(world, run, "a loss", Steps(9, 10)) == []
    assert await values(world, run) == [1]
    found = [(one.name, one.count, one.low, one.high, one.last.value) for one in await world.metrics.summaries(ANN, run.id)]
    assert found == [("a loss", 3, 0, 3, 0), ("acc", 1, 5, 5, 5), ("loss", 1, 1, 1, 1)]
    assert isinstance(world.database, MemoryDatabase) or await SqlSeries().wrong(world.database.reader, run.id) == []


class TestBlocks:
    """On the databases only: memory has none."""

    @pytest.fixture
    async def run(self, sql: World) -> Run:
        return await new_run(sql)

    async def test_they_say_what_the_points_say_however_these_came(self, sql: World, run: Run) -> None:
        source = random.Random(4)  # noqa: S311 - not for secrets
        for round_ in range(60):
            if round_ % 3:
                await put(sql, run, NewPoint(f"m{source.randrange(3)}", source.random(), source.randrange(9)))
            else:
                await sql.metrics.log(ANN, run.id, walk(source.randrange(1, 70), round_, f"m{source.randrange(5)}"))
        assert await SqlSeries().wrong(sql.database.reader, run.id) == []

    async def test_rebuilding_mends_what_is_wrong(self, sql: World, run: Run) -> None:
        series = SqlSeries()
        await sql.metrics.log(ANN, run.id, [*walk(250), *walk(30, name="acc")])
        before = await sql.metrics.summaries(ANN, run.id)
        ends = await series._ends(sql.database.reader, run.id, ["acc"])
        await sql.database.write(lambda unit: series._grow(unit, run.id, ends, {"acc": [(10**6, 9.0, None)]}))
        assert await series.wrong(sql.database.reader, run.id) == ["acc"]

        await sql.database.write(lambda unit: series.rebuild(unit, run.id))

        assert await series.wrong(sql.database.reader, run.id) == []
        assert await sql.metrics.summaries(ANN, run.id) == before

    async def test_purging_a_run_removes_its_points_and_blocks(self, sql: World, run: Run) -> None:
        empty = await row_counts(sql)
        kept, gone = run, await new_run(sql)
        for one in (kept, gone):
            await sql.metrics.log(ANN, one.id, [*walk(250), *MIXED])
        full = await row_counts(sql)
        await sql.experiments.trash_run(ANN, gone.id)

        await sql.trash.purge(ANN, Millis(sql.clock.now + 1))

        left = await row_counts(sql)
        for table in ("metric_point", "metric_block", "artifact"):
            assert (empty[table], 2 * left[table]) == (0, full[table])
        assert len(await values(sql, kept)) == 250 + 4
        assert await SqlSeries().wrong(sql.database.reader, kept.id) == []

    async def test_many_writers_of_one_run_lose_nothing(self, sql: World, run: Run) -> None:
        async def write(number: int) -> None:
            await sql.metrics.log(ANN, run.id, walk(37, number, "loss", first=1000 * number))
            await put(sql, run, NewPoint("loss", number, 1000 * number + 37))
            await sql.metrics.log(ANN, run.id, walk(5, number, f"own {number}"))

        await asyncio.gather(*(write(number) for number in range(20)))

        scope = both(equals("run_id", run.id), equals("name", "loss"))
        points = (await sql.experiments.list_points(ANN, ListQuery(scope=scope))).items
        assert sorted(point.step or 0 for point in points) == sorted(1000 * number + step for number in range(20) for step in range(38))
        for number in range(20):  # each batch lies together, in its order
            own = [point.step or 0 for point in points if (point.step or 0) // 1000 == number]
            assert own == sorted(own)
        assert await SqlSeries().wrong(sql.database.reader, run.id) == []
        found = {one.name: one.count for one in await sql.metrics.summaries(ANN, run.id)}
        assert found == {"loss": 20 * 38} | {f"own {number}": 5 for number in range(20)}
        (metric,) = [metric for metric in await metrics(sql, run) if metric.name == "loss"]
        assert (metric.value, metric.step, metric.revision) == (points[-1].value, points[-1].step, 40)

    async def test_points_can_be_filtered_as_before(self, sql: World, run: Run) -> None:
        await sql.metrics.log(ANN, run.id, MIXED)
        query = ListQuery(filter=Compare(Field("value"), Operator.GT, 0.35), scope=equals("run_id", run.id))
        assert [point.value for point in (await sql.experiments.list_points(ANN, query)).items] == [0.9, 0.5, 0.4, 7.0, 2.0]
