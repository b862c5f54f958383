"""How many statements each operation runs, exactly, so that one more is seen. The numbers are the same on every database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.context import DEFAULT_PROJECT, Caller
from modelyard.deployments.entities import (
    EnvironmentPatch,
    InferenceServicePatch,
    NewEnvironment,
    NewInferenceService,
    NewServeRecord,
)
from modelyard.experiments.entities import ExperimentPatch, NewExperiment, NewPoint, NewRun, RunPatch, Steps
from modelyard.models.entities import ModelPatch, NewModel, NewVersion, VersionPatch
from modelyard.records import planned
from modelyard.records.kept import LARGE, MAX_TERMS
from modelyard.records.planned import STATEMENTS
from modelyard.records.sql import SqlRecords
from modelyard.search import plan
from modelyard.search.page import Cursor, ListQuery, Page, SortKey
from modelyard.search.tree import And, Compare, Expr, Field, In, Like, Not, Operator, Or, Property, equals
from modelyard.store.database import Database
from modelyard.store.statements import Flavour, Statement
from tests.store.counting import CountingDatabase
from tests.store.worlds import sql_repositories, sql_world
from tests.unit.world import ANN, World

EQ, NE, LT, LE, GT, GE = Operator
METRIC, PARAMETER, DATASET = ArtifactType.METRIC, ArtifactType.PARAMETER, ArtifactType.DATASET
SIZE = 205
LISTS = ["models", "versions", "experiments", "runs", "points", "artifacts", "environments", "services", "serves"]


class Counted(NamedTuple):
    world: World
    database: CountingDatabase
    model: int
    version: int
    experiment: int
    run: int
    environment: int
    service: int

    async def names(self, work: Awaitable[Any]) -> list[str]:
        """The statements that this runs, in order."""
        self.database.forget()
        await work
        assert self.database.units <= 1
        return self.database.names


async def counted_world(database: Database) -> Counted:
    counting = CountingDatabase(database)
    world = sql_world(counting)
    model = await world.models.create_model(ANN, NewModel())
    version = await world.models.create_version(ANN, NewVersion(model_id=model.id))
    experiment = await world.experiments.create_experiment(ANN, NewExperiment())
    run = await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id))
    environment = await world.deployments.create_environment(ANN, NewEnvironment())
    service = await world.deployments.create_service(ANN, NewInferenceService(environment_id=environment.id, model_id=model.id))
    return Counted(world, counting, model.id, version.id, experiment.id, run.id, environment.id, service.id)


@pytest.fixture
async def counted(sql: World) -> Counted:
    return await counted_world(sql.database)


def lists(world: World) -> dict[str, Callable[[Caller, ListQuery], Awaitable[Page[Any]]]]:
    return {
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


async def fill(counted: Counted, size: int = SIZE) -> None:
    """`size` rows of every kind, with properties that filters can ask for."""
    world = counted.world

    async def work(_: object) -> None:
        for number in range(size):
            text: dict[str, Any] = {"description": "é" if number % 50 == 0 else "e", "properties": {"n": number, "s": f"text {number}"}}
            await world.models.create_model(ANN, NewModel(tasks=("a", "b"), **text))
            await world.models.create_version(ANN, NewVersion(model_id=counted.model, **text))
            await world.experiments.create_experiment(ANN, NewExperiment(**text))
            await world.experiments.create_run(ANN, NewRun(experiment_id=counted.experiment, **text))
            draft = ArtifactDraft(type=METRIC, name=f"loss {number % 9}", value=number / 7, **text)
            await world.experiments.put_artifact(ANN, counted.run, draft, None)
            await world.artifacts.create_artifact(ANN, ArtifactDraft(type=DATASET, **text))
            await world.deployments.create_environment(ANN, NewEnvironment(**text))
            new = NewInferenceService(environment_id=counted.environment, model_id=counted.model, **text)
            await world.deployments.create_service(ANN, new)
            serve = NewServeRecord(service_id=counted.service, version_id=counted.version, **text)
            await world.deployments.create_serve(ANN, serve)

    await world.database.write(work)


EXACT: list[Expr] = [
    Compare(Field("name"), GE, ""),
    Compare(Property("n"), LT, 100),
    And(
        (
            In(Property("s"), ("text 5", "text 150")),
            Not(Compare(Property("n"), EQ, 3)),
            Or((Compare(Field("id"), GT, 0), equals("name", "x"))),
        )
    ),
]
APPROXIMATE: list[Expr] = [
    Like(Field("description"), "É", fold=True),
    Compare(Property("n"), GT, 2**53),
    Like(Property("s"), "TEXT%", fold=True),
    Not(Compare(Property("s"), EQ, "x" * 300)),
]


async def test_lists(counted: Counted) -> None:
    """Without a filter one statement, whatever the page's size and order; with one, where few match, at most three."""
    await fill(counted)
    for kind, list_ in lists(counted.world).items():
        for limit in (1, 20, 200, None):
            for sort, after in ((SortKey.ID, None), (SortKey.UPDATED, Cursor(3, 5))):
                for filter_ in (None, *EXACT, *APPROXIMATE):
                    counted.database.forget()
                    page = await list_(ANN, ListQuery(filter=filter_, sort=sort, limit=limit, after=after))
                    assert len(counted.database.names) <= (3 if filter_ else 1), (kind, limit, filter_)
                    if filter_ is None and kind != "artifacts":
                        assert len(page.items) >= min(limit or SIZE, SIZE)


COUNT, LOOK_UP, WALK, FETCH = (f"{word} model" for word in ("count", "look up", "walk", "fetch"))


@pytest.mark.parametrize(
    ("filter_", "few", "many"),
    [
        (equals("name", "x"), [LOOK_UP], [LOOK_UP]),
        (Compare(Property("n"), LT, 100), [COUNT, LOOK_UP], [COUNT, WALK, FETCH]),
        (And((Compare(Property("n"), EQ, 7), Compare(Property("n"), LT, 100))), [COUNT, LOOK_UP], [COUNT, LOOK_UP]),
        (And((In(Property("n"), (3, 4, 5)), Compare(Property("n"), LT, 100))), [COUNT, LOOK_UP, FETCH], [COUNT, LOOK_UP, FETCH]),
        (Like(Field("description"), "e%"), [WALK, FETCH], [WALK, FETCH]),
        (Compare(Property("nowhere"), GT, 1), [COUNT, LOOK_UP], [COUNT, LOOK_UP]),
        (And((Compare(Property("n"), LT, 100), Compare(Property("n"), GT, 150))), [COUNT, LOOK_UP], [COUNT, LOOK_UP]),
        (And((Compare(Property("n"), LT, 100), Not(Compare(Property("n"), LT, 150)))), [COUNT, LOOK_UP], [COUNT, *[WALK] * 3]),
        (Or(()), [], []),
    ],
    ids=repr,
)
async def test_a_filter_costs_what_the_planner_says(counted: Counted, filter_: Expr, few: list[str], many: list[str]) -> None:
    await fill(counted)
    query = ListQuery(filter=filter_, limit=2)

    assert await counted.names(counted.world.models.list_models(ANN, query)) == few

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "MANY", 5)
        patch.setattr(planned, "WINDOWS", (20, 20, 20))
        assert await counted.names(counted.world.models.list_models(ANN, query)) == many
    assert max(len(few), len(many)) <= STATEMENTS


async def test_a_page_of_children_is_full_however_many_others_there_are(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    world = counted.world
    old = await world.models.create_model(ANN, NewModel())
    children = [await world.models.create_version(ANN, NewVersion(model_id=old.id)) for _ in range(8)]
    for _ in range(30):
        world.clock.move(1)
        await world.models.create_version(ANN, NewVersion(model_id=counted.model))
    monkeypatch.setattr(plan, "MANY", 5)
    monkeypatch.setattr(planned, "WINDOWS", (5, 5, 5))
    query = ListQuery(scope=equals("model_id", old.id), sort=SortKey.CREATED, descending=True, limit=3)

    counted.database.forget()
    page = await world.models.list_versions(ANN, query)

    assert [version.id for version in page.items] == [version.id for version in reversed(children)][:3]
    assert page.next is not None
    assert counted.database.names == ["count model_version", *["walk model_version"] * 3, "look up model_version"]
    assert len(counted.database.names) <= STATEMENTS


async def test_a_walk_stops_at_its_budget_and_its_token_goes_on(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(counted)
    monkeypatch.setattr(plan, "MANY", 5)
    monkeypatch.setattr(planned, "WINDOWS", (10, 20, 30))
    last = And((Compare(Property("n"), GT, 196), Compare(Property("n"), LT, 1_000)))
    walk: list[list[Any]] = []
    after: Cursor | None = None

    while not walk or after is not None:
        counted.database.forget()
        page = await counted.world.models.list_models(ANN, ListQuery(filter=last, limit=20, after=after))
        assert len(counted.database.names) <= STATEMENTS
        walk.append([model.properties["n"] for model in page.items])
        after = page.next

    assert walk == [[], [], [], [*range(197, 205)]]


@pytest.mark.parametrize("kind", LISTS)
async def test_a_list_of_a_shape_is_compiled_once(counted: Counted, kind: str) -> None:
    list_ = lists(counted.world)[kind]

    async def statements(**query: Any) -> list[Statement]:
        counted.database.forget()
        await list_(ANN, ListQuery(**query))
        return list(counted.database.statements)

    everything = await statements(limit=1)
    assert await statements(limit=200) == everything
    assert await statements(limit=None) == everything
    assert await statements(limit=1, descending=True) != everything

    following = await statements(limit=1, after=Cursor(1, 1))
    assert await statements(limit=9, after=Cursor(7, 7)) == following

    filtered = await statements(limit=1, filter=Compare(Property("n"), GT, 1))
    assert await statements(limit=1, filter=Compare(Property("other"), GT, 99)) == filtered
    assert await statements(limit=1, filter=Compare(Property("n"), LT, 1)) != filtered
    assert filtered[0].compiled(counted.database.flavour) is filtered[0].compiled(counted.database.flavour)

    by_name = await statements(limit=1, scope=equals("name", "a"))
    assert await statements(limit=1, scope=equals("name", "b")) == by_name
    assert await statements(limit=1, filter=equals("name", "a")) != by_name


def shaped(number: int, conditions: int) -> Expr:
    """A filter of a shape of its own for each number."""
    return And(tuple(equals("name", "x") if number >> bit & 1 else Compare(Field("id"), GT, 1) for bit in range(conditions)))


async def test_the_statements_kept_are_bounded(sql: World) -> None:
    records = sql_world(sql.database).records.models
    assert isinstance(records, SqlRecords)

    for number in range(120):
        await records.page(sql.database.reader, DEFAULT_PROJECT, ListQuery(filter=shaped(number, 12), limit=1))

    kept, believed = records.lists.kept.terms()
    assert 0 < kept == believed <= MAX_TERMS


async def test_a_large_statement_that_many_want_at_once_is_counted_once(sql: World) -> None:
    """It is compiled in a thread, so that a second caller may come before it is kept."""
    records = sql_world(sql.database).records.models
    assert isinstance(records, SqlRecords)

    for number in range(6):
        query = ListQuery(filter=shaped(number, LARGE + 5), limit=1)
        await asyncio.gather(*(records.page(sql.database.reader, DEFAULT_PROJECT, query) for _ in range(12)))
        kept, believed = records.lists.kept.terms()
        assert kept == believed <= MAX_TERMS


async def test_reading_one(counted: Counted) -> None:
    world = counted.world

    assert await counted.names(world.models.get_model(ANN, counted.model)) == ["get model"]
    assert await counted.names(world.models.get_version(ANN, counted.version)) == ["get model_version"]
    assert await counted.names(world.experiments.get_experiment(ANN, counted.experiment)) == ["get experiment"]
    assert await counted.names(world.experiments.get_run(ANN, counted.run)) == ["get run"]
    assert await counted.names(world.deployments.get_environment(ANN, counted.environment)) == ["get environment"]
    assert await counted.names(world.deployments.get_service(ANN, counted.service)) == ["get inference_service"]
    served = ["get inference_service", "get model"]
    assert await counted.names(world.deployments.get_served_model(ANN, counted.service)) == served
    newest = ["get inference_service", "count model_version", "look up model_version"]
    assert await counted.names(world.deployments.get_served_version(ANN, counted.service)) == newest


async def test_creating(counted: Counted) -> None:
    world = counted.world

    assert await counted.names(world.models.create_model(ANN, NewModel())) == ["insert model", "insert audit_event"]
    version = ["hold model", "insert model_version", "insert audit_event"]
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
    assert await counted.names(put(PARAMETER, "lr")) == ["lock run", "list artifact", *created]
    first_block = ["last metric_blocks", "loose metric_points", "insert metric_blocks"]
    assert await counted.names(put(METRIC, "loss")) == ["lock run", "list artifact", *created, "insert metric_point", *first_block]
    # Only MariaDB must lock what was read: SQLite has one writer, and on PostgreSQL the update looks at the revision.
    locked = ["lock artifact"] if world.database.flavour is Flavour.MYSQL else []
    again = ["lock run", "list artifact", *locked, "update artifact", "insert audit_event", "insert metric_point"]
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


def test_every_list_is_counted() -> None:
    assert len(LISTS) == len(sql_repositories()) - 3  # links, the trash and series are no kinds of record


async def test_points_in_bulk(counted: Counted) -> None:
    """So many whatever the number of points and metrics."""
    world = counted.world
    batch = [NewPoint(f"m{number % 7}", number) for number in range(SIZE)]
    blocks = ["last metric_blocks", "loose metric_points"]
    stored = ["insert metric_points", "insert audit_event"]

    names = await counted.names(world.metrics.log(ANN, counted.run, batch))
    assert names == ["lock run", "lock artifacts", "insert artifact", "insert artifact_parent", *blocks, "insert metric_blocks", *stored]
    names = await counted.names(world.metrics.log(ANN, counted.run, batch * 5))
    grown = ["grow metric_block", "insert metric_blocks"]
    assert names == ["lock run", "lock artifacts", "update artifact", *blocks, *grown, *stored]


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
    assert listed == ["get run", "metric_blocks by name", "loose metric_points", "metric_points by id"]
