"""A story of the trash. What it promises in detail is asked of every database, and of memory, in `tests/store/test_trash.py`."""

import pytest

from modelyard.errors import AlreadyExists, Invalid, NotFound
from modelyard.models.entities import NewModel, NewVersion
from modelyard.search.page import ListQuery
from tests.unit.world import ANN, STRANGER, World


async def test_deleted_and_restored(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel(name="fraud", external_id="x"))
    version = await world.models.create_version(ANN, NewVersion(name="1", model_id=model.id))

    deletion = await world.models.trash_model(ANN, model.id)

    assert (deletion.kind.label, deletion.record_id, deletion.name, deletion.actor) == ("model", model.id, "fraud", "ann")
    assert (await world.models.list_models(ANN, ListQuery())).items == []
    assert (await world.models.list_versions(ANN, ListQuery())).items == []
    with pytest.raises(NotFound):
        await world.models.get_version(ANN, version.id)
    assert (await world.trash.list_deletions(ANN, limit=10)).items == [deletion]

    assert await world.trash.restore(ANN, deletion.id) == deletion

    assert await world.models.get_model(ANN, model.id) == model
    assert await world.models.get_version(ANN, version.id) == version
    assert (await world.trash.list_deletions(ANN, limit=10)).items == []


async def test_restored_under_another_name(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel(name="fraud"))
    deletion = await world.models.trash_model(ANN, model.id)
    await world.models.create_model(ANN, NewModel(name="fraud"))

    with pytest.raises(AlreadyExists, match="model with name fraud already exists: choose another name"):
        await world.trash.restore(ANN, deletion.id)
    with pytest.raises(Invalid, match="at most 255 characters"):
        await world.trash.restore(ANN, deletion.id, name="f" * 256)
    await world.trash.restore(ANN, deletion.id, name="fraud 2023")

    assert (await world.models.get_model(ANN, model.id)).name == "fraud 2023"


async def test_what_is_not_there_or_somebody_elses(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel())
    with pytest.raises(NotFound):
        await world.models.trash_model(STRANGER, model.id)
    deletion = await world.models.trash_model(ANN, model.id)

    with pytest.raises(NotFound, match=f"no model has the id {model.id}"):
        await world.models.trash_model(ANN, model.id)
    with pytest.raises(NotFound, match="nothing in the trash has the id 99"):
        await world.trash.restore(ANN, 99)
    with pytest.raises(NotFound):
        await world.trash.restore(STRANGER, deletion.id)
    assert (await world.trash.list_deletions(STRANGER, limit=10)).items == []
