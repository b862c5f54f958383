"""What JFrog's dialect reads over several tables: how many statements that takes, and that nothing of it depends on the database."""

import asyncio
from collections.abc import Awaitable
from typing import Any, NamedTuple

import msgspec
import pytest

from modelyard.artifacts.entities import ArtifactDraft
from modelyard.audit.horizon import MySqlLook, sql_horizon
from modelyard.context import Reach
from modelyard.deployments.managed import ENVIRONMENT, NewDeployment
from modelyard.errors import Forbidden, NotFound
from modelyard.experiments.tracking import NewTrackedRun, TrackedChange
from modelyard.models.entities import ModelPatch, ModelState, ModelVersion, NewModel, NewVersion, VersionPatch
from modelyard.overview import offsets, totals
from modelyard.overview.deployments import DeploymentOverview
from modelyard.overview.offsets import Slice
from modelyard.overview.registry import RegistryOverview
from modelyard.overview.runs import RunOverview
from modelyard.search.page import ListQuery
from modelyard.store.database import Database
from modelyard.store.statements import Flavour
from tests.store.counted import DATASET, METRIC, PARAMETER, Counted
from tests.store.worlds import add_project
from tests.unit.world import ANN, STRANGER, World

PAGE = Slice(100)
LOOKS = ("newest event", "look for unsettled events", "last sealed event", "ids of events")
"""At how far the audit log is settled: twice a second, whoever needs it."""


class Overviews(NamedTuple):
    registry: RegistryOverview
    runs: RunOverview
    deployed: DeploymentOverview


def overviews(database: Database) -> Overviews:
    return Overviews(registry_of(database), RunOverview(database, sql_horizon(database, pause=0)), DeploymentOverview(database))


def registry_of(database: Database) -> RegistryOverview:
    return RegistryOverview(database, sql_horizon(database, pause=0))


def measured(number: int = 3) -> list[ArtifactDraft]:
    metrics = [ArtifactDraft(type=METRIC, name=f"m{place}", value=place / 7) for place in range(number)]
    return [*metrics, *[ArtifactDraft(type=PARAMETER, name=f"p{place}", text_value=str(place)) for place in range(number)]]


async def deploy(world: World, version: ModelVersion, name: str = "live") -> int:
    made = await world.managed.deploy(ANN, NewDeployment(name=name, model_id=version.model_id, version_id=version.id, replicas=0))
    return made.service.id


# ----------------------------------------------------------------------------------------------------- statements counted
async def test_reading_one_takes_one_statement(counted: Counted) -> None:
    world, views = counted.world, overviews(counted.database)
    version = await world.models.create_version(ANN, NewVersion(model_id=counted.model), measured())
    service = await deploy(world, version)

    async def names(work: Awaitable[Any]) -> list[str]:
        return await counted.names(work)

    assert await names(views.registry.model(ANN, counted.model)) == ["get model at a glance"]
    assert await names(views.registry.version(ANN, counted.model, version.id)) == ["get model_version with measurements"]
    assert await names(views.runs.run(ANN, counted.run)) == ["get run with measurements"]
    assert await names(views.deployed.deployment(ANN, service)) == ["get deployment"]


@pytest.mark.parametrize("size", [1, 120])
async def test_a_page_takes_two_statements_at_most_whatever_its_size(counted: Counted, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "SETTLING", 0.0)
    world, views = counted.world, overviews(counted.database)

    async def names(work: Awaitable[Any]) -> list[str]:
        return [name for name in await counted.names(work) if name not in LOOKS]

    async def fill(_: object) -> None:
        for number in range(size):
            model = await world.models.create_model(ANN, NewModel())
            await world.models.create_version(ANN, NewVersion(model_id=counted.model), measured())
            await world.tracking.begin(ANN, NewTrackedRun(name=str(number), model_id=counted.model, parameters={"a": "b"}))
            await deploy(world, await world.models.create_version(ANN, NewVersion(model_id=model.id)), str(number))

    await world.database.write(fill)
    for _ in range(MySqlLook.LOOKS + 2):  # how many there are is remembered from then on
        await asyncio.gather(views.registry.models(ANN, PAGE), views.runs.runs(ANN, PAGE))
    for part in (Slice(1), Slice(1_000), Slice(1_000, offset=7)):
        models = ["list model by offset", *past(part, size + 1, "recent changes of model")]
        assert await names(views.registry.models(ANN, part)) == models
        versions = ["list model_version by offset", *past(part, size + 1, "count model_version", "artifacts of parents")]
        assert await counted.names(views.registry.versions(ANN, counted.model, part)) == versions
        runs = ["list run by offset", *past(part, size + 1, "recent changes of run", "artifacts of parents")]
        assert await names(views.runs.runs(ANN, part)) == runs
        of_model = ["list run by offset", *past(part, size, "count run", "artifacts of parents")]
        assert await counted.names(views.runs.runs(ANN, part, counted.model)) == of_model
        deployments = ["list inference_service by offset", *past(part, size, "count inference_service")]
        assert await counted.names(views.deployed.deployments(ANN, part)) == deployments


def past(part: Slice, total: int, count: str, *else_: str) -> list[str]:
    """The second statement: a page that lies behind the end must ask how long the list is."""
    return [count] if part.offset >= total else list(else_)


async def test_writing_takes_as_many_statements_whatever_the_number_of_metrics(counted: Counted) -> None:
    world = counted.world
    new = NewVersion(model_id=counted.model)
    created = [
        "lock model",
        "latest version of model",
        "insert model_version",
        "count version after another",
        "insert audit_event",
        "insert artifact",
        "insert audit_event",
        "insert artifact_parent",
    ]
    artifacts = created[5:]

    assert await counted.names(world.models.create_version(ANN, new, measured(1))) == created
    assert await counted.names(world.models.create_version(ANN, new, measured(300))) == created
    changed = await counted.names(world.models.update_version(ANN, counted.version, VersionPatch(), measured(300)))
    assert changed == ["lock model_version", "update model_version", "insert audit_event", "lock artifacts", *artifacts]
    again = await counted.names(world.models.update_version(ANN, counted.version, VersionPatch(), measured(301)))
    updated = ["update artifact", "insert audit_event"]
    assert again == ["lock model_version", "update model_version", "insert audit_event", "lock artifacts", *updated, *artifacts]


async def test_tracking_takes_few_statements(counted: Counted) -> None:
    world = counted.world
    await world.tracking.begin(ANN, NewTrackedRun(name="a"))
    parameters = {str(number): "x" for number in range(50)}
    artifacts = ["insert artifact", "insert audit_event", "insert artifact_parent"]

    begun = await counted.names(world.tracking.begin(ANN, NewTrackedRun(name="b", parameters=parameters)))
    assert begun == ["find experiment", "hold experiment", "insert run", "insert audit_event", *artifacts]
    counted.database.forget()
    await world.tracking.change(ANN, counted.run, TrackedChange(metrics={str(number): number for number in range(7)}))
    on_postgresql = counted.database.flavour is Flavour.POSTGRESQL
    ends = ["ends of metric series"] if on_postgresql else ["last metric_blocks", "loose metric_points"]
    assert counted.database.names == [
        *("lock run", "update run", "insert audit_event"),
        *("lock run", "lock artifacts", *ends, "insert metric_blocks", "insert metric_points"),
        *("insert artifact", "insert artifact_parent", "insert audit_event"),
    ]


# ------------------------------------------------------------------------------------------------------------------ facts
async def test_the_latest_is_the_newest_that_is_live_and_all_count(sql: World) -> None:
    registry = registry_of(sql.database)
    model = await sql.models.create_model(ANN, NewModel())
    other = await sql.models.create_model(ANN, NewModel())
    versions = [await sql.models.create_version(ANN, NewVersion(model_id=model.id, name=name)) for name in ("b", "c", "a")]
    await sql.models.create_version(ANN, NewVersion(model_id=other.id, name="theirs", state=None))

    async def seen() -> tuple[str | None, int]:
        view = await registry.model(ANN, model.id)
        latest, count = view.latest, view.versions
        assert [(line.id, line.latest, line.versions) for line in (await registry.models(ANN, PAGE)).items] == [
            (model.id, latest, count),
            (other.id, "theirs", 1),
        ]
        return latest, count

    assert await seen() == ("a", 3)
    await sql.models.update_version(ANN, versions[2].id, VersionPatch(state=ModelState.ARCHIVED))
    assert await seen() == ("c", 3)
    await sql.models.trash_version(ANN, versions[1].id)
    assert await seen() == ("b", 2)
    await sql.models.trash_version(ANN, versions[0].id)
    assert await seen() == (None, 1)


async def test_only_what_a_version_lists_is_shown_of_it(sql: World) -> None:
    registry = registry_of(sql.database)
    model = await sql.models.create_model(ANN, NewModel())
    one = await sql.models.create_version(ANN, NewVersion(model_id=model.id), measured(2))
    other = await sql.models.create_version(ANN, NewVersion(model_id=model.id), measured(1))
    await sql.models.put_artifact(ANN, one.id, ArtifactDraft(type=DATASET, name="m0", uri="s3://rows"), None)
    shared = (await sql.models.put_artifact(ANN, other.id, ArtifactDraft(type=METRIC, name="m9", value=9.0), None)).artifact
    await sql.models.put_artifact(ANN, one.id, ArtifactDraft(type=METRIC, value=9.0), shared.id)
    gone = (await sql.models.put_artifact(ANN, one.id, ArtifactDraft(type=METRIC, name="gone", value=1.0), None)).artifact
    await sql.artifacts.trash_artifact(ANN, gone.id)

    _, found = await registry.version(ANN, model.id, one.id)

    assert (found.metrics, found.parameters, found.uri) == ({"m0": 0.0, "m1": 1 / 7, "m9": 9.0}, {"p0": "0", "p1": "1"}, None)
    listed = await registry.versions(ANN, model.id, PAGE)
    assert listed.items[0].measurements == found
    assert list(listed.items[1].measurements.metrics) == ["m0", "m9"]


async def test_nothing_of_another_project_is_seen(sql: World) -> None:
    views = overviews(sql.database)
    await add_project(sql.database, STRANGER)
    model = await sql.models.create_model(ANN, NewModel())
    version = await sql.models.create_version(ANN, NewVersion(model_id=model.id), measured())
    run = await sql.tracking.begin(ANN, NewTrackedRun(name="a", model_id=model.id))
    service = await deploy(sql, version)

    for work in (
        views.registry.model(STRANGER, model.id),
        views.registry.version(STRANGER, model.id, version.id),
        views.registry.versions(STRANGER, model.id, PAGE),
        views.runs.run(STRANGER, run.id),
        views.deployed.deployment(STRANGER, service),
    ):
        with pytest.raises(NotFound):
            await work
    assert (await views.registry.models(STRANGER, PAGE)).total == 0
    assert (await views.runs.runs(STRANGER, PAGE)).total == 0
    assert (await views.runs.runs(STRANGER, PAGE, model.id)).total == 0
    assert (await views.deployed.deployments(STRANGER, PAGE)).total == 0


async def test_a_long_list_is_read_in_a_thread(sql: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "MANY", 5)
    registry = registry_of(sql.database)
    made = [(await sql.models.create_model(ANN, NewModel())).id for _ in range(9)]

    for _ in range(2):  # first it finds out how long the list is
        found = await registry.models(ANN, Slice(3, 6))
        assert ([view.id for view in found.items], found.total) == (made[6:], 9)
    assert (await registry.models(ANN, Slice(3, 9))).total == 9


# ------------------------------------------------------------------------------------------------------------------ races
async def test_of_many_that_look_for_an_experiment_one_makes_it(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel(name="fraud"))
    runs = await asyncio.gather(*(world.tracking.begin(ANN, NewTrackedRun(name=str(n), model_id=model.id)) for n in range(12)))

    assert len({run.experiment_id for run in runs}) == 1
    assert len((await world.experiments.list_experiments(ANN, ListQuery())).items) == 1


async def test_of_many_that_deploy_one_makes_the_environment(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel())
    version = await world.models.create_version(ANN, NewVersion(model_id=model.id))

    await asyncio.gather(*(deploy(world, version, str(number)) for number in range(8)))

    assert [one.name for one in (await world.deployments.list_environments(ANN, ListQuery())).items] == [ENVIRONMENT]


async def test_a_change_sees_what_others_changed(world: World) -> None:
    """Each reads the record when nobody else can change it, so that none is lost."""
    model = await world.models.create_model(ANN, NewModel(properties={"n": 0}))

    def one_more(number: int) -> Awaitable[Any]:
        return world.models.update_model(ANN, model.id, lambda before: ModelPatch(properties={**before.properties, f"p{number}": number}))

    await asyncio.gather(*(one_more(number) for number in range(12)))
    assert (await world.models.get_model(ANN, model.id)).properties == {"n": 0, **{f"p{number}": number for number in range(12)}}


async def test_nobody_deploys_a_model_that_is_being_deleted(world: World) -> None:
    for number in range(6):
        model = await world.models.create_model(ANN, NewModel())
        version = await world.models.create_version(ANN, NewVersion(model_id=model.id))
        new = NewDeployment(name=f"d{number}", model_id=model.id, version_id=version.id)
        outcomes = await asyncio.gather(world.managed.deploy(ANN, new), world.managed.retire_model(ANN, model.id), return_exceptions=True)
        # What is deployed fails at once, and so keeps no model: only its not being there any more can be in the way.
        assert [type(one) for one in outcomes if isinstance(one, BaseException)] in ([], [NotFound])


# ------------------------------------------------------------------------------------------------------- who sees a part
async def test_who_sees_some_records_sees_these_and_what_belongs_to_them(sql: World) -> None:
    views = overviews(sql.database)
    models = [await sql.models.create_model(ANN, NewModel(name=str(number))) for number in range(3)]
    versions = [await sql.models.create_version(ANN, NewVersion(model_id=model.id)) for model in models]
    runs = [await sql.tracking.begin(ANN, NewTrackedRun(name="a", model_id=model.id)) for model in models]
    services = [await deploy(sql, version, str(version.id)) for version in versions]
    sight = Reach(frozenset({models[1].id}), frozenset({runs[1].experiment_id}))
    ola = msgspec.structs.replace(ANN, name="ola", reach=sight, sight=sight)

    found = await views.registry.models(ola, PAGE)
    assert ([view.id for view in found.items], found.total) == ([models[1].id], 1)
    assert (await views.registry.models(ola, Slice(5, 5))).total == 1
    assert [view.run.id for view in (await views.runs.runs(ola, PAGE)).items] == [runs[1].id]
    assert (await views.runs.runs(ola, PAGE, models[0].id)).total == 0
    assert [one.service.id for one in (await views.deployed.deployments(ola, PAGE)).items] == [services[1]]
    assert (await views.registry.versions(ola, models[1].id, PAGE)).total == 1
    assert (await views.registry.version(ola, models[1].id, versions[1].id)).version == versions[1]
    for work in (
        views.registry.model(ola, models[0].id),
        views.registry.version(ola, models[0].id, versions[0].id),
        views.registry.versions(ola, models[0].id, PAGE),
        views.runs.run(ola, runs[0].id),
        views.deployed.deployment(ola, services[0]),
        sql.managed.remove(ola, services[0]),
        sql.managed.retire_version(ola, models[0].id, versions[0].id),
        sql.tracking.change(ola, runs[0].id, TrackedChange()),
    ):
        with pytest.raises(NotFound):
            await work
    nobody = msgspec.structs.replace(ola, reach=Reach(), sight=Reach())
    assert (await views.registry.models(nobody, PAGE)).total == 0


async def test_whoever_may_deploy_a_model_may_be_the_first_who_does(sql: World) -> None:
    model = await sql.models.create_model(ANN, NewModel())
    version = await sql.models.create_version(ANN, NewVersion(model_id=model.id))
    reach = Reach(frozenset({model.id}))
    ola = msgspec.structs.replace(ANN, name="ola", reach=reach, sight=reach)

    made = await sql.managed.deploy(ola, NewDeployment(name="live", model_id=model.id, version_id=version.id))
    assert (await overviews(sql.database).deployed.deployment(ola, made.service.id)).service == made.service


async def test_a_run_needs_a_role_on_its_experiment(sql: World) -> None:
    model = await sql.models.create_model(ANN, NewModel(name="fraud"))
    reach = Reach(frozenset({model.id}))
    ola = msgspec.structs.replace(ANN, name="ola", reach=reach, sight=reach)

    for name in ("a", "b"):  # whether the experiment is there or not
        with pytest.raises(Forbidden):
            await sql.tracking.begin(ola, NewTrackedRun(name=name, model_id=model.id))
        await sql.tracking.begin(ANN, NewTrackedRun(name=name, model_id=model.id))


# ----------------------------------------------------------------------------------------------------------- what is told
async def test_events_tell_of_records_by_their_ids(sql: World) -> None:
    """Also of those that were made in the same unit."""
    model = await sql.models.create_model(ANN, NewModel())
    version = await sql.models.create_version(ANN, NewVersion(model_id=model.id), measured(1))
    run = await sql.tracking.begin(ANN, NewTrackedRun(name="a", model_id=model.id, parameters={"a": "b"}))
    await sql.managed.deploy(ANN, NewDeployment(name="live", model_id=model.id, version_id=version.id))

    told = [msgspec.json.decode(event.after) for event in await sql.events() if event.after is not None]
    assert all(record["id"] for record in told)
    owners = [record["owner_id"] for record in told if "owner_id" in record]
    assert owners == [version.id, version.id, run.id]
    for field in ("experiment_id", "environment_id", "service_id"):
        assert all(record[field] != 0 for record in told if field in record)
