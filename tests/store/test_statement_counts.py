"""How many statements each change and each read of one record runs, exactly, so that one more is seen.

The numbers are the same on every database but where a test says why not.
"""

from collections.abc import Awaitable
from typing import Any

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.deployments.entities import (
    EnvironmentPatch,
    InferenceServicePatch,
    NewEnvironment,
    NewServeRecord,
)
from modelyard.experiments.entities import ExperimentPatch, NewPoint, NewRun, RunPatch, Steps
from modelyard.models.entities import ModelPatch, NewModel, NewVersion, VersionPatch
from modelyard.store.database import Database
from modelyard.store.statements import Flavour
from tests.store.counted import DATASET, METRIC, PARAMETER, SIZE, Counted, fill
from tests.unit.world import ANN


def ends(database: Database) -> list[str]:
    """Reading how far blocks of points go. One statement says it on PostgreSQL, where each is a round trip."""
    return ["ends of metric series"] if database.flavour is Flavour.POSTGRESQL else ["last metric_blocks", "loose metric_points"]


async def test_reading_one(counted: Counted) -> None:
    world = counted.world

    assert await counted.names(world.models.get_model(ANN, counted.model)) == ["get model"]
    assert await counted.names(world.models.get_version(ANN, counted.version)) == ["get model_version"]
    assert await counted.names(world.experiments.get_experiment(ANN, counted.experiment)) == ["get experiment"]
    assert await counted.names(world.experiments.get_run(ANN, counted.run)) == ["get run"]
    assert await counted.names(world.deployments.get_environment(ANN, counted.environment)) == ["get environment"]
    assert await counted.names(world.deployments.get_service(ANN, counted.service)) == ["get inference_service"]
    assert await counted.names(world.models.find_models(ANN, {"name": "x"})) == ["find model"]
    served = ["get inference_service", "get model"]
    assert await counted.names(world.deployments.get_served_model(ANN, counted.service)) == served
    newest = ["get inference_service", "count model_version", "look up model_version"]
    assert await counted.names(world.deployments.get_served_version(ANN, counted.service)) == newest


async def test_creating(counted: Counted) -> None:
    world = counted.world

    assert await counted.names(world.models.create_model(ANN, NewModel())) == ["insert model", "insert audit_event"]
    version = ["lock model", "insert model_version", "count version", "insert audit_event"]
    assert await counted.names(world.models.create_version(ANN, NewVersion(model_id=counted.model))) == version
    run = ["hold experiment", "insert run", "insert audit_event"]
    assert await counted.names(world.experiments.create_run(ANN, NewRun(experiment_id=counted.experiment))) == run
    environment = ["insert environment", "insert audit_event"]
    assert await counted.names(world.deployments.create_environment(ANN, NewEnvironment())) == environment
    serve = NewServeRecord(service_id=counted.service, version_id=counted.version)
    served = ["hold model_version", "hold inference_service", "insert serve_record", "insert audit_event"]
    assert await counted.names(world.deployments.create_serve(ANN, serve)) == served
    artifact = ["insert artifact", "insert audit_event"]
    assert await counted.names(world.artifacts.create_artifact(ANN, ArtifactDraft(type=DATASET))) == artifact


async def test_properties_and_lists_cost_one_statement_for_all_of_a_sort(counted: Counted) -> None:
    properties = {f"n{number}": number for number in range(50)} | {f"s{number}": "text" for number in range(50)}
    new = NewModel(external_id="x", properties=properties, tasks=("a", "b", "c"), language=("d", "e"))

    names = await counted.names(counted.world.models.create_model(ANN, new))

    assert names == ["insert model", "insert external_id", "index numbers", "index texts", "insert audit_event"]


async def test_patching(counted: Counted) -> None:
    world = counted.world
    await world.models.update_model(ANN, counted.model, ModelPatch(external_id="x", properties={"a": 1, "b": "text", "same": 7}))

    plain = ["lock model", "update model", "insert audit_event"]
    assert await counted.names(world.models.update_model(ANN, counted.model, ModelPatch(owner="ann"))) == plain
    assert await counted.names(world.models.update_version(ANN, counted.version, VersionPatch())) == [
        "lock model_version",
        "update model_version",
        "insert audit_event",
    ]
    for work, table in (
        (world.experiments.update_experiment(ANN, counted.experiment, ExperimentPatch()), "experiment"),
        (world.experiments.update_run(ANN, counted.run, RunPatch()), "run"),
        (world.deployments.update_environment(ANN, counted.environment, EnvironmentPatch()), "environment"),
        (world.deployments.update_service(ANN, counted.service, InferenceServicePatch()), "inference_service"),
    ):
        assert await counted.names(work) == [f"lock {table}", f"update {table}", "insert audit_event"]

    patch = ModelPatch(external_id="y", properties={"a": 2, "b": "other", "same": 7})
    assert await counted.names(world.models.update_model(ANN, counted.model, patch)) == [
        "lock model",
        "release external id",
        "update model",
        "insert external_id",
        "drop numbers",
        "drop texts",
        "index numbers",
        "index texts",
        "insert audit_event",
    ]


async def test_putting(counted: Counted) -> None:
    world = counted.world

    def put(type_: ArtifactType, name: str | None, artifact_id: int | None = None) -> Awaitable[Any]:
        return world.experiments.put_artifact(ANN, counted.run, ArtifactDraft(type=type_, name=name, value=1.0), artifact_id)

    created = ["insert artifact", "insert audit_event", "insert artifact_parent"]
    assert await counted.names(put(DATASET, "rows")) == ["lock run", *created]
    # Only MariaDB must lock before it looks: SQLite has one writer, and on PostgreSQL the change looks at the revisions.
    locking = world.database.flavour is Flavour.MYSQL
    found = ["lock run", "namesake of artifact"] if locking else ["run with namesake of artifact"]
    assert await counted.names(put(PARAMETER, "lr")) == [*found, *created]
    first_block = [*ends(world.database), "insert metric_blocks"]
    assert await counted.names(put(METRIC, "loss")) == [*found, *created, "insert metric_point", *first_block]
    locked = ["lock artifact"] if locking else []
    again = [*found, *locked, "update artifact", "insert audit_event", "insert metric_point"]
    assert await counted.names(put(METRIC, "loss")) == again

    free = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=DATASET))
    attached = [
        "lock run",
        "lock artifact",
        "artifact attached",
        "insert artifact_parent",
        "insert audit_event",
        "update artifact",
        "insert audit_event",
    ]
    assert await counted.names(put(DATASET, None, free.id)) == attached


async def test_deleting_and_restoring(counted: Counted) -> None:
    """As many whatever goes along; those who have nothing that could go along ask nothing about it."""
    world = counted.world
    await fill(counted, 5)

    model = ["lock model", "insert trash", "trash model"]
    version = ["lock model_version under model", "trash model_version under model"]
    beneath = ["lock artifact under model_version", "lock serve_record under model_version", "trash serve_record under model_version"]
    assert await counted.names(world.models.trash_model(ANN, counted.model)) == [
        *model,
        *version,
        *beneath,
        "list deletion",
        "insert audit_event",
    ]
    (deletion,) = (await world.trash.list_deletions(ANN, limit=1)).items
    assert await counted.names(world.trash.list_deletions(ANN, limit=200)) == ["list trash"]
    assert await counted.names(world.trash.restore(ANN, deletion.id)) == [
        "lock deletion",
        "get trashed model",
        "hold deletions of inference_service of serve_record",
        "hold inference_service of serve_record",
        "leave serve_record with inference_service",
        "hold deletions of model_version of serve_record",
        "hold model_version of serve_record",
        "leave serve_record with model_version",
        "list deletion",
        "restore metric_point",
        "restore model",
        "restore model_version",
        "restore serve_record",
        "forget deletion",
        "insert audit_event",
    ]
    free = await world.artifacts.create_artifact(ANN, ArtifactDraft(type=DATASET, external_id="x"))
    artifact = ["lock artifact", "insert trash", "trash artifact", "list deletion", "insert audit_event"]
    assert await counted.names(world.artifacts.trash_artifact(ANN, free.id)) == artifact


async def test_points_in_bulk(counted: Counted) -> None:
    """So many whatever the number of points and metrics."""
    world = counted.world
    batch = [NewPoint(f"m{number % 7}", number) for number in range(SIZE)]
    blocks = ends(world.database)
    points, event = "insert metric_points", "insert audit_event"

    names = await counted.names(world.metrics.log(ANN, counted.run, batch))
    assert names == [
        "lock run",
        "lock artifacts",
        *blocks,
        "insert metric_blocks",
        points,
        "insert artifact",
        "insert artifact_parent",
        event,
    ]
    names = await counted.names(world.metrics.log(ANN, counted.run, batch * 5))
    grown = ["grow metric_block", "insert metric_blocks"]
    assert names == ["lock run", "lock artifacts", *blocks, *grown, points, "update artifact", event]


async def test_reading_points(counted: Counted) -> None:
    world = counted.world
    await world.metrics.log(ANN, counted.run, [NewPoint("loss", number, number) for number in range(5 * SIZE)])

    async def read(most: int, steps: Steps | None = None) -> list[str]:
        return await counted.names(world.metrics.read(ANN, counted.run, "loss", steps, most))

    start = ["get run", "last metric_blocks"]
    assert await read(2_000) == [*start, "metric_blocks", "metric_points"]
    assert await read(10) == [*start, "metric_blocks", "metric_points", "metric_points by id"]
    of_steps = [*start, "metric_blocks of steps"]
    points = ["metric_points of steps", "metric_points of steps in blocks"]
    assert await read(2_000, Steps(5, 9)) == [*of_steps, *points]
    thinned = [*of_steps, *points, "metric_points by id"]
    assert await read(10, Steps(50, 950)) == thinned
    listed = await counted.names(world.metrics.summaries(ANN, counted.run))
    assert listed == ["get run", "metric series", "loose metric_points", "metric_points by id"]
