"""How many statements each list runs, exactly, so that one more is seen. The numbers are the same on every database."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from modelyard.context import DEFAULT_PROJECT, Reach
from modelyard.models.entities import NewModel, NewVersion
from modelyard.records import planned
from modelyard.records.kept import LARGE, MAX_TERMS
from modelyard.records.planned import STATEMENTS
from modelyard.records.sql import SqlRecords
from modelyard.search import plan
from modelyard.search.page import Cursor, ListQuery, SortKey
from modelyard.search.tree import And, Compare, Expr, Field, In, Like, Not, Operator, Or, Property, equals
from modelyard.store.statements import Flavour, Statement
from tests.store.conftest import DATABASES, NewStore
from tests.store.counted import SIZE, Counted, counted_world, fill, lists
from tests.store.worlds import sql_repositories, sql_world, world_at
from tests.unit.world import ANN, World

EQ, NE, LT, LE, GT, GE = Operator
LISTS = ["models", "versions", "experiments", "runs", "points", "artifacts", "environments", "services", "serves"]

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


@pytest.fixture(scope="module", params=DATABASES)
async def filled(request: pytest.FixtureRequest, new_store: NewStore) -> AsyncIterator[Counted]:
    async with world_at(await new_store(request.param)) as world:
        counted = await counted_world(world.database)
        await fill(counted)
        yield counted


@pytest.fixture
def counted(filled: Counted) -> Counted:
    """Full lists, which tests share and only read, in a world without experience of them."""
    return filled._replace(world=sql_world(filled.database))


@pytest.fixture
async def fresh(sql: World) -> Counted:
    """For tests that write, or want next to nothing in the lists."""
    return await counted_world(sql.database)


async def test_lists(counted: Counted) -> None:
    """Without a filter one statement, whatever the page's size and order; with one, where few match, at most three."""
    for kind, list_ in lists(counted.world).items():
        for limit in (1, 20, 200, None):
            for sort, after in ((SortKey.ID, None), (SortKey.UPDATED, Cursor(3, 5))):
                for filter_ in (None, *EXACT, *APPROXIMATE):
                    counted.database.forget()
                    page = await list_(ANN, ListQuery(filter=filter_, sort=sort, limit=limit, after=after))
                    assert len(counted.database.names) <= (3 if filter_ else 1), (kind, limit, filter_)
                    if filter_ is None and kind != "artifacts":
                        assert len(page.items) >= min(limit or SIZE, SIZE)


async def test_lists_of_those_who_reach_some_records_only(counted: Counted) -> None:
    """One statement as well, and none more to look a record up, but for what says only by its owners where it belongs."""
    only = Reach(frozenset({counted.model}), frozenset({counted.experiment}))
    ola = msgspec.structs.replace(ANN, reach=only, sight=only)
    for kind, list_ in lists(counted.world).items():
        assert len(await counted.names(list_(ola, ListQuery(limit=20)))) == 1, kind
    models, artifacts = counted.world.models, counted.world.artifacts
    assert await counted.names(models.get_version(ola, counted.version)) == ["get model_version"]
    artifact = (await artifacts.list_artifacts(ola, ListQuery(limit=1))).items[0]
    assert await counted.names(artifacts.get_artifact(ola, artifact.id)) == ["get artifact", "list artifact"]


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
    query = ListQuery(filter=filter_, limit=2)

    assert await counted.names(counted.world.models.list_models(ANN, query)) == few

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "MANY", 5)
        patch.setattr(planned, "WINDOWS", (20, 20, 20))
        inexperienced = sql_world(counted.database)
        assert await counted.names(inexperienced.models.list_models(ANN, query)) == many
    assert max(len(few), len(many)) < STATEMENTS


async def test_what_was_best_for_the_last_filter_of_a_shape_is_looked_up_without_counting(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "MANY", 5)
    monkeypatch.setattr(planned, "FEW", 5)

    async def asked(below: int) -> tuple[list[str], list[Any]]:
        filter_ = And((Compare(Property("n"), LT, below), Compare(Field("id"), GT, 0)))
        counted.database.forget()
        page = await counted.world.models.list_models(ANN, ListQuery(filter=filter_, limit=3))
        return counted.database.names, [model.properties["n"] for model in page.items]

    assert await asked(5) == ([COUNT, LOOK_UP], [0, 1, 2])
    assert await asked(2) == ([LOOK_UP], [0, 1])
    assert await asked(4) == ([LOOK_UP], [0, 1, 2])

    # No row does not say whether none or too many are named: they are counted, and the next time at once.
    assert await asked(0) == ([LOOK_UP, COUNT, LOOK_UP], [])
    assert await asked(5) == ([COUNT, LOOK_UP], [0, 1, 2])
    assert await asked(150) == ([LOOK_UP, COUNT, WALK, FETCH], [0, 1, 2])
    assert await asked(150) == ([COUNT, WALK, FETCH], [0, 1, 2])


async def test_a_choice_is_not_expected_of_a_filter_whose_shape_selects_too_much(fresh: Counted) -> None:
    """Of these two integers the index of doubles has one only."""
    world = fresh.world
    await world.models.create_model(ANN, NewModel(properties={"n": 2**53 - 1}))
    await world.models.create_model(ANN, NewModel(properties={"n": 2**53 + 1}))

    async def asked(number: int) -> list[Any]:
        page = await world.models.list_models(ANN, ListQuery(filter=Compare(Property("n"), EQ, number), limit=3))
        return [model.properties["n"] for model in page.items]

    assert await asked(2**53 - 1) == [2**53 - 1]
    assert await asked(2**53) == []
    assert await asked(2**53 + 1) == [2**53 + 1]


async def test_a_page_of_children_is_full_however_many_others_there_are(fresh: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    world = fresh.world
    old = await world.models.create_model(ANN, NewModel())
    children = [await world.models.create_version(ANN, NewVersion(model_id=old.id)) for _ in range(8)]
    for _ in range(30):
        world.clock.move(1)
        await world.models.create_version(ANN, NewVersion(model_id=fresh.model))
    monkeypatch.setattr(plan, "MANY", 5)
    monkeypatch.setattr(planned, "WINDOWS", (5, 5, 5))
    query = ListQuery(scope=equals("model_id", old.id), sort=SortKey.CREATED, descending=True, limit=3)

    fresh.database.forget()
    page = await world.models.list_versions(ANN, query)

    assert [version.id for version in page.items] == [version.id for version in reversed(children)][:3]
    assert page.next is not None
    assert fresh.database.names == ["count model_version", *["walk model_version"] * 3, "look up model_version"]
    assert len(fresh.database.names) <= STATEMENTS


async def test_a_walk_stops_at_its_budget_and_its_token_goes_on(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
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
async def test_a_list_of_a_shape_is_compiled_once(fresh: Counted, kind: str) -> None:
    list_ = lists(fresh.world)[kind]

    async def statements(**query: Any) -> list[Statement]:
        fresh.database.forget()
        await list_(ANN, ListQuery(**query))
        return list(fresh.database.statements)

    # PostgreSQL plans for a number that it is told: there each number is a shape.
    length = 1 if fresh.database.flavour is Flavour.POSTGRESQL else 200
    everything = await statements(limit=1)
    assert await statements(limit=length) == everything
    assert await statements(limit=1, descending=True) != everything
    assert await statements(limit=None) == await statements(limit=None)

    following = await statements(limit=1, after=Cursor(1, 1))
    assert await statements(limit=length, after=Cursor(7, 7)) == following

    filtered = await statements(limit=1, filter=Compare(Property("n"), GT, 1))
    assert await statements(limit=1, filter=Compare(Property("other"), GT, 99)) == filtered
    assert await statements(limit=1, filter=Compare(Property("n"), LT, 1)) != filtered
    assert filtered[0].compiled(fresh.database.flavour) is filtered[0].compiled(fresh.database.flavour)

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


def test_every_list_is_counted() -> None:
    assert len(LISTS) == len(sql_repositories()) - 4  # links, the trash, series and accounts are no kinds of record
