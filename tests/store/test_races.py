"""Many callers at once, in memory and on every database: nothing is lost, nothing happens twice."""

import asyncio
from collections.abc import Awaitable

import msgspec
import pytest

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.context import DEFAULT_PROJECT
from modelyard.errors import AlreadyExists, ModelyardError
from modelyard.experiments.entities import ExperimentPatch, NewExperiment
from modelyard.models.entities import ModelPatch, ModelVersion, NewModel, NewVersion
from modelyard.records.kinds import Kind
from modelyard.search.page import ListQuery
from modelyard.search.tree import both, equals
from modelyard.store.database import Unit
from tests.servers.sql import execute
from tests.store.conftest import NewStore
from tests.store.test_records import log, new_run
from tests.store.worlds import world_at
from tests.unit.world import ANN, World


async def outcome(work: Awaitable[object]) -> str:
    """The class of what came out: an entity or a domain error."""
    try:
        return type(await work).__name__
    except ModelyardError as error:
        return type(error).__name__


async def test_of_many_creates_of_one_name_one_wins(world: World) -> None:
    outcomes = await asyncio.gather(*(outcome(world.models.create_model(ANN, NewModel(name="fraud"))) for _ in range(24)))

    assert sorted(outcomes) == ["AlreadyExists"] * 23 + ["Model"]
    assert len((await world.models.list_models(ANN, ListQuery())).items) == 1


async def test_of_many_kinds_that_want_an_external_id_one_gets_it(world: World) -> None:
    creates = [
        outcome(
            world.models.create_model(ANN, NewModel(external_id="x"))
            if number % 2
            else world.experiments.create_experiment(ANN, NewExperiment(external_id="x"))
        )
        for number in range(16)
    ]

    outcomes = await asyncio.gather(*creates)

    assert outcomes.count("AlreadyExists") == 15
    models = await world.models.list_models(ANN, ListQuery())
    experiments = await world.experiments.list_experiments(ANN, ListQuery())
    assert len(models.items) + len(experiments.items) == 1


async def test_external_ids_that_change_hands_at_once_stay_unique(world: World) -> None:
    """Everyone tries to take everyone's, again and again: what was claimed is free afterwards, and what is held is held once."""
    models = [await world.models.create_model(ANN, NewModel(external_id=f"x{number}")) for number in range(4)]

    await asyncio.gather(
        *(
            outcome(world.models.update_model(ANN, models[number % 4].id, ModelPatch(external_id=f"x{number * 7 % 5}")))
            for number in range(40)
        )
    )

    held = [found.external_id for found in (await world.models.list_models(ANN, ListQuery())).items]
    assert len(set(held)) == len(held) == 4
    for free in {f"x{number}" for number in range(5)} - set(held):
        await world.experiments.create_experiment(ANN, NewExperiment(external_id=free))
    for value in held:
        with pytest.raises(AlreadyExists):
            await world.experiments.create_experiment(ANN, NewExperiment(external_id=value))


async def test_concurrent_patches_lose_none(world: World) -> None:
    made = await world.models.create_model(ANN, NewModel())

    async def work(unit: Unit, number: int) -> None:
        locked = await world.records.models.lock(unit, DEFAULT_PROJECT, made.id)
        assert locked is not None
        await world.models.update_model(ANN, made.id, ModelPatch(properties={**locked.properties, f"p{number}": number}))

    await asyncio.gather(*(world.database.write(lambda unit, number=number: work(unit, number)) for number in range(20)))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type

    found = await world.models.get_model(ANN, made.id)
    assert found.properties == {f"p{number}": number for number in range(20)}
    assert found.revision == 21


async def test_of_many_patches_of_one_revision_one_wins(world: World) -> None:
    made = await world.experiments.create_experiment(ANN, NewExperiment())

    outcomes = await asyncio.gather(
        *(
            outcome(world.experiments.update_experiment(ANN, made.id, ExperimentPatch(owner=str(n), revisions=frozenset({1}))))
            for n in range(12)
        )
    )

    assert sorted(outcomes) == ["Experiment"] + ["Stale"] * 11


async def test_puts_of_one_metric_make_one_metric_and_a_point_each(world: World) -> None:
    run = await new_run(world)

    puts = await asyncio.gather(*(log(world, run, float(number)) for number in range(16)))

    assert sum(put.created for put in puts) == 1
    scope = both(equals("parent_id", run), equals("name", "loss"))
    (metric,) = (await world.artifacts.list_artifacts(ANN, ListQuery(scope=scope))).items
    assert metric.revision == 16
    points = (await world.experiments.list_points(ANN, ListQuery(scope=equals("run_id", run)))).items
    assert sorted(point.value for point in points) == [float(number) for number in range(16)]
    assert points[-1].value == metric.value


@pytest.mark.servers
async def test_puts_of_one_metric_lock_in_one_order(new_store: NewStore) -> None:
    """Units that lock and units that look again would wait for each other, a second each time, until PostgreSQL ends one."""
    url = await new_store("postgresql")
    async with world_at(url) as world:
        for _ in range(4):
            run = await new_run(world)
            await asyncio.gather(*(log(world, run, float(number)) for number in range(50)))

    # The connections are closed, so what they counted is there.
    [(deadlocks,)] = execute(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert deadlocks == 0


async def test_puts_of_a_metric_and_patches_of_it_by_id_lose_none(world: World) -> None:
    run = await new_run(world)
    metric = (await log(world, run, 0.0)).artifact

    await asyncio.gather(
        *(log(world, run, float(number)) for number in range(8)),
        *(
            world.artifacts.update_artifact(ANN, metric.id, ArtifactDraft(type=ArtifactType.METRIC, description=str(number)))
            for number in range(8)
        ),
    )

    assert (await world.artifacts.get_artifact(ANN, metric.id)).revision == 17
    revisions = [msgspec.json.decode(event.after or "")["revision"] for event in await world.events() if event.kind == Kind.ARTIFACT]
    assert sorted(revisions) == list(range(1, 18))


async def test_attaching_at_once_attaches_once(world: World) -> None:
    made = await world.models.create_model(ANN, NewModel())
    version = await world.models.create_version(ANN, NewVersion(model_id=made.id))
    artifact = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=ArtifactType.MODEL))
    draft = ArtifactDraft(type=ArtifactType.MODEL, uri="s3://b/k")

    await asyncio.gather(*(world.models.put_artifact(ANN, version.id, draft, artifact.id) for _ in range(8)))

    found = await world.artifacts.list_artifacts(ANN, ListQuery(scope=equals("parent_id", version.id)))
    assert [item.id for item in found.items] == [artifact.id]


async def test_versions_made_while_their_model_is_patched(world: World) -> None:
    """On MariaDB the two lock the model's row in different ways, and may have to give way to each other."""
    made = await world.models.create_model(ANN, NewModel())

    results = await asyncio.gather(
        *(world.models.create_version(ANN, NewVersion(model_id=made.id)) for _ in range(10)),
        *(world.models.update_model(ANN, made.id, ModelPatch(owner=str(number))) for number in range(10)),
    )

    assert sum(isinstance(result, ModelVersion) for result in results) == 10
    assert (await world.models.get_model(ANN, made.id)).revision == 11
