"""Pages walked by token give every row once, whatever the order, the page's size, and what is inserted meanwhile."""

import itertools
from collections.abc import AsyncIterator
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.context import DEFAULT_PROJECT, Millis
from modelyard.models.entities import ModelPatch, ModelVersion, NewModel, NewVersion
from modelyard.search.page import ListQuery, SortKey
from modelyard.search.tree import Compare, Expr, Field, Like, Operator, Property, both, equals
from tests.unit.world import ANN, NOON, World


class Walk(NamedTuple):
    sort: SortKey
    descending: bool
    limit: int


Moments = list[tuple[int, int]]
"""When each row is created and updated, in milliseconds after noon."""

WALKS = st.builds(Walk, st.sampled_from(SortKey), st.booleans(), st.integers(1, 5))
MOMENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12)
"""Few different moments, so that many rows share one."""


async def insert(world: World, model_id: int, moments: Moments) -> list[ModelVersion]:
    """Versions of a model, straight into the repository."""
    rows: list[ModelVersion] = []
    for created, updated in moments:
        blank = dict.fromkeys(ModelVersion.__struct_fields__) | {
            "id": 0,
            "project_id": DEFAULT_PROJECT,
            "revision": 1,
            "properties": {"n": 1},
        }
        times = {"created_at": Millis(NOON + created), "updated_at": Millis(NOON + updated)}
        row = ModelVersion(**blank | times | {"model_id": model_id, "name": f"v{next(NUMBERS)}"})  # type: ignore[arg-type]  # the values of this dict are of several types, which mypy joins to object
        rows.append(await world.database.write(lambda unit, row=row: world.records.versions.insert(unit, row)))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
    return rows


NUMBERS = itertools.count()


async def pages(world: World, walk: Walk, model_id: int, filter_: Expr | None = None) -> AsyncIterator[list[ModelVersion]]:
    query = ListQuery(scope=equals("model_id", model_id), filter=filter_, sort=walk.sort, descending=walk.descending, limit=walk.limit)
    after = None
    for number in itertools.count():
        assert number < 100, "the walk does not end"
        query = ListQuery(
            scope=equals("model_id", model_id), filter=filter_, sort=walk.sort, descending=walk.descending, limit=walk.limit, after=after
        )
        page = await world.models.list_versions(ANN, query)
        yield page.items
        after = page.next
        if after is None:
            return


def in_order(rows: list[ModelVersion], walk: Walk) -> list[ModelVersion]:
    return sorted(rows, key=lambda row: (getattr(row, walk.sort.value), row.id), reverse=walk.descending)


FIXTURES_LAST = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""One wiped world serves all examples of a test: each has a model of its own."""


@FIXTURES_LAST
@given(walk=WALKS, moments=MOMENTS)
async def test_every_row_once_and_in_order(world: World, walk: Walk, moments: Moments) -> None:
    model = await world.models.create_model(ANN, NewModel())
    rows = await insert(world, model.id, moments)

    walked = [page async for page in pages(world, walk, model.id)]

    assert list(itertools.chain(*walked)) == in_order(rows, walk)
    assert [len(page) for page in walked[:-1]] == [walk.limit] * (len(walked) - 1)
    assert len(walked) == max(1, -(-len(rows) // walk.limit))


@FIXTURES_LAST
@given(walk=WALKS, moments=MOMENTS, arrivals=st.lists(MOMENTS, min_size=1, max_size=3))
async def test_rows_inserted_meanwhile_repeat_and_hide_none(world: World, walk: Walk, moments: Moments, arrivals: list[Moments]) -> None:
    model = await world.models.create_model(ANN, NewModel())
    known = await insert(world, model.id, moments)
    coming = iter(arrivals)

    walked: list[ModelVersion] = []
    async for page in pages(world, walk, model.id):
        walked += page
        known_now = next(coming, [])
        await insert(world, model.id, known_now)

    assert walked == in_order(walked, walk)
    assert len({row.id for row in walked}) == len(walked)
    assert {row.id for row in known} <= {row.id for row in walked}


@FIXTURES_LAST
@given(walk=WALKS, moments=MOMENTS, every=st.integers(1, 4))
async def test_a_filter_that_the_database_only_approximates(world: World, walk: Walk, moments: Moments, every: int) -> None:
    """LIKE beyond ASCII is decided row by row after the statement: pages may come up short, and still none is left out."""
    model = await world.models.create_model(ANN, NewModel())
    rows = await insert(world, model.id, moments)
    for number, row in enumerate(rows):
        text = "É" if number % every == 0 else "È"
        await world.database.write(
            lambda unit, row=row, text=text: world.records.versions.update(unit, row, with_author(row, text))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
        )
    wanted = Like(Field("author"), "%é%", fold=True)

    found = [row async for page in pages(world, walk, model.id, wanted) for row in page]

    assert [row.id for row in found] == [row.id for row in in_order([row for n, row in enumerate(rows) if n % every == 0], walk)]


def with_author(row: ModelVersion, author: str) -> ModelVersion:
    return ModelVersion(**{name: getattr(row, name) for name in row.__struct_fields__} | {"author": author})


async def test_few_matches_among_many_rows_come_on_one_page(world: World) -> None:
    """The first statement finds a page of rows that are almost all wrong; the second, larger one fills it."""
    model = await world.models.create_model(ANN, NewModel())
    rows = await insert(world, model.id, [(0, 0)] * 60)
    for row in (rows[20], rows[40], rows[59]):
        await world.database.write(lambda unit, row=row: world.records.versions.update(unit, row, with_author(row, "É")))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
    query = ListQuery(scope=equals("model_id", model.id), filter=Like(Field("author"), "é", fold=True), limit=2)

    first = await world.models.list_versions(ANN, query)
    assert [row.id for row in first.items] == [rows[20].id, rows[40].id]
    rest = ListQuery(scope=query.scope, filter=query.filter, limit=2, after=first.next)
    assert [row.id for row in (await world.models.list_versions(ANN, rest)).items] == [rows[59].id]


async def test_rows_that_change_while_walked_by_id_are_seen_once(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel())
    rows = await insert(world, model.id, [(0, 0)] * 7)
    walked = []
    async for page in pages(world, Walk(SortKey.ID, descending=False, limit=2), model.id):
        walked += [row.id for row in page]
        world.clock.move(1)
        await world.models.update_model(ANN, model.id, ModelPatch(owner="ann"))

    assert walked == [row.id for row in rows]


async def test_filter_and_scope_both_hold(world: World) -> None:
    one, two = [await world.models.create_model(ANN, NewModel()) for _ in range(2)]
    for model in (one, two):
        for number in range(3):
            await world.models.create_version(ANN, NewVersion(model_id=model.id, properties={"n": number}))
    odd = Compare(Property("n"), Operator.GE, 1)

    page = await world.models.list_versions(ANN, ListQuery(scope=both(equals("model_id", two.id), equals("state", "LIVE")), filter=odd))

    assert [(row.model_id, row.properties["n"]) for row in page.items] == [(two.id, 1), (two.id, 2)]
