"""Several changes as one PostgreSQL statement: one round trip, one plan, and a transaction of its own.

Each change becomes a data-modifying CTE, the first one the main statement. All see the same snapshot and none sees the others, so a
batch must not change a row that it makes. Foreign keys are checked at the end of the statement and may point within it. Statements that
guard (see `statements.Lock`) must each meet a row, or nothing happens.
"""

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Table

from modelyard.store.database import Deferred
from modelyard.store.statements import Bulk, Flavour, Statement

_PARAMETER = re.compile(r"\$(\d+)")
_ARRAYS = {"BIGINT": "bigint[]", "SMALLINT": "smallint[]", "VARCHAR": "text[]", "TEXT": "text[]", "DOUBLE": "double precision[]"}

Shape = tuple[tuple[Statement, bool], ...]
"""The statements, and whether each has one row."""

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
    key = tuple([(change.statement, len(change.rows) == 1) for change in batch])
    text = _texts.get(key)
    if text is None:
        text = _texts[key] = _text(key)
    return text, list(chain.from_iterable(_arguments(change) for change in batch))


def _text(shape: Shape) -> str:
    parts, used, guards = [], 0, []
    for number, (statement, alone) in enumerate(shape):
        sql, count = _bulk(statement) if isinstance(statement, Bulk) and not alone else _single(statement)
        if statement.guards:
            guards.append(f"(SELECT count(*) FROM _{number})")  # noqa: S608 - a name of our own making
            sql += " RETURNING 1" if statement.table_name else ""
        parts.append(_PARAMETER.sub(lambda found, shift=used: f"${int(found[1]) + shift}", sql))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
        used += count
    if guards:
        # Counting a guard runs it: they lock in the order in which they were asked for, as a unit that locks does. Else the two deadlock.
        parts.append(_GUARDED.format(found=" + ".join(reversed(guards)), wanted=len(guards)))
    *first, last = parts
    names = ", ".join(f"_{number} AS ({part})" for number, part in enumerate(first))
    return f"WITH {names} {last}" if names else last


def _single(statement: Statement) -> tuple[str, int]:
    compiled = statement.compiled(Flavour.POSTGRESQL)
    return compiled.sql, len(compiled.names)


def _bulk(statement: Bulk) -> tuple[str, int]:
    """Any number of rows as one array per column."""
    table: Table = statement.table
    names = [column.name for column in statement.columns]
    arrays = ", ".join(f"${number}::{_array(column.type)}" for number, column in enumerate(statement.columns, 1))
    if statement.deletes:
        same = " AND ".join(f"{table.name}.{name} = gone.{name}" for name in names)
        return f"DELETE FROM {table.name} USING unnest({arrays}) AS gone({', '.join(names)}) WHERE {same}", len(names)  # noqa: S608 - what is put in are names of our own tables and types
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays})", len(names)  # noqa: S608 - likewise


def _array(type_: Any) -> str:
    return _ARRAYS[
        type_.__visit_name__.upper().replace("BIG_INTEGER", "BIGINT").replace("SMALL_INTEGER", "SMALLINT").replace("STRING", "VARCHAR")
    ]


def _arguments(change: Deferred) -> Sequence[Any]:
    rows = change.bound(Flavour.POSTGRESQL)
    return rows[0] if len(rows) == 1 else list(zip(*rows, strict=True))
