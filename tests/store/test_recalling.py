"""A metric that is put again and again is not read each time on PostgreSQL. Nobody notices, whoever else is at work on the same data."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import msgspec
import pytest

from modelyard.artifacts.entities import Artifact, ArtifactDraft, ArtifactType
from modelyard.artifacts.parents import Namesake
from modelyard.errors import Invalid, NotFound, Stale
from modelyard.experiments.entities import NewExperiment, NewPoint, NewRun, RunPatch
from modelyard.models.entities import NewModel, NewVersion, VersionPatch
from modelyard.overview.integrity.check import check
from modelyard.records.kinds import Kind
from modelyard.search.page import ListQuery
from modelyard.store import known as known_module
from modelyard.store.meter import Cause, Meter, Retried
from modelyard.store.statements import Flavour
from modelyard.store.urls import DatabaseUrl
from modelyard.store.wipe import wipe
from tests.store.conftest import DATABASES, NewStore
from tests.store.things import opened
from tests.store.worlds import sql_world
from tests.unit.world import ANN, World

OUTDATED = (Retried.UNIT, Cause.OUTDATED)


class Two(NamedTuple):
    """Two processes' worlds over one store."""

    one: World
    other: World
    meter: Meter
    """Of the one."""

    @property
    def recalls(self) -> bool:
        return self.meter.flavour is Flavour.POSTGRESQL

    def ran_again(self) -> int:
        """How many units of the one ran again, having begun with what was outdated. Taken for 1 where nothing is recalled."""
        return self.meter.retries[OUTDATED] if self.recalls else 1

    def reads(self) -> int:
        return sum(cost.count for name, cost in self.meter.statements.items() if name.endswith("with namesake of artifact"))


@pytest.fixture(autouse=True)
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known is gone by, however few find what they ask for, and though it was outdated just now."""
    monkeypatch.setattr(known_module, "MISSED", 0)
    monkeypatch.setattr(known_module, "OUTDATED", 0)


@pytest.fixture(params=DATABASES)
async def two(request: pytest.FixtureRequest, new_store: NewStore) -> AsyncIterator[Two]:
    url = await new_store(request.param)
    meter = Meter(DatabaseUrl.parse(url).flavour)
    async with AsyncExitStack() as stack:
        one, other = [sql_world(await stack.enter_async_context(opened(url, **more))) for more in ({"meter": meter}, {})]
        yield Two(one, other, meter)
        assert (await check(one.database, lambda _name, _rows: None)).whole


def metric(value: float, name: str = "loss", **more: Any) -> ArtifactDraft:
    return ArtifactDraft(type=ArtifactType.METRIC, name=name, value=value, **more)


async def new_run(world: World) -> int:
    experiment = await world.experiments.create_experiment(ANN, NewExperiment(name="tuning"))
    return (await world.experiments.create_run(ANN, NewRun(experiment_id=experiment.id, name="first"))).id


async def new_version(world: World) -> int:
    model = await world.models.create_model(ANN, NewModel(name="resnet"))
    return (await world.models.create_version(ANN, NewVersion(model_id=model.id, name="v1"))).id


async def known(world: World, version_id: int, **more: Any) -> Artifact:
    """A metric of a version that was put so often that the next one who puts it begins with what is known."""
    await world.models.put_artifact(ANN, version_id, metric(1.0, **more), None)
    await world.models.put_artifact(ANN, version_id, metric(2.0, **more), None)
    return (await world.models.put_artifact(ANN, version_id, metric(3.0, **more), None)).artifact


async def test_only_the_first_are_read(two: Two) -> None:
    run_id = await new_run(two.one)
    put = [await two.one.experiments.put_artifact(ANN, run_id, metric(value, step=int(value)), None) for value in (1.0, 2.0, 3.0, 4.0, 5.0)]
    assert [(one.created, one.artifact.revision) for one in put] == [(True, 1), (False, 2), (False, 3), (False, 4), (False, 5)]
    assert two.reads() == {Flavour.POSTGRESQL: 3, Flavour.SQLITE: 5, Flavour.MYSQL: 0}[two.meter.flavour]
    found = (await two.other.artifacts.list_artifacts(ANN, ListQuery())).items
    assert found == [put[-1].artifact]
    points = (await two.other.experiments.list_points(ANN, ListQuery())).items
    assert [(point.value, point.step) for point in points] == [(1.0, 1), (2.0, 2), (3.0, 3), (4.0, 4), (5.0, 5)]
    events = [event for event in await two.other.events() if event.kind == Kind.ARTIFACT]
    assert [event.before for event in events] == [None, *[event.after for event in events[:-1]]]
    assert not two.meter.retries


async def test_what_another_process_has_put_meanwhile_is_seen(two: Two) -> None:
    run_id = await new_run(two.one)
    for value, world in enumerate([two.one, two.other] * 4):
        put = await world.experiments.put_artifact(ANN, run_id, metric(float(value)), None)
        assert (put.artifact.value, put.artifact.revision) == (value, value + 1)
    points = (await two.one.experiments.list_points(ANN, ListQuery())).items
    assert [point.value for point in points] == [float(value) for value in range(8)]
    events = [event for event in await two.one.events() if event.kind == Kind.ARTIFACT]
    assert [event.before for event in events] == [None, *[event.after for event in events[:-1]]]
    assert two.meter.retries == ({OUTDATED: 1} if two.recalls else {})


async def test_two_that_are_at_work_on_one_metric_do_not_get_in_each_others_way_again(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_module, "OUTDATED", 5)
    run_id = await new_run(two.one)
    for value in range(20):
        for world in (two.one, two.other):
            await world.experiments.put_artifact(ANN, run_id, metric(float(value)), None)
    assert len((await two.one.experiments.list_points(ANN, ListQuery())).items) == 40
    assert two.meter.retries == ({OUTDATED: 3} if two.recalls else {})


async def test_fifty_of_two_processes_at_once_lose_nothing(two: Two) -> None:
    run_id = await new_run(two.one)
    for first in (0, 50):
        puts = [
            [two.one, two.other][number % 2].experiments.put_artifact(ANN, run_id, metric(float(first + number)), None)
            for number in range(50)
        ]
        await asyncio.gather(*puts)
    points = (await two.one.experiments.list_points(ANN, ListQuery(limit=200))).items
    assert sorted(point.value for point in points) == [float(number) for number in range(100)]
    (found,) = (await two.one.artifacts.list_artifacts(ANN, ListQuery())).items
    assert found.revision == 100


async def test_what_is_only_looked_at_is_as_it_is(two: Two) -> None:
    """A unit that changes nothing has nothing to send, but what it recalled."""
    version_id = await new_version(two.one)
    wanted = Namesake(ANN.project, version_id, ArtifactType.METRIC, "loss")
    records = two.one.records
    for world in (two.one, two.other):
        put = await world.models.put_artifact(ANN, version_id, metric(1.0), None)
        for _ in range(2):
            found = await two.one.database.write(lambda unit: records.parents.lock_with(unit, records.versions, records.artifacts, wanted))
            assert found[1] == put.artifact
    assert two.meter.retries == ({OUTDATED: 1} if two.recalls else {})


async def test_a_revision_that_is_insisted_on_is_that_of_the_store(two: Two) -> None:
    version_id = await new_version(two.one)
    await known(two.one, version_id)
    await two.other.models.put_artifact(ANN, version_id, metric(4.0), None)
    with pytest.raises(Stale):
        await two.one.models.put_artifact(ANN, version_id, metric(5.0, revisions=frozenset([3])), None)
    assert two.ran_again() == 1
    put = await two.one.models.put_artifact(ANN, version_id, metric(5.0, revisions=frozenset([4])), None)
    assert put.artifact.revision == 5


async def test_an_error_on_outdated_grounds_is_not_told(two: Two) -> None:
    version_id = await new_version(two.one)
    await known(two.one, version_id)
    await two.other.models.put_artifact(ANN, version_id, metric(4.0), None)
    put = await two.one.models.put_artifact(ANN, version_id, metric(5.0, revisions=frozenset([4])), None)
    assert put.artifact.revision == 5
    assert two.ran_again() == 1


async def test_a_parent_that_has_changed_is_found_out(two: Two) -> None:
    version_id = await new_version(two.one)
    await known(two.one, version_id)
    await two.other.models.update_version(ANN, version_id, VersionPatch(description="better"))
    put = await two.one.models.put_artifact(ANN, version_id, metric(4.0), None)
    assert put.artifact.revision == 4
    assert two.ran_again() == 1


async def test_a_parent_that_has_gone_is_found_out(two: Two) -> None:
    version_id = await new_version(two.one)
    await known(two.one, version_id)
    deletion = await two.other.models.trash_version(ANN, version_id)
    with pytest.raises(NotFound):
        await two.one.models.put_artifact(ANN, version_id, metric(4.0), None)
    assert two.ran_again() == 1
    await two.other.trash.restore(ANN, deletion.id)
    put = await two.one.models.put_artifact(ANN, version_id, metric(5.0), None)
    assert put.artifact.revision == 4


async def test_a_metric_that_was_trashed_is_made_anew(two: Two) -> None:
    version_id = await new_version(two.one)
    old = await known(two.one, version_id)
    await two.other.artifacts.trash_artifact(ANN, old.id)
    put = await two.one.models.put_artifact(ANN, version_id, metric(4.0), None)
    assert put.created
    assert two.ran_again() == 1
    assert (await two.other.artifacts.list_artifacts(ANN, ListQuery())).items == [put.artifact]


async def test_in_a_store_that_was_emptied_nothing_is_recalled_of_what_had_the_same_ids(two: Two) -> None:
    """Ids and revisions come again."""
    version_id = await new_version(two.one)
    old = await known(two.one, version_id, uri="s3://old", step=7)
    await wipe(two.other.database)
    two.one.clock.move(1)
    two.other.clock.move(1)
    assert await new_version(two.other) == version_id
    new = await known(two.other, version_id, uri="s3://new")
    assert (new.id, new.revision) == (old.id, old.revision)
    put = await two.one.models.put_artifact(ANN, version_id, metric(4.0), None)
    assert put.artifact == msgspec.structs.replace(new, value=4.0, revision=4)
    assert two.ran_again() == 1


async def test_one_that_belongs_to_another_is_looked_for_each_time(two: Two) -> None:
    """Which of several the parent has is the first may change without any of them."""
    version_id, run_id = await new_version(two.one), await new_run(two.one)
    lent = (await two.one.experiments.put_artifact(ANN, run_id, metric(1.0), None)).artifact
    await two.one.models.put_artifact(ANN, version_id, metric(1.0), lent.id)
    before = two.reads()
    for value in (2.0, 3.0):
        put = await two.one.models.put_artifact(ANN, version_id, metric(value), None)
        assert put.artifact.id == lent.id
    assert two.reads() == (before if two.meter.flavour is Flavour.MYSQL else before + 2)


async def test_who_asks_for_what_cannot_be_costs_others_nothing(two: Two) -> None:
    version_id = await new_version(two.one)
    await known(two.one, version_id)
    with pytest.raises(Invalid):
        await two.one.models.put_artifact(ANN, version_id, metric(float("inf")), None)
    before = two.reads()
    for value in (4.0, 5.0):
        await two.one.models.put_artifact(ANN, version_id, metric(value), None)
    assert two.meter.flavour is Flavour.SQLITE or two.reads() == before


async def test_who_changes_a_run_between_its_metrics_has_nothing_run_again(two: Two) -> None:
    run_id = await new_run(two.one)
    for number in range(4):
        await two.one.experiments.put_artifact(ANN, run_id, metric(number / 2), None)
        await two.one.experiments.update_run(ANN, run_id, RunPatch(description=f"epoch {number}"))
        await two.one.metrics.log(ANN, run_id, [NewPoint("loss", float(number))])
    (found,) = (await two.other.artifacts.list_artifacts(ANN, ListQuery())).items
    assert (found.value, found.revision) == (3.0, 8)
    assert not two.meter.retries


async def test_a_metric_that_came_back_from_the_trash_under_another_name_is_not_taken_for_what_it_was(two: Two) -> None:
    version_id = await new_version(two.one)
    old = await known(two.one, version_id)
    deletion = await two.other.artifacts.trash_artifact(ANN, old.id)
    await two.other.trash.restore(ANN, deletion.id, "old")
    assert (await two.one.models.put_artifact(ANN, version_id, metric(4.0, name="old"), None)).artifact.id == old.id
    put = await two.one.models.put_artifact(ANN, version_id, metric(5.0), None)
    assert (put.created, put.artifact.name) == (True, "loss")


async def test_who_uses_the_trash_has_nothing_run_again(two: Two) -> None:
    version_id = await new_version(two.one)
    for _ in range(3):
        for value in (1.0, 2.0, 3.0):
            await two.one.models.put_artifact(ANN, version_id, metric(value), None)
        put = await two.one.models.put_artifact(ANN, version_id, metric(3.0), None)
        deletion = await two.one.artifacts.trash_artifact(ANN, put.artifact.id)
        assert (await two.one.models.put_artifact(ANN, version_id, metric(4.0), None)).created
        await two.one.trash.restore(ANN, deletion.id, f"old {deletion.id}")
    assert not two.meter.retries


async def test_changes_of_one_process_that_overlap_are_all_made(two: Two) -> None:
    run_id = await new_run(two.one)
    for value in range(10):
        put = two.one.experiments.put_artifact(ANN, run_id, metric(float(value)), None)
        more = two.one.experiments.update_run(ANN, run_id, RunPatch(description=f"epoch {value}"))
        await asyncio.gather(put, more)
    assert (await two.other.experiments.get_run(ANN, run_id)).revision == 11
    points = (await two.other.experiments.list_points(ANN, ListQuery())).items
    assert [point.value for point in points] == [float(value) for value in range(10)]


async def test_what_is_large_is_read_each_time(two: Two) -> None:
    run_id = await new_run(two.one)
    for value in range(3):
        await two.one.experiments.put_artifact(ANN, run_id, metric(float(value), description="x" * 3000), None)
    assert not two.meter.retries


async def test_who_trashes_what_a_metric_belongs_to_has_nothing_run_again(two: Two) -> None:
    version_id = await new_version(two.one)
    for value in (1.0, 2.0, 3.0, 4.0):
        await two.one.models.put_artifact(ANN, version_id, metric(value), None)
    model_id = (await two.one.models.get_version(ANN, version_id)).model_id
    deletion = await two.one.models.trash_model(ANN, model_id)
    with pytest.raises(NotFound):
        await two.one.models.put_artifact(ANN, version_id, metric(5.0), None)
    await two.one.trash.restore(ANN, deletion.id)
    put = await two.one.models.put_artifact(ANN, version_id, metric(6.0), None)
    assert put.artifact.revision == 5
    assert not two.meter.retries


async def test_one_that_is_only_partly_known_is_read(two: Two) -> None:
    run_id = await new_run(two.one)
    large = (await two.one.experiments.put_artifact(ANN, run_id, metric(0.0, description="x" * 3000), None)).artifact
    for number in range(5):
        put = two.one.experiments.put_artifact(ANN, run_id, metric(float(number)), None)
        patch = two.one.artifacts.update_artifact(ANN, large.id, ArtifactDraft(type=ArtifactType.METRIC, properties={"n": number}))
        await asyncio.gather(put, patch)
    assert OUTDATED not in two.meter.retries
    (found,) = (await two.other.artifacts.list_artifacts(ANN, ListQuery())).items
    assert (found.value, found.properties, found.revision) == (4.0, {"n": 4}, 11)
