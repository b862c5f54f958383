"""Records get their ids with the statement that stores them, where the database can do that: nobody sees a difference."""

import asyncio

import msgspec
import pytest
from sqlalchemy import select

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType, Put
from modelyard.experiments.entities import NewExperiment, NewRun
from modelyard.models.entities import ModelPatch, NewModel
from modelyard.overview.integrity.check import check
from modelyard.search.page import ListQuery
from modelyard.search.tree import Compare, Operator, Property
from modelyard.store.database import IdSequence, Unit
from modelyard.store.meter import Meter
from modelyard.store.statements import Bulk, Flavour, Statement
from modelyard.store.tables import PROPERTY_NUMBER
from tests.store.conftest import NewStore
from tests.store.things import opened
from tests.store.worlds import sql_world
from tests.unit.world import ANN, World

_INDEX = Bulk("index a number", PROPERTY_NUMBER)
_INDEXED = Statement("numbers", select(PROPERTY_NUMBER.c.name, PROPERTY_NUMBER.c.id))


@pytest.mark.parametrize("properties", [0, 1, 3, 8, 9, 40])
async def test_everything_that_is_kept_of_a_new_record_has_its_id(sql: World, properties: int) -> None:
    before = await sql.models.create_model(ANN, NewModel())
    given = {f"n{number}": number for number in range(properties)} | {f"s{number}": "text" for number in range(properties)}

    model = await sql.models.create_model(ANN, NewModel(name="m", external_id="x", properties=given, tasks=("a", "b")))

    assert type(model.id) is int
    assert model.id == before.id + 1
    assert await sql.models.get_model(ANN, model.id) == model
    event = (await sql.events())[-1]
    assert (event.record_id, event.after) == (model.id, msgspec.json.encode(model).decode())
    for name in given:
        value = given[name]
        found = await sql.models.list_models(ANN, ListQuery(filter=Compare(Property(name), Operator.EQ, value)))
        assert found.items == [model]
    assert (await check(sql.database, lambda _name, _rows: None)).whole


async def test_a_metric_and_its_point_get_theirs_together(sql: World) -> None:
    run = await _run(sql)
    loss = ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=1.0, properties={"a": 1})

    first = await sql.experiments.put_artifact(ANN, run, loss, None)
    again = await sql.experiments.put_artifact(ANN, run, msgspec.structs.replace(loss, value=2.0), None)

    assert (first.created, again.created) == (True, False)
    assert again.artifact.id == first.artifact.id
    points = (await sql.experiments.list_points(ANN, ListQuery())).items
    assert [point.value for point in points] == [1.0, 2.0]
    assert first.artifact.id < points[0].id < points[1].id
    assert (await check(sql.database, lambda _name, _rows: None)).whole


async def test_within_a_unit_an_id_is_known_to_whoever_asks_the_database(sql: World) -> None:
    async def work(_: Unit) -> tuple[int, int]:
        one = await sql.models.create_model(ANN, NewModel(name="one"))
        two = await sql.models.create_model(ANN, NewModel(name="two"))
        await sql.models.update_model(ANN, one.id, ModelPatch(owner="ann"))
        return one.id, two.id

    one, two = await sql.database.write(work)

    assert (type(one), two) == (int, one + 1)
    assert (await sql.models.get_model(ANN, one)).owner == "ann"


async def test_what_stands_for_an_id_may_still_be_used_when_the_number_is_there(sql: World) -> None:
    async def work(unit: Unit) -> list[int]:
        kept = list[int]()
        await unit.new_id(IdSequence.RESOURCE, kept.append)
        new = kept[0]
        await unit.later(_INDEX, [(1, 1, "first", 1.0, new, 1)])
        await unit.execute_many(_INDEX, [(1, 1, "second", 1.0, new, 1)])
        await unit.later(_INDEX, [(1, 1, "third", 1.0, new, 1)])
        await unit.new_id(IdSequence.RESOURCE, kept.append)
        await unit.later(_INDEX, [(1, 1, "other", 1.0, kept[-1], 1)])
        return kept

    kept = await sql.database.write(work)

    one, two = [number for number in kept if type(number) is int]
    assert two == one + 1
    rows = await sql.database.reader.rows(_INDEXED, {})
    assert {row[0]: row[1] for row in rows} == {"first": one, "second": one, "third": one, "other": two}


@pytest.mark.servers
async def test_puts_of_one_metric_at_once_do_not_have_to_give_way(new_store: NewStore) -> None:
    """They stand in line, where PostgreSQL would have all but the first of them run again."""
    meter = Meter(Flavour.POSTGRESQL)
    loss = ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=1.0)
    async with opened(await new_store("postgresql"), meter=meter) as database:
        world = sql_world(database)
        run = await _run(world)

        async def put(number: int) -> Put:
            return await world.experiments.put_artifact(ANN, run, msgspec.structs.replace(loss, step=number), None)

        puts = await asyncio.gather(*map(put, range(30)))
        changes = [world.artifacts.update_artifact(ANN, puts[0].artifact.id, loss) for _ in range(30)]
        await asyncio.gather(*changes)

        assert sorted(put.artifact.revision for put in puts) == list(range(1, 31))
        assert (await world.artifacts.get_artifact(ANN, puts[0].artifact.id)).revision == 60
    assert not meter.retries


async def test_points_that_come_through_two_artifacts_of_one_name_are_all_in_blocks(sql: World) -> None:
    """The run is held before a point gets its id: the order of ids is that in which points became visible."""
    run = await _run(sql)
    loss = ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=1.0)
    attached = await sql.artifacts.create_artifact(ANN, loss)
    rounds = 12

    async def through(artifact_id: int | None) -> None:
        for number in range(rounds):
            await sql.experiments.put_artifact(ANN, run, msgspec.structs.replace(loss, step=number), artifact_id)

    await asyncio.gather(through(None), through(attached.id), through(None), through(attached.id))

    assert len((await sql.experiments.list_points(ANN, ListQuery())).items) == 4 * rounds
    assert (await check(sql.database, lambda _name, _rows: None)).whole


async def _run(world: World) -> int:
    experiment = await world.experiments.create_experiment(ANN, NewExperiment())
    return (await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id))).id
