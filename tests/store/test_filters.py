"""One filter finds the same records in memory, on SQLite, on PostgreSQL and on MariaDB, in one page or in many."""

from collections.abc import AsyncIterator
from itertools import chain
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.artifacts.entities import Artifact
from modelyard.context import DEFAULT_PROJECT
from modelyard.errors import Invalid
from modelyard.models.entities import Model
from modelyard.records import planned
from modelyard.records.record import Record
from modelyard.records.repository import Records
from modelyard.search import plan
from modelyard.search.evaluate import Test, check, predicate
from modelyard.search.page import Cursor, ListQuery, SortKey
from modelyard.search.tree import (
    And,
    Compare,
    Exists,
    Expr,
    Field,
    In,
    Like,
    Not,
    Operator,
    Or,
    Property,
    PropertyType,
    equals,
)
from tests.store.conftest import DATABASES, NewStore
from tests.store.worlds import world_at
from tests.store.zoo import ARTIFACT_FILTERS, LONG, MODEL_FILTERS, inhabit
from tests.unit.world import ANN, NOON, World, memory_world


class Zoo(NamedTuple):
    world: World
    models: list[Model]
    artifacts: list[Artifact]


@pytest.fixture(scope="session", params=["memory", *DATABASES])
async def zoo(request: pytest.FixtureRequest, new_store: NewStore) -> AsyncIterator[Zoo]:
    if request.param == "memory":
        world = memory_world()
        yield Zoo(world, *await inhabit(world))
        return
    async with world_at(await new_store(request.param)) as world:
        yield Zoo(world, *await inhabit(world))


class Walk(NamedTuple):
    """`crowded`: a few rows are so many to the planner that it walks instead of looking them up, in small steps."""

    sort: SortKey
    descending: bool
    limit: int | None
    crowded: bool = False


WALKS = st.builds(Walk, st.sampled_from(SortKey), st.booleans(), st.sampled_from([None, None, 3, 20, 64]), st.booleans())
CROWDED = (3, 8, 20)
EVERYTHING = Walk(SortKey.ID, descending=False, limit=None)
MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


async def found(zoo: Zoo, records: Records[Any], rows: int, filter_: Expr, walk: Walk, scope: Expr | None = None) -> list[int]:
    """The ids on all pages, of which there are no more than a walk over every row would have."""
    with pytest.MonkeyPatch.context() as patch:
        if walk.crowded:
            patch.setattr(plan, "MANY", 5)
            patch.setattr(planned, "WINDOWS", CROWDED)
            patch.setattr(planned, "WINDOWS_ALONG", CROWDED)
        return await _found(zoo, records, rows, filter_, walk, scope)


async def _found(zoo: Zoo, records: Records[Any], rows: int, filter_: Expr, walk: Walk, scope: Expr | None) -> list[int]:
    ids: list[int] = []
    after: Cursor | None = None
    step = min(walk.limit or rows, sum(CROWDED) if walk.crowded else rows)
    for _ in range(rows // max(step, 1) + 2):
        query = ListQuery(scope=scope, filter=filter_, sort=walk.sort, descending=walk.descending, limit=walk.limit, after=after)
        page = await records.page(zoo.world.database.reader, DEFAULT_PROJECT, query)
        assert walk.limit is None or len(page.items) <= walk.limit
        ids += [record.id for record in page.items]
        after = page.next
        if after is None:
            return ids
    raise AssertionError("the walk does not end")


def expected(rows: list[Any], test: Test, walk: Walk) -> list[int]:
    def matches(row: Record) -> bool:
        return test(lambda name: getattr(row, name), row.properties)

    chosen = [row for row in rows if matches(row)]
    return [row.id for row in sorted(chosen, key=lambda row: (getattr(row, walk.sort.value), row.id), reverse=walk.descending)]


async def check_same(zoo: Zoo, records: Records[Any], rows: list[Any], filter_: Expr, walk: Walk) -> None:
    refusal = refused(filter_, records)
    if refusal is None:
        assert await found(zoo, records, len(rows), filter_, walk) == expected(rows, predicate(filter_, records.fields), walk)
        return
    with pytest.raises(Invalid) as caught:
        await found(zoo, records, len(rows), filter_, walk)
    assert caught.value.message == refusal


def refused(filter_: Expr, records: Records[Any]) -> str | None:
    """What is wrong with the filter, if anything."""
    try:
        check(filter_, records.fields)
    except Invalid as error:
        return error.message
    return None


@MANY
@given(filter_=MODEL_FILTERS, walk=WALKS)
async def test_any_filter_of_models(zoo: Zoo, filter_: Expr, walk: Walk) -> None:
    await check_same(zoo, zoo.world.records.models, zoo.models, filter_, walk)


@MANY
@given(filter_=ARTIFACT_FILTERS, walk=WALKS)
async def test_any_filter_of_artifacts(zoo: Zoo, filter_: Expr, walk: Walk) -> None:
    await check_same(zoo, zoo.world.records.artifacts, zoo.artifacts, filter_, walk)


EQ, NE, LT, LE, GT, GE = Operator
NEVER = Compare(Property("nowhere"), EQ, "x")


@pytest.mark.parametrize(
    "filter_",
    [
        # integers that are one number as doubles
        Compare(Property("n"), EQ, 2**53 + 1),
        Not(Compare(Property("n"), EQ, 2**53 + 1)),
        Not(Not(Compare(Property("n"), NE, 2**53))),
        And((Compare(Property("n"), GT, 2**53), Compare(Property("n"), LT, 2**53 + 2))),
        Compare(Property("n", PropertyType.FLOAT), GE, 2.0**63),
        # numbers that no database could hold
        Compare(Property("n"), LT, 10**400),
        Compare(Property("n"), GT, -(10**400)),
        Compare(Property("n"), EQ, 10**400),
        Compare(Field("id"), LT, 10**400),
        # two bounds, of one value and of two
        And((Compare(Property("n"), GT, 1), Compare(Property("n"), LE, 3))),
        And((Compare(Property("n"), GE, 1.5), Compare(Property("n"), LT, 3), Compare(Property("n"), LT, 2))),
        Not(And((Compare(Property("n"), GT, 1), Compare(Property("n"), LE, 3)))),
        And((Compare(Property("n"), GT, 1), Compare(Property("a"), LE, 3))),
        And((Compare(Field("created_at"), GT, NOON), Compare(Field("created_at"), LE, NOON + 2))),
        # texts beyond what the index keeps
        Compare(Property("a"), EQ, LONG + "yz"),
        Compare(Property("a"), NE, LONG + "yz"),
        Compare(Property("a"), LT, LONG + "yzz"),
        Not(Compare(Property("a"), GE, LONG + "yzz")),
        Compare(Field("tasks"), EQ, LONG + "yz"),
        Not(Compare(Field("tasks"), EQ, LONG + "yz")),
        Like(Property("a"), "%yz"),
        Not(Like(Property("a"), "%yz")),
        # case beyond ASCII
        Like(Field("owner"), "é%", fold=True),
        Not(Like(Field("owner"), "é%", fold=True)),
        Like(Field("owner"), "k", fold=True),
        Like(Field("owner"), "i%", fold=True),
        Like(Field("owner"), "ς", fold=True),
        Like(Property("a"), "%SS%", fold=True),
        Like(Field("tasks"), "É", fold=True),
        # wildcards as text
        Like(Field("owner"), "100\\%"),
        Like(Field("owner"), "\\[a-z]*?"),
        Like(Field("owner"), "|pipe|"),
        Like(Field("owner"), "a\\\\b"),
        Like(Field("owner"), "__"),
        # nothing and everything
        And(()),
        Or(()),
        Not(And(())),
        In(Property("a"), ()),
        Not(In(Field("owner"), ())),
        Exists(Property("a")),
        Not(Exists(Property("a", PropertyType.TEXT))),
        Exists(Field("tasks")),
        Not(Exists(Field("tasks"))),
        Not(NEVER),
        # no record is true and false at once
        Or((Compare(Property("a"), EQ, 1), Compare(Property("a"), EQ, True))),  # noqa: FBT003 - a literal of the filter, which does not switch anything
        And((Exists(Property("a", PropertyType.BOOLEAN)), Not(In(Property("a"), (True, False))))),
        In(Property("a"), (1, 1.0, True, "1", 2**53 + 1)),
    ],
    ids=repr,
)
async def test_filters_that_databases_get_wrong(zoo: Zoo, filter_: Expr) -> None:
    await check_same(zoo, zoo.world.records.models, zoo.models, filter_, EVERYTHING)
    for crowded in (False, True):
        await check_same(
            zoo, zoo.world.records.models, zoo.models, filter_, Walk(SortKey.UPDATED, descending=True, limit=20, crowded=crowded)
        )
        await check_same(zoo, zoo.world.records.models, zoo.models, filter_, Walk(SortKey.ID, descending=False, limit=7, crowded=crowded))


@pytest.mark.parametrize("value", ["9" * 330, 10**400, -(10**400), 2**63, -(2**63) - 1, 2**53 + 1, 0.30000000000000004, 5e-324])
@pytest.mark.parametrize("operator", Operator)
@pytest.mark.parametrize("field", ["value", "step"])
async def test_numbers_at_the_edges_of_columns(zoo: Zoo, field: str, operator: Operator, value: float | str) -> None:
    for filter_ in (Compare(Field(field), operator, value), Not(Compare(Field(field), operator, value))):
        await check_same(zoo, zoo.world.records.artifacts, zoo.artifacts, filter_, EVERYTHING)


async def test_as_many_values_and_as_deep_as_a_dialect_lets_through(zoo: Zoo) -> None:
    """SQLite allows 1,000 levels of expression and a parser stack of 100."""
    values = tuple(f"value {number}" for number in range(499))
    for subject in (Property("a"), Field("owner"), Field("tasks")):
        for filter_ in (In(subject, (*values, "é")), Not(In(subject, (*values, "é")))):
            await check_same(zoo, zoo.world.records.models, zoo.models, filter_, EVERYTHING)
    deep: Expr = Compare(Field("owner"), EQ, "é")
    for level in range(16):
        deep = (And, Or)[level % 2]((Not(deep), *[Compare(Property("a"), EQ, f"{level} {number}") for number in range(30 * (level % 2))]))
    await check_same(zoo, zoo.world.records.models, zoo.models, deep, EVERYTHING)


async def test_a_scope_of_links_and_a_filter(zoo: Zoo) -> None:
    records = zoo.world.records.artifacts
    under: dict[int, list[int]] = {}
    versions = [version.id for version in (await zoo.world.models.list_versions(ANN, ListQuery())).items]
    for parent_id in (*versions, nothing := max(versions) + 1):
        under[parent_id] = await found(zoo, records, len(zoo.artifacts), Not(NEVER), EVERYTHING, equals("parent_id", parent_id))
    exact, approximate = Compare(Property("n"), GT, 0), Like(Field("uri"), "%É%", fold=True)

    for filter_ in (exact, approximate, Not(approximate)):
        everywhere = set(expected(zoo.artifacts, predicate(filter_, records.fields), EVERYTHING))
        for parent_id, ids in under.items():
            for crowded in (False, True):
                walk = Walk(SortKey.ID, descending=False, limit=3, crowded=crowded)
                here = await found(zoo, records, len(ids), filter_, walk, equals("parent_id", parent_id))
                assert here == [artifact_id for artifact_id in ids if artifact_id in everywhere]

    assert under[nothing] == []
    assert len(set(chain.from_iterable(under.values()))) > 50
