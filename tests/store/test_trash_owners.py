"""The trash and what belongs together: what comes back after what, what has several owners, and what is purged with what."""

import pytest

from modelyard.deployments.entities import NewServeRecord
from modelyard.errors import AlreadyExists, Invalid
from modelyard.models.entities import NewVersion
from modelyard.search.page import ListQuery
from tests.store.test_trash import GOES, everything, fill, trash
from tests.unit.world import ANN, World


async def test_what_has_two_owners_is_back_when_both_are(world: World) -> None:
    things = await fill(world)
    by_version = await world.models.trash_version(ANN, things.version.id)
    by_service = await world.deployments.trash_service(ANN, things.service.id)

    await world.trash.restore(ANN, by_version.id)
    assert (await world.deployments.list_serves(ANN, ListQuery())).items == []
    await world.trash.restore(ANN, by_service.id)
    assert (await world.deployments.list_serves(ANN, ListQuery())).items == [things.serve]


async def test_what_has_two_owners_does_not_keep_one_from_being_purged(world: World) -> None:
    things = await fill(world)
    by_version = await world.models.trash_version(ANN, things.version.id)
    by_service = await world.deployments.trash_service(ANN, things.service.id)
    await world.trash.restore(ANN, by_version.id)

    assert await world.trash.purge_deletion(ANN, by_service.id) == 2


async def test_what_has_two_owners_may_be_in_the_way_of_itself(world: World) -> None:
    """A name that was free for a while is taken twice in the trash."""
    things = await fill(world)
    by_version = await world.models.trash_version(ANN, things.version.id)
    other = await world.models.create_version(ANN, NewVersion(name="2", model_id=things.model.id))
    await world.deployments.create_serve(ANN, NewServeRecord(name="rollout", service_id=things.service.id, version_id=other.id))
    await world.deployments.trash_service(ANN, things.service.id)

    with pytest.raises(AlreadyExists, match="serve record"):
        await world.trash.restore(ANN, by_version.id)


@pytest.mark.parametrize("names", [("serve", "version"), ("version", "model"), ("files", "version"), ("metric", "run")])
async def test_nothing_comes_back_before_its_owner(world: World, names: tuple[str, str]) -> None:
    things = await fill(world)
    before = await everything(world)
    first, second = [await trash(world, getattr(things, name)) for name in names]

    with pytest.raises(Invalid, match="is in the trash: restore that first"):
        await world.trash.restore(ANN, first)

    await world.trash.restore(ANN, second)
    await world.trash.restore(ANN, first)
    assert await everything(world) == before


async def test_what_several_list_comes_back_after_one_of_them(world: World) -> None:
    things = await fill(world)
    first = await trash(world, things.shared)
    await trash(world, things.version)

    await world.trash.restore(ANN, first)

    assert things.shared in await everything(world)


async def test_who_is_purged_takes_along_what_went_before(world: World) -> None:
    things = await fill(world)
    other = await trash(world, things.metric)
    await trash(world, things.serve)
    await trash(world, things.version)
    model = await trash(world, things.model)

    removed = await world.trash.purge_deletion(ANN, model)

    assert removed == len(GOES["model"])
    assert [deletion.id for deletion in (await world.trash.list_deletions(ANN, limit=9)).items] == [other]
