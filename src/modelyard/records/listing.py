"""The statements of lists: one page in order; how many rows a condition has; rows of certain ids; rows to be tested, in order.

None leaves a database's planner a choice that could cost more than was planned: limits stand inside, orders are hidden from indexes that
would be walked for them, and joins have one order only.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, Table, UniqueConstraint, and_, bindparam, case, func, literal_column, select, true, tuple_, union
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import Subquery

from modelyard.records.rowtest import Needs
from modelyard.search.compile import Source, ids, where
from modelyard.search.page import SortKey
from modelyard.search.plan import Index, is_parent, stream
from modelyard.search.shape import TRUE, Shape
from modelyard.store import columns as c
from modelyard.store.statements import Flavour

Columns = Sequence[ColumnElement[Any]]
Clause = Select[Any]
_ONE: ColumnElement[int] = literal_column("1")
_ZERO: ColumnElement[int] = literal_column("0")


class Order(msgspec.Struct, frozen=True):
    """The order of a list, and whether it begins after a row: the parameters `after_id` and `after_value`."""

    sort: SortKey
    descending: bool
    after: bool


def indexes(table: Table) -> tuple[Index, ...]:
    """The table's indexes; the first is that of the id, which every table has."""
    unique = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    found = [_index([column.name for column in one.columns], str(one.name), unique=False) for one in table.indexes]
    found += [_index([column.name for column in one.columns], str(one.name), unique=True) for one in unique]
    return (Index(columns=("id",), scoped=False, unique=True), *sorted(found, key=lambda index: index.columns))


def _index(names: Sequence[str], name: str, *, unique: bool) -> Index:
    columns = tuple(name for name in names if name not in ("project_id", "trashed"))
    return Index(columns=columns, scoped=names[0] == "project_id", unique=unique, name=name)


def _from_there(clause: Clause, source: Source, *columns: str, table: Any = None) -> Clause:
    """Have the index of these columns and the id entered where the page begins. MariaDB would enter it at its beginning and pass over
    all that comes before. `table` is what the clause calls the source's.
    """
    names = [index.name for index in indexes(source.table) if index.columns == (*columns, "id") and index.name]
    return clause.with_hint(source.table if table is None else table, f"FORCE INDEX ({names[0]})", "mysql") if names else clause


def _sorted_by(order: Order) -> tuple[str, ...]:
    return () if order.sort is SortKey.ID else (order.sort.value,)


def columns(source: Source, names: Sequence[str]) -> Columns:
    return [source.table.c[name] for name in names]


def page(source: Source, flavour: Flavour, shown: Columns, order: Order, scope: Shape, limit: int | None = None) -> Clause:
    """All that satisfy the scope, in order: one more than `limit` of them, or as many as the parameter `limit` says."""
    number = _number("limit") if limit is None else literal_column(str(limit + 1))
    return everything(source, flavour, shown, order, scope).limit(number)


def everything(source: Source, flavour: Flavour, shown: Columns, order: Order, scope: Shape) -> Clause:
    """All that satisfy the scope, in order."""
    table = source.table
    # The index of a parent's children does not begin with the project; one that does would be taken for better, and is not.
    there = _tested(live(table)) if is_parent(scope, indexes(table)) else live(table)
    clause = select(*shown).where(there, where(scope, source, flavour))
    if order.after and scope == TRUE:
        clause = _from_there(clause, source, *_sorted_by(order))
    elif order.after and order.sort is SortKey.ID:
        along = stream(scope, indexes(table))
        clause = _from_there(clause, source, *[leaf[2] for leaf in along]) if along and along[0][0] == "compare" else clause
    return _ordered(clause, table, order)


def counts(source: Source, flavour: Flavour, leaves: Sequence[Shape], most: int) -> Clause:
    """One row: how many rows each condition names, counted up to `most`."""
    numbers: Columns = [_count(leaf, source, flavour, most) for leaf in leaves]
    return select(*numbers)


def _count(leaf: Shape, source: Source, flavour: Flavour, most: int) -> ColumnElement[int]:
    total: Any = None
    for rows in _named(leaf, source, flavour):
        some = rows.with_only_columns(_ONE.label("one")).order_by(*_index_order(leaf, rows)).limit(literal_column(str(most)))
        number = select(func.count()).select_from(some.subquery()).scalar_subquery()
        total = number if total is None else total + number
    counted: ColumnElement[int] = total
    return counted


def _index_order(leaf: Shape, rows: Select[Any]) -> Columns:
    """What makes PostgreSQL read the index, whatever it believes of the data: with a limit it may prefer to read a table from its start."""
    (table,) = rows.get_final_froms()
    if _kind(leaf) in ("number", "number any", "text", "text any", "text like", "property exists"):
        return (table.c.value, table.c.id)
    return ()


def _named(leaf: Shape, source: Source, flavour: Flavour) -> list[Select[Any]]:
    """The ids that satisfy a condition. The table appears under another name, since these are asked for beside it."""
    table: Any = source.table.alias("named")
    found = ids(leaf, msgspec.structs.replace(source, table=table), flavour)
    if _kind(leaf) not in ("compare", "among", "like"):
        return found
    columns = tuple(dict.fromkeys(key[2] for key in leaf[1:])) if leaf[0] == "and" else (leaf[2],)
    scoped = any(index.scoped for index in indexes(source.table) if index.columns[: len(columns)] == columns)
    return [rows.where(live(table)) for rows in found] if scoped else found


def _kind(leaf: Shape) -> str:
    kind: str = leaf[1][0] if leaf[0] == "and" else leaf[0]
    return kind


def candidates(
    source: Source, flavour: Flavour, shown: Columns, order: Order, sources: Sequence[Shape], row: Shape, *, limited: bool
) -> Clause:
    """The rows named by any of the sources that pass the test, in order; `limit` of them when `limited`."""
    table = source.table
    clause = select(*shown)
    rows = [one for leaf in sources for one in _named(leaf, source, flavour)]
    named = union(*rows) if len(rows) > 1 else rows[0]
    key: ColumnElement[Any] = table.c.id
    match flavour:
        case Flavour.SQLITE:
            clause = clause.where(table.c.id.in_(named))
        case Flavour.POSTGRESQL:
            clause = clause.where(table.c.id == func.any(func.array(named.scalar_subquery())))
        case Flavour.MYSQL:
            found = (named if len(rows) > 1 else rows[0].distinct()).subquery("found")
            clause = clause.select_from(found.join(table, table.c.id == found.c.id)).prefix_with("STRAIGHT_JOIN")
            key = found.c.id
    clause = clause.where(_tested(live(table), _test(row, source, flavour)))
    if order.after:
        clause = clause.where(_tested(_after(table, order)))
    # They are so few that they are best sorted: an index would be walked to find them. By id they come sorted.
    keys = [key] if order.sort is SortKey.ID else [table.c[order.sort.value] + _ZERO, table.c.id + _ZERO]
    clause = clause.order_by(*[one.desc() if order.descending else one.asc() for one in keys])
    return clause.limit(_number("limit")) if limited else clause


def expected(source: Source, flavour: Flavour, shown: Columns, order: Order, leaf: Shape, row: Shape, most: int) -> Clause:
    """Like `candidates` of one source and limited, but none when it names more than `most` rows."""
    few = _count(leaf, source, flavour, most + 1) <= literal_column(str(most))
    return candidates(source, flavour, shown, order, (leaf,), row, limited=True).where(few)


def narrow(source: Source, order: Order, needs: Needs) -> Columns:
    """The columns of a row to be tested."""
    return [*_place(source.table, order), *_needed(source.table, needs)]


def _place(table: Table, order: Order) -> Columns:
    return [table.c.id, table.c[order.sort.value].label("sorted_by")]


def _needed(table: Table, needs: Needs) -> Columns:
    return [table.c.properties if needs.properties else _ONE, *[table.c[name] for name in needs.fields]]


def walk(source: Source, flavour: Flavour, order: Order, row: Shape, needs: Needs) -> Clause:
    """`window` rows in order; of those that fail the test, only the place."""
    table = source.table
    passed = _test(row, source, flavour)
    needed = _needed(table, needs)
    shown: Columns = needed if row == TRUE else [case((passed, column)) for column in needed]
    clause = select(*_place(table, order), *shown).where(live(table))
    if order.after:
        clause = _from_there(clause, source, *_sorted_by(order))
    return _ordered(clause, table, order).limit(_number("window"))


def walk_along(source: Source, flavour: Flavour, order: Order, along: Sequence[Shape], row: Shape, needs: Needs) -> Clause:
    """Like `walk` in order of ids, but only the ids that satisfy the conditions `along`, in the order of their index."""
    table = source.table
    walked = _stream(source, flavour, order, along)
    passed = and_(live(table), _test(row, source, flavour))
    if flavour is Flavour.POSTGRESQL:
        # Row by row: with a join it might read the whole table, since that is what it thinks is fast.
        shown: Columns = [case((passed, column)).label(f"c{number}") for number, column in enumerate(_needed(table, needs))]
        each = select(*shown).where(table.c.id == walked.c.id).offset(_ZERO).lateral("each")
        clause = select(walked.c.id, walked.c.id.label("sorted_by"), *each.c).select_from(walked.outerjoin(each, true()))
    else:
        shown = [case((passed, column)) for column in _needed(table, needs)]
        joined = walked.outerjoin(table, table.c.id == walked.c.id)
        clause = select(walked.c.id, walked.c.id.label("sorted_by"), *shown).select_from(joined)
    return clause.order_by(walked.c.id.desc() if order.descending else walked.c.id.asc())


def _stream(source: Source, flavour: Flavour, order: Order, along: Sequence[Shape]) -> Subquery:
    first, *others = along
    (rows,) = _named(first, source, flavour)
    key = rows.selected_columns["id"]
    table: Any = key.table
    if others:
        more = msgspec.structs.replace(source, table=table)
        rows = rows.where(*[where(leaf, more, flavour) for leaf in others])
    if order.after:
        if first[0] == "compare":
            rows = _from_there(rows, source, *[leaf[2] for leaf in along], table=table)
        else:
            rows = rows.with_hint(table, "FORCE INDEX (PRIMARY)", "mysql")
        last = bindparam("after_id", type_=key.type)
        rows = rows.where(key < last if order.descending else key > last)
    return rows.order_by(key.desc() if order.descending else key.asc()).limit(_number("window")).subquery("walked")


def _test(row: Shape, source: Source, flavour: Flavour) -> ColumnElement[bool]:
    return where(row, source, flavour, at_once=True)


def _tested(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """The conditions in a form in which no index serves them."""
    return and_(*conditions).is_(true())


def live(table: Table) -> ColumnElement[bool]:
    return and_(table.c.project_id == bindparam("project"), table.c.trashed == _ZERO)


def _ordered(clause: Select[Any], table: Table, order: Order) -> Clause:
    sort = table.c[order.sort.value]
    if order.after:
        clause = clause.where(_after(table, order))
    keys = [sort] if order.sort is SortKey.ID else [sort, table.c.id]
    return clause.order_by(*[key.desc() if order.descending else key.asc() for key in keys])


def _after(table: Table, order: Order) -> ColumnElement[bool]:
    last_id = _number("after_id")
    if order.sort is SortKey.ID:
        return table.c.id < last_id if order.descending else table.c.id > last_id
    sort = table.c[order.sort.value]
    last = _number("after_value")
    place, there = tuple_(sort, table.c.id), tuple_(last, last_id)
    # Comparing pairs is not yet index-friendly on every database; the first condition, implied by the second, is.
    if order.descending:
        return and_(sort <= last, place < there)
    return and_(sort >= last, place > there)


def _number(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=c.ID)
