"""Several changes as one PostgreSQL statement: one round trip, one plan, and a transaction of its own.

Each change becomes a data-modifying CTE, the first one the main statement. All see the same snapshot and none sees the others, so a
batch must not change a row that it makes. Foreign keys are checked at the end of the statement and may point within it. Statements that
guard (see `statements.Lock`) must each meet a row, or nothing happens.
"""

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec

from modelyard.store.database import Deferred
from modelyard.store.statements import Bulk, Flavour, Statement

_PARAMETER = re.compile(r"\$(\d+)")
_FEW = 8
"""Rows of a `Bulk` that are parameters one by one. More go as one JSON text: asyncpg looks closely at each element of an array."""

Shape = tuple[tuple[Statement, int], ...]
"""The statements, and how many rows each has, 0 for many."""

_texts: dict[Shape, str] = {}

_GUARDED = "SELECT (({found}) || ' of {wanted} records are as they were read: running again')::int WHERE {found} <> {wanted}"
"""The main statement where there are guards. A text that is no number is the one way to make a statement fail by itself, and with it
everything that it has done; the server's log shows the text."""


def merge(batch: Sequence[Deferred]) -> tuple[str, list[Any]]:
    """The one statement and its arguments.

    The server runs the main statement first and then the others from the last to the first: written backwards, the changes happen in
    the order in which they were asked for. No manual promises it, and only two things lean on it: that the audit events of one unit
    are numbered in order, and which of two clashes is told.
    """
    batch = batch[::-1]
    key = tuple([(change.statement, _count(change)) for change in batch])
    text = _texts.get(key)
    if text is None:
        text = _texts[key] = _text(key)
    return text, list(chain.from_iterable(_arguments(change) for change in batch))


def _count(change: Deferred) -> int:
    return count if (count := len(change.rows)) <= _FEW else 0


def _text(shape: Shape) -> str:
    parts, used, guards = [], 0, []
    for number, (statement, rows) in enumerate(shape):
        sql, count = _each(statement, rows) if rows else _many(statement)
        if statement.guards:
            guards.append(f"(SELECT count(*) FROM _{number})")  # noqa: S608 - a name of our own making
            sql += " RETURNING 1" if statement.table_name else ""
        parts.append(_shifted(sql, used))
        used += count
    if guards:
        # Counting a guard runs it: they lock in the order in which they were asked for, as a unit that locks does. Else the two deadlock.
        parts.append(_GUARDED.format(found=" + ".join(reversed(guards)), wanted=len(guards)))
    *first, last = parts
    names = ", ".join(f"_{number} AS ({part})" for number, part in enumerate(first))
    return f"WITH {names} {last}" if names else last


def _shifted(sql: str, by: int) -> str:
    """With its parameters numbered from there on."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", sql) if by else sql


def _each(statement: Statement, rows: int) -> tuple[str, int]:
    """The statement for so many rows, and how many parameters it has."""
    compiled = statement.compiled(Flavour.POSTGRESQL)
    width = len(compiled.names)
    if rows == 1:
        return compiled.sql, width
    deletes = isinstance(statement, Bulk) and statement.deletes
    head, word, row = compiled.sql.partition(" WHERE " if deletes else " VALUES ")
    each = [_shifted(row, number * width) for number in range(rows)]
    return head + word + (" OR " if deletes else ", ").join(f"({one})" if deletes else one for one in each), rows * width


def _many(statement: Statement) -> tuple[str, int]:
    """The statement for any number of rows."""
    assert isinstance(statement, Bulk)  # noqa: S101 - no other has more than one row
    table, names = statement.table.name, [column.name for column in statement.columns]
    given = f"json_populate_recordset(NULL::{table}, $1::json)"
    if statement.deletes:
        same = " AND ".join(f"{table}.{name} = gone.{name}" for name in names)
        return f"DELETE FROM {table} USING {given} AS gone WHERE {same}", 1  # noqa: S608 - what is put in are names of our own tables
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(names)} FROM {given}", 1  # noqa: S608 - likewise


def _arguments(change: Deferred) -> Sequence[Any]:
    rows = change.bound(Flavour.POSTGRESQL)
    if _count(change):
        return rows[0] if len(rows) == 1 else list(chain.from_iterable(rows))
    assert isinstance(change.statement, Bulk)  # noqa: S101 - as in `_many`
    names = [column.name for column in change.statement.columns]
    return [msgspec.json.encode([dict(zip(names, row, strict=True)) for row in rows]).decode()]
