import pytest

from modelyard.models.entities import ModelState, NewModel, NewVersion
from modelyard.models.stages import Stage, stage_of, staged
from modelyard.records.properties import Properties
from tests.unit.world import ANN, memory_world


async def stage(state: ModelState | None, properties: Properties) -> Stage:
    world = memory_world()
    model = await world.models.create_model(ANN, NewModel())
    return stage_of(await world.models.create_version(ANN, NewVersion(model_id=model.id, state=state, properties=properties)))


@pytest.mark.parametrize("state", [ModelState.LIVE, None])
@pytest.mark.parametrize(
    ("kept", "shown"), [({}, "draft"), ({"stage": "staging"}, "staging"), ({"stage": "archived"}, "draft"), ({"stage": 1}, "draft")]
)
async def test_the_property_counts_if_it_is_one_of_the_three_words(state: ModelState | None, kept: Properties, shown: str) -> None:
    assert await stage(state, kept) == shown


async def test_archived_wins() -> None:
    assert await stage(ModelState.ARCHIVED, {"stage": "production"}) is Stage.ARCHIVED


def test_a_stage_is_kept_beside_everything_else() -> None:
    assert staged({"a": 1, "stage": "draft"}, Stage.STAGING) == (ModelState.LIVE, {"a": 1, "stage": "staging"})


def test_archiving_touches_no_property() -> None:
    properties: Properties = {"a": 1, "stage": "production"}
    assert staged(properties, Stage.ARCHIVED) == (ModelState.ARCHIVED, properties)
