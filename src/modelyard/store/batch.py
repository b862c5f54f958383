"""Several changes as one PostgreSQL statement: one round trip, one plan, and a transaction of its own.

Each change becomes a data-modifying CTE. All see the same snapshot and none sees the others, so a batch must not change a row that it
makes. Foreign keys are checked at the end of the statement and may point within it. Statements that guard (see `statements.Lock`) must each
meet a row, or nothing happens. New ids are taken in the statement, and are what it returns.
"""

import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from modelyard.store.database import Deferred, IdSequence, NewId, Row, Told
from modelyard.store.kept import Kept
from modelyard.store.statements import DIALECTS, Bulk, Flavour, Statement

_DIALECT = DIALECTS[Flavour.POSTGRESQL]
_PARAMETER = re.compile(r"\$(\d+)")
_FEW = 8
"""Rows of a `Bulk` that are parameters one by one. More go as one JSON text: asyncpg looks closely at each element of an array."""

Holes = tuple[tuple[int, int], ...]
"""What all rows of a change leave open: at which place of a row an id is missing, and which of the new ones it is."""

MOST_TEXTS = 1_000
"""Statements kept, some KB each: clients choose which fields change, and how many properties."""

_texts: Kept[tuple[Any, ...], str] = Kept(MOST_TEXTS)
"""By shape: the sequences of the new ids; then of each change the statement, how many rows it has or, of many, what differs between them,
and their holes."""

GUARDED = "CASE WHEN {found} <> {wanted} THEN (({found}) || ' of ' || {wanted} || ' records are as they were read: running again')::int END"
"""A text that is no number is the one way to make a statement fail by itself, and with it everything that it has done; the server's log
shows the text."""


def merge(batch: Sequence[Deferred], new: Sequence[NewId]) -> tuple[str, list[Any]]:
    """The one statement and its arguments. Its one row ends with the new ids.

    The server runs the main statement first and then the others from the last to the first: written backwards, the changes happen in
    the order in which they were asked for. No manual promises it, and only two things lean on it: that the audit events of one unit
    are numbered in order, and which of two clashes is told.
    """
    shape: list[Any] = [one.sequence for one in new]
    arguments: list[Any] = []
    for change in reversed(batch):
        statement = change.statement
        if isinstance(statement, Bulk):
            rows = cast("Sequence[Row]", change.rows)
            holes = holes_of(statement, rows[0], new) if new else ()
            shape += (statement, _many_bound(statement, rows, holes, arguments) or _each_bound(statement, rows, holes, arguments), holes)
        else:
            for row in reversed(change.bound(Flavour.POSTGRESQL)):
                arguments += row
                shape += (statement, 1, ())
    key = tuple(shape)
    text = _texts.find(key)
    if text is None:
        text = _text(key[: len(new)], key[len(new) :])
        _texts.keep(key, text)
    return text, arguments


def _each_bound(statement: Bulk, rows: Sequence[Row], holes: Holes, arguments: list[Any]) -> int:
    """Add the rows' values, one by one, to the arguments; how many rows they are."""
    if not holes:
        for row in rows:
            arguments += row
    elif len(holes) == 1 and holes[0][0] != statement.told:  # the everyday one, and the cheapest way for it
        place = holes[0][0]
        for row in rows:
            arguments += row[:place]
            arguments += row[place + 1 :]
    else:
        for row in rows:
            arguments += _without(row, holes)
    return len(rows)


def _many_bound(statement: Bulk, rows: Sequence[Row], holes: Holes, arguments: list[Any]) -> tuple[int, ...]:
    """Likewise, where there are many, in few: one JSON text of what differs between them, whose places these are, and what does not."""
    if len(rows) <= _FEW:
        return ()
    at = dict(holes)
    assert statement.told not in at  # noqa: S101 - what is told of a new record is one row
    columns = list(zip(*rows, strict=True))
    left = [place for place in range(len(columns)) if place not in at]
    # Numbers that are equal may still differ: 0.0 and -0.0.
    same = {place: one[0] for place in left if (one := columns[place]).count(one[0]) == len(rows) and one[0].__class__ is not float}
    differing = tuple([place for place in left if place not in same]) or (left[0],)
    names = [statement.columns[place].name for place in differing]
    texts = [dict(zip(names, row, strict=True)) for row in zip(*[columns[place] for place in differing], strict=True)]
    arguments.append(msgspec.json.encode(texts).decode())
    arguments += [value for place, value in same.items() if place not in differing]
    return differing


def holes_of(statement: Bulk, row: Row, new: Sequence[NewId]) -> Holes:
    found = []
    for place in statement.identifying:
        value = row[place]
        if type(value) is NewId:
            found.append((place, new.index(value)))
        elif type(value) is Told:
            found.append((place, new.index(value.id)))
    return tuple(found)


def _without(row: Row, holes: Holes) -> Row:
    """The row without its new ids, and of what is told only the text after its id."""
    left = list(row)
    for place, _ in reversed(holes):
        value = left[place]
        if type(value) is Told:
            left[place] = told_text(value)
        else:
            del left[place]
    return left


def told_text(told: Told) -> str:
    """What follows the id."""
    return told.text[_AFTER_ID:]


_BEFORE_ID = '{"id":'
_AFTER_ID = len(_BEFORE_ID) + 1


def _text(sequences: Sequence[IdSequence], changes: Sequence[Any]) -> str:
    names = [f"_new{number} AS (SELECT nextval('{sequence.value}_id_seq') AS id)" for number, sequence in enumerate(sequences)]
    texts, used, guards = [], 0, []
    for number, (statement, rows, holes) in enumerate(zip(changes[::3], changes[1::3], changes[2::3], strict=True)):
        sql, count = _each(statement, rows, holes) if isinstance(rows, int) else _many(statement, rows, holes)
        if statement.guards:
            guards.append(f"(SELECT count(*) FROM _{number})")  # noqa: S608 - a name of our own making
            sql += " RETURNING 1" if statement.table_name else ""
        texts.append(_shifted(sql, used))
        used += count
    asked = [_taken(number) for number in range(len(sequences))]
    if guards:
        # Counting a guard runs it: they lock in the order in which they were asked for, as a unit that locks does. Else the two deadlock.
        # And they do so before ids are taken: who waits for another gets the higher ones.
        asked.insert(0, GUARDED.format(found=" + ".join(reversed(guards)), wanted=len(guards)))
    main = f"SELECT {', '.join(asked)}" if asked else texts.pop()
    names += [f"_{number} AS ({text})" for number, text in enumerate(texts)]
    return f"WITH {', '.join(names)} {main}" if names else main


def _shifted(sql: str, by: int) -> str:
    """With its parameters numbered from there on."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", sql) if by else sql


def _each(statement: Statement, rows: int, holes: Holes) -> tuple[str, int]:
    """The statement for so many rows, and how many parameters it has."""
    compiled = statement.compiled(Flavour.POSTGRESQL)
    sql, width = compiled.sql, len(compiled.names)
    deletes = isinstance(statement, Bulk) and statement.deletes
    if isinstance(statement, Bulk) and (rows > 1 or holes):
        head, word, row = sql.partition(" WHERE " if deletes else " VALUES ")
        row, width = _filled(row, width, statement, holes)
        each = [_shifted(row, number * width) for number in range(rows)]
        sql = head + word + (" OR " if deletes else ", ").join(f"({one})" if deletes else one for one in each)
    return sql, rows * width


def _filled(row: str, width: int, statement: Bulk, holes: Holes) -> tuple[str, int]:
    """A row with new ids put in where they belong, and how many parameters it still has."""
    at, told = dict(holes), statement.told
    left = [place for place in range(width) if place not in at or place == told]

    def fill(found: re.Match[str]) -> str:
        place = int(found[1]) - 1
        if place not in at:
            return f"${left.index(place) + 1}"
        return f"'{_BEFORE_ID}' || {_taken(at[place])} || ${left.index(place) + 1}" if place == told else _taken(at[place])

    return _PARAMETER.sub(fill, row), len(left)


def _taken(number: int) -> str:
    return f"(SELECT id FROM _new{number})"  # noqa: S608 - a name of our own making


def _many(statement: Bulk, differing: Sequence[int], holes: Holes) -> tuple[str, int]:
    """The statement for any number of rows, as `_many_bound` gives them."""
    table, at = statement.table.name, dict(holes)
    values, columns, used = [], [], 1
    for place, column in enumerate(statement.columns):
        if place in at:
            values.append(_taken(at[place]))
        elif place in differing:
            values.append(f"given.{column.name}")
            columns.append(f"{column.name} {column.type.compile(dialect=_DIALECT)}")
        else:
            used += 1
            values.append(f"${used}")  # of the column's type: a cast would shorten a text that is too long
    names = [column.name for column in statement.columns]
    given = f"json_to_recordset($1::json) AS given({', '.join(columns)})"
    if statement.deletes:
        same = " AND ".join(f"{table}.{name} = {value}" for name, value in zip(names, values, strict=True))
        return f"DELETE FROM {table} USING {given} WHERE {same}", used  # noqa: S608 - what is put in are names of our own tables
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {given}", used  # noqa: S608 - likewise
