"""Models know how many versions they have, whatever is done to these at the same time."""

import asyncio

from modelyard.errors import NotFound
from modelyard.models.entities import ModelPatch, NewModel, NewVersion
from modelyard.overview.integrity import counts
from tests.store.test_overview import measured, registry_of
from tests.unit.world import ANN, World

AT_ONCE = 6


async def test_each_is_counted_once(sql: World) -> None:
    """Made side by side, with artifacts and without, while their model changes; put in the trash, and brought back."""
    model = await sql.models.create_model(ANN, NewModel())
    made = await asyncio.gather(
        *(sql.models.create_version(ANN, NewVersion(model_id=model.id), measured(number % 2)) for number in range(AT_ONCE)),
        *(sql.models.update_model(ANN, model.id, ModelPatch(description=str(number))) for number in range(2)),
    )
    assert await counted(sql, model.id) == AT_ONCE

    versions = made[:AT_ONCE]
    gone = await asyncio.gather(*(sql.models.trash_version(ANN, version.id) for version in versions[1:]), another(sql, model.id))
    assert await counted(sql, model.id) == 2

    await asyncio.gather(*(sql.trash.restore(ANN, deletion.id) for deletion in gone[:-1] if deletion), another(sql, model.id))
    assert await counted(sql, model.id) == AT_ONCE + 2


async def test_what_comes_back_with_its_model_is_counted_as_before(sql: World) -> None:
    """And what was put in the trash before stays there."""
    model = await sql.models.create_model(ANN, NewModel())
    versions = [await sql.models.create_version(ANN, NewVersion(model_id=model.id)) for _ in range(3)]
    earlier = await sql.models.trash_version(ANN, versions[0].id)
    deletion = await sql.models.trash_model(ANN, model.id)

    await sql.trash.restore(ANN, deletion.id)
    assert await counted(sql, model.id) == 2
    await sql.trash.restore(ANN, earlier.id)
    assert await counted(sql, model.id) == 3


async def test_one_that_is_not_made_is_not_counted(sql: World) -> None:
    """Because of its name, or of a model that goes meanwhile."""
    model = await sql.models.create_model(ANN, NewModel())
    for _ in range(3):
        results = await asyncio.gather(
            *(sql.models.create_version(ANN, NewVersion(model_id=model.id, name="one")) for _ in range(2)), return_exceptions=True
        )
        assert any(isinstance(result, Exception) for result in results)
    assert await counted(sql, model.id) == 1

    _, *made = await asyncio.gather(
        sql.models.trash_model(ANN, model.id), *(another(sql, model.id) for _ in range(3)), return_exceptions=True
    )
    assert {type(one) for one in made if isinstance(one, Exception)} <= {NotFound}
    deletion = (await sql.trash.list_deletions(ANN, limit=1)).items[0]
    await sql.trash.restore(ANN, deletion.id)
    assert await counted(sql, model.id) == 1 + sum(one is None for one in made)


async def another(sql: World, model_id: int) -> None:
    await sql.models.create_version(ANN, NewVersion(model_id=model_id))


async def counted(sql: World, model_id: int) -> int:
    """How many the model says it has. It is as many as there are."""
    async with sql.database.snapshot() as reader:
        assert [str(finding) async for finding in counts.versions(reader, lambda _: None)] == []
    return (await registry_of(sql.database).model(ANN, model_id)).versions
