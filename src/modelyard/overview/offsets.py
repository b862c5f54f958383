"""Lists by offset, with the number of all matches: what clients want that show page numbers.

Other than with a cursor, a page costs what lies before it, and the number costs what there is. Where that is much, SQLite reads in a
thread.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, Table, bindparam, func, literal_column, select, true
from sqlalchemy import and_ as all_of
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from modelyard.context import Caller
from modelyard.records import reach
from modelyard.records.kinds import Kind
from modelyard.store.columns import ID
from modelyard.store.database import Reader, Row, Values
from modelyard.store.statements import SHORT, Statement

T = TypeVar("T")
MANY = 20_000
"""Rows that SQLite counts, or passes over, in about a millisecond. Others should not wait longer."""

PROJECT = bindparam("project", type_=ID)
ZERO: ColumnElement[int] = literal_column("0")
ONE: ColumnElement[int] = literal_column("1")
KEPT = 100
"""Statements that are kept of one list: clients ask for pages of a few lengths."""


class Hidden(ColumnElement[int]):
    """A number that is given, whose value PostgreSQL's planner does not see: else a statement that is cheap for some values is planned
    anew each time, and that takes longer than to run it.
    """

    inherit_cache = False
    type = ID

    def __init__(self, name: str) -> None:
        self.given: Any = bindparam(name, type_=ID)


@compiles(Hidden)
def _plain(hidden: Hidden, compiler: SQLCompiler, **more: Any) -> str:
    return compiler.process(hidden.given, **more)


@compiles(Hidden, "postgresql")
def _hidden(hidden: Hidden, compiler: SQLCompiler, **more: Any) -> str:
    return f"(SELECT {compiler.process(hidden.given, **more)})"


class Slice(msgspec.Struct, frozen=True):
    limit: int
    offset: int = 0


class Counted(msgspec.Struct, Generic[T], frozen=True):
    """Part of a list in order of ids, and how long all of it is."""

    items: list[T]
    total: int


def live(table: Any) -> ColumnElement[bool]:
    return all_of(table.c.project_id == PROJECT, table.c.trashed == ZERO)


def of_parent(column: str) -> Callable[[Any], ColumnElement[bool]]:
    """What a parent has; its id is the parameter of that name. Whether it is live is asked so that no index is taken for that."""
    return lambda table: all_of(table.c[column] == bindparam(column, type_=ID), live(table).is_(true()))


def sees(caller: Caller, kind: Kind, record: object) -> bool:
    """Whether the caller may see a record of its project."""
    return caller.sight is None or reach.holds(kind, record, caller.sight)


class OffsetList:
    """The rows of a table that satisfy a condition. Each comes with the table's `columns`, and `more` that is made of its id. `total` is
    where it is written down how many there are, if it is; else they are counted.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        condition: Callable[[Any], ColumnElement[bool]] = live,
        more: Callable[[Any], Sequence[ColumnElement[Any]]] = lambda _: (),
        total: Select[Any] | None = None,
    ) -> None:
        total = counting(table, condition) if total is None else total
        shown = (*more(table.c.id), total.scalar_subquery())
        self._pages = Pages(table, columns, condition, shown)
        self._counts = _in_both_ways(f"count {table.name}", total)
        self._many = False
        self._parts = (table, columns, condition, more)
        self._narrowed: dict[tuple[str, int], OffsetList] = {}

    async def seen(self, reader: Reader, caller: Caller, kind: Kind, values: Values, part: Slice) -> tuple[list[Row], int]:
        """As `rows`, of those that the caller may see."""
        if caller.sight is None:
            return await self.rows(reader, values, part)
        column, ids = reach.place(kind, caller.sight)
        among = sorted(ids) or [0]  # which is nobody's id
        length = 1 << (len(among) - 1).bit_length()
        among += [among[-1]] * (length - len(among))
        more = {f"among{number}": record_id for number, record_id in enumerate(among)}
        return await self._among(column, length).rows(reader, {**values, **more}, part)

    def _among(self, column: str, length: int) -> "OffsetList":
        """The list of those whose column has one of so many ids: made once, whatever they are."""
        table, columns, condition, more = self._parts
        ids = [bindparam(f"among{number}", type_=ID) for number in range(length)]
        if (column, length) not in self._narrowed:
            narrow = OffsetList(table, columns, lambda rows: all_of(condition(rows), rows.c[column].in_(ids)), more)
            self._narrowed[column, length] = narrow
        return self._narrowed[column, length]

    async def rows(self, reader: Reader, values: Values, part: Slice) -> tuple[list[Row], int]:
        """The rows, whose first column is their id, and how many there are in all. One statement; two where there are none so far down."""
        statement = self._pages.statement(part, part.offset, slow=self._many)
        rows = await reader.rows(statement, {**values, "offset": part.offset, "low": 0})
        total = int(rows[0][-1]) if rows else await self._total(reader, values, part)
        self._many = total > MANY
        return list(rows), total

    async def _total(self, reader: Reader, values: Values, part: Slice) -> int:
        if part.offset == 0:
            return 0
        row = await reader.row(self._counts[self._many], values)
        return 0 if row is None else int(row[0])


def counting(table: Table, condition: Callable[[Any], ColumnElement[bool]]) -> Select[Any]:
    counted = table.alias("counted")
    return select(func.count()).select_from(counted).where(condition(counted))


class _Way(Enum):
    """Where a page begins."""

    FIRST = auto()
    """With the list."""
    THERE = auto()
    """At the parameter `low`."""
    FURTHER = auto()
    """After `offset` rows from there."""


class Pages:
    """The statements for pages of a table's rows that satisfy a condition. Each row has these columns, then `more`."""

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        condition: Callable[[Any], ColumnElement[bool]],
        more: Sequence[ColumnElement[Any]],
    ) -> None:
        self._name = f"list {table.name} by offset"
        rows = select(*[table.c[name] for name in columns], *more).where(condition(table)).order_by(table.c.id)
        # Where a page begins is looked up in an index: of the rows that are passed over nothing else is read.
        passed, low = table.alias("passed"), Hidden("low")
        after = select(passed.c.id).where(condition(passed), passed.c.id >= low).order_by(passed.c.id)
        begin = after.limit(ONE).offset(Hidden("offset")).scalar_subquery()
        self._ways = {_Way.FIRST: rows, _Way.THERE: rows.where(table.c.id >= low), _Way.FURTHER: rows.where(table.c.id >= begin)}
        self._made: dict[tuple[int, _Way, bool], Statement] = {}

    def statement(self, part: Slice, passed: int, *, slow: bool = False) -> Statement:
        """Passes over so many rows: that is its parameter `offset`, and neither their ids nor the page's are below its parameter `low`.

        The limit is a part of its text: PostgreSQL would plan for a tenth of the table else, and so each time anew.
        """
        way = _Way.FURTHER if passed else _Way.THERE if part.offset else _Way.FIRST
        key = (part.limit, way, slow or passed > MANY)
        if key not in self._made:
            if len(self._made) >= KEPT:
                self._made.clear()
            page = self._ways[way].limit(literal_column(str(part.limit)))
            self._made[key] = Statement(self._name, page, slow=key[2], joint=part.limit <= SHORT and not key[2])
        return self._made[key]


def _in_both_ways(name: str, clause: Select[Any]) -> dict[bool, Statement]:
    """The statement by whether it is slow."""
    return {slow: Statement(name, clause, slow=slow) for slow in (False, True)}
