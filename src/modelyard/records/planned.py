"""Lists whose statements depend on what is stored: the planner of `search.plan` at work.

`STATEMENTS` at most, whatever is stored: look up what was best for the last filter of the shape, or else count what the conditions name,
look up or walk, fetch the page. Where the walk's last window did not fill the page, the page is short or even empty, and its token says
where to go on.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from modelyard.records import listing
from modelyard.records.kept import KeptStatements
from modelyard.records.listing import Clause, Order
from modelyard.records.record import Record
from modelyard.records.rows import columns as stored_columns
from modelyard.records.rowtest import NOTHING, RowTest, passed_before
from modelyard.search import plan
from modelyard.search.compile import Source
from modelyard.search.evaluate import Test, predicate
from modelyard.search.fields import Fields
from modelyard.search.lower import Lowered, lower
from modelyard.search.page import Cursor, ListQuery, Page, SortKey
from modelyard.search.plan import Candidates, Indexes
from modelyard.search.shape import Shape
from modelyard.search.tree import both
from modelyard.store.database import Reader, Row
from modelyard.store.kept import Kept
from modelyard.store.statements import Flavour, Statement

R = TypeVar("R", bound=Record)

WINDOWS = (100, 900, 9_000)
"""Rows that are walked in each step. Their sum is what a page may cost."""
WINDOWS_ALONG = (100, 900, 1_500)
"""Likewise along an index, whose rows lie far apart: each costs several times as much."""
STATEMENTS = 1 + 1 + len(WINDOWS) + 1
REFILL = 1_000
"""Rows that are read at least where neither candidates nor a walk serve, and the database only approximates the filter."""
FEW = 500
"""Candidates that SQLite looks up on the event loop. More may take longer than others should wait."""

EXPECTED = 128
"""Shapes of filters of which the best choice is kept."""

_ALL: Test = lambda _, __: True  # noqa: E731 - one line says it

_stream = lru_cache(128)(plan.stream)
_on_row = lru_cache(128)(plan.on_row)


@lru_cache(128)
def _known(shape: Shape, indexes: Indexes) -> tuple[Mapping[Shape, int], tuple[Shape, ...]]:
    """The counts that need no counting, and the conditions that are to be counted beside: none where what is certain is enough."""
    leaves = plan.countable(shape, indexes)
    counts = plan.certain(leaves, indexes)
    enough = plan.candidates(shape, counts) is not None
    return counts, () if enough else tuple(leaf for leaf in leaves if leaf not in counts)


class _Asked(NamedTuple):
    """A list that is asked for. `values` are the parameters of its statements."""

    reader: Reader
    query: ListQuery
    limit: int
    test: Test
    lowered: Lowered
    values: dict[str, Any]

    def order(self, after: Cursor | None) -> Order:
        return Order(sort=self.query.sort, descending=self.query.descending, after=after is not None)


class PlannedLists(Generic[R]):
    """`read` makes an entity of a row of the table's columns in the entity's order."""

    def __init__(self, source: Source, entity: type[R], fields: Fields, read: Callable[[Row], R], kept: KeptStatements) -> None:
        self._source = source
        self._fields = fields
        self._read = read
        self._kept = kept
        self._indexes = listing.indexes(source.table)
        self._sorted = {SortKey.ID, *[index.columns[0] for index in self._indexes if index.columns[1:] == ("id",)]}
        self._columns = listing.columns(source, entity.__struct_fields__)
        self._stored = {column.name: column for column in stored_columns(entity)}
        self._expected: Kept[Shape, Candidates] = Kept(EXPECTED)

    async def page(self, reader: Reader, values: Mapping[str, Any], query: ListQuery) -> Page[R]:
        """A page of a query that has a limit, and a scope or a filter. `values` are the parameters that the query does not hold."""
        wanted, limit = both(query.scope, query.filter), query.limit
        assert wanted is not None and limit is not None  # noqa: S101, PT018 - as promised
        test = _ALL if query.filter is None else predicate(query.filter, self._fields)
        lowered = lower(wanted, self._fields, reader.flavour)
        parameters = {**values, **{f"v{number}": value for number, value in enumerate(lowered.values)}, "limit": limit + 1}
        asked = _Asked(reader, query, limit, test, lowered, parameters)
        counts, uncounted = _known(lowered.shape, self._indexes)
        if uncounted:
            if (page := await self._look_up_expected(asked)) is not None:
                return page
            counts = {**counts, **await self._counts(asked, uncounted)}
        found = plan.candidates(lowered.shape, counts)
        if found is not None:
            page = await self._look_up(asked, found)
            if uncounted and page.items:
                self._expect(lowered, found)
            return page
        along = _stream(lowered.shape, self._indexes) if query.sort is SortKey.ID else ()
        if not along and query.sort not in self._sorted:
            return await self._read_on(asked)
        passed, rest = await self._walk(asked, along)
        if query.filter is None and rest is not None and len(passed) <= limit:
            # Nobody expects a page of a scope to come up short: all that is in it is looked up and sorted.
            all_ = plan.candidates(lowered.shape, dict.fromkeys(counts, plan.MANY))
            return await self._read_on(asked) if all_ is None else await self._look_up(asked, all_)
        return await self._fetch(asked, passed, rest)

    async def _counts(self, asked: _Asked, leaves: tuple[Shape, ...]) -> Mapping[Shape, int]:
        """How many rows these conditions name."""
        statement = await self._statement(
            asked, ("count", leaves), 2 * len(leaves), lambda flavour: listing.counts(self._source, flavour, leaves, plan.MANY + 1)
        )
        row = await asked.reader.row(statement, asked.values)
        assert row is not None  # noqa: S101 - one row, whatever there is
        return dict(zip(leaves, row, strict=True))

    def _expect(self, lowered: Lowered, found: Candidates) -> None:
        """Keep a choice that was best, where one statement can make it again: of one source, and all of the rest told by the database."""
        if len(found.sources) == 1 and lowered.exact and _on_row(lowered.shape, found.held, by_index=True)[1]:
            self._expected.keep(lowered.shape, found)

    async def _look_up_expected(self, asked: _Asked) -> Page[R] | None:
        """The page, if what was the best choice for the last filter of this shape names few rows again. No row leaves that open: None."""
        shape = asked.lowered.shape
        found = self._expected.find(shape) if asked.lowered.exact else None
        if found is None:
            return None
        order, slow = asked.order(asked.query.after), found.size > FEW
        (leaf,), most = found.sources, plan.MANY if slow or asked.reader.flavour is not Flavour.SQLITE else FEW
        row, _ = _on_row(shape, found.held, by_index=True)

        def make(flavour: Flavour) -> Clause:
            return listing.expected(self._source, flavour, self._columns, order, leaf, row, most)

        key = ("look up", order, leaf, row, most, slow)
        statement = await self._statement(asked, key, 2 + len(asked.lowered.values), make, slow=slow)
        rows = await asked.reader.rows(statement, _after(asked.values, asked.query.after))
        if not rows:
            self._expected.drop(shape)
            return None
        return _cut(asked, [self._read(row) for row in rows])

    async def _look_up(self, asked: _Asked, found: Candidates) -> Page[R]:
        if not found.sources:
            return Page([], None)
        row, exact = _on_row(asked.lowered.shape, found.held, by_index=True)
        exact = exact and asked.lowered.exact
        # No more than a page of rows is read whole, even if some of them will not be on it.
        test = None if exact or found.size <= asked.limit else self._row_test(asked)
        order, slow = asked.order(asked.query.after), found.size > FEW

        def make(flavour: Flavour) -> Clause:
            columns = self._columns if test is None else listing.narrow(self._source, order, test.needs)
            return listing.candidates(self._source, flavour, columns, order, found.sources, row, limited=exact)

        key = ("look up", order, found.sources, row, None if test is None else test.needs, exact, slow)
        statement = await self._statement(asked, key, 1 + len(asked.lowered.values), make, slow=slow)
        rows = await asked.reader.rows(statement, _after(asked.values, asked.query.after))
        if test is not None:
            return await self._fetch(asked, await test.passed(rows, asked.limit + 1), None)
        items = [self._read(row) for row in rows]
        return _cut(asked, items if exact else [item for item in items if asked.test(item.__getattribute__, item.properties)])

    async def _walk(self, asked: _Asked, along: tuple[Shape, ...]) -> tuple[list[Cursor], Cursor | None]:
        """The places of rows that satisfy everything, and where the walk stopped if it did not come to the end."""
        row, exact = _on_row(asked.lowered.shape, frozenset(along), by_index=False)
        test = None if exact and asked.lowered.exact else self._row_test(asked)
        needs = NOTHING if test is None else test.needs
        passed: list[Cursor] = []
        after = asked.query.after
        for window in WINDOWS_ALONG if along else WINDOWS:
            order = asked.order(after)

            def make(flavour: Flavour, order: Order = order) -> Clause:
                if along:
                    return listing.walk_along(self._source, flavour, order, along, row, needs)
                return listing.walk(self._source, flavour, order, row, needs)

            key = ("walk", order, along, row, needs)
            statement = await self._statement(asked, key, 1 + len(asked.lowered.values), make, slow=True)
            rows = await asked.reader.rows(statement, _after({**asked.values, "window": window}, after))
            passed += passed_before(rows) if test is None else await test.passed(rows, asked.limit + 1 - len(passed))
            after = Cursor(rows[-1][0], rows[-1][1]) if len(rows) == window else None
            if after is None or len(passed) > asked.limit:
                break
        return passed, after

    async def _read_on(self, asked: _Asked) -> Page[R]:
        """Neither candidates nor a walk: the database finds the rows in whatever way it knows."""
        order, shape = asked.order(asked.query.after), asked.lowered.shape

        def make(flavour: Flavour) -> Clause:
            return listing.page(self._source, flavour, self._columns, order, shape)

        statement = await self._statement(asked, ("read on", order, shape), 1 + len(asked.lowered.values), make, slow=True)
        limit = asked.limit if asked.lowered.exact else max(asked.limit, REFILL)
        rows = await asked.reader.rows(statement, _after({**asked.values, "limit": limit + 1}, asked.query.after))
        read = [self._read(row) for row in rows[:limit]]
        page = _cut(asked, [item for item in read if asked.test(item.__getattribute__, item.properties)])
        return Page(page.items, _place(asked, read[-1])) if page.next is None and len(rows) > limit else page

    async def _fetch(self, asked: _Asked, passed: Sequence[Cursor], rest: Cursor | None) -> Page[R]:
        """The page of these rows, as many as are wanted; `rest` is where to go on if that is all of them."""
        if len(passed) > asked.limit:
            passed = passed[: asked.limit]
            rest = passed[-1]
        if not passed:
            return Page([], rest)
        length = 1 << (len(passed) - 1).bit_length()
        ids = [place.id for place in passed] + [passed[-1].id] * (length - len(passed))
        order = Order(sort=SortKey.ID, descending=False, after=False)

        def make(flavour: Flavour) -> Clause:
            return listing.page(self._source, flavour, self._columns, order, ("among", 0, "id", length))

        # The terms of one IN are compiled fast, however many.
        statement = await self._statement(asked, ("fetch", length), 1, make)
        values = {**asked.values, **{f"v{number}": one for number, one in enumerate(ids)}, "limit": length}
        rows = {row[0]: row for row in await asked.reader.rows(statement, values)}
        items = [self._read(rows[place.id]) for place in passed if place.id in rows]
        # What has changed since it was tested may no longer belong here.
        return Page([item for item in items if asked.test(item.__getattribute__, item.properties)], rest)

    def _row_test(self, asked: _Asked) -> RowTest:
        # The database can tell all of a scope of one row, so that there is a filter where a test is needed.
        assert asked.query.filter is not None  # noqa: S101 - as said
        return RowTest(asked.query.filter, asked.test, self._fields, self._stored)

    async def _statement(
        self, asked: _Asked, key: tuple[Hashable, ...], terms: int, make: Callable[[Flavour], Clause], *, slow: bool = False
    ) -> Statement:
        flavour = asked.reader.flavour
        name = f"{key[0]} {self._source.table.name}"
        return await self._kept.get((flavour, *key), flavour, terms, lambda: Statement(name, make(flavour), slow=slow))


def _cut(asked: _Asked, items: list[R]) -> Page[R]:
    """The page of items of which all are there, or more than are wanted."""
    return Page(items, None) if len(items) <= asked.limit else Page(items[: asked.limit], _place(asked, items[asked.limit - 1]))


def _place(asked: _Asked, item: Record) -> Cursor:
    return Cursor(item.id, getattr(item, asked.query.sort.value))


def _after(values: dict[str, Any], after: Cursor | None) -> dict[str, Any]:
    return values if after is None else {**values, "after_id": after.id, "after_value": after.value}
