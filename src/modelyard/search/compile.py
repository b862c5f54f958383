"""A lowered filter as SQL: as one clause, as the ids that an index names, or as a test of rows at hand.

Parameters are named by the number of the literal, and `project`. The words of a shape are explained in `shape`.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, FromClause, Table, and_, bindparam, false, func, literal_column, not_, or_, select, true
from sqlalchemy.sql.selectable import Select

from modelyard.search.lower import Lowered, lower
from modelyard.search.shape import LIST_FIELD, NUMBER_TYPES, OPAQUE, TEXT_CUT, TEXT_WHOLE, Shape
from modelyard.search.tree import Operator
from modelyard.store.statements import Flavour
from modelyard.store.tables import PROPERTY_NUMBER, PROPERTY_TEXT

__all__ = ["LIST_FIELD", "NUMBER_TYPES", "OPAQUE", "TEXT_CUT", "TEXT_WHOLE", "Lowered", "Shape", "Source", "lower", "where"]

MAX_JOINED = 6
"""PostgreSQL turns `id IN (SELECT …)` into a join and weighs every order of the joins: with many it plans for minutes. Above this
number an OFFSET keeps each lookup by itself, and it is read whole."""

_OPERATORS = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}
_ANY_TYPE = (1, 2, 3)
_TEXTS = (TEXT_WHOLE, TEXT_CUT)
_THREE: ColumnElement[int] = literal_column("3")
_ONE: ColumnElement[int] = literal_column("1")
_ZERO: ColumnElement[int] = literal_column("0")


class Source(msgspec.Struct, frozen=True):
    """Where a kind's facts are: its table, its number in the property index, and its link fields (name to link table, or to what is
    read like one). A link field in `parents` counts only while one of those tables has its value as an id, not in the trash.
    """

    table: Table
    kind: int
    links: Mapping[str, FromClause] = {}
    parents: Mapping[str, Sequence[FromClause]] = {}


def where(shape: Shape, source: Source, flavour: Flavour, *, at_once: bool = False) -> ColumnElement[bool]:
    """The filter as a clause. `at_once` makes it test one row after the other, of which `plan.on_row` left nothing that takes longer;
    otherwise each lookup in the property index is read as a whole.
    """
    fenced = flavour is Flavour.POSTGRESQL and _lookups(shape) > MAX_JOINED
    return _Builder(source, flavour, fenced=fenced, at_once=at_once).build(shape)


def ids(leaf: Shape, source: Source, flavour: Flavour) -> list[Select[Any]]:
    """Statements of the ids that satisfy one condition, by the index that has them. Of a column's, the trash is not left out."""
    builder = _Builder(source, flavour)
    kind, *parts = leaf
    if kind == "and" and parts[0][0] == "number":
        return builder.between(*parts)
    if kind in ("and", "compare", "among", "like"):
        return [select(source.table.c.id).where(builder.build(leaf))]
    return builder.rows(leaf)


def _lookups(shape: Shape) -> int:
    """How many terms look into the property index."""
    if shape[0] in ("and", "or", "not"):
        return sum(_lookups(part) for part in shape[1:])
    return shape[0] in _ROWS


class _Builder:
    def __init__(self, source: Source, flavour: Flavour, *, fenced: bool = False, at_once: bool = False) -> None:
        self.table = source.table
        self.source = source
        self.flavour = flavour
        self.fenced = fenced
        self.at_once = at_once

    def value(self, at: int, type_: Any) -> ColumnElement[Any]:
        return bindparam(f"v{at}", type_=type_)

    def build(self, shape: Shape) -> ColumnElement[bool]:
        kind, *parts = shape
        if kind in _ROWS:
            return or_(*[self._names(rows) for rows in self.rows(shape)])
        return _CLAUSES[kind](self, *parts)

    def rows(self, leaf: Shape) -> list[Select[Any]]:
        """The ids of the entries that a condition finds in an index beside the table."""
        kind, *parts = leaf
        return _ROWS[kind](self, *parts)

    def _names(self, rows: Select[Any]) -> ColumnElement[bool]:
        """Whether the row's id is among these."""
        if not self.at_once:
            return self.table.c.id.in_(rows.offset(_ZERO) if self.fenced else rows)
        # A subquery for a single value is run for one row after the other on every database; EXISTS may be made something else.
        of_row = rows.where(rows.selected_columns["id"] == self.table.c.id).with_only_columns(_ONE).limit(_ONE)
        return of_row.correlate(self.table).scalar_subquery().is_not(None)

    def _and(self, *terms: Shape) -> ColumnElement[bool]:
        return and_(true(), *[self.build(term) for term in terms])

    def _or(self, *terms: Shape) -> ColumnElement[bool]:
        return or_(false(), *[self.build(term) for term in terms])

    def _not(self, term: Shape) -> ColumnElement[bool]:
        return not_(self.build(term))

    def _true(self) -> ColumnElement[bool]:
        return true()

    def _false(self) -> ColumnElement[bool]:
        return false()

    def _exists(self, name: str) -> ColumnElement[bool]:
        return self.table.c[name].is_not(None)

    def _any_element(self, name: str) -> ColumnElement[bool]:
        column = self.table.c[name]
        return and_(column.is_not(None), column != literal_column("'[]'"))

    def _compare(self, at: int, name: str, op: Operator) -> ColumnElement[bool]:
        column = self.table.c[name]
        return _if_there(column, _OPERATORS[op](column, self.value(at, column.type)))

    def _among(self, at: int, name: str, length: int) -> ColumnElement[bool]:
        column = self.table.c[name]
        return _if_there(column, column.in_([self.value(at + n, column.type) for n in range(length)]))

    def _like(self, at: int, name: str, case: str, bounded: bool) -> ColumnElement[bool]:  # noqa: FBT001 - a part of the shape
        column = self.table.c[name]
        return _if_there(column, self._matches(column, at, case, bounded=bounded))

    def _matches(self, column: ColumnElement[str], at: int, case: str, *, bounded: bool) -> ColumnElement[bool]:
        text = func.lower(column) if case else column
        pattern = self.value(at, PROPERTY_TEXT.c.value.type)
        if self.flavour is Flavour.SQLITE:
            matches: ColumnElement[bool] = text.op("GLOB", is_comparison=True)(pattern)
        else:
            matches = text.like(pattern, escape="|")
        return and_(*self._between(column, at + 1), matches) if bounded else matches

    def _between(self, column: ColumnElement[str], at: int) -> list[ColumnElement[bool]]:
        return [column >= self.value(at, column.type), column < self.value(at + 1, column.type)]

    def _linked(self, at: int, name: str, op: Operator) -> list[Select[Any]]:
        link = self.source.links[name]
        parent = self.value(at, link.c[name].type)
        # Asked of the value and not of each row, so that it is looked up once.
        rows = select(link.c.id).where(link.c[name] == parent, *self._there(name, parent))
        return [rows if op is Operator.EQ else rows.where(false())]

    def _linked_to_any(self, at: int, name: str, length: int) -> list[Select[Any]]:
        link = self.source.links[name]
        column = link.c[name]
        among = column.in_([self.value(at + n, column.type) for n in range(length)])
        return [select(link.c.id).where(among, *self._there(name, column))]

    def _there(self, name: str, parent: ColumnElement[int]) -> list[ColumnElement[bool]]:
        """That the parent is not in the trash, where the link's table does not tell."""
        tables = self.source.parents.get(name)
        return [or_(*[select(_ONE).where(one.c.id == parent, one.c.trashed == _ZERO).exists() for one in tables])] if tables else []

    def _numbers(self, at: int, types: tuple[int, ...], op: Operator, name_at: int) -> list[Select[Any]]:
        column = PROPERTY_NUMBER.c.value
        return [self._entries(PROPERTY_NUMBER, name_at, types).where(_OPERATORS[op](column, self.value(at, column.type)))]

    def between(self, one: Shape, other: Shape) -> list[Select[Any]]:
        """Two bounds of one number, which a row has once."""
        (rows,), (_, at, _, op, _) = self.rows(one), other
        column = PROPERTY_NUMBER.c.value
        return [rows.where(_OPERATORS[op](column, self.value(at, column.type)))]

    def _any_number(self, at: int, types: tuple[int, ...]) -> list[Select[Any]]:
        return [self._entries(PROPERTY_NUMBER, at, types)]

    def _text(self, at: int, listed: bool, op: Operator) -> list[Select[Any]]:  # noqa: FBT001 - a part of the shape
        column = PROPERTY_TEXT.c.value
        return [self._texts_of(at, listed).where(_OPERATORS[op](column, self.value(at + 1, column.type)))]

    def _texts(self, at: int, listed: bool, length: int) -> list[Select[Any]]:  # noqa: FBT001 - a part of the shape
        column = PROPERTY_TEXT.c.value
        return [self._texts_of(at, listed).where(column.in_([self.value(at + 1 + n, column.type) for n in range(length)]))]

    def _any_text(self, at: int, listed: bool) -> list[Select[Any]]:  # noqa: FBT001 - a part of the shape
        return [self._texts_of(at, listed)]

    def _text_like(self, at: int, pattern_at: int, listed: bool, case: str, bounded: bool) -> list[Select[Any]]:  # noqa: FBT001 - likewise
        column = PROPERTY_TEXT.c.value
        matches = or_(self._matches(column, pattern_at, case, bounded=False), PROPERTY_TEXT.c.type == literal_column(str(TEXT_CUT)))
        return [self._texts_of(at, listed).where(*(self._between(column, pattern_at + 1) if bounded else ()), matches)]

    def _any_property(self, at: int) -> list[Select[Any]]:
        return [self._entries(PROPERTY_NUMBER, at, _ANY_TYPE), self._entries(PROPERTY_TEXT, at, _ANY_TYPE)]

    def _texts_of(self, at: int, listed: bool) -> Select[Any]:  # noqa: FBT001 - a part of the shape
        return self._entries(PROPERTY_TEXT, at, _TEXTS, LIST_FIELD if listed else 0)

    def _entries(self, table: Table, at: int, types: tuple[int, ...], more: int = 0) -> Select[Any]:
        of_kind = table.c.kind == literal_column(str(self.source.kind + more))
        of_name = table.c.name == self.value(at, table.c.name.type)
        rows = select(table.c.id).where(table.c.project_id == bindparam("project"), of_kind, of_name)
        if types == _ANY_TYPE:
            return rows
        # Thousands of entries are tested at a time: one comparison is faster than two.
        return rows.where(table.c.type < _THREE if types == (1, 2) else table.c.type.in_([literal_column(str(type_)) for type_ in types]))


def _if_there(column: ColumnElement[Any], clause: ColumnElement[bool]) -> ColumnElement[bool]:
    """Two-valued, where the column may be NULL."""
    return and_(column.is_not(None), clause) if getattr(column, "nullable", True) else clause


# This module's own tables of its own methods.
_CLAUSES: Mapping[str, Callable[..., ColumnElement[bool]]] = {
    "and": _Builder._and,  # noqa: SLF001 - as said above
    "or": _Builder._or,  # noqa: SLF001 - likewise
    "not": _Builder._not,  # noqa: SLF001 - likewise
    "true": _Builder._true,  # noqa: SLF001 - likewise
    "false": _Builder._false,  # noqa: SLF001 - likewise
    "exists": _Builder._exists,  # noqa: SLF001 - likewise
    "list any": _Builder._any_element,  # noqa: SLF001 - likewise
    "compare": _Builder._compare,  # noqa: SLF001 - likewise
    "among": _Builder._among,  # noqa: SLF001 - likewise
    "like": _Builder._like,  # noqa: SLF001 - likewise
}
_ROWS: Mapping[str, Callable[..., list[Select[Any]]]] = {
    "links": _Builder._linked_to_any,  # noqa: SLF001 - likewise
    "link": _Builder._linked,  # noqa: SLF001 - likewise
    "number": _Builder._numbers,  # noqa: SLF001 - likewise
    "number any": _Builder._any_number,  # noqa: SLF001 - likewise
    "text": _Builder._text,  # noqa: SLF001 - likewise
    "texts": _Builder._texts,  # noqa: SLF001 - likewise
    "text any": _Builder._any_text,  # noqa: SLF001 - likewise
    "text like": _Builder._text_like,  # noqa: SLF001 - likewise
    "property exists": _Builder._any_property,  # noqa: SLF001 - likewise
}
