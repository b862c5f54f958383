import asyncio

import pytest

from modelyard.errors import AlreadyExists, Invalid, NotFound, Stale
from modelyard.models.entities import Model, ModelPatch, ModelState, NewModel
from modelyard.search.page import ListQuery, SortKey
from modelyard.search.tree import Compare, Field, Operator, Property, equals
from tests.unit.world import ANN, NOON, STRANGER, World


async def test_a_new_model_has_what_was_said_and_defaults(world: World) -> None:
    new = NewModel(name="fraud", description="finds it", owner="ann", properties={"accuracy": 0.97, "epochs": 12}, tasks=("a", "b"))

    model = await world.models.create_model(ANN, new)

    assert (model.name, model.description, model.owner, model.tasks) == ("fraud", "finds it", "ann", ("a", "b"))
    assert model.properties == {"accuracy": 0.97, "epochs": 12}
    assert (model.state, model.readme, model.language) == (ModelState.LIVE, None, None)
    assert (model.created_at, model.updated_at, model.revision) == (NOON, NOON, 1)
    assert await world.models.get_model(ANN, model.id) == model


async def test_ids_count_up_and_a_model_without_a_name_gets_a_random_one(world: World) -> None:
    one, two = [await world.models.create_model(ANN, NewModel()) for _ in range(2)]

    assert (one.id, two.id) == (1, 2)
    assert one.name != two.name
    assert len(one.name) == 36


async def test_what_is_not_there(world: World) -> None:
    with pytest.raises(NotFound, match="no model has the id 77") as caught:
        await world.models.get_model(ANN, 77)
    assert caught.value.details["id"] == 77

    with pytest.raises(NotFound):
        await world.models.update_model(ANN, 77, ModelPatch(owner="ann"))


async def test_names_are_unique_and_compared_exactly(world: World) -> None:
    await world.models.create_model(ANN, NewModel(name="fraud"))

    with pytest.raises(AlreadyExists, match="model with name fraud already exists") as caught:
        await world.models.create_model(ANN, NewModel(name="fraud"))
    assert caught.value.details["field"] == "name"

    for other in ("Fraud", "fraud ", "fráud"):
        assert (await world.models.create_model(ANN, NewModel(name=other))).name == other


async def test_of_many_who_want_a_name_one_gets_it(world: World) -> None:
    outcomes = await asyncio.gather(*(world.models.create_model(ANN, NewModel(name="fraud")) for _ in range(9)), return_exceptions=True)

    assert sum(isinstance(outcome, Model) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == 8


async def test_names_and_external_ids_have_at_most_255_characters(world: World) -> None:
    await world.models.create_model(ANN, NewModel(name="é" * 255, external_id="é" * 255))

    with pytest.raises(Invalid, match=r"name.*at most 255 characters, not 256"):
        await world.models.create_model(ANN, NewModel(name="é" * 256))
    with pytest.raises(Invalid, match=r"external_id.*at most 255 characters, not 256"):
        await world.models.create_model(ANN, NewModel(external_id="é" * 256))


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
async def test_an_integer_property_has_64_bits(world: World, number: int) -> None:
    with pytest.raises(Invalid, match="64 bits"):
        await world.models.create_model(ANN, NewModel(properties={"n": number}))


async def test_a_property_key_has_at_most_255_characters(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel(properties={"k" * 255: 1}))

    with pytest.raises(Invalid, match="key"):
        await world.models.update_model(ANN, model.id, ModelPatch(properties={"k" * 256: 1}))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
async def test_a_float_property_is_finite(world: World, number: float) -> None:
    with pytest.raises(Invalid, match="finite"):
        await world.models.create_model(ANN, NewModel(properties={"loss": number}))


async def test_another_project_sees_nothing_of_it(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel(name="fraud", external_id="x"))

    with pytest.raises(NotFound):
        await world.models.get_model(STRANGER, model.id)
    with pytest.raises(NotFound):
        await world.models.update_model(STRANGER, model.id, ModelPatch(owner="sam"))
    assert (await world.models.list_models(STRANGER, ListQuery())).items == []
    assert (await world.models.create_model(STRANGER, NewModel(name="fraud", external_id="x"))).id != model.id


class TestPatch:
    async def test_changes_what_it_says_and_nothing_else(self, world: World) -> None:
        model = await world.models.create_model(ANN, NewModel(name="fraud", owner="ann", description="old", readme="read me"))
        world.clock.move(5)

        changed = await world.models.update_model(ANN, model.id, ModelPatch(description="new"))

        assert (changed.description, changed.owner, changed.readme, changed.name) == ("new", "ann", "read me", "fraud")
        assert (changed.created_at, changed.updated_at, changed.revision) == (NOON, NOON + 5, 2)
        assert await world.models.get_model(ANN, model.id) == changed

    async def test_none_takes_a_value_away(self, world: World) -> None:
        model = await world.models.create_model(ANN, NewModel(owner="ann", description="old", tasks=("a",), external_id="x"))

        changed = await world.models.update_model(ANN, model.id, ModelPatch(description=None, tasks=None, external_id=None, state=None))

        assert (changed.description, changed.tasks, changed.external_id, changed.state) == (None, None, None, None)
        assert changed.owner == "ann"

    async def test_properties_are_replaced_as_a_whole(self, world: World) -> None:
        model = await world.models.create_model(ANN, NewModel(properties={"a": 1, "b": 2}))

        assert (await world.models.update_model(ANN, model.id, ModelPatch(owner="ann"))).properties == {"a": 1, "b": 2}
        assert (await world.models.update_model(ANN, model.id, ModelPatch(properties={"b": 3}))).properties == {"b": 3}
        assert (await world.models.update_model(ANN, model.id, ModelPatch(properties={}))).properties == {}

    async def test_one_that_says_nothing_still_counts(self, world: World) -> None:
        model = await world.models.create_model(ANN, NewModel())

        assert (await world.models.update_model(ANN, model.id, ModelPatch())).revision == 2

    async def test_of_a_revision_that_has_passed_is_refused(self, world: World) -> None:
        model = await world.models.create_model(ANN, NewModel())
        await world.models.update_model(ANN, model.id, ModelPatch(owner="first", revisions=frozenset({1})))

        for passed in (frozenset({1}), frozenset({1, 3}), frozenset[int]()):
            with pytest.raises(Stale, match="at revision 2 by now: read it again") as caught:
                await world.models.update_model(ANN, model.id, ModelPatch(owner="second", revisions=passed))
            assert caught.value.details["actual"] == 2

        assert (await world.models.get_model(ANN, model.id)).owner == "first"
        assert (await world.models.update_model(ANN, model.id, ModelPatch(owner="third", revisions=frozenset({1, 2})))).revision == 3

    async def test_time_does_not_run_backwards(self, world: World) -> None:
        model = await world.models.create_model(ANN, NewModel())
        world.clock.move(-60_000)

        assert (await world.models.update_model(ANN, model.id, ModelPatch())).updated_at == NOON


class TestList:
    async def test_in_the_order_asked_for_ties_by_id(self, world: World) -> None:
        for name, millis in (("a", 0), ("b", 0), ("c", 5), ("d", -5)):
            world.clock.move(millis)
            await world.models.create_model(ANN, NewModel(name=name))

        async def names(sort: SortKey, *, descending: bool = False) -> str:
            page = await world.models.list_models(ANN, ListQuery(sort=sort, descending=descending))
            return "".join(model.name for model in page.items)

        assert await names(SortKey.ID) == "abcd"
        assert await names(SortKey.ID, descending=True) == "dcba"
        assert await names(SortKey.CREATED) == "abdc"
        assert await names(SortKey.UPDATED, descending=True) == "cdba"

    async def test_page_after_page(self, world: World) -> None:
        for number in range(5):
            await world.models.create_model(ANN, NewModel(name=str(number)))

        first = await world.models.list_models(ANN, ListQuery(limit=2))
        second = await world.models.list_models(ANN, ListQuery(limit=2, after=first.next))
        third = await world.models.list_models(ANN, ListQuery(limit=2, after=second.next))

        assert [[model.name for model in page.items] for page in (first, second, third)] == [["0", "1"], ["2", "3"], ["4"]]
        assert third.next is None

    async def test_a_full_last_page_is_the_last(self, world: World) -> None:
        for _ in range(2):
            await world.models.create_model(ANN, NewModel())

        assert (await world.models.list_models(ANN, ListQuery(limit=2))).next is None

    async def test_filtered(self, world: World) -> None:
        await world.models.create_model(ANN, NewModel(name="fraud", properties={"accuracy": 0.5}))
        await world.models.create_model(ANN, NewModel(name="spam", properties={"accuracy": 0.9}))

        good = await world.models.list_models(ANN, ListQuery(filter=Compare(Property("accuracy"), Operator.GT, 0.7)))
        named = await world.models.list_models(ANN, ListQuery(filter=equals("name", "fraud")))

        assert [model.name for model in good.items] == ["spam"]
        assert [model.name for model in named.items] == ["fraud"]

    async def test_of_what_cannot_be_compared_is_refused(self, world: World) -> None:
        with pytest.raises(Invalid, match="type mismatch"):
            await world.models.list_models(ANN, ListQuery(filter=Compare(Field("name"), Operator.EQ, 5)))
